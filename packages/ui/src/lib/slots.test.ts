import assert from "node:assert/strict";
import { test } from "node:test";
import { Slots } from "./slots.ts";

function watcher(slots: Slots): AbortController {
  const stop = new AbortController();
  slots.join(stop.signal);
  return stop;
}

test("while there is room places are kept; one watcher too many asks all long holders to go", async () => {
  const slots = new Slots(2);
  const first = watcher(slots);
  const second = watcher(slots);
  const a = await slots.take(first.signal);
  const b = await slots.take(second.signal);
  assert.equal(slots.crowded, false);
  const third = watcher(slots);
  assert.equal(slots.crowded, true);
  assert.deepEqual([a.asked.aborted, b.asked.aborted], [true, true]);

  const waiting = slots.take(third.signal);
  a.free();
  a.free();
  const c = await waiting;
  assert.equal(c.asked.aborted, false, "a short holder is not asked again");
  watcher(slots);
  assert.equal(c.asked.aborted, false);
});

test("a watcher that gives up leaves the queue, and does not swallow somebody else's turn", async () => {
  const slots = new Slots(1);
  const holder = await slots.take(watcher(slots).signal);
  const gone = watcher(slots);
  const left = slots.take(gone.signal);
  const patient = slots.take(watcher(slots).signal);
  gone.abort(new Error("gone"));
  await assert.rejects(left, /gone/);
  holder.free();
  (await patient).free();
});
