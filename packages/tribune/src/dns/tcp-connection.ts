import type { Cancel, Stream, Timers } from "../lib/runtime.ts";
import type { MaybePromise } from "./backend.ts";
import { TcpFrames, tcpFrame } from "./tcp-frames.ts";

/** Until the first question is complete. */
const FIRST_TIMEOUT_MS = 2000;
/** Between an answer and the next complete question. */
const IDLE_TIMEOUT_MS = 8000;
/** Questions on one connection, then it is closed. */
const QUESTIONS_MAX = 128;
/** Questions that may wait while one is being answered: about two of the longest, or thousands of usual ones. */
const BUFFERED_BYTES_MAX = 128 * 1024;

/**
 * One client on TCP. Questions may be pipelined and are answered one after the other, in order (RFC 7766 §6.2.1.1
 * allows more). Slow, idle and greedy clients are disconnected.
 */
export class TcpConnection {
  readonly #stream: Stream;
  readonly #timers: Timers;
  readonly #respond: (message: Uint8Array) => MaybePromise<Uint8Array | undefined>;
  readonly #frames = new TcpFrames();
  #questions = 0;
  #busy = false;
  #blocked = false;
  #ended = false;
  #closed = false;
  #cancelTimeout: Cancel;

  constructor(
    stream: Stream,
    timers: Timers,
    respond: (message: Uint8Array) => MaybePromise<Uint8Array | undefined>,
    onClose: () => void,
  ) {
    this.#stream = stream;
    this.#timers = timers;
    this.#respond = respond;
    this.#cancelTimeout = timers.after(FIRST_TIMEOUT_MS, () => this.close());
    stream.onData = (chunk) => {
      if (this.#closed) return;
      this.#frames.push(chunk);
      this.#pump();
      if (this.#frames.bufferedBytes > BUFFERED_BYTES_MAX) this.close();
    };
    stream.onEnd = () => {
      this.#ended = true;
      this.#pump();
    };
    stream.onDrain = () => {
      this.#blocked = false;
      this.#pump();
    };
    stream.onClose = () => {
      this.#closed = true;
      this.#cancelTimeout();
      onClose();
    };
  }

  close(): void {
    this.#closed = true;
    this.#cancelTimeout();
    this.#stream.destroy();
  }

  #pump(): void {
    while (!this.#busy && !this.#blocked && !this.#closed) {
      const message = this.#questions < QUESTIONS_MAX ? this.#frames.next() : undefined;
      if (message === undefined) {
        if (this.#ended || this.#questions >= QUESTIONS_MAX) this.#finish();
        return;
      }
      this.#questions++;
      this.#cancelTimeout();
      const reply = this.#respond(message);
      if (reply instanceof Promise) {
        this.#busy = true;
        // A responder does not reject; if it ever did, this client would be let go and no other harmed.
        reply.then(
          (bytes) => {
            this.#busy = false;
            this.#send(bytes);
            this.#pump();
          },
          () => this.close(),
        );
      } else this.#send(reply);
    }
  }

  /** Lets the last answers go out; a client that does not close its side then is cut off. */
  #finish(): void {
    this.#closed = true;
    this.#cancelTimeout();
    this.#cancelTimeout = this.#timers.after(FIRST_TIMEOUT_MS, () => this.close());
    this.#stream.end();
  }

  #send(reply: Uint8Array | undefined): void {
    if (this.#closed) return;
    this.#cancelTimeout();
    this.#cancelTimeout = this.#timers.after(IDLE_TIMEOUT_MS, () => this.close());
    const frame = reply && tcpFrame(reply);
    if (frame !== undefined) this.#blocked = !this.#stream.write(frame);
  }
}
