/**
 * JSON written straight into bytes, for lists of a great many short rows: a string for each field, and one call into
 * the runtime to encode it, cost several times what the bytes do.
 */
import { stringifyGo } from "../lib/go-json.ts";

const BASE64 = Buffer.from("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "latin1");
/** The two characters of twelve bits. */
const PAIRS = Uint16Array.from({ length: 4_096 }, (_, bits) => {
  const [left, right] = [BASE64[bits >> 6], BASE64[bits & 63]] as [number, number];
  return (left << 8) | right;
});
const QUOTE = 0x22;
const EQUALS = 0x3d;
const ZERO = 0x30;
/** Short values pass through here; from its length on the runtime's base64 is cheaper than a loop of our own. */
const scratch = Buffer.allocUnsafeSlow(256);
/** Larger numbers are rare and written by the runtime. */
const SMALL_MAX = 0x7fffffff;
const NUMBER_BYTES_MAX = 20; // of 2^64
const ESCAPE_BYTES_MAX = 6; // as of U+2028: `\u2028`

/** ASCII that stands in JSON as it is. Go escapes `<`, `>` and `&` as well. */
const PLAIN = new Uint8Array(128).fill(1, 0x20, 0x7f);
for (const sign of '"\\<>&') PLAIN[sign.charCodeAt(0)] = 0;

/** Fills one piece after the other. Whoever writes a row asks `reserve` for room first; it is not checked again. */
export class JsonBytes {
  readonly #pieceBytes: number;
  #buffer: Buffer;
  #at = 0;

  /** @param pieceBytes a piece is about this long, longer where one row is. */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
    this.#buffer = Buffer.allocUnsafeSlow(pieceBytes);
  }

  /**
   * Makes room for a row.
   *
   * @param byteCount at most this much will be written before the next call.
   * @returns the piece that is full, if one is.
   */
  reserve(byteCount: number): Uint8Array | undefined {
    if (this.#buffer.length - this.#at >= byteCount) return undefined;
    const full = this.#at === 0 ? undefined : this.take();
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(this.#pieceBytes, byteCount));
    this.#at = 0;
    return full;
  }

  /** What was written since the last piece. Nothing may be written after it without `reserve`. */
  take(): Uint8Array {
    const piece = this.#buffer.subarray(0, this.#at);
    this.#buffer = NOTHING;
    this.#at = 0;
    return piece;
  }

  raw(bytes: Uint8Array): void {
    const buffer = this.#buffer;
    let at = this.#at;
    for (let from = 0; from < bytes.length; from++) buffer[at++] = bytes[from] as number;
    this.#at = at;
  }

  /** An unsigned whole number. */
  number(value: number | bigint): void {
    if (typeof value === "bigint" || value > SMALL_MAX) {
      this.#at += this.#buffer.write(String(value), this.#at, "latin1");
      return;
    }
    let digits = 1;
    for (let limit = 10; value >= limit; limit *= 10) digits++;
    const end = this.#at + digits;
    let left = value | 0;
    for (let at = end - 1; at >= this.#at; at--) {
      const tenth = (left / 10) | 0;
      this.#buffer[at] = ZERO + left - tenth * 10;
      left = tenth;
    }
    this.#at = end;
  }

  /** A string in quotes, escaped as Go escapes it. */
  text(text: string): void {
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    for (let from = 0; from < text.length; from++) {
      const unit = text.charCodeAt(from);
      if (unit > 0x7f || PLAIN[unit] === 0) {
        this.#at += buffer.write(stringifyGo(text), this.#at, "utf8");
        return;
      }
      buffer[at++] = unit;
    }
    buffer[at++] = QUOTE;
    this.#at = at;
  }

  /** Base64 in quotes. @param value bytes, or one character a byte. */
  base64(value: string | Uint8Array): void {
    if (typeof value !== "string" || value.length > scratch.length) return this.#longBase64(value);
    // Copied in one call: a character at a time, the string's kind is looked at anew for each.
    const { length } = value;
    const bytes = scratch;
    bytes.write(value, 0, length, "latin1");
    const buffer = this.#buffer;
    let at = this.#at;
    buffer[at++] = QUOTE;
    const whole = length - (length % 3);
    for (let from = 0; from < whole; from += 3) {
      const bits = ((bytes[from] as number) << 16) | ((bytes[from + 1] as number) << 8) | (bytes[from + 2] as number);
      const left = PAIRS[bits >> 12] as number;
      const right = PAIRS[bits & 0xfff] as number;
      buffer[at] = left >> 8;
      buffer[at + 1] = left & 0xff;
      buffer[at + 2] = right >> 8;
      buffer[at + 3] = right & 0xff;
      at += 4;
    }
    if (whole < length) {
      const first = bytes[whole] as number;
      const second = whole + 1 < length ? (bytes[whole + 1] as number) : 0;
      buffer[at++] = BASE64[first >> 2] as number;
      buffer[at++] = BASE64[((first & 3) << 4) | (second >> 4)] as number;
      buffer[at++] = whole + 1 < length ? (BASE64[(second & 15) << 2] as number) : EQUALS;
      buffer[at++] = EQUALS;
    }
    buffer[at++] = QUOTE;
    this.#at = at;
  }

  #longBase64(value: string | Uint8Array): void {
    const bytes =
      typeof value === "string"
        ? Buffer.from(value, "latin1")
        : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
    this.#buffer[this.#at++] = QUOTE;
    this.#at += this.#buffer.write(bytes.toString("base64"), this.#at, "latin1");
    this.#buffer[this.#at++] = QUOTE;
  }
}

const NOTHING = Buffer.alloc(0);

/** Room that a string takes at most, quotes included: an UTF-16 unit is three bytes or an escape. */
export const textBytesMax = (text: string): number => text.length * ESCAPE_BYTES_MAX + 2;
export const base64BytesMax = (byteCount: number): number => Math.ceil(byteCount / 3) * 4 + 2;
export const numberBytesMax = NUMBER_BYTES_MAX;
