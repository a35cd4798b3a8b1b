import type { Cancel, Timers } from "../lib/runtime.ts";

/** Largest piece of output that is written at once. */
export const OUTPUT_CHUNK_BYTES = 4_096;
/** A smaller piece is written once nothing was added to it for so long. */
export const OUTPUT_IDLE_MS = 500;
/** Pieces that may wait to be written; then the program that prints them waits as well. */
export const OUTPUT_CHUNKS_MAX = 16;

/** Gathers a program's output into pieces for somebody who takes them slowly, one at a time. */
export class OutputQueue {
  readonly #timers: Timers;
  readonly #full: Uint8Array[] = [];
  #partial: Uint8Array[] = [];
  #partialBytes = 0;
  #cancelFlush: Cancel = () => {};
  #ended = false;
  #discarding = false;
  #wakeReader = (): void => {};
  #wakeWriters = (): void => {};
  #room: Promise<void> | undefined;

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** @returns a promise when the writer should wait for it. */
  write(chunk: Uint8Array): Promise<void> | undefined {
    if (this.#discarding) return undefined;
    this.#cancelFlush();
    let at = 0;
    while (at < chunk.length) {
      const part = chunk.subarray(at, at + OUTPUT_CHUNK_BYTES - this.#partialBytes);
      this.#partial.push(part);
      this.#partialBytes += part.length;
      at += part.length;
      if (this.#partialBytes === OUTPUT_CHUNK_BYTES) this.#flush();
    }
    if (this.#partialBytes > 0) this.#cancelFlush = this.#timers.after(OUTPUT_IDLE_MS, () => this.#flush());
    if (this.#full.length < OUTPUT_CHUNKS_MAX) return undefined;
    this.#room ??= new Promise((resolve) => {
      this.#wakeWriters = resolve;
    });
    return this.#room;
  }

  /** Nothing more will be written. */
  end(): void {
    this.#flush();
    this.#ended = true;
    this.#wakeReader();
  }

  /** Nothing of it is wanted any more. */
  discard(): void {
    this.#discarding = true;
    this.#cancelFlush();
    this.#full.length = 0;
    this.#makeRoom();
  }

  /** The next piece; "quiet" when there was none for `waitMs`, "end" behind the last. */
  async next(waitMs: number): Promise<Uint8Array | "quiet" | "end"> {
    if (this.#full.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        const cancel = this.#timers.after(waitMs, resolve);
        this.#wakeReader = () => {
          cancel();
          resolve();
        };
      });
      this.#wakeReader = () => {};
    }
    const chunk = this.#full.shift();
    if (this.#full.length < OUTPUT_CHUNKS_MAX) this.#makeRoom();
    return chunk ?? (this.#ended ? "end" : "quiet");
  }

  #makeRoom(): void {
    this.#room = undefined;
    this.#wakeWriters();
  }

  #flush(): void {
    this.#cancelFlush();
    if (this.#partialBytes === 0) return;
    this.#full.push(Buffer.concat(this.#partial));
    this.#partial = [];
    this.#partialBytes = 0;
    this.#wakeReader();
  }
}
