import type { ServerResponse } from "node:http";
import { createGzip } from "node:zlib";
import type { Clock } from "../lib/runtime.ts";

/** Bodies up to here that are made within a slice are sent whole, and kept for who asks the same. */
const WHOLE_BYTES_MAX = 4 * 1_024 * 1_024;
const SLICE_MS = 5;

/** A body made piece by piece: all of it where it is short, else where it starts and how it goes on. */
export type Gathered =
  | { readonly whole: Buffer }
  | { readonly first: readonly Uint8Array[]; readonly rest: Iterator<Uint8Array> };

export function gather(pieces: Iterable<Uint8Array>, clock: Clock): Gathered {
  const startedMs = clock.nowMs();
  const rest = pieces[Symbol.iterator]();
  const first: Uint8Array[] = [];
  let bytes = 0;
  for (let next = rest.next(); next.done !== true; next = rest.next()) {
    first.push(next.value);
    bytes += next.value.length;
    if (bytes > WHOLE_BYTES_MAX || clock.nowMs() - startedMs > SLICE_MS) return { first, rest };
  }
  return { whole: Buffer.concat(first, bytes) };
}

/** The part of a writable stream that pieces need; compressed ones go through zlib first. */
interface Target {
  write(chunk: Uint8Array): boolean;
  end(): void;
  on(event: "drain", listener: () => void): unknown;
}

/**
 * Sends a long body whose head is written: for at most `SLICE_MS` at a stretch, and no faster than the client reads.
 *
 * @param gzipped compresses on the way, off this thread.
 */
export function pump(
  { first, rest }: Extract<Gathered, { first: unknown }>,
  response: ServerResponse,
  gzipped: boolean,
  clock: Clock,
): void {
  let gone = false;
  response.on("close", () => {
    gone = true;
  });
  let target: Target = response;
  if (gzipped) {
    const gzip = createGzip({ level: 1, chunkSize: 64 * 1_024 });
    gzip.on("error", () => response.destroy());
    gzip.pipe(response);
    target = gzip;
  }
  const begun = first[Symbol.iterator]();
  const next = (): IteratorResult<Uint8Array> => {
    const early = begun.next();
    return early.done === true ? rest.next() : early;
  };
  // Counted across `drain`s: while the kernel takes everything at once they come without a turn of the event loop.
  let turnStartedMs = clock.nowMs();
  const onNextTurn = (): void => {
    turnStartedMs = clock.nowMs();
    go();
  };
  const go = (): void => {
    while (!gone) {
      if (clock.nowMs() - turnStartedMs > SLICE_MS) {
        setImmediate(onNextTurn);
        return;
      }
      let piece: IteratorResult<Uint8Array>;
      try {
        piece = next();
      } catch {
        response.destroy(); // its head is sent: only a broken connection still says that the body is not whole
        return;
      }
      if (piece.done === true) return target.end();
      if (!target.write(piece.value)) return; // `drain` goes on
    }
  };
  target.on("drain", go);
  // Finding the rows and making the first pieces has held this turn long enough.
  setImmediate(onNextTurn);
}
