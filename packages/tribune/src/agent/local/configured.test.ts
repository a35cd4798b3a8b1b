import assert from "node:assert/strict";
import { test } from "node:test";
import type { ServiceDefinition } from "../../config/types.ts";
import { configuredOf } from "./configured.ts";
import { EMPTY_SERVICE } from "./empty-rows.ts";

const EMPTY: ServiceDefinition = {
  kind: "",
  id: "",
  name: "",
  tags: [],
  address: "",
  port: 0,
  socketPath: "",
  taggedAddresses: {},
  meta: {},
  token: "",
  enableTagOverride: false,
  weights: { passing: 1, warning: 1 },
  checks: [],
  proxy: undefined,
  connect: undefined,
};
const withSidecar = (name: string, token = ""): ServiceDefinition => ({
  ...EMPTY,
  name,
  port: 80,
  token,
  connect: { native: false, sidecarService: EMPTY },
});
const source = (...services: ServiceDefinition[]) => ({
  services,
  checks: [],
  ports: { sidecarMin: 21000, sidecarMax: 21001 },
  acl: { tokens: { configFileRegistration: "" } },
});

test("a sidecar follows its service, with its token and the next free port", () => {
  const { services } = configuredOf(source(withSidecar("a", "t"), withSidecar("b")), []);
  assert.deepEqual(
    services.map(({ service: { ID, Port }, token }) => [ID, Port, token]),
    [
      ["a", 80, "t"],
      ["a-sidecar-proxy", 21000, "t"],
      ["b", 80, ""],
      ["b-sidecar-proxy", 21001, ""],
    ],
  );
});

test("what brings no token is registered with the one for files", () => {
  const acl = { tokens: { configFileRegistration: "f" } };
  const { services } = configuredOf({ ...source(withSidecar("a", "t"), withSidecar("b")), acl }, []);
  assert.deepEqual(
    services.map(({ token }) => token),
    ["t", "t", "f", "f"],
  );
});

test("over a reload a sidecar keeps its port", () => {
  const before = [{ ...EMPTY_SERVICE, ID: "b-sidecar-proxy", Port: 21000 }];
  const { services } = configuredOf(source(withSidecar("a"), withSidecar("b")), before);
  assert.deepEqual(
    services.map(({ service: { Port } }) => Port),
    [80, 21001, 80, 21000],
  );
});

test("a sidecar without a port is named with its service", () => {
  const three = source(withSidecar("a"), withSidecar("b"), withSidecar("c"));
  assert.throws(
    () => configuredOf(three, []),
    /^TribuneError: Failed to validate sidecar for service "c": no port prov/,
  );
});
