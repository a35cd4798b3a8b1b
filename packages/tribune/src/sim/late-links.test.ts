import assert from "node:assert/strict";
import { test } from "node:test";
import { LateLinks } from "./late-links.ts";

const OTHERS = ["b", "c"];

function links(
  ...late: readonly (readonly [from: string, to: string, connection: string, sentMs: number, dueMs: number])[]
) {
  const known = new LateLinks({ leaseMs: 500, betweenBeatsMs: 100, consequenceMs: 5_000 });
  for (const [from, to, connection, sentMs, dueMs] of late)
    known.note({ hosts: [from, to], connection, sentMs, dueMs });
  return (nowMs: number): boolean => known.silenced(nowMs, "a", OTHERS, 2);
}

test("a leader is silenced when enough others are out of reach at one moment, for a lease each", () => {
  const both = links(["a", "b", "ab", 1_000, 1_500], ["a", "c", "ac", 1_200, 1_700]);
  assert.equal(both(2_000), true);
  assert.equal(both(9_000), false, "long ago");
  assert.equal(links(["a", "b", "ab", 1_000, 1_500])(2_000), false, "one of two is a majority with it");
  assert.equal(
    links(["a", "b", "ab", 1_000, 1_500], ["a", "c", "ac", 2_000, 2_600])(3_000),
    false,
    "one after the other",
  );
  assert.equal(links(["a", "b", "ab", 1_000, 1_300], ["a", "c", "ac", 1_000, 1_300])(2_000), false, "not for long");
  assert.equal(links(["b", "c", "bc", 1_000, 2_000], ["c", "b", "cb", 1_000, 2_000])(2_500), false, "others' links");
});

test("what was asked and its answer are one silence, if they come over one connection", () => {
  const there = (back: string) =>
    links(["a", "b", "ab", 1_000, 1_200], ["b", "a", back, 1_250, 1_450], ["a", "c", "ac", 1_000, 1_600]);
  assert.equal(there("ab")(2_000), true);
  assert.equal(there("ba")(2_000), false);
});
