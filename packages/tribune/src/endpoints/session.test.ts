import assert from "node:assert/strict";
import { test } from "node:test";
import { sessionFromBody } from "./session.ts";

test("a lock delay below a thousand means seconds, as text too; what is neither text nor number is none", () => {
  const delay = (LockDelay: unknown): number => sessionFromBody({ LockDelay }, "n").LockDelay;
  for (const [given, ns] of [
    [15, 15e9],
    [999, 999e9],
    [1000, 1000],
    ["15ns", 15e9],
    ["1.5h", 5400e9],
    ["1µs", 1000],
    ["-1s", -1e18],
    [true, 0],
    [[], 0],
    [{}, 0],
    [null, 15e9],
  ] as const)
    assert.equal(delay(given), ns, JSON.stringify(given));
  assert.throws(() => delay("1d"), { message: 'Request decode failed: time: unknown unit "d" in duration "1d"' });
});
