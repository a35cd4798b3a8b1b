import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { goQuote } from "../lib/go-quote.ts";
import { parseDiscoverText } from "./discover-text.ts";

const parsed = (text: string) => {
  const args = parseDiscoverText(text);
  return typeof args === "string" ? args : Object.fromEntries(args);
};

test("pairs are read as go-discover reads them", () => {
  assert.deepEqual(parsed(""), {});
  assert.deepEqual(parsed("  key=a   provider=aws "), { key: "a", provider: "aws" });
  assert.deepEqual(parsed("key = a"), { key: "a" });
  assert.deepEqual(parsed('"a key"="some \\"value\\"" b="\\u00e4\\x41"'), { "a key": 'some "value"', b: "äA" });
  assert.deepEqual(parsed('secret="fpOf+GU2GvEN4="'), { secret: "fpOf+GU2GvEN4=" });
  assert.deepEqual(parsed("a='b'"), { a: "'b'" });
  assert.deepEqual(parsed('a="" b=1'), { a: "", b: "1" });
});

test("what cannot be read is named in go-discover's words", () => {
  for (const [text, error] of [
    ["key", "key: missing '='"],
    ["key=", "key: missing value"],
    ["key==", "key: missing value"],
    ["a b=1", "a: missing '='"],
    ['"a"x=1', "a: missing '='"],
    ["a=1 a=2", "a: duplicate key"],
    ["secret=two words", "behind secret: missing '='"],
    ["secret=two words=", "behind secret: missing value"],
    ['a="b', "a: unbalanced quotes"],
    ['a="b\\', "a: unterminated escape sequence"],
    ['a="\\q"', "a: invalid syntax"],
    ['a=1 "b', "a: error with key=value pair unbalanced quotes"],
    ["a=b=c", 'a: - equals in key\'s value, enclosing double-quote needed a="value-with-=-symbol"'],
  ] as const)
    assert.equal(parsed(text), error, text);
});

test("whatever is quoted comes back", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1 });
  fc.assert(
    fc.property(fc.dictionary(text, text, { noNullPrototype: true }), (record) => {
      const written = Object.entries(record).map(([key, value]) => `${goQuote(key)}=${goQuote(value)}`);
      const args = parseDiscoverText(written.join(" "));
      assert.ok(typeof args !== "string", String(args));
      assert.deepEqual(new Map(Object.entries(record)), args);
    }),
  );
});
