/** DNS of a server: a service with thousands of instances must not hold the event loop, and a small one needs no turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { make, PreparedQuery } from "@tribune/api";
import type { MaybePromise } from "../dns/backend.ts";
import { seededRng } from "../lib/random.ts";
import { QueryEngine } from "../server/query-engine.ts";
import { Catalog, check, service } from "../state/catalog/testing.ts";
import { preparedQuerySet } from "../state/prepared-query.ts";
import { StateDnsBackend } from "./dns-backend.ts";

const INSTANCES = 2_000;
const freshness = { allowStale: true, maxStaleMs: 0, useCache: false, cacheMaxAgeMs: 0 };

/** A clock that every look moves on, and turns of the event loop that come when the test says. */
function world(instances: number) {
  const catalog = new Catalog();
  for (let at = 0; at < instances; at++) catalog.register(`n${at}`, { Service: service("web", "web") });
  const { Service } = make(PreparedQuery, {});
  const query = make(PreparedQuery, {
    ID: "11111111-2222-3333-4444-555555555555",
    Name: "web",
    Service: { ...Service, Service: "web" },
    DNS: { TTL: "3s" },
  });
  catalog.write((tx, index) => preparedQuerySet(tx, index, query));
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const runtime = {
    clock: { nowMs: () => nowMs++, wallMs: () => 0 },
    timers: { after: () => () => {}, soon: (run: () => void) => void turns.push(run) },
    rng: { next: () => 0 },
  };
  const engine = new QueryEngine({ questionsMax: 9, shownBytesMax: 9, sliceMs: 2 }, catalog.db, runtime as never);
  const options = { datacenter: "dc1", nodeName: "n1" };
  const backend = new StateDnsBackend(options, { engine, rng: seededRng(1) });
  const ask = {
    service: () =>
      backend.serviceNodes({ dc: "dc1", service: "web", tag: "", connect: false, ingress: false, freshness }),
    query: () => backend.executeQuery({ dc: "dc1", nameOrId: "web", sourceAddress: "", freshness }),
  };
  const settled = async <T>(answer: MaybePromise<T>): Promise<T> => {
    for (let run = turns.shift(); run !== undefined; run = turns.shift()) run();
    return answer;
  };
  return { catalog, ask, settled };
}

test("few instances are found at once", () => {
  const { ask } = world(3);
  const rows = ask.service();
  assert.ok(!(rows instanceof Promise) && rows.length === 3);
  const result = ask.query();
  assert.ok(!(result instanceof Promise) && result?.rows.length === 3 && result.ttlMs === 3_000);
});

for (const what of ["service", "query"] as const) {
  test(`thousands of instances of a ${what} are found over several turns, and then known until one changes`, async () => {
    const { catalog, ask, settled } = world(INSTANCES);
    const rowsOf = async (): Promise<number> => {
      const answer = await settled<unknown>(ask[what]());
      return (Array.isArray(answer) ? answer : (answer as { readonly rows: readonly unknown[] }).rows).length;
    };
    assert.ok(ask[what]() instanceof Promise);
    assert.equal(await rowsOf(), INSTANCES);
    assert.ok(!(ask[what]() instanceof Promise), "it is known by now");
    catalog.register("n7", { Check: check("n7", "c", { ServiceID: "web", Status: "critical" }) });
    assert.ok(ask[what]() instanceof Promise, "it has changed");
    // A query leaves out who is not well; a service shows him, and DNS decides.
    assert.equal(await rowsOf(), what === "query" ? INSTANCES - 1 : INSTANCES);
  });
}
