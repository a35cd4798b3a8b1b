import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRng } from "../lib/random.ts";
import type { Timers } from "../lib/runtime.ts";
import { createDatabase } from "../state/memdb/database.ts";
import type { ReadTx, TableSchema } from "../state/memdb/types.ts";
import { type Indexed, QueryEngine } from "./query-engine.ts";

interface Row {
  readonly key: string;
  readonly index: number;
}
const TABLE: TableSchema<Row> = { name: "rows", key: (row) => row.key };

function setUp(questionsMax = 100) {
  const db = createDatabase();
  const soon: (() => void)[] = [];
  const timers: Timers = { after: () => () => {}, soon: (run) => void soon.push(run) };
  const clock = { nowMs: () => 0, wallMs: () => 0 };
  const engine = new QueryEngine({ questionsMax, shownBytesMax: 1000, sliceMs: 8 }, db, {
    clock,
    timers,
    rng: seededRng(1),
  });
  const settle = (): void => {
    while (soon.length > 0) soon.shift()!();
  };
  return { db, engine, settle };
}

const read =
  (key: string) =>
  (tx: ReadTx): Indexed => {
    const row = tx.get(TABLE, key);
    if (row?.index === 666) throw new Error("refused");
    return { Index: row?.index ?? 0 };
  };
const unexpected = (): never => assert.fail("not this one");

test("a question that a newer state refuses is refused to those who wait for it", () => {
  const { db, engine, settle } = setUp();
  const refused: string[] = [];
  for (let client = 0; client < 2; client++)
    engine.wait("q", read("a"), 1, 1000, unexpected, (error) => void refused.push(error.message));
  db.write(666, (tx) => tx.put(TABLE, { key: "a", index: 666 }));
  settle();
  assert.deepEqual([refused, engine.waiting], [["refused", "refused"], 0]);
  assert.throws(() => engine.ask("q", read("a")), /refused/);
});

test("after the state was replaced no index goes back, and an index from before is behind", () => {
  const { db, engine } = setUp();
  db.write(90, (tx) => tx.put(TABLE, { key: "a", index: 90 }));
  const woken: number[] = [];
  engine.wait("q", read("a"), 90, 1000, ({ index }) => void woken.push(index), unexpected);
  const other = createDatabase();
  other.write(5, (tx) => tx.put(TABLE, { key: "a", index: 5 }));
  db.replaceWith(other);
  engine.replaced(100, true);
  engine.wait("q", read("a"), 90, 1000, ({ index }) => void woken.push(index), unexpected);
  assert.deepEqual([woken, engine.ask("other", read("b")).index], [[100, 100], 100]);
  db.write(101, (tx) => tx.put(TABLE, { key: "a", index: 101 }));
  assert.equal(engine.ask("q", read("a")).index, 101);
});

test("questions as long as a request's line do not fill the memory, and are answered all the same", () => {
  const { db, engine } = setUp();
  const long = "x".repeat(1 << 20);
  for (let each = 0; each < 99; each++) engine.ask(`${each}${long}`, read(`${each}`));
  assert.ok(db.watchCellCount <= 17, `${db.watchCellCount} questions are kept`);
});
