import { invariant } from "../lib/invariant.ts";

const CAPACITY_BYTES_INITIAL = 1_024;
/** A writer that once met a huge value gives the memory back when it is next emptied. */
const CAPACITY_BYTES_KEPT_MAX = 1_024 * 1_024;
/** Up to here a loop over the characters beats the call into the runtime's UTF-8 writer. */
const ASCII_LOOP_CHARS_MAX = 31;
/** The same for bytes that are copied. */
const PART_LOOP_BYTES_MAX = 64;
const RAW16_CHARS_SAFE_MAX = Math.floor(0xffff / 3); // UTF-8 takes at most 3 bytes per UTF-16 unit
const TWO_32 = 2 ** 32;

/**
 * Writes msgpack as Consul 1.10's peers do: the OLD format, which has one "raw" family for text and bytes
 * (fixraw, raw16 `da`, raw32 `db`; never str8 or bin), and every integer in its smallest form, the
 * non-negative ones always unsigned (sheet memberlist §1, consul-rpc §4).
 *
 * One writer is meant to be kept and reused; methods chain. Struct maps need their keys in ascending byte
 * order, which is up to the caller: `mapHeader(2).text("A").int(1).text("B").nil()`.
 */
export class MsgpackWriter {
  #buffer: Buffer;
  #length = 0;

  constructor(capacityBytes = CAPACITY_BYTES_INITIAL) {
    this.#buffer = Buffer.allocUnsafeSlow(Math.max(16, capacityBytes));
  }

  /** Bytes written since the last `take` or `reset`. */
  get length(): number {
    return this.#length;
  }

  nil(): this {
    return this.#byte(0xc0);
  }

  bool(value: boolean): this {
    return this.#byte(value ? 0xc3 : 0xc2);
  }

  /** A whole number: any bigint of 64 bits (signed or unsigned), or a safe integer. */
  int(value: number | bigint): this {
    if (typeof value === "bigint") return this.#bigint(value);
    invariant(Number.isSafeInteger(value), `msgpack integer out of range: ${value}`);
    return value >= 0 ? this.#unsigned(value) : this.#negative(value);
  }

  /** Always 9 bytes of float64, as Go writes every float. */
  float(value: number): this {
    const at = this.#grow(9);
    this.#buffer[at] = 0xcb;
    this.#buffer.writeDoubleBE(value, at + 1);
    return this;
  }

  /** 5 bytes, for what is a float of 32 bits in Go. */
  float32(value: number): this {
    const at = this.#grow(5);
    this.#buffer[at] = 0xca;
    this.#buffer.writeFloatBE(value, at + 1);
    return this;
  }

  /** UTF-8. A lone surrogate becomes U+FFFD: JavaScript text can hold what no other language can. */
  text(value: string): this {
    const chars = value.length;
    if (this.tryShortAscii(value)) return this;
    if (chars > ASCII_LOOP_CHARS_MAX && chars <= RAW16_CHARS_SAFE_MAX) {
      // 32 or more bytes whatever the characters are, and fewer than 65,536: the header's size is known.
      const at = this.#grow(3 + chars * 3);
      const byteCount = this.#buffer.write(value, at + 3, chars * 3);
      this.#buffer[at] = 0xda;
      this.#buffer[at + 1] = byteCount >>> 8;
      this.#buffer[at + 2] = byteCount;
      this.#length = at + 3 + byteCount;
      return this;
    }
    const byteCount = Buffer.byteLength(value);
    this.#rawHeader(byteCount);
    const at = this.#grow(byteCount);
    this.#buffer.write(value, at, byteCount);
    return this;
  }

  bytes(value: Uint8Array): this {
    this.#rawHeader(value.length);
    return this.encoded(value);
  }

  arrayHeader(count: number): this {
    if (count < 16) return this.#byte(0x90 | count);
    return count <= 0xffff ? this.#head16(0xdc, count) : this.#head32(0xdd, count);
  }

  /** Followed by `count` pairs of key and value. */
  mapHeader(count: number): this {
    if (count < 16) return this.#byte(0x80 | count);
    return count <= 0xffff ? this.#head16(0xde, count) : this.#head32(0xdf, count);
  }

  /** Bytes that are msgpack already, or a type byte in front of it: copied as they are. */
  encoded(value: Uint8Array): this {
    const at = this.#grow(value.length);
    this.#buffer.set(value, at);
    return this;
  }

  /** The same from a byte string (`byte-text.ts`). */
  encodedText(bytes: string): this {
    const at = this.#grow(bytes.length);
    this.#buffer.write(bytes, at, "latin1");
    return this;
  }

  /** The same for a part of some bytes, which is mostly a short one, such as a field's name. */
  part(value: Uint8Array, from: number, to: number): this {
    const at = this.#grow(to - from);
    const buffer = this.#buffer;
    if (to - from > PART_LOOP_BYTES_MAX) buffer.set(value.subarray(from, to), at);
    else for (let index = from, place = at; index < to; index++, place++) buffer[place] = value[index]!;
    return this;
  }

