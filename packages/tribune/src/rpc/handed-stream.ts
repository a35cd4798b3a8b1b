import type { Stream } from "../lib/runtime.ts";

const ignore = (): void => {};

/**
 * A connection that goes from hand to hand while the port still counts it: whoever has it sets `onData` and the like
 * without taking them from anybody.
 */
export class HandedStream implements Stream {
  onData: (chunk: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onClose: (error?: Error) => void = ignore;
  onDrain: () => void = ignore;
  readonly #inner: Stream;

  /** @param onGone runs once, before the owner hears of it. */
  constructor(inner: Stream, onGone: () => void) {
    this.#inner = inner;
    inner.onData = (chunk) => this.onData(chunk);
    inner.onEnd = () => this.onEnd();
    inner.onDrain = () => this.onDrain();
    inner.onClose = (error) => {
      onGone();
      this.onClose(error);
    };
  }

  get remoteAddress(): string {
    return this.#inner.remoteAddress;
  }

  get localAddress(): string {
    return this.#inner.localAddress;
  }

  write(chunk: Uint8Array): boolean {
    return this.#inner.write(chunk);
  }

  end(): void {
    this.#inner.end();
  }

  destroy(): void {
    this.#inner.destroy();
  }
}
