/**
 * The last short message of a stream, with what was read in it. A leader without work and its followers say the same
 * some ten times a second for as long as they live: to see that it is the same takes a tenth of reading it.
 */
export class RepeatedMessage<Value> {
  #bytes = Buffer.alloc(0);
  #value: Value | undefined;

  /** Bytes of it. */
  get length(): number {
    return this.#bytes.length;
  }

  /** @param bytes of a stream whose messages say where they end: what begins with a whole one is that one. */
  at(bytes: Uint8Array): Value | undefined {
    const { length } = this.#bytes;
    if (length === 0 || bytes.length < length) return undefined;
    return this.#bytes.compare(bytes, 0, length) === 0 ? this.#value : undefined;
  }

  /** @param value must not change, nor hold on to `bytes`. */
  keep(bytes: Uint8Array, value: Value): void {
    if (bytes.length > REPEATED_BYTES_MAX) return;
    this.#bytes = Buffer.from(bytes);
    this.#value = value;
  }
}

/** A heartbeat has some 150. */
const REPEATED_BYTES_MAX = 512;
