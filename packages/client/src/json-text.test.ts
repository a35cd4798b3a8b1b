import assert from "node:assert/strict";
import { test } from "node:test";
import { parseJson, stringifyJson } from "./json-text.ts";

test("whole numbers keep all of their 64 bits, both ways", () => {
  const text = '{"a":[18446744073709551615,-9223372036854775808,9007199254740991],"b":"18446744073709551615"}';
  const value = parseJson(text);
  assert.deepEqual(value, { a: [2n ** 64n - 1n, -(2n ** 63n), 9007199254740991], b: "18446744073709551615" });
  assert.equal(stringifyJson(value), text);
});

test("long fractions and exponents are no whole numbers", () => {
  for (const text of ["[23.1234567890123456789]", "[-0.00001234567890123456]", "[1.5e-0000000000000000001]"])
    assert.deepEqual(parseJson(text), JSON.parse(text));
});
