import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeTarHeader,
  encodeTarHeader,
  TAR_BLOCK_BYTES,
  TAR_FILE_BYTES_MAX,
  TarError,
  tarPadding,
} from "./snapshot-tar.ts";

test("name and size survive for every size", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: TAR_FILE_BYTES_MAX }),
      fc.stringMatching(/^[a-zA-Z.]{1,100}$/),
      (size, name) => {
        assert.deepEqual(decodeTarHeader(encodeTarHeader({ name, sizeBytes: size }, 1)), { name, sizeBytes: size });
        assert.equal((size + tarPadding(size)) % TAR_BLOCK_BYTES, 0);
      },
    ),
  );
});

test("an empty block ends an archive; a changed byte of a header is noticed", () => {
  assert.equal(decodeTarHeader(new Uint8Array(TAR_BLOCK_BYTES)), undefined);
  for (let at = 0; at < TAR_BLOCK_BYTES; at++) {
    const block = encodeTarHeader({ name: "state.bin", sizeBytes: 77 }, 1_700_000_000);
    block[at] = block[at]! ^ 1;
    if (at === 155) continue; // the space behind the checksum: no part of it
    assert.throws(() => decodeTarHeader(block), TarError, `byte ${at}`);
  }
});

test("links, directories and extended headers are refused by their type", () => {
  for (const type of ["1", "2", "5", "x", "g", "L"]) {
    const block = encodeTarHeader({ name: "meta.json", sizeBytes: 0 }, 0);
    block[156] = type.charCodeAt(0);
    const sum = block.reduce((total, byte, at) => total + (at >= 148 && at < 156 ? 0x20 : byte), 0);
    block.set(Buffer.from(`${sum.toString(8).padStart(6, "0")}\0 `), 148);
    assert.throws(() => decodeTarHeader(block), new RegExp(`a member of type "${type}"`));
  }
});
