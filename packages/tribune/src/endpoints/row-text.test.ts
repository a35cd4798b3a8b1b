import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "./answer.ts";
import { listText, rowsJson } from "./row-text.ts";

test("a list in pieces is the list, whatever its length and wherever the last piece ends", () => {
  // Rows of 16 KiB: every fourth ends a piece.
  for (const count of [0, 1, 3, 4, 5, 8, 9]) {
    const rows = Array.from({ length: count }, (_, at) => JSON.stringify(String(at).padStart(16_382, "x")));
    const { pieces } = rowsJson(rows, (row) => row) as Extract<Answer, { kind: "pieces" }>;
    assert.equal(Buffer.concat([...pieces(false)]).toString(), listText(rows));
    assert.deepEqual(JSON.parse(Buffer.concat([...pieces(true)]).toString()), JSON.parse(listText(rows)));
  }
});
