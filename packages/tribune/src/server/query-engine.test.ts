import assert from "node:assert/strict";
import { test } from "node:test";
import { serviceHealth } from "../state/catalog/health-queries.ts";
import { listServices } from "../state/catalog/service-queries.ts";
import { Catalog, service } from "../state/catalog/testing.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { QueryEngine } from "./query-engine.ts";

const runtime = {
  clock: { nowMs: () => 0, wallMs: () => 0 },
  timers: { after: () => () => {}, soon: (run: () => void) => run() },
  rng: { next: () => 0 },
};

function engineOf(catalog: Catalog, questionsMax: number) {
  const computed: string[] = [];
  const options = { questionsMax, shownBytesMax: 1000, sliceMs: 8 };
  const engine = new QueryEngine(options, catalog.db, runtime as never);
  const compute = (name: string) => (tx: ReadTx) => {
    computed.push(name);
    return { Index: Math.max(1, serviceHealth(tx, name).index) };
  };
  const ask = (name: string) => engine.ask(name, compute(name));
  const wait = (name: string, deliver = () => {}) => engine.wait(name, compute(name), 1e9, 0, deliver, assert.fail);
  return { engine, ask, wait, computed };
}

test("the longest unused questions go first, and blocked ones never", () => {
  const { ask, wait, computed } = engineOf(new Catalog(), 2);
  const cancel = wait("blocked");
  for (const name of ["a", "b", "a", "c"]) ask(name);
  assert.deepEqual(computed.splice(0), ["blocked", "a", "b", "c"]);
  for (const name of ["blocked", "a", "c"]) ask(name);
  assert.deepEqual(computed.splice(0), []);
  ask("b");
  ask("a");
  assert.deepEqual(computed.splice(0), ["b", "a"]);
  cancel(); // now it is the newest of those that may go
  ask("blocked");
  ask("a");
  assert.deepEqual(computed.splice(0), []);
  ask("b");
  assert.deepEqual(computed, ["b"]);
});

test("a caller that is let go leaves a question that may be forgotten", () => {
  const catalog = new Catalog();
  catalog.register("n1");
  const { engine, ask, wait } = engineOf(catalog, 1);
  let delivered = 0;
  for (let at = 0; at < 5; at++)
    engine.wait(
      "web",
      (tx) => ({ Index: serviceHealth(tx, "web").index }),
      1,
      0,
      () => delivered++,
      assert.fail,
    );
  wait("web");
  assert.equal(engine.waiting, 6);
  catalog.register("n1", { Service: service("w", "web") });
  assert.deepEqual([delivered, engine.waiting], [5, 1]);
  for (let at = 0; at < 100; at++) ask(`name ${at}`);
  assert.equal(engine.waiting, 1);
});

test("encoded answers are dropped in the order they were kept", () => {
  const { engine, ask } = engineOf(new Catalog(), 10);
  const answers = ["a", "b", "c", "d", "e"].map((name) => ask(name));
  for (const answer of answers) engine.keep(answer, "", {}, 240);
  assert.deepEqual(
    answers.map((answer) => answer.shown.size),
    [0, 1, 1, 1, 1],
  );
  engine.keep(answers[4]!, "pretty", {}, 240);
  assert.deepEqual(
    answers.map((answer) => answer.shown.size),
    [0, 0, 1, 1, 2],
  );
});

test("a kept answer has the index that a new one has, and who has seen its rows waits on", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("w", "web") });
  const { engine } = engineOf(catalog, 10);
  let computed = 0;
  const compute = (tx: ReadTx) => {
    computed++;
    return { Index: listServices(tx).index };
  };
  const first = engine.ask("services", compute);
  const { index } = first;
  catalog.register("n2", { Service: service("w", "web") });
  const woken: number[] = [];
  engine.wait("services", compute, index, 0, (answer) => void woken.push(answer.index), assert.fail);
  assert.deepEqual(woken, []);
  const again = engine.ask("services", compute);
  const other = engineOf(catalog, 10).engine.ask("services", compute);
  assert.ok(again.index > index);
  assert.equal(again.index, other.index);
  assert.equal(again, first);
  assert.equal(computed, 2);
  catalog.register("n2", { Service: service("d", "db") });
  assert.deepEqual(woken, [catalog.db.index]);
});
