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

/**
 * Answers calls one after the other, as they came: a client has one call at a time on a stream, so nobody waits behind a
 * blocked query. Bytes that are no call end the connection without a word.
 */
export function serveCalls(stream: Pausable, insecure: boolean, handler: RpcHandler): void {
  const messages = new RpcMessages(REQUEST_BYTES_MAX);
  let busy = false;
  let gone = false;
  let ended = false;
  let cancel: Cancel = () => {};
  let inLoop = false;

  const loop = (): void => {
    if (inLoop) return; // the answer came at once: the loop below goes on
    inLoop = true;
    try {
      while (!busy && !gone) {
        const message = messages.next();
        if (message === undefined) break;
        start(message.header, message.body);
      }
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      stream.destroy();
    } finally {
      inLoop = false;
    }
    if (gone) return;
    if (busy) stream.pause?.();
    else {
      stream.resume?.();
      if (ended) stream.end();
    }
  };

  const start = (rawHeader: Uint8Array, args: Uint8Array): void => {
    const { seq, method } = decodeHeader(rawHeader);
    busy = true;
    let open = true;
    const finish = (error: string, body: readonly Uint8Array[], close: boolean): void => {
      if (!open) throw new Error(`${method} was answered twice`);
      open = false;
      cancel = () => {};
      if (gone) return;
      let room = stream.write(encodeResponseHeader({ seq, method, error }));
      for (const piece of body) room = stream.write(piece);
      if (close) {
        gone = true;
        stream.end();
      } else if (room) ready();
      else stream.onDrain = ready; // who does not read its answers gets no more of them
    };
    const cancelCall = handler(
      { method, args, from: stream.remoteAddress, insecure },
      {
        ok: (...body) => finish("", body, false),
        fail: (text, close = false) => finish(text, [EMPTY_BODY], close),
      },
    );
    if (open) cancel = cancelCall;
  };

  const ready = (): void => {
    stream.onDrain = () => {};
    busy = false;
    loop();
  };

  stream.onData = (chunk) => {
    if (gone) return;
    messages.push(chunk);
    if (messages.bufferedBytes > REQUEST_BYTES_MAX) stream.destroy();
    else if (!busy) loop();
  };
  stream.onEnd = () => {
    ended = true;
    if (!busy && !gone) stream.end();
  };
  stream.onClose = () => {
    gone = true;
    cancel();
  };
}
