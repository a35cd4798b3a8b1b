import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson } from "./json-numbers.ts";

test("integers beyond 2^53 keep their digits, everything else is what JSON.parse says", () => {
  const text = '{"Flags":18446744073709551615,"a":"12345678901234567890 \\" 1","n":-1.5e3,"s":9007199254740991}';
  assert.deepEqual(parseJson(text), {
    Flags: "18446744073709551615",
    a: '12345678901234567890 " 1',
    n: -1500,
    s: 9007199254740991,
  });
});
