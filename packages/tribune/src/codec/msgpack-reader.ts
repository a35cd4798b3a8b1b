import { MSGPACK_LIMITS, MsgpackError, type MsgpackLimits, MsgpackShortError } from "./msgpack-error.ts";

const TWO_32 = 2 ** 32;
const HIGH_SAFE_MAX = 0x1f_ffff; // upper half of 2^53 - 1
/** Up to here, reading characters one by one beats the call into the runtime's UTF-8 reader. */
const SHORT_TEXT_BYTES_MAX = 12;
/** The same for comparing bytes: field names are shorter, whole zero values longer. */
const SHORT_BYTES_MAX = 48;

/** What comes next, without reading it. */
export type MsgpackKind = "nil" | "bool" | "int" | "float" | "raw" | "array" | "map" | "extension";

/** A value of an extension type: Tribune writes none and keeps unknown ones as they came. */
export interface MsgpackExtension {
  readonly extensionType: number;
  readonly data: Uint8Array;
}

export type MsgpackValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | MsgpackExtension
  | readonly MsgpackValue[]
  | { readonly [key: string]: MsgpackValue };

/**
 * Reads msgpack of both dialects: the old one of Consul 1.10's peers, and str8, bin and extensions of newer
 * ones. The field decides whether a raw value is text or bytes.
 *
 * As Go does, every typed read takes nil for the zero value; `tryNil` first keeps the difference. All reads
 * throw `MsgpackShortError` where the bytes end too soon and `MsgpackError` for anything else that is wrong;
 * after a throw the position is undefined.
 */
export class MsgpackReader {
  /** Offset of the next byte to read. */
  position: number;
  readonly #bytes: Buffer;
  readonly #limits: MsgpackLimits;

