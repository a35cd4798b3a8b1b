import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { byteString, bytesOfText, textOfByteString, textOfBytes } from "./byte-text.ts";

const bytes = fc.uint8Array({ maxLength: 24 });
// Bytes that begin, continue and break UTF-8 sequences, close together.
const brokenUtf8 = fc
  .array(
    fc.constantFrom(0x41, 0x80, 0xbf, 0xc1, 0xc3, 0xa9, 0xe0, 0xe2, 0x82, 0xac, 0xed, 0xa0, 0xf0, 0x9f, 0x98, 0xf5),
  )
  .map((list) => Uint8Array.from(list));

test("any bytes come back from the text they were read as", () => {
  fc.assert(
    fc.property(fc.oneof(bytes, brokenUtf8), (given) => {
      const text = textOfBytes(given);
      assert.deepEqual(new Uint8Array(bytesOfText(text)), given);
      assert.equal(byteString(text), Buffer.from(given).toString("latin1"));
      assert.equal(textOfByteString(byteString(text)), text);
    }),
  );
});

test("proper text stays what it is, and byte strings sort as Go sorts", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), fc.string({ unit: "binary" }), (left, right) => {
      assert.equal(textOfBytes(Buffer.from(left)), left);
      assert.equal(
        Math.sign(byteString(left) < byteString(right) ? -1 : Number(byteString(left) > byteString(right))),
        Buffer.compare(Buffer.from(left), Buffer.from(right)),
      );
    }),
  );
});

test("a byte that is not UTF-8 shows as the replacement character outside", () => {
  assert.equal(Buffer.from(textOfBytes(Uint8Array.of(0x61, 0x80, 0x62))).toString(), "a\ufffdb");
});
