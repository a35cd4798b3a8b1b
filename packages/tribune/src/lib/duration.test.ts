import assert from "node:assert/strict";
import { test } from "node:test";
import { durationFault, formatGoDuration, parseGoDuration } from "@tribune/api";

test("a duration that was measured is printed in whole nanoseconds, so that it can be read again", () => {
  for (const [ns, text] of [
    [114_438_974.646_618_59, "114.438975ms"],
    [999.6, "1µs"],
    [-1_500_000.4, "-1.5ms"],
    [3_600e9 + 0.2, "1h0m0s"],
    [0.3, "0s"],
  ] as const) {
    assert.equal(formatGoDuration(ns), text);
    assert.equal(parseGoDuration(text), Math.sign(ns) * Math.round(Math.abs(ns)));
  }
});

test("what is no duration is refused in Go's words", () => {
  for (const [text, fault] of [
    ["10", 'missing unit in duration "10"'],
    ["1h2", 'missing unit in duration "1h2"'],
    ["5parsecs", 'unknown unit "parsecs" in duration "5parsecs"'],
    ["soon", 'invalid duration "soon"'],
    ["", 'invalid duration ""'],
  ] as const) {
    assert.equal(durationFault(text), `time: ${fault}`);
  }
});
