import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { catalogEndpoints } from "../endpoints/catalog.ts";
import { TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { HttpBackend } from "./backend.ts";
import { HttpServer } from "./http-server.ts";
import { HTTP_OPTIONS } from "./testing.ts";

test("a read that is refused is refused again, and the server goes on", async () => {
  const refusing = {
    readNow() {
      throw TribuneError.internal("cannot be filtered so");
    },
  } as unknown as HttpBackend;
  const server = new HttpServer(HTTP_OPTIONS, {
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