  constructor(bytes: Uint8Array, position = 0, limits = MSGPACK_LIMITS) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = position;
    this.#limits = limits;
  }

  get remaining(): number {
    return this.#bytes.length - this.position;
  }

  peekKind(): MsgpackKind {
    return kindOf(this.#peek(), this.position);
  }

  /** Reads a nil, if that is what comes next. */
  tryNil(): boolean {
    if (this.#peek() !== 0xc0) return false;
    this.position++;
    return true;
  }

  /** Reads these very bytes, if they are what comes next. */
  tryEncoded(expected: Uint8Array): boolean {
    const bytes = this.#bytes;
    const start = this.position;
    const end = start + expected.length;
    // Long ones mostly differ early, in which case the call into the runtime is spared.
    const shortEnd = expected.length <= SHORT_BYTES_MAX ? end : start + SHORT_BYTES_MAX;
    for (let at = start; at < shortEnd; at++) if (bytes[at] !== expected[at - start]) return false;
    if (shortEnd < end && (end > bytes.length || bytes.compare(expected, 0, expected.length, start, end) !== 0))
      return false;
    this.position = end;
    return true;
  }

  bool(): boolean {
    const code = this.#code();
    if (code === 0xc3) return true;
    if (code === 0xc2 || code === 0xc0) return false;
    throw this.#unexpected("a boolean", code);
  }

  /** @throws MsgpackError also for an integer that a number cannot hold exactly. */
  int(): number {
    const start = this.position;
    const value = this.integer();
    if (typeof value === "number") return value;
    throw new MsgpackError(`integer ${value} is beyond 2^53`, start);
  }

  /** For fields that use all 64 bits, such as KV flags. */
  bigint(): bigint {
    return BigInt(this.integer());
  }

  /** A number where it is exact, a bigint otherwise. */
  integer(): number | bigint {
    const code = this.#code();
    if (code < 0x80) return code;
    if (code >= 0xe0) return code - 0x100;
    switch (code) {
      case 0xc0:
        return 0;
      case 0xcc:
        return this.#bytes[this.#take(1)]!;
      case 0xcd:
        return this.#bytes.readUInt16BE(this.#take(2));
      case 0xce:
        return this.#bytes.readUInt32BE(this.#take(4));
      case 0xcf:
        return this.#u64();
      case 0xd0:
        return this.#bytes.readInt8(this.#take(1));
      case 0xd1:
        return this.#bytes.readInt16BE(this.#take(2));
      case 0xd2:
        return this.#bytes.readInt32BE(this.#take(4));
      case 0xd3:
        return this.#i64();
      default:
        throw this.#unexpected("an integer", code);
    }
  }

  /** Integers are taken too: Go's decoder converts them. */
  float(): number {
    const code = this.#peek();
    if (code === 0xcb) return this.#bytes.readDoubleBE(this.#take(9) + 1);
    if (code === 0xca) return this.#bytes.readFloatBE(this.#take(5) + 1);
    return Number(this.integer());
  }

  /** UTF-8; what is not becomes U+FFFD. */
  text(): string {
    const length = this.#rawHeader();
    const start = this.#take(length);
    const bytes = this.#bytes;
    if (length > SHORT_TEXT_BYTES_MAX) return bytes.toString("utf8", start, start + length);
    let text = "";
    for (let at = start; at < start + length; at++) {
      const byte = bytes[at]!;
      if (byte > 0x7f) return bytes.toString("utf8", start, start + length);
      text += String.fromCharCode(byte);
    }
    return text;
  }

  /** Text that repeats from message to message, such as field names: the same string object each time. */
  key(): string {
    const length = this.#rawHeader();
    const start = this.#take(length);
    return length <= KEY_BYTES_MAX
      ? internKey(this.#bytes, start, length)
      : this.#bytes.toString("utf8", start, start + length);
  }

  /** A copy, free to outlive the message. */
  bytes(): Uint8Array {
    return new Uint8Array(this.bytesView());
  }

  /** The same, a slice of the runtime's pool: ten times cheaper, and for what is packed anew when it is kept. */
  pooledBytes(): Uint8Array {
    const length = this.#rawHeader();
    const start = this.#take(length);
    const copy = Buffer.allocUnsafe(length);
    this.#bytes.copy(copy, 0, start, start + length);
    return copy;
  }

  /** A raw value as a byte string; undefined, with nothing read, where it is longer than `bytesMax` or no raw value. */
  tryByteString(bytesMax: number): string | undefined {
    const start = this.position;
    if (kindOf(this.#peek(), start) !== "raw") return undefined;
    const length = this.#rawHeader();
    if (length > bytesMax) {
      this.position = start;
      return undefined;
    }
    const from = this.#take(length);
    return this.#bytes.toString("latin1", from, from + length);
  }

  /** Shares memory with the message: for what is used up before the caller returns. */
  bytesView(): Uint8Array {
    const length = this.#rawHeader();
    const start = this.#take(length);
    return this.#bytes.subarray(start, start + length);
  }

  /** Number of elements that follow. */
  arrayHeader(): number {
    const code = this.#code();
    if (code >= 0x90 && code <= 0x9f) return code & 0x0f;
    if (code === 0xc0) return 0;
    if (code === 0xdc) return this.#count(this.#bytes.readUInt16BE(this.#take(2)));
    if (code === 0xdd) return this.#count(this.#bytes.readUInt32BE(this.#take(4)));
    throw this.#unexpected("an array", code);
  }

  /** Number of key and value pairs that follow. */
  mapHeader(): number {
    const code = this.#code();
    if (code >= 0x80 && code <= 0x8f) return code & 0x0f;
    if (code === 0xc0) return 0;
    if (code === 0xde) return this.#count(this.#bytes.readUInt16BE(this.#take(2)));
    if (code === 0xdf) return this.#count(this.#bytes.readUInt32BE(this.#take(4)));
    throw this.#unexpected("a map", code);
  }

  /** Passes over one value of any kind, however deep, without recursion. */
  skip(): void {
    for (let pending = 1; pending > 0; pending--) {
      switch (this.peekKind()) {
        case "nil":
        case "bool":
          this.position++;
          break;
        case "int":
          this.integer();
          break;
        case "float":
          this.float();
          break;
        case "raw":
          this.#take(this.#rawHeader());
          break;
        case "array":
          pending += this.arrayHeader();
          break;
        case "map":
          pending += 2 * this.mapHeader();
          break;
        case "extension":
          this.extension();
          break;
      }
    }
  }

  extension(): MsgpackExtension {
    const code = this.#code();
    let length: number;
    if (code >= 0xd4 && code <= 0xd8) length = 1 << (code - 0xd4);
    else if (code === 0xc7) length = this.#bytes[this.#take(1)]!;
    else if (code === 0xc8) length = this.#bytes.readUInt16BE(this.#take(2));
    else if (code === 0xc9) length = this.#bytes.readUInt32BE(this.#take(4));
    else throw this.#unexpected("an extension", code);
    if (length > this.#limits.rawBytesMax) throw new MsgpackError(`length ${length} is over the limit`, this.position);
    const extensionType = this.#bytes.readInt8(this.#take(1));
    const start = this.#take(length);
    return { extensionType, data: new Uint8Array(this.#bytes.subarray(start, start + length)) };
  }

  /**
   * One value of any kind. `raw` says what a raw value is: "text" as Go's decoder has it for untyped values,
   * "bytes", or "either" for text where it is valid UTF-8. Map keys are always text.
   */
  any(raw: "text" | "bytes" | "either" = "text", depth = 0): MsgpackValue {
    if (depth > this.#limits.depthMax) throw new MsgpackError("nested too deep", this.position);
    switch (this.peekKind()) {
      case "nil":
        this.position++;
        return null;
      case "bool":
        return this.bool();
      case "int":
        return this.integer();
      case "float":
        return this.float();
      case "raw":
        return this.#anyRaw(raw);
      case "array": {
        const count = this.arrayHeader();
        const items: MsgpackValue[] = []; // Not sized by `count`: the peer's word is no reason to allocate.
        for (let index = 0; index < count; index++) items.push(this.any(raw, depth + 1));
        return items;
      }
      case "map":
        return this.#anyMap(raw, depth);
      case "extension":
        return this.extension();
    }
  }

  #anyRaw(raw: "text" | "bytes" | "either"): string | Uint8Array {
    if (raw === "text") return this.text();
    const bytes = this.bytes();
    if (raw === "bytes") return bytes;
    const text = Buffer.from(bytes.buffer).toString();
    return text.includes("\ufffd") && Buffer.compare(Buffer.from(text), bytes) !== 0 ? bytes : text;
  }

  #anyMap(raw: "text" | "bytes" | "either", depth: number): MsgpackValue {
    const count = this.mapHeader();
    const map: { [key: string]: MsgpackValue } = {};
    for (let index = 0; index < count; index++) {
      const key = this.peekKind() === "int" ? String(this.integer()) : this.key();
      const value = this.any(raw, depth + 1);
      // A plain assignment of this one name would change the object's prototype.
      if (key === "__proto__") Object.defineProperty(map, key, { value, enumerable: true, configurable: true });
      else map[key] = value;
    }
    return map;
  }

  #peek(): number {
    const code = this.#bytes[this.position];
    if (code === undefined) throw new MsgpackShortError(this.position);
    return code;
  }

  #code(): number {
    const code = this.#peek();
    this.position++;
    return code;
  }

  #take(length: number): number {
    const start = this.position;
    if (length > this.#bytes.length - start) throw new MsgpackShortError(start);
    this.position = start + length;
    return start;
  }

  #count(count: number): number {
    if (count > this.#limits.countMax) throw new MsgpackError(`count ${count} is over the limit`, this.position);
    return count;
  }

  #rawHeader(): number {
    const code = this.#code();
    if (code >= 0xa0 && code <= 0xbf) return code & 0x1f;
    let length: number;
    switch (code) {
      case 0xc0:
        return 0;
      case 0xd9:
      case 0xc4:
        return this.#bytes[this.#take(1)]!;
      case 0xda:
      case 0xc5:
        length = this.#bytes.readUInt16BE(this.#take(2));
        break;
      case 0xdb:
      case 0xc6:
        length = this.#bytes.readUInt32BE(this.#take(4));
        break;
      default:
        throw this.#unexpected("text or bytes", code);
    }
    if (length > this.#limits.rawBytesMax) throw new MsgpackError(`length ${length} is over the limit`, this.position);
    return length;
  }

  #u64(): number | bigint {
    const at = this.#take(8);
    const high = this.#bytes.readUInt32BE(at);
    if (high <= HIGH_SAFE_MAX) return high * TWO_32 + this.#bytes.readUInt32BE(at + 4);
    return this.#bytes.readBigUInt64BE(at);
  }

  #i64(): number | bigint {
    const value = this.#bytes.readBigInt64BE(this.#take(8));
    const safe = value >= Number.MIN_SAFE_INTEGER && value <= Number.MAX_SAFE_INTEGER;
    return safe ? Number(value) : value;
  }

  #unexpected(wanted: string, code: number): MsgpackError {
    return new MsgpackError(`${wanted} was expected, found ${kindOf(code, this.position - 1)}`, this.position - 1);
  }
}

function kindOf(code: number, offset: number): MsgpackKind {
  if (code < 0x80 || code >= 0xe0) return "int";
  if (code < 0x90) return "map";
  if (code < 0xa0) return "array";
  if (code < 0xc0) return "raw";
  const kind = KINDS_FROM_C0[code - 0xc0];
  if (kind === undefined) throw new MsgpackError("byte c1, which means nothing,", offset);
  return kind;
}

const KINDS_FROM_C0: readonly (MsgpackKind | undefined)[] = [
  ["nil", undefined, "bool", "bool", "raw", "raw", "raw", "extension", "extension", "extension", "float", "float"],
  ["int", "int", "int", "int", "int", "int", "int", "int"],
  ["extension", "extension", "extension", "extension", "extension", "raw", "raw", "raw"],
  ["array", "array", "map", "map"],
].flat() as (MsgpackKind | undefined)[];

/**
 * Field names seen lately, by a hash of their bytes. A fixed table: a peer that sends random names only
 * makes it miss. Struct maps are most of what is read, and their names are most of what they hold.
 */
const KEY_BYTES_MAX = 40;
const KEY_SLOTS = 1_024;
const keySlots: (string | undefined)[] = new Array(KEY_SLOTS).fill(undefined);

function internKey(bytes: Buffer, start: number, length: number): string {
  let hash = length;
  for (let at = start; at < start + length; at++) hash = (Math.imul(hash, 31) + bytes[at]!) | 0;
  const slot = (hash ^ (hash >>> 10)) & (KEY_SLOTS - 1);
  const known = keySlots[slot];
  if (known !== undefined && known.length === length && sameAscii(known, bytes, start)) return known;
  const key = bytes.toString("utf8", start, start + length);
  if (key.length === length) keySlots[slot] = key; // as many characters as bytes: ASCII
  return key;
}

function sameAscii(text: string, bytes: Buffer, start: number): boolean {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) !== bytes[start + index]) return false;
  }
  return true;
}
