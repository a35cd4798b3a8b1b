import assert from "node:assert/strict";
import { test } from "node:test";
import { diffLines } from "./diff.ts";

const show = (before: string, after: string): string =>
  diffLines(before, after)
    .map(({ kind, text }) => ({ same: " ", old: "-", new: "+" })[kind] + text)
    .join("\n");

test("what is in both stays, the rest goes and comes", () => {
  assert.equal(show("a\nb\nc", "a\nx\nc\nd"), " a\n-b\n+x\n c\n+d");
  assert.equal(show("", "a"), "-\n+a");
  assert.equal(show("a", "a"), " a");
});

test("both texts can be read back out of the difference, small and large", () => {
  const line = (n: number): string => `line ${(n * 7919) % 13}`;
  for (const size of [0, 1, 7, 60, 2000]) {
    const before = Array.from({ length: size }, (_, i) => line(i)).join("\n");
    const after = Array.from({ length: size + 3 }, (_, i) => line(i * 2)).join("\n");
    const lines = diffLines(before, after);
    const read = (kind: "old" | "new"): string =>
      lines
        .filter((each) => each.kind === "same" || each.kind === kind)
        .map(({ text }) => text)
        .join("\n");
    assert.equal(read("old"), before);
    assert.equal(read("new"), after);
  }
});
