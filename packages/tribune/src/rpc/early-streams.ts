/**
 * Connections that came before there was somebody to take them: peers dial a server that starts again while it still reads
 * its log, and one that is refused tries again a while later. Here they wait, with what they said.
 */
import type { Stream } from "../lib/runtime.ts";

/** A peer opens three connections for Raft; further ones are refused. */
export const EARLY_STREAMS_MAX = 64;
/** What one of them may say: requests, of which a leader has few under way until the first is answered. */
export const EARLY_BYTES_MAX = 1024 * 1024;

export class EarlyStreams {
  readonly #waiting = new Map<Stream, Uint8Array[]>();

  accept(stream: Stream): void {
    if (this.#waiting.size >= EARLY_STREAMS_MAX) return stream.destroy();
    const said: Uint8Array[] = [];
    let bytes = 0;
    this.#waiting.set(stream, said);
    stream.onData = (chunk) => {
      said.push(chunk);
      bytes += chunk.length;
      if (bytes > EARLY_BYTES_MAX) stream.destroy();
    };
    stream.onEnd = () => stream.destroy(); // it waits for no answer
    stream.onClose = () => this.#waiting.delete(stream);
  }

  /** Gives all of them away. */
  handOver(take: (stream: Stream) => void): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [stream, said] of waiting) {
      stream.onEnd = () => {};
      stream.onClose = () => {};
      take(stream);
      for (const chunk of said) stream.onData(chunk);
    }
  }
}
