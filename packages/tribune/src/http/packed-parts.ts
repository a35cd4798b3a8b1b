/**
 * Gzip of a body whose parts also come in others, in another order. Deflate's blocks stand in any order when none looks
 * back at what was before it, and the sum of the whole follows from those of the parts: each part is compressed once.
 */
import { constants, deflateRawSync } from "node:zlib";
import { crc32, crc32After, crc32Shift } from "../codec/crc32.ts";
import type { Part } from "../endpoints/answer.ts";

interface Packed {
  /** Whole blocks of raw deflate (RFC 1951 §3.2), none of them the last, up to the end of a byte. */
  readonly blocks: Uint8Array;
  readonly sum: number;
  readonly shift: number;
}

/** Shorter parts are stored as they are: the head of an answer is another after each write. */
const STORED_BYTES_MAX = 256;
/** Parts that are compressed for one answer, at some 40 us each; the others have their turn with the next ones. */
const PACKED_AT_ONCE_MAX = 8;
/** RFC 1952 §2.3: deflate, no name, no time, "fastest", unknown system: what zlib writes at level 1. */
const HEAD = Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 4, 255);
/** An empty last block, in the fixed code. */
const LAST = Uint8Array.of(3, 0);
const TRAILER_BYTES = 8;

/** @returns undefined when too many of the parts are new: then the whole is compressed sooner. */
export function gzipOfParts(parts: readonly Part[]): Buffer | undefined {
  const packed: Packed[] = [];
  let fresh = 0;
  let length = HEAD.length + LAST.length + TRAILER_BYTES;
  for (const part of parts) {
    let own = part.packed as Packed | undefined;
    if (own === undefined) {
      if (part.bytes.length > STORED_BYTES_MAX && ++fresh > PACKED_AT_ONCE_MAX) return undefined;
      own = pack(part);
      part.packed = own;
    }
    packed.push(own);
    length += own.blocks.length;
  }
  const out = Buffer.allocUnsafe(length);
  out.set(HEAD);
  let at = HEAD.length;
  let sum = 0;
  let plainBytes = 0;
  for (const [place, { blocks, sum: own, shift }] of packed.entries()) {
    out.set(blocks, at);
    at += blocks.length;
    sum = crc32After(sum, shift, own);
    plainBytes += parts[place]!.bytes.length;
  }
  out.set(LAST, at);
  out.writeUInt32LE(sum, at + LAST.length);
  out.writeUInt32LE(plainBytes, at + LAST.length + 4);
  return out;
}

function pack({ bytes }: Part): Packed {
  const plain = Buffer.from(bytes, "latin1");
  const isStored = plain.length <= STORED_BYTES_MAX;
  const blocks = isStored ? stored(plain) : deflateRawSync(plain, { finishFlush: constants.Z_SYNC_FLUSH });
  return { blocks, sum: crc32(plain), shift: crc32Shift(plain.length) };
}

/** A block that is not compressed (RFC 1951 §3.2.4). */
function stored(plain: Buffer): Uint8Array {
  const out = Buffer.allocUnsafe(5 + plain.length);
  out[0] = 0;
  out.writeUInt16LE(plain.length, 1);
  out.writeUInt16LE(plain.length ^ 0xffff, 3);
  out.set(plain, 5);
  return out;
}
