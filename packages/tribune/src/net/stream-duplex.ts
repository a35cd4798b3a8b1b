import { Duplex } from "node:stream";
import type { Stream } from "../lib/runtime.ts";

/**
 * A `Stream` as Node's own kind of stream, for the libraries that want one (TLS, HTTP/2). It takes over the stream's
 * callbacks.
 *
 * @param first bytes that were read from the stream before.
 */
export function duplexOf(stream: Stream, first: Uint8Array = new Uint8Array(0)): Duplex {
  let drained = (): void => {};
  const duplex = new Duplex({
    allowHalfOpen: true,
    read() {}, // everything is pushed as it comes
    write(chunk: Buffer, _encoding, done) {
      if (stream.write(chunk)) done();
      else drained = done;
    },
    final(done) {
      stream.end();
      done();
    },
    destroy(error, done) {
      stream.destroy();
      done(error);
    },
  });
  stream.onDrain = () => {
    const done = drained;
    drained = () => {};
    done();
  };
  stream.onData = (chunk) => {
    if (!duplex.destroyed) duplex.push(chunk);
  };
  stream.onEnd = () => {
    if (!duplex.destroyed) duplex.push(null);
  };
  stream.onClose = (error) => void duplex.destroy(error);
  if (first.length > 0) duplex.push(first);
  return duplex;
}
