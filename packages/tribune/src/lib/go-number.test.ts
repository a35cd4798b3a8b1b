import assert from "node:assert/strict";
import { test } from "node:test";
import { exactIndex, parseInteger, parseUint64 } from "./go-number.ts";

test("unsigned numbers are digits of at most 64 bits, and refused in Go's words", () => {
  assert.equal(parseUint64("0").value, 0n);
  assert.equal(parseUint64("18446744073709551615").value, 18446744073709551615n);
  const refused = [
    ["", 'strconv.ParseUint: parsing "": invalid syntax'],
    ["-1", 'strconv.ParseUint: parsing "-1": invalid syntax'],
    ["1.5", 'strconv.ParseUint: parsing "1.5": invalid syntax'],
    ["\0", 'strconv.ParseUint: parsing "\\x00": invalid syntax'],
    ["18446744073709551616", 'strconv.ParseUint: parsing "18446744073709551616": value out of range'],
  ] as const;
  for (const [text, fault] of refused) assert.deepEqual(parseUint64(text), { value: undefined, fault });
});

test("whole numbers may have a sign, and have 63 bits", () => {
  for (const [text, value] of [
    ["+5", 5],
    ["-7", -7],
    ["007", 7],
  ] as const)
    assert.equal(parseInteger(text).value, value);
  assert.equal(parseInteger("-9223372036854775808").value, Number.MIN_SAFE_INTEGER);
  assert.equal(parseInteger("9223372036854775807").value, Number.MAX_SAFE_INTEGER);
  assert.equal(
    parseInteger("9223372036854775808").fault,
    'strconv.Atoi: parsing "9223372036854775808": value out of range',
  );
  assert.equal(parseInteger("abc").fault, 'strconv.Atoi: parsing "abc": invalid syntax');
});

test("no index is more than the wire carries", () => {
  assert.equal(exactIndex(7n), 7);
  assert.equal(exactIndex(18446744073709551615n), Number.MAX_SAFE_INTEGER);
});
