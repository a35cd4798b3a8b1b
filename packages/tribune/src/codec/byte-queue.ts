/** Bytes of a stream as they arrive, seen as one piece by whoever reads messages from its front. */
export class ByteQueue {
  #bytes: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  /** `#bytes` is ours to write to; a chunk taken as it came is not. */
  #owned = false;

  get length(): number {
    return this.#end - this.#start;
  }

  /** `chunk` must not change afterwards: it is kept as it is while nothing else waits. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    if (this.length === 0) {
      this.#bytes = chunk;
      this.#start = 0;
      this.#end = chunk.length;
      this.#owned = false;
      return;
    }
    this.#reserve(chunk.length);
    this.#bytes.set(chunk, this.#end);
    this.#end += chunk.length;
  }

  /** What waits, without a copy: good until the next `push` or `drop`. */
  view(): Uint8Array {
    return this.#bytes.subarray(this.#start, this.#end);
  }

  drop(count: number): void {
    this.#start += count;
    // A large message's memory is not kept for the small ones behind it.
    if (this.#start >= this.#end) {
      this.#bytes = EMPTY;
      this.#start = this.#end = 0;
      this.#owned = false;
    }
  }

  /** Makes room behind the end, doubling, so that a message in many chunks is copied a constant number of times. */
  #reserve(more: number): void {
    if (this.#owned && this.#end + more <= this.#bytes.length) return;
    const held = this.length;
    const fits = this.#owned && held + more <= this.#bytes.length / 2;
    const target = fits ? this.#bytes : new Uint8Array(Math.max(held + more, 2 * held));
    if (fits) target.copyWithin(0, this.#start, this.#end);
    else target.set(this.view());
    this.#bytes = target;
    this.#start = 0;
    this.#end = held;
    this.#owned = true;
  }
}

const EMPTY = new Uint8Array(0);
