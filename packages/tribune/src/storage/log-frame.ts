import { crc32 } from "node:zlib";
import { invariant } from "../lib/invariant.ts";

/**
 * The frame: what one write and one fdatasync make durable, hence the unit of atomicity and of checking.
 *
 *     crc32 u32 │ length u32 │ sequence u64 │ payload │ zeroes to a multiple of 8
 *
 * All numbers are big-endian. The CRC covers everything behind it up to the payload's end and starts from the
 * segment's salt, so that bytes a client put into a value never pass for a frame. A frame is started only
 * after the one before is durable: whatever follows a damaged frame proves that it was not a torn write.
 */
export const FRAME_HEAD_BYTES = 16;
/** Far above what one batch can hold: a length beyond it is damage, not a reason to allocate. */
export const FRAME_PAYLOAD_BYTES_MAX = 1_024 * 1_024 * 1_024;
const FRAME_ALIGN = 8;
const CAPACITY_BYTES_INITIAL = 16 * 1_024;
/** A builder that met a large batch gives the memory back. */
const CAPACITY_BYTES_KEPT_MAX = 1_024 * 1_024;
const TWO_32 = 2 ** 32;

/** Bytes on disk of a frame with this payload. */
export function frameBytes(payloadBytes: number): number {
  return Math.ceil((FRAME_HEAD_BYTES + payloadBytes) / FRAME_ALIGN) * FRAME_ALIGN;
}

/** Collects a payload behind room for its head. Kept and reused: an append allocates nothing here. */
export class FrameBuilder {
  #buffer = Buffer.allocUnsafeSlow(CAPACITY_BYTES_INITIAL);
  #length = FRAME_HEAD_BYTES;

  get payloadBytes(): number {
    return this.#length - FRAME_HEAD_BYTES;
  }

  u8(value: number): this {
    const at = this.#grow(1);
    this.#buffer[at] = value;
    return this;
  }

  u16(value: number): this {
    const at = this.#grow(2);
    this.#buffer.writeUInt16BE(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#grow(4);
    this.#buffer.writeUInt32BE(value, at);
    return this;
  }

  /** A safe integer that is not negative. */
  u64(value: number): this {
    const at = this.#grow(8);
    writeU64(this.#buffer, value, at);
    return this;
  }

  f64(value: number): this {
    const at = this.#grow(8);
    this.#buffer.writeDoubleBE(value, at);
    return this;
  }

  bytes(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** The finished frame, sharing this builder's memory: write it out before the next `reset`. */
  seal(sequence: number, salt: number): Uint8Array {
    const end = this.#length;
    const padded = frameBytes(this.payloadBytes);
    this.#grow(padded - end);
    this.#buffer.fill(0, end, padded);
    this.#buffer.writeUInt32BE(end - FRAME_HEAD_BYTES, 4);
    writeU64(this.#buffer, sequence, 8);
    this.#buffer.writeUInt32BE(crc32(this.#buffer.subarray(4, end), salt), 0);
    return this.#buffer.subarray(0, padded);
  }

  reset(): void {
    this.#length = FRAME_HEAD_BYTES;
    if (this.#buffer.length > CAPACITY_BYTES_KEPT_MAX) this.#buffer = Buffer.allocUnsafeSlow(CAPACITY_BYTES_INITIAL);
  }

  /** Reserves bytes and returns where they start. May replace `#buffer`: look at that only afterwards. */
  #grow(byteCount: number): number {
    const at = this.#length;
    const needed = at + byteCount;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed + FRAME_ALIGN, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }
}

function writeU64(buffer: Buffer, value: number, at: number): void {
  invariant(Number.isSafeInteger(value) && value >= 0, `not an index, term or sequence: ${value}`);
  buffer.writeUInt32BE(Math.floor(value / TWO_32), at);
  buffer.writeUInt32BE(value % TWO_32, at + 4);
}

export interface FrameHead {
  readonly payloadBytes: number;
  readonly sequence: number;
}

/** The head at `offset`, unchecked; undefined where none can be: too few bytes, or a length that cannot fit. */
export function readFrameHead(bytes: Buffer, offset: number): FrameHead | undefined {
  if (offset + FRAME_HEAD_BYTES > bytes.length) return undefined;
  const payloadBytes = bytes.readUInt32BE(offset + 4);
  const sequenceHigh = bytes.readUInt32BE(offset + 8);
  if (payloadBytes === 0 || payloadBytes > FRAME_PAYLOAD_BYTES_MAX || sequenceHigh > 0x1f_ffff) return undefined;
  return { payloadBytes, sequence: sequenceHigh * TWO_32 + bytes.readUInt32BE(offset + 12) };
}

/** Payload of the frame that fills `frame` from its start, or undefined when the CRC does not fit. */
export function checkedPayload(frame: Buffer, payloadBytes: number, salt: number): Buffer | undefined {
  const end = FRAME_HEAD_BYTES + payloadBytes;
  if (end > frame.length || crc32(frame.subarray(4, end), salt) !== frame.readUInt32BE(0)) return undefined;
  return frame.subarray(FRAME_HEAD_BYTES, end);
}
