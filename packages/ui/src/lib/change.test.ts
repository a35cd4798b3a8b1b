import assert from "node:assert/strict";
import { test } from "node:test";
import { applyChange } from "./change.ts";

test("splices go from the end to the start and leave the old rows alone", () => {
  const rows = ["a", "b", "c", "d"];
  const change = {
    Splices: [
      { At: 3, Remove: 1, Add: ["D", "e"] },
      { At: 0, Remove: 1, Add: [] },
    ],
  };
  assert.deepEqual(applyChange(rows, change), ["b", "c", "D", "e"]);
  assert.deepEqual(rows, ["a", "b", "c", "d"]);
});

test("objects lose and get keys; a change of another kind is refused", () => {
  assert.deepEqual(applyChange({ a: 1, b: 2 }, { Set: { b: 3, c: 4 }, Unset: ["a"] }), { b: 3, c: 4 });
  assert.throws(() => applyChange({}, { Splices: [] }));
  assert.throws(() => applyChange([], { Set: { a: 1 } }));
  assert.throws(() => applyChange(null, { Set: { a: 1 } }));
});
