import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DerError, der, derInteger, derOid, derText, derTime, readDer, TAG } from "./der.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");

test("elements as X.690 has them", () => {
  assert.equal(hex(derInteger(0n)), "020100");
  assert.equal(hex(derInteger(127n)), "02017f");
  assert.equal(hex(derInteger(128n)), "02020080");
  assert.equal(hex(derOid("1.2.840.113549")), "06062a864886f70d");
  assert.equal(hex(derText("a b")), "1303612062");
  assert.equal(hex(derText("é")), "0c02c3a9");
  assert.equal(
    Buffer.from(derTime(Date.UTC(2049, 11, 31)))
      .toString("latin1")
      .slice(2),
    "491231000000Z",
  );
  assert.equal(
    Buffer.from(derTime(Date.UTC(2050, 0, 1)))
      .toString("latin1")
      .slice(2),
    "20500101000000Z",
  );
  assert.equal(hex(der(TAG.octetString, new Uint8Array(200))).slice(0, 6), "0481c8");
  assert.equal(hex(der(TAG.octetString, new Uint8Array(300))).slice(0, 8), "0482012c");
});

test("what was written is read again", () => {
  const part = fc.record({ tag: fc.integer({ min: 1, max: 255 }), content: fc.uint8Array({ maxLength: 300 }) });
  fc.assert(
    fc.property(fc.array(part, { maxLength: 5 }), (parts) => {
      const bytes = Buffer.concat(parts.map(({ tag, content }) => der(tag, content)));
      const read = readDer(bytes).map(({ tag, content }) => ({ tag, content: hex(content) }));
      assert.deepEqual(
        read,
        parts.map(({ tag, content }) => ({ tag, content: hex(content) })),
      );
    }),
  );
});

test("any bytes are read or refused", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        const total = readDer(bytes).reduce((sum, { whole }) => sum + whole.length, 0);
        assert.equal(total, bytes.length);
      } catch (error) {
        assert.ok(error instanceof DerError);
      }
    }),
  );
  for (const text of ["30", "3005", "3080", "3085ffffffffff"])
    assert.throws(() => readDer(Buffer.from(text, "hex")), DerError);
});
