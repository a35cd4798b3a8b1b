import { crc32 } from "node:zlib";

/**
 * Records in a file. A file begins with MAGIC; then, all numbers little-endian:
 *
 *     payload length u32 │ crc32 u32 │ number u64 │ durable u64 │ payload
 *
 * Records are numbered from 1 in each file. `durable` is how many of them were known to be on the disk when this one
 * was written, so a whole record behind a damaged one tells whether that was ever safe: if so, the disk has lost it;
 * if not, a crash tore it. The CRC covers everything behind it. Payloads are JSON, which has no zero byte, while every
 * head has: no payload passes for a record.
 */
export const MAGIC = new TextEncoder().encode("TRLOCAL2");
/** Files of the first form: length, crc32 of the payload, payload. They are read, and not written any more. */
export const MAGIC_UNNUMBERED = new TextEncoder().encode("TRLOCAL1");

const HEAD_BYTES = 24;
const HEAD_BYTES_UNNUMBERED = 8;
const CRC_AT = 4;
const NUMBER_AT = 8;
const DURABLE_AT = 16;
/** Far above the largest registration body a door lets in; a greater length is damage. */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

/** @param durable records of this file, from the first on, that the disk is known to hold. */
export function frame(payload: Uint8Array, number: number, durable: number): Uint8Array {
  const framed = Buffer.allocUnsafe(HEAD_BYTES + payload.length);
  framed.writeUInt32LE(payload.length, 0);
  framed.writeBigUInt64LE(BigInt(number), NUMBER_AT);
  framed.writeBigUInt64LE(BigInt(durable), DURABLE_AT);
  framed.set(payload, HEAD_BYTES);
  framed.writeUInt32LE(crc32(framed.subarray(NUMBER_AT)), CRC_AT);
  return framed;
}

/** A file as far as it can be read. */
export interface ReadFile {
  /** Bytes from the start that are whole: all of them, unless the tail is damaged. 0: not such a file. */
  readonly wholeBytes: number;
  readonly records: number;
  /** The damage is none that a crash leaves behind: records that were safe are gone, and later ones are there. */
  readonly isDamaged: boolean;
  /** A file of the first form, behind which nothing may be written. */
  readonly isUnnumbered: boolean;
}

/** Hands out the payloads of a file in order, up to the first damage. */
export function readFrames(file: Uint8Array, onPayload: (payload: Uint8Array) => void): ReadFile {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (startsWith(file, MAGIC_UNNUMBERED)) return readUnnumbered(bytes, onPayload);
  if (!startsWith(file, MAGIC)) {
    // The magic is synced before any record is written.
    return { wholeBytes: 0, records: 0, isDamaged: file.length > MAGIC.length, isUnnumbered: false };
  }
  let at = MAGIC.length;
  let records = 0;
  for (let found = recordAt(bytes, at); found?.number === records + 1; found = recordAt(bytes, at)) {
    onPayload(found.payload);
    at = found.end;
    records++;
  }
  const isDamaged = at < bytes.length && laterDurable(bytes, at, records) > records;
  return { wholeBytes: at, records, isDamaged, isUnnumbered: false };
}

interface Found {
  readonly payload: Uint8Array;
  readonly number: number;
  readonly durable: number;
  readonly end: number;
}

function recordAt(bytes: Buffer, at: number): Found | undefined {
  if (at + HEAD_BYTES > bytes.length) return undefined;
  const end = at + HEAD_BYTES + bytes.readUInt32LE(at);
  if (end > bytes.length || end - at > HEAD_BYTES + MAX_PAYLOAD_BYTES) return undefined;
  const number = Number(bytes.readBigUInt64LE(at + NUMBER_AT));
  const durable = Number(bytes.readBigUInt64LE(at + DURABLE_AT));
  // Before the checksum, which would take long at each of a million places.
  if (number === 0 || number > bytes.length / HEAD_BYTES || durable >= number) return undefined;
  if (crc32(bytes.subarray(at + NUMBER_AT, end)) !== bytes.readUInt32LE(at + CRC_AT)) return undefined;
  return { payload: bytes.subarray(at + HEAD_BYTES, end), number, durable, end };
}

/** How many records were safe at least, by the whole records behind some damage. */
function laterDurable(bytes: Buffer, from: number, records: number): number {
  let durable = 0;
  for (let at = from; at + HEAD_BYTES <= bytes.length; ) {
    const found = recordAt(bytes, at);
    if (found === undefined || found.number <= records) at++;
    else {
      durable = Math.max(durable, found.durable);
      at = found.end;
    }
  }
  return durable;
}

function readUnnumbered(bytes: Buffer, onPayload: (payload: Uint8Array) => void): ReadFile {
  let at = MAGIC_UNNUMBERED.length;
  let records = 0;
  while (at + HEAD_BYTES_UNNUMBERED <= bytes.length) {
    const length = bytes.readUInt32LE(at);
    const end = at + HEAD_BYTES_UNNUMBERED + length;
    if (length > MAX_PAYLOAD_BYTES || end > bytes.length) break;
    const payload = bytes.subarray(at + HEAD_BYTES_UNNUMBERED, end);
    if (crc32(payload) !== bytes.readUInt32LE(at + CRC_AT)) break;
    onPayload(payload);
    at = end;
    records++;
  }
  return { wholeBytes: at, records, isDamaged: false, isUnnumbered: true };
}

function startsWith(file: Uint8Array, magic: Uint8Array): boolean {
  return file.length >= magic.length && magic.every((byte, at) => file[at] === byte);
}
