import assert from "node:assert/strict";
import { test } from "node:test";
import { fnv1a64 } from "./fnv.ts";

test("the published vectors of FNV-1a, and whatever big integers make of a text", () => {
  assert.equal(fnv1a64(""), "cbf29ce484222325");
  assert.equal(fnv1a64("a"), "af63dc4c8601ec8c");
  assert.equal(fnv1a64("foobar"), "85944171f73967e8");
  let expected = 0xcbf29ce484222325n;
  const text = "ünïcödé, and a text long enough to carry ".repeat(20);
  for (const byte of Buffer.from(text)) expected = BigInt.asUintN(64, (expected ^ BigInt(byte)) * 0x100000001b3n);
  assert.equal(fnv1a64(text), expected.toString(16));
});
