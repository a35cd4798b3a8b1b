import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Timer, TimerHeap } from "./timer-heap.ts";

test("timers come out in the order of their times, whatever was set, moved and cleared before", () => {
  const operation = fc.tuple(fc.nat(9), fc.oneof(fc.constant(undefined), fc.nat(100)));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 60 }), (operations) => {
      const heap = new TimerHeap();
      const timers = Array.from({ length: 10 }, () => new Timer(() => {}));
      const expected = new Map<Timer, number>();
      for (const [at, timeMs] of operations) {
        const timer = timers[at]!;
        if (timeMs === undefined) {
          heap.clear(timer);
          expected.delete(timer);
        } else {
          heap.set(timer, timeMs);
          expected.set(timer, timeMs);
        }
        assert.equal(heap.size, expected.size);
        assert.equal(heap.nextAtMs, expected.size === 0 ? undefined : Math.min(...expected.values()));
      }
      const times = [...expected.values()].sort((a, b) => a - b);
      for (const timeMs of times) {
        assert.equal(heap.takeDue(timeMs - 1), undefined);
        const timer = heap.takeDue(timeMs)!;
        assert.equal(expected.get(timer), timeMs);
        assert.equal(timer.isSet, false);
        expected.delete(timer);
      }
      assert.equal(heap.size, 0);
    }),
  );
});
