import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DnsNameError, fullyQualified, labelBytes, nameBytes, readName, splitName } from "./dns-name.ts";

test("a name keeps its case and gets escapes for what has a meaning in zone files", () => {
  const wire = Buffer.from("\x03Foo\x05a.b c\x02\x00\xff\x00", "latin1");
  assert.deepEqual(readName(wire, 0), { name: "Foo.a\\.b\\ c.\\000\\255.", end: wire.length });
});

test("a pointer is followed and does not move the end", () => {
  const wire = Buffer.from("\x06consul\x00\x04node\xc0\x00", "latin1");
  assert.deepEqual(readName(wire, 8), { name: "node.consul.", end: 15 });
});

const malformed: readonly (readonly [string, string])[] = [
  ["nothing", ""],
  ["no end", "\x03foo"],
  ["label beyond the packet", "\x09foo\x00"],
  ["pointer to itself", "\xc0\x00"],
  ["pointer cut off", "\xc0"],
  ["pointer past the end", "\xc0\xff"],
  ["loop through a label", "\x01a\xc0\x00"],
  ["reserved label type 01", "\x40a\x00"],
  ["reserved label type 10", "\x80a\x00"],
  ["256 bytes", `${"\x3f".concat("a".repeat(63)).repeat(4)}\x00`],
];
for (const [what, wire] of malformed) {
  test(`malformed name: ${what}`, () => {
    assert.equal(readName(Buffer.from(wire, "latin1"), 0), undefined);
  });
}

test("any labels survive the way through presentation form", () => {
  const label = fc.uint8Array({ minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(fc.array(label, { maxLength: 8 }), (labels) => {
      const wire = Buffer.concat([...labels.map((bytes) => Buffer.from([bytes.length, ...bytes])), Buffer.from([0])]);
      const read = readName(wire, 0);
      assert.ok(read);
      assert.deepEqual(Buffer.from(nameBytes(read.name)), wire);
      assert.equal(splitName(read.name).length, labels.length);
    }),
  );
});

test("names that no packet can carry are refused", () => {
  for (const name of ["a..b.", ".a.", `${"a".repeat(64)}.`, `${"abcdefg.".repeat(32)}`]) {
    assert.throws(() => labelBytes(name), DnsNameError, name);
  }
});

test("the final dot is added once", () => {
  assert.equal(fullyQualified("a.b"), "a.b.");
  assert.equal(fullyQualified("a.b."), "a.b.");
  assert.equal(fullyQualified(""), ".");
});
