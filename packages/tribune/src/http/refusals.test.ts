import assert from "node:assert/strict";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import type { Endpoint } from "../endpoints/binding.ts";
import { catalogEndpoints } from "../endpoints/catalog.ts";
import { kvEndpoints } from "../endpoints/kv.ts";
import { preparedQueryEndpoints } from "../endpoints/prepared-query.ts";
import { TribuneError } from "../lib/errors.ts";
import { silentLogger } from "../lib/log.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { HttpBackend } from "./backend.ts";
import { HttpServer } from "./http-server.ts";
import { HTTP_OPTIONS } from "./testing.ts";

type Ask = (path: string, headers?: Record<string, string>) => Promise<Response>;

/** A door behind which every question is refused. */
async function atDoor(endpoints: readonly Endpoint[], refusal: TribuneError, body: (ask: Ask) => Promise<void>) {
  const refuse = (): never => {
    throw refusal;
  };
  const server = new HttpServer(HTTP_OPTIONS, {
    endpoints,
    backend: { readNow: refuse, callNow: refuse } as unknown as HttpBackend,
    logger: silentLogger,
    metrics: noMetrics,
    clock: { nowMs: () => 0, wallMs: () => 0 },
  });
  const { port } = (await server.listen({ host: "127.0.0.1", port: 0 })) as AddressInfo;
  try {
    await body((path, headers = {}) => fetch(`http://127.0.0.1:${port}${path}`, { headers }));
  } finally {
    await server.close();
  }
}

const refused = TribuneError.internal("cannot be filtered so");

test("a read that is refused is refused again, and the server goes on", () =>
  atDoor(catalogEndpoints, refused, async (ask) => {
    // From the second time on the URL is known and takes a shorter way.
    for (let turn = 0; turn < 3; turn++) {
      const answer = await ask("/v1/catalog/nodes?filter=x");
      assert.deepEqual([answer.status, await answer.text()], [500, "cannot be filtered so"]);
    }
  }));

test("a read that servers refuse says an index of 1 and no leader, where Consul's does", async () => {
  const said = async (ask: Ask, path: string) => {
    const { headers } = await ask(path);
    return [headers.get("x-consul-index"), headers.get("x-consul-knownleader")];
  };
  await atDoor(catalogEndpoints, refused, async (ask) => {
    assert.deepEqual(await said(ask, "/v1/catalog/nodes"), ["1", "false"]);
    assert.deepEqual(await said(ask, "/v1/catalog/nodes?index=x"), [null, null]); // the agent's own refusal
    assert.deepEqual(await said(ask, "/v1/catalog/datacenters"), [null, null]);
  });
  await atDoor(kvEndpoints, refused, async (ask) => assert.deepEqual(await said(ask, "/v1/kv/a"), [null, null]));
  await atDoor(preparedQueryEndpoints, refused, async (ask) =>
    assert.deepEqual(await said(ask, "/v1/query/q/execute"), ["1", "false"]),
  );
  await atDoor(preparedQueryEndpoints, TribuneError.of("QUERY_NOT_FOUND"), async (ask) =>
    assert.deepEqual(await said(ask, "/v1/query/q/execute"), [null, null]),
  );
});

test("whoever names a namespace is refused, where things have one", () =>
  atDoor([...catalogEndpoints, ...kvEndpoints], refused, async (ask) => {
    const text = async (path: string, headers?: Record<string, string>) => {
      const answer = await ask(path, headers);
      return `${answer.status} ${await answer.text()}`;
    };
    const named = "Namespaces are a Consul Enterprise feature";
    // The second time the URL is known, and the header decides all the same.
    for (let turn = 0; turn < 2; turn++) {
      assert.equal(await text("/v1/kv/a"), "500 cannot be filtered so");
      assert.equal(
        await text("/v1/kv/a", { "X-Consul-Namespace": "x" }),
        `400 Bad request: Invalid header: "X-Consul-Namespace" - ${named}`,
      );
    }
    assert.equal(await text("/v1/kv/a?ns=default"), `400 Bad request: Invalid query parameter: "ns" - ${named}`);
    assert.equal(await text("/v1/kv/a?ns="), "500 cannot be filtered so");
    assert.equal(await text("/v1/catalog/nodes?ns=x"), "500 cannot be filtered so"); // nodes have none
  }));

test("a bare semicolon in a query is refused", () =>
  atDoor(kvEndpoints, refused, async (ask) => {
    const answer = await ask("/v1/kv/a?dc=dc1;stale");
    assert.deepEqual([answer.status, await answer.text()], [500, ""]);
    assert.equal(await (await ask("/v1/kv/a?dc=dc1%3B")).text(), "cannot be filtered so");
  }));
