import assert from "node:assert/strict";
import { test } from "node:test";
import { firstBadBase64 } from "./lone-pools.ts";

/** As `base64.StdEncoding.DecodeString` of Go 1.26 answers. */
const CASES: readonly [string, number][] = [
  ["", -1],
  ["AAAA", -1],
  ["AAA=", -1],
  ["AA==", -1],
  ["AA\n==\r\n", -1],
  ["short", 4],
  ["nonsense!", 8],
  ["A", 0],
  ["AA", 0],
  ["AAA", 0],
  ["AAAAAAA", 4],
  ["=", 0],
  ["A===", 1],
  ["AA=", 3],
  ["AA=A", 2],
  ["AA==A", 4],
  ["AAA=A", 4],
  ["AAA==", 4],
  ["AA A", 2],
];

for (const [key, at] of CASES)
  test(`where ${JSON.stringify(key)} is no base64: ${at}`, () => {
    assert.equal(firstBadBase64(key), at);
  });
