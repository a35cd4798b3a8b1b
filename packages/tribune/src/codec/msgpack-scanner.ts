import { MSGPACK_LIMITS, MsgpackError, type MsgpackLimits } from "./msgpack-error.ts";

/**
 * Finds where a value ends while its bytes are still arriving, so that a stream of values without lengths
 * (Go's net/rpc, Raft's transport, state.bin) is decoded once, when it is whole. A scan resumes where the
 * bytes ran out, so a large value in many chunks is looked at once, not once per chunk.
 */
export class MsgpackScanner {
  readonly #limits: MsgpackLimits;
  #position: number;
  /** Values still to come before the whole is complete. */
  #pending = 1;

  constructor(start = 0, limits = MSGPACK_LIMITS) {
    this.#position = start;
    this.#limits = limits;
  }

  /**
   * @param bytes everything from the same origin as last time, with more at its end.
   * @returns offset behind the value, or undefined until more bytes are there.
   * @throws MsgpackError for a byte that starts no value, or a length over the limits.
   */
  scan(bytes: Uint8Array): number | undefined {
    while (this.#pending > 0) {
      const code = bytes[this.#position];
      if (code === undefined) return undefined;
      const size = this.#sizeOf(bytes, code);
      if (size === undefined || this.#position + size > bytes.length) return undefined;
      this.#position += size;
      this.#pending += this.#children - 1;
    }
    return this.#position;
  }

  /** Makes ready for the next value, which starts at `start`. */
  restart(start: number): void {
    this.#position = start;
    this.#pending = 1;
  }

  #children = 0;

  /** Bytes of the value at hand without its children, whose number goes to `#children`. */
  #sizeOf(bytes: Uint8Array, code: number): number | undefined {
    this.#children = 0;
    if (code < 0x80 || code >= 0xe0) return 1;
    if (code < 0xc0) {
      if (code >= 0xa0) return 1 + (code & 0x1f);
      this.#children = code >= 0x90 ? code & 0x0f : 2 * (code & 0x0f);
      return 1;
    }
    const fixed = FIXED_SIZE[code - 0xc0];
    if (fixed !== undefined) return fixed;
    const lengthBytes = LENGTH_BYTES[code - 0xc0];
    if (lengthBytes === undefined) throw new MsgpackError("byte c1, which means nothing,", this.#position);
    const length = this.#length(bytes, lengthBytes);
    if (length === undefined) return undefined;
    const head = 1 + lengthBytes;
    if (code < 0xdc) {
      if (length > this.#limits.rawBytesMax) throw this.#tooLong(length);
      return head + length + (code >= 0xc7 && code <= 0xc9 ? 1 : 0);
    }
    if (length > this.#limits.countMax) throw this.#tooLong(length);
    this.#children = code >= 0xde ? 2 * length : length;
    return head;
  }

  #length(bytes: Uint8Array, lengthBytes: number): number | undefined {
    const first = this.#position + 1;
    if (first + lengthBytes > bytes.length) return undefined;
    let length = 0;
    for (let at = first; at < first + lengthBytes; at++) length = length * 256 + bytes[at]!;
    return length;
  }

  #tooLong(length: number): MsgpackError {
    return new MsgpackError(`length ${length} is over the limit`, this.#position);
  }
}

const none = undefined;
/** Whole size of the codes c0..df that carry no length. */
const FIXED_SIZE: readonly (number | undefined)[] = [
  ...[1, none, 1, 1, none, none, none, none, none, none, 5, 9, 2, 3, 5, 9], // c0..cf
  ...[2, 3, 5, 9, 3, 4, 6, 10, 18, none, none, none, none, none, none, none], // d0..df
];
/** Bytes of the length behind the codes c0..df that carry one. */
const LENGTH_BYTES: readonly (number | undefined)[] = [
  ...[none, none, none, none, 1, 2, 4, 1, 2, 4, none, none, none, none, none, none], // c0..cf
  ...[none, none, none, none, none, none, none, none, none, 1, 2, 4, 2, 4, 2, 4], // d0..df
];
