import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { crc32, crc32Joined } from "./crc32.ts";

test("the check value of the CRC catalogues, and nothing", () => {
  assert.equal(crc32(Buffer.from("123456789")), 0xcbf4_3926);
  assert.equal(crc32(new Uint8Array(0)), 0);
});

test("the sum of joined bytes follows from the sums of both", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ maxLength: 300 }), (first, second) => {
      const joined = crc32(Buffer.concat([first, second]));
      assert.equal(crc32Joined(crc32(first), crc32(second), second.length), joined);
    }),
  );
});
