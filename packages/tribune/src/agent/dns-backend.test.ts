/** DNS of a server: a service with thousands of instances must not hold the event loop, and a small one needs no turn. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Coordinate, make, PreparedQuery } from "@tribune/api";
import type { MaybePromise } from "../dns/backend.ts";
import { seededRng } from "../lib/random.ts";
import { QueryEngine } from "../server/query-engine.ts";
import { updateCoordinates } from "../state/catalog/coordinates.ts";
import { Catalog, check, service } from "../state/catalog/testing.ts";
import { preparedQuerySet } from "../state/prepared-query.ts";
import { StateDnsBackend } from "./dns-backend.ts";

const INSTANCES = 2_000;
const freshness = { allowStale: true, maxStaleMs: 0, useCache: false, cacheMaxAgeMs: 0 };

/** A clock that every look moves on, and turns of the event loop that come when the test says. */
function world(instances: number, Near = "") {
  const catalog = new Catalog();
  for (let at = 0; at < instances; at++)
    catalog.register(`n${at}`, { Address: `10.0.0.${at % 250}`, Service: service("web", "web") });
  const { Service } = make(PreparedQuery, {});
  const query = make(PreparedQuery, {
    ID: "11111111-2222-3333-4444-555555555555",
    Name: "web",
    Service: { ...Service, Service: "web", Near },
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
    query: (sourceAddress = "") => backend.executeQuery({ dc: "dc1", nameOrId: "web", sourceAddress, freshness }),
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

/** Nodes on a line, a tenth of a second from one to the next. */
function placed(catalog: Catalog, nodes: number): void {
  const updates = Array.from({ length: nodes }, (_, at) =>
    make(Coordinate, {
      Node: `n${at}`,
      Coord: { Vec: [at / 10], Error: 0, Adjustment: 0, Height: 1e-5 },
    }),
  );
  catalog.write((tx, index) => updateCoordinates(tx, index, updates));
}

for (const [what, near, sourceAddress, expected] of [
  ["a node", "n3", "", "n3 n2 n1 n0"],
  ["the agent", "_agent", "10.0.0.3", "n1 n0 n2 n3"],
  ["who asks", "_ip", "10.0.0.0", "n0 n1 n2 n3"],
  ["who asks, from nowhere", "_ip", "10.9.9.9", ""],
] as const) {
  test(`a query for those near ${what} keeps their order, and shuffles who is equally near`, () => {
    const { catalog, ask } = world(5, near);
    placed(catalog, 4);
    const orders = new Set<string>();
    for (let asked = 0; asked < 60; asked++) {
      const found = ask.query(sourceAddress);
      assert.ok(!(found instanceof Promise) && found !== undefined);
      orders.add(found.rows.map(({ Node }) => Node.Node).join(" "));
    }
    if (expected === "") return assert.ok(orders.size > 30, `${orders.size} orders`);
    // n0 and n2 are as far from n1; n4 is nowhere.
    const known = near === "_agent" ? [`${expected} n4`, "n1 n2 n0 n3 n4"] : [`${expected} n4`];
    assert.deepEqual([...orders].sort(), known.sort());
  });
}

test("a query near who asks follows the nodes' addresses and coordinates", () => {
  const { catalog, ask } = world(3, "_ip");
  const first = (): string | undefined => {
    const found = ask.query("10.0.0.9");
    return found instanceof Promise ? undefined : found?.rows[0]?.Node.Node;
  };
  placed(catalog, 3);
  first();
  catalog.register("n2", { Address: "10.0.0.9" });
  for (let asked = 0; asked < 9; asked++) assert.equal(first(), "n2");
  const failed = check("n2", "c", { ServiceID: "web", Status: "critical" });
  catalog.register("n2", { Address: "10.0.0.9", Check: failed });
  for (let asked = 0; asked < 9; asked++) assert.equal(first(), "n1");
});
