import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Crc64 } from "./crc64.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("the check value of CRC-64/XZ", () => {
  assert.equal(hex(new Crc64().update(Buffer.from("123456789")).digest()), "995dc9bbdf1939fa");
  assert.equal(hex(new Crc64().digest()), "0000000000000000");
});

test("any division into pieces gives the sum of the definition", () => {
  const plain = (bytes: Uint8Array): string => {
    let crc = 2n ** 64n - 1n;
    for (const byte of bytes) {
      crc ^= BigInt(byte);
      for (let bit = 0; bit < 8; bit++) crc = crc & 1n ? (crc >> 1n) ^ 0xc96c5795d7870f42n : crc >> 1n;
    }
    return (crc ^ (2n ** 64n - 1n)).toString(16).padStart(16, "0");
  };
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), (pieces) => {
      const crc = new Crc64();
      for (const piece of pieces) crc.update(piece);
      assert.equal(hex(crc.digest()), plain(Buffer.concat(pieces)));
    }),
  );
});
