import { encodeYamuxHeader, YAMUX_FLAG, YAMUX_TYPE } from "../codec/yamux-frame.ts";
import type { Cancel, Stream } from "../lib/runtime.ts";
import type { YamuxLink } from "./yamux-session.ts";

/** Credit at the start of each stream, in both directions. */
export const WINDOW_BYTES = 256 * 1024;
/** Largest frame of ours: others get their turn in between. */
const FRAME_BYTES_MAX = 64 * 1024;
/** More credit than this is no peer of good will: sums stay exact. */
const CREDIT_BYTES_MAX = 2 ** 40;
/** A stream that we ended and the peer did not is reset after this. */
const HALF_CLOSED_MS = 300_000;

const ignore = (): void => {};

/** One stream of a session. Both directions are flow-controlled; `pause` lets the peer's window run out. */
export class YamuxStream implements Stream {
  readonly id: number;
  readonly remoteAddress: string;
  readonly localAddress: string;
  onData: (chunk: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onClose: (error?: Error) => void = ignore;
  onDrain: () => void = ignore;
  /** Whether the session will call `pump`; the session's own. */
  queued = false;
  readonly #link: YamuxLink;
  #announced: boolean;
  #sendWindow = WINDOW_BYTES;
  #receiveWindow = WINDOW_BYTES;
  #consumed = 0;
  /** To be sent when window and connection allow. */
  #out: Uint8Array[] = [];
  #wantsDrain = false;
  #paused = false;
  /** Received while paused. */
  #in: Uint8Array[] = [];
  /** Payload that is announced by a header and still to come. */
  #expected = 0;
  #finReceived = false;
  #ended = false;
  #endTold = false;
  #finSent = false;
  #closed = false;
  #cancelHalfClosed: Cancel = ignore;

  /** @param announced the peer knows of it: it opened it. */
  constructor(id: number, connection: Stream, link: YamuxLink, announced: boolean) {
    this.id = id;
    this.remoteAddress = connection.remoteAddress;
    this.localAddress = connection.localAddress;
    this.#link = link;
    this.#announced = announced;
  }

  get isClosed(): boolean {
    return this.#closed;
  }

  // ---- the owner's side ----

  write(chunk: Uint8Array): boolean {
    if (this.#closed || this.#ended) return false;
    if (chunk.length > 0) this.#out.push(chunk);
    this.pump();
    if (this.#out.length === 0) return true;
    this.#wantsDrain = true;
    return false;
  }

  end(): void {
    if (this.#closed || this.#ended) return;
    this.#ended = true;
    this.pump();
  }

  destroy(): void {
    if (this.#closed) return;
    if (this.#announced && !(this.#finSent && this.#finReceived))
      this.#link.send(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.rst, this.id, 0));
    this.#close(undefined);
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    while (!this.#paused && !this.#closed) {
      const chunk = this.#in.shift();
      if (chunk === undefined) break;
      this.#deliver(chunk);
    }
    this.#tellEnd();
  }

  // ---- the session's side ----

  /** The peer hears of this stream now. */
  announce(): void {
    this.#announced = true;
    this.#link.send(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.syn, this.id, 0));
    this.pump();
  }

  /** Sends what window and connection allow. */
  pump(): void {
    if (!this.#announced) return;
    while (this.#out.length > 0 && this.#sendWindow > 0 && !this.#closed) {
      if (!this.#link.mayPump(this)) return;
      const chunk = this.#out[0]!;
      const size = Math.min(chunk.length, this.#sendWindow, FRAME_BYTES_MAX);
      this.#sendWindow -= size;
      if (size === chunk.length) this.#out.shift();
      else this.#out[0] = chunk.subarray(size);
      this.#link.send(encodeYamuxHeader(YAMUX_TYPE.data, 0, this.id, size), chunk.subarray(0, size));
    }
    if (this.#out.length > 0 || this.#closed) return;
    if (this.#ended && !this.#finSent) this.#sendFin();
    if (!this.#wantsDrain || this.#closed) return;
    this.#wantsDrain = false;
    this.onDrain();
  }

  /** @returns false when the peer sends more than it may. */
  admit(length: number): boolean {
    if (length > this.#receiveWindow || (this.#finReceived && length > 0)) return false;
    this.#receiveWindow -= length;
    this.#expected = length;
    return true;
  }

  received(piece: Uint8Array): void {
    this.#expected -= piece.length;
    if (this.#closed) return;
    if (this.#paused || this.#in.length > 0) this.#in.push(piece);
    else this.#deliver(piece);
    this.#tellEnd();
  }

  /** @returns false for a sum that means nothing. */
  credit(bytes: number): boolean {
    this.#sendWindow += bytes;
    if (this.#sendWindow > CREDIT_BYTES_MAX) return false;
    if (bytes > 0) this.pump();
    return true;
  }

  /** The peer has sent all, but for `expected` bytes of the frame that said so. */
  finish(expected: number): void {
    this.#finReceived = true;
    this.#expected = expected;
    this.#tellEnd();
  }

  reset(error: Error): void {
    this.#close(error);
  }

  // ---- inside ----

  #deliver(chunk: Uint8Array): void {
    this.onData(chunk);
    if (this.#closed) return;
    this.#consumed += chunk.length;
    if (this.#consumed < WINDOW_BYTES / 2 || this.#finReceived) return;
    this.#receiveWindow += this.#consumed;
    this.#link.owed(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, 0, this.id, this.#consumed));
    this.#consumed = 0;
  }

  #tellEnd(): void {
    if (!this.#finReceived || this.#expected > 0 || this.#in.length > 0 || this.#endTold || this.#closed) return;
    this.#endTold = true;
    this.onEnd();
    if (this.#finSent) this.#close(undefined);
  }

  #sendFin(): void {
    this.#finSent = true;
    this.#link.send(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.fin, this.id, 0));
    if (this.#endTold) this.#close(undefined);
    else this.#cancelHalfClosed = this.#link.after(HALF_CLOSED_MS, () => this.destroy());
  }

  #close(error: Error | undefined): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#cancelHalfClosed();
    this.#out = [];
    this.#in = [];
    this.#link.forget(this);
    this.onClose(error);
  }
}
