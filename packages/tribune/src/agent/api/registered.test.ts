import assert from "node:assert/strict";
import { test } from "node:test";
import type { NodeService } from "@tribune/api";
import { nodeRuntime } from "../../net/node-runtime.ts";
import type { LocalRegistry } from "../local/local-registry.ts";
import type { AddServiceRequest } from "../local/types.ts";
import { RegisteredServices } from "./registered.ts";

/** A registry that takes what it is given a turn later, as one with a disk does. */
function services() {
  const rows = new Map<string, NodeService>();
  const registry = {
    state: { liveServices: () => rows.values() },
    syncer: { pushed: () => Promise.resolve() },
    addService: async ({ service }: AddServiceRequest) => {
      await new Promise((resolve) => setImmediate(resolve));
      if (service.Service === "refused") throw new Error("disk full");
      rows.set(service.ID, service);
    },
  } as unknown as LocalRegistry;
  return { rows, api: new RegisteredServices(registry, { min: 21000, max: 21001 }, nodeRuntime()) };
}

const OPTIONS = { token: "", replaceExistingChecks: false };
const withSidecar = (Name: string) => JSON.stringify({ Name, Port: 80, Connect: { SidecarService: {} } });

test("sidecars of services that are registered at the same time have ports of their own", async () => {
  const { rows, api } = services();
  await Promise.all([api.register(withSidecar("one"), OPTIONS), api.register(withSidecar("two"), OPTIONS)]);
  const ports = ["one", "two"].map((name) => rows.get(`${name}-sidecar-proxy`)?.Port);
  assert.deepEqual(ports, [21000, 21001]);
});

test("the port of a sidecar whose service is refused is free again", async () => {
  const { rows, api } = services();
  await assert.rejects(api.register(withSidecar("refused"), OPTIONS));
  await api.register(withSidecar("one"), OPTIONS);
  assert.equal(rows.get("one-sidecar-proxy")?.Port, 21000);
});
