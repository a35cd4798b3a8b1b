/** The answering side of one RPC connection: a yamux stream, or a whole connection behind byte 0. */
import { MsgpackError } from "../codec/msgpack.ts";
import { decodeHeader, EMPTY_BODY, encodeResponseHeader, RpcMessages } from "../codec/rpc-message.ts";
import type { Cancel, Stream } from "../lib/runtime.ts";
import type { RpcHandler } from "./types.ts";

/** One request: the largest value of a key many times over, and any transaction. */
export const REQUEST_BYTES_MAX = 64 * 1024 * 1024;

/** A stream whose owner may hold the sender back. */
interface Pausable extends Stream {
  pause?(): void;
  resume?(): void;
}

/** Answers the calls that come on a stream until it ends: see `Connection`. */
export function serveCalls(stream: Pausable, insecure: boolean, handler: RpcHandler): void {
  const connection = new Connection(stream, insecure, handler);
  stream.onData = (chunk) => connection.received(chunk);
  stream.onEnd = () => connection.ended();
  stream.onClose = () => connection.closed();
}

/**
 * Answers calls one after the other, as they came: a client has one call at a time on a stream, so nobody waits behind a
 * blocked query. Bytes that are no call end the connection without a word.
 */
class Connection {
  readonly #stream: Pausable;
  readonly #insecure: boolean;
  readonly #handler: RpcHandler;
  readonly #messages = new RpcMessages(REQUEST_BYTES_MAX);
  /** A call is being answered, or its answer is waiting to be read. */
  #busy = false;
  /** Nothing more is written: the stream is closed, or what ends it is on its way. */
  #gone = false;
  /** The peer has sent all. */
  #peerEnded = false;
  #inLoop = false;
  #cancelCall: Cancel = () => {};

  constructor(stream: Pausable, insecure: boolean, handler: RpcHandler) {
    this.#stream = stream;
    this.#insecure = insecure;
    this.#handler = handler;
  }

  received(chunk: Uint8Array): void {
    if (this.#gone) return;
    this.#messages.push(chunk);
    if (this.#messages.bufferedBytes > REQUEST_BYTES_MAX) this.#stream.destroy();
    else if (!this.#busy) this.#answerWaiting();
  }

  ended(): void {
    this.#peerEnded = true;
    if (!this.#busy && !this.#gone) this.#stream.end();
  }

  closed(): void {
    this.#gone = true;
    this.#cancelCall();
  }

  #answerWaiting(): void {
    if (this.#inLoop) return; // the answer came at once: the loop below goes on
    this.#inLoop = true;
    try {
      while (!this.#busy && !this.#gone) {
        const message = this.#messages.next();
        if (message === undefined) break;
        this.#start(message.header, message.body);
      }
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      this.#stream.destroy();
    } finally {
      this.#inLoop = false;
    }
    if (this.#gone) return;
    if (this.#busy) return this.#stream.pause?.();
    this.#stream.resume?.();
    if (this.#peerEnded) this.#stream.end();
  }

  #start(rawHeader: Uint8Array, args: Uint8Array): void {
    const { seq, method } = decodeHeader(rawHeader);
    this.#busy = true;
    let open = true;
    const finish = (error: string, body: readonly Uint8Array[], close: boolean): void => {
      if (!open) throw new Error(`${method} was answered twice`);
      open = false;
      this.#cancelCall = () => {};
      if (!this.#gone) this.#write([encodeResponseHeader({ seq, method, error }), ...body], close);
    };
    const cancelCall = this.#handler(
      { method, args, from: this.#stream.remoteAddress, insecure: this.#insecure },
      {
        ok: (...body) => finish("", body, false),
        fail: (text, close = false) => finish(text, [EMPTY_BODY], close),
      },
    );
    if (open) this.#cancelCall = cancelCall;
  }

  /** @param close it is the last answer. */
  #write(pieces: readonly Uint8Array[], close: boolean): void {
    let hasRoom = true;
    for (const piece of pieces) hasRoom = this.#stream.write(piece);
    if (close) {
      this.#gone = true;
      this.#stream.end();
    } else if (hasRoom) this.#ready();
    else this.#stream.onDrain = () => this.#ready(); // who does not read its answers gets no more of them
  }

  #ready(): void {
    this.#stream.onDrain = () => {};
    this.#busy = false;
    this.#answerWaiting();
  }
}
