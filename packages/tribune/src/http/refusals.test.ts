import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { catalogEndpoints } from "../endpoints/catalog.ts";
import { TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { HttpBackend, HttpOptions } from "./backend.ts";
import { HttpServer } from "./http-server.ts";

const OPTIONS: HttpOptions = {
  datacenter: "dc1",
  nodeName: "me",
  defaultToken: "",
  alwaysPretty: false,
  responseHeaders: [],
  blockEndpoints: [],
  allowWriteFrom: () => true,
  useCache: true,
  discoveryMaxStaleNs: 0,
  translateWanAddresses: false,
  aclDefaultPolicy: "",
  unprintablePathFilter: true,
  connectionsPerClientMax: 100,
  headerBytesMax: 1 << 20,
  limits: { kvMaxValueSize: 0, txnMaxReqLen: 0 },
  dnsDomains: ["consul."],
  uiPath: undefined,
};

test("a read that is refused is refused again, and the server goes on", async () => {
  const refusing = {
    readNow() {
      throw TribuneError.internal("cannot be filtered so");
    },
  } as unknown as HttpBackend;
  const server = new HttpServer(OPTIONS, {
    endpoints: catalogEndpoints,
    backend: refusing,
    logger: silentLogger,
    metrics: noMetrics,
    clock: { nowMs: () => 0, wallMs: () => 0 },
  });
  const { port } = (await server.listen({ host: "127.0.0.1", port: 0 })) as AddressInfo;
  try {
    // From the second time on the URL is known and takes a shorter way.
    for (let turn = 0; turn < 3; turn++) {
      const answer = await fetch(`http://127.0.0.1:${port}/v1/catalog/nodes?filter=x`);
      assert.deepEqual([answer.status, await answer.text()], [500, "cannot be filtered so"]);
    }
  } finally {
    await server.close();
  }
});
