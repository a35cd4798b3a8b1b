import assert from "node:assert/strict";
import { test } from "node:test";
import { age, ago, bytes, count, duration, shortDuration } from "./age.ts";

test("ages are exact when short and rounded when long", () => {
  const cases: [ms: number, text: string][] = [
    [-5, "now"],
    [999, "now"],
    [1000, "1 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [3_600_000, "1 h"],
    [47 * 3_600_000, "47 h"],
    [72 * 3_600_000, "3 d"],
  ];
  for (const [ms, text] of cases) assert.equal(age(ms), text);
  assert.equal(ago(0), "now");
  assert.equal(ago(5000), "5 s ago");
});

test("durations are nanoseconds or Go's text", () => {
  assert.equal(duration(15e9), "15 s");
  assert.equal(duration("10s"), "10 s");
  assert.equal(duration("3600s"), "1 h");
  assert.equal(duration("1m30s"), "1.5 min");
  assert.equal(duration("soon"), "soon");
  assert.equal(duration(""), "–");
  assert.equal(duration(5e6), "5 ms");
  assert.equal(duration(9e10), "1.5 min");
});

test("numbers have their unit", () => {
  assert.equal(count(1, "node"), "1 node");
  assert.equal(count(12_000, "key"), "12,000 keys");
  assert.equal(bytes(1536), "1.5 KiB");
});

test("Go's durations are rounded to what a reader wants", () => {
  const cases: [string, string][] = [
    ["15.199959ms", "15 ms"],
    ["9.995032ms", "10 ms"],
    ["1.25ms", "1.3 ms"],
    ["812.5µs", "813 µs"],
    ["1m3.2s", "1m3.2s"],
    ["", ""],
  ];
  for (const [text, short] of cases) assert.equal(shortDuration(text), short);
});
