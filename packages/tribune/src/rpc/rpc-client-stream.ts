/** The asking side of one RPC connection: one call at a time, in order. */
import { MsgpackError } from "../codec/msgpack.ts";
import { decodeHeader, encodeRequestHeader, RpcMessages } from "../codec/rpc-message.ts";
import type { Stream } from "../lib/runtime.ts";
import { type RpcOutcome, RpcRemoteError, RpcTransportError } from "./types.ts";

/** One reply: a list of everything in a large catalog. */
export const REPLY_BYTES_MAX = 512 * 1024 * 1024;

/** Behind these texts Go's server closes the connection. */
const LAST_WORDS = /^rpc: can't find (service|method) /;

export class RpcClientStream {
  readonly #stream: Stream;
  readonly #messages = new RpcMessages(REPLY_BYTES_MAX);
  readonly #onIdle: (stream: RpcClientStream) => void;
  #seq = 0;
  #call: { readonly method: string; readonly done: (outcome: RpcOutcome) => void } | undefined;
  #dead = false;

  /** @param onIdle the call is over and the stream good for another. */
  constructor(stream: Stream, onIdle: (stream: RpcClientStream) => void) {
    this.#stream = stream;
    this.#onIdle = onIdle;
    stream.onData = (chunk) => this.#received(chunk);
    stream.onEnd = () => this.#lost("EOF");
    stream.onClose = (error) => this.#lost(error === undefined ? "EOF" : error.message);
  }

  /** Whether another call may be made. */
  get usable(): boolean {
    return !this.#dead && this.#call === undefined;
  }

  /** Must be `usable`. `done` comes once. */
  call(method: string, args: Uint8Array, done: (outcome: RpcOutcome) => void): void {
    this.#call = { method, done };
    this.#seq++;
    this.#stream.write(encodeRequestHeader({ seq: this.#seq, method }));
    this.#stream.write(args);
  }

  /** Ends the stream. A call that waits is not told. */
  abandon(): void {
    this.#call = undefined;
    this.#dead = true;
    this.#stream.destroy();
  }

  /** Ends an idle stream. */
  end(): void {
    this.#dead = true;
    this.#stream.end();
  }

  #received(chunk: Uint8Array): void {
    if (this.#dead) return;
    try {
      this.#messages.push(chunk);
      const message = this.#messages.next();
      if (message === undefined) return;
      const { seq, error } = decodeHeader(message.header);
      if (this.#call === undefined || seq !== this.#seq) throw new MsgpackError(`an answer to call ${seq}`, 0);
      const { done } = this.#call;
      this.#call = undefined;
      if (LAST_WORDS.test(error)) this.end();
      else this.#onIdle(this);
      done(error === "" ? message.body : new RpcRemoteError(error));
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      this.#lost(error.message);
      this.#stream.destroy();
    }
  }

  #lost(why: string): void {
    if (this.#dead) return;
    this.#dead = true;
    const call = this.#call;
    this.#call = undefined;
    this.#stream.end();
    call?.done(new RpcTransportError(why, { sent: true, eof: true }));
  }
}
