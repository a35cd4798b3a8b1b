import assert from "node:assert/strict";
import { test } from "node:test";
import { blake2b256 } from "./blake2b.ts";

const hex = (text: string): string => Buffer.from(blake2b256(new Uint8Array(Buffer.from(text)))).toString("hex");

test("digests are those of other implementations, at the borders of blocks too", () => {
  assert.equal(hex(""), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
  assert.equal(hex("abc"), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
  assert.equal(hex("a".repeat(127)), "59e2f1aba240f20aa591016f5ef429990bc9c2131dcd0d30f0ffd75ed18f317d");
  assert.equal(hex("a".repeat(128)), "ae2aa48507885c4c950fb809b2076f959cde9f8ea6da260d9a3587df33dac450");
  assert.equal(hex("a".repeat(129)), "2f64744a6de0d2c0b56e64cf6e29a5aaa255010d415d51c75ccc82f73dccd865");
  assert.equal(hex("a".repeat(256)), "eae4d3a7627549b383179dc18049964f91a6fed14c9f3fb26705eda3eeda5558");
  assert.equal(hex("a".repeat(300)), "3c1292de00a518e36823f9ff908ac2da46be38718c018713403461df077e15f6");
});