  /** A single byte outside of msgpack, such as a message type. */
  byte(value: number): this {
    return this.#byte(value);
  }

  /** A copy of what was written, of exactly its size; the writer is empty again. */
  take(): Uint8Array {
    const taken = new Uint8Array(this.#length);
    taken.set(this.view());
    this.reset();
    return taken;
  }

  /** The same, from the runtime's pool: for what does not live long. */
  takePooled(): Uint8Array {
    const taken = Buffer.allocUnsafe(this.#length);
    this.#buffer.copy(taken, 0, 0, this.#length);
    this.reset();
    return taken;
  }

  /** What was written, without a copy: good until the next call of any other method. */
  view(): Uint8Array {
    return this.#buffer.subarray(0, this.#length);
  }

  reset(): void {
    this.#length = 0;
    if (this.#buffer.length > CAPACITY_BYTES_KEPT_MAX) this.#buffer = Buffer.allocUnsafeSlow(CAPACITY_BYTES_INITIAL);
  }

  /** Reserves `byteCount` bytes and returns where they start. May replace `#buffer`: look at that only afterwards. */
  #grow(byteCount: number): number {
    const at = this.#length;
    const needed = at + byteCount;
    if (needed > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#buffer.length * 2));
      larger.set(this.#buffer.subarray(0, at));
      this.#buffer = larger;
    }
    this.#length = needed;
    return at;
  }

  #byte(value: number): this {
    const at = this.#grow(1);
    this.#buffer[at] = value;
    return this;
  }

  #head16(code: number, value: number): this {
    const at = this.#grow(3);
    this.#buffer[at] = code;
    this.#buffer[at + 1] = value >>> 8;
    this.#buffer[at + 2] = value;
    return this;
  }

  #head32(code: number, value: number): this {
    invariant(value < TWO_32, "msgpack length beyond 32 bits");
    const at = this.#grow(5);
    this.#buffer[at] = code;
    this.#buffer.writeUInt32BE(value, at + 1);
    return this;
  }

  #head64(code: number, high: number, low: number): this {
    const at = this.#grow(9);
    this.#buffer[at] = code;
    this.#buffer.writeInt32BE(high | 0, at + 1);
    this.#buffer.writeUInt32BE(low, at + 5);
    return this;
  }

  #rawHeader(byteCount: number): void {
    if (byteCount < 32) this.#byte(0xa0 | byteCount);
    else if (byteCount <= 0xffff) this.#head16(0xda, byteCount);
    else this.#head32(0xdb, byteCount);
  }

  /** Writes a text of fewer than 32 ASCII characters. @returns false, with nothing written, for any other. */
  tryShortAscii(value: string): boolean {
    const chars = value.length;
    if (chars > ASCII_LOOP_CHARS_MAX) return false;
    const at = this.#grow(1 + chars);
    const buffer = this.#buffer;
    for (let index = 0; index < chars; index++) {
      const unit = value.charCodeAt(index);
      if (unit > 0x7f) {
        this.#length = at;
        return false;
      }
      buffer[at + 1 + index] = unit;
    }
    buffer[at] = 0xa0 | chars;
    return true;
  }

  #unsigned(value: number): this {
    if (value < 0x80) return this.#byte(value);
    if (value <= 0xff) {
      const at = this.#grow(2);
      this.#buffer[at] = 0xcc;
      this.#buffer[at + 1] = value;
      return this;
    }
    if (value <= 0xffff) return this.#head16(0xcd, value);
    if (value < TWO_32) return this.#head32(0xce, value);
    return this.#head64(0xcf, Math.floor(value / TWO_32), value % TWO_32);
  }

  #negative(value: number): this {
    if (value >= -0x20) return this.#byte(0x100 + value);
    if (value >= -0x80) {
      const at = this.#grow(2);
      this.#buffer[at] = 0xd0;
      this.#buffer[at + 1] = value;
      return this;
    }
    if (value >= -0x8000) return this.#head16(0xd1, value & 0xffff);
    if (value >= -0x8000_0000) return this.#head32(0xd2, value >>> 0);
    const high = Math.floor(value / TWO_32);
    return this.#head64(0xd3, high, value - high * TWO_32);
  }

  #bigint(value: bigint): this {
    if (value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER) return this.int(Number(value));
    const fits = value >= 0n ? BigInt.asUintN(64, value) === value : BigInt.asIntN(64, value) === value;
    invariant(fits, `msgpack integer out of range: ${value}`);
    const bits = BigInt.asUintN(64, value);
    return this.#head64(value >= 0n ? 0xcf : 0xd3, Number(bits >> 32n), Number(bits & 0xffff_ffffn));
  }
}
