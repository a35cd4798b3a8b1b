import assert from "node:assert/strict";
import { test } from "node:test";
import { createDatabase } from "../state/memdb/database.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { type Answered, QueryEngine } from "./query-engine.ts";

interface Row {
  readonly id: string;
  readonly at: number;
}
const ROWS = { name: "rows", key: (row: Row) => row.id };

/** A clock that every look moves on, and turns of the event loop that come when the test says. */
function world() {
  const db = createDatabase();
  for (let at = 1; at <= 20; at++) db.write(at, (tx) => tx.put(ROWS, { id: String(at).padStart(2, "0"), at }));
  let nowMs = 0;
  const turns: (() => void)[] = [];
  const runtime = {
    clock: { nowMs: () => nowMs++, wallMs: () => 0 },
    timers: { after: () => () => {}, soon: (run: () => void) => void turns.push(run) },
    rng: { next: () => 0 },
  };
  const engine = new QueryEngine({ questionsMax: 9, shownBytesMax: 9, sliceMs: 4 }, db, runtime as never);
  const turn = (): boolean => {
    const run = turns.shift();
    run?.();
    return run !== undefined;
  };
  return { db, engine, turn };
}

function* sum(tx: ReadTx) {
  let total = 0;
  let Index = 1;
  for (const row of tx.scan<Row>(ROWS, "")) {
    total += row.at;
    Index = Math.max(Index, row.at);
    yield;
  }
  return { Index, total };
}

test("a long question is answered over several turns as of when it was asked, once for all who ask meanwhile", () => {
  const { db, engine, turn } = world();
  const heard: number[] = [];
  const ask = () => engine.askLater("sum", sum, ({ reply }) => void heard.push(reply.total), assert.fail);
  assert.equal(engine.askNow("sum", sum), undefined);
  ask();
  const cancel = ask();
  turn();
  ask();
  cancel();
  assert.deepEqual(heard, []);
  db.write(21, (tx) => tx.put(ROWS, { id: "00", at: 21 }));
  ask(); // after the write: it must see it
  while (turn());
  assert.deepEqual(heard, [210, 210, 231]);
  assert.equal(engine.askNow("sum", sum)?.reply.total, 231);
});

test("who waits for a long question hears of a write that came while it was answered", () => {
  const { db, engine, turn } = world();
  const heard: (readonly [number, number])[] = [];
  const deliver = ({ index, reply }: Answered<{ Index: number; total: number }>): void =>
    void heard.push([index, reply.total]);
  engine.wait("sum", sum, 20, 0, deliver, assert.fail);
  turn();
  db.write(21, (tx) => tx.put(ROWS, { id: "00", at: 21 }));
  while (turn());
  assert.deepEqual(heard, [[21, 231]]);
  assert.equal(engine.waiting, 0);
  engine.wait("sum", sum, 21, 0, deliver, assert.fail);
  while (turn());
  assert.equal(engine.waiting, 1);
  db.write(22, (tx) => tx.put(ROWS, { id: "00", at: 22 }));
  while (turn());
  assert.deepEqual(heard[1], [22, 232]);
});

test("a transaction that has ended is not read on", () => {
  const { db, engine, turn } = world();
  const failures: string[] = [];
  function* late(tx: ReadTx) {
    for (let step = 0; step < 20; step++) yield;
    return { Index: tx.peek<Row>(ROWS, "01")?.at ?? 1 };
  }
  engine.askLater(
    "late",
    late,
    () => assert.fail("it was answered"),
    (error) => void failures.push(error.message),
  );
  while (turn());
  assert.match(failures.join(), /read after its end/);
  function* held(tx: ReadTx) {
    tx.get<Row>(ROWS, "01");
    const moment = tx.later();
    for (let step = 0; step < 20; step++) yield;
    return { Index: moment.peek<Row>(ROWS, "01")?.at ?? 1 };
  }
  let index = 0;
  engine.askLater("held", held, (answer) => (index = answer.index), assert.fail);
  db.write(30, (tx) => tx.put(ROWS, { id: "01", at: 30 }));
  while (turn());
  assert.equal(index, 1);
});
