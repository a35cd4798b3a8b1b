import { createGzip } from "node:zlib";
import type { Clock } from "../lib/runtime.ts";
import type { HttpResponse } from "./exchange.ts";

/** Bodies up to here that are made within a slice are sent whole, and kept for who asks the same. */
export const WHOLE_BYTES_MAX = 4 * 1_024 * 1_024;
/** Longer ones are kept up to here, in their pieces, once they are asked for a second time while nothing has changed. */
export const LONG_BYTES_MAX = 24 * 1_024 * 1_024;
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
    if (next.value.length > 0) first.push(next.value);
    bytes += next.value.length;
    if (bytes > WHOLE_BYTES_MAX || clock.nowMs() - startedMs > SLICE_MS) return { first, rest };
  }
  return { whole: Buffer.concat(first, bytes) };
}

/** A long body as it was made. */
export class LongBody {
  readonly pieces: readonly Uint8Array[];
  readonly contentType: string;

  constructor(pieces: readonly Uint8Array[], contentType: string) {
    this.pieces = pieces;
    this.contentType = contentType;
  }

  get gathered(): Extract<Gathered, { first: unknown }> {
    return { first: this.pieces, rest: NOTHING_MORE[Symbol.iterator]() };
  }
}

const NOTHING_MORE: readonly Uint8Array[] = [];

/** Who wants a body that is sent, uncompressed, once all of it is made and if it is no longer than they say. */
export interface Keeper {
  readonly bytesMax: number;
  keep(pieces: readonly Uint8Array[], bytes: number): void;
}

/** The part of a writable stream that pieces need; compressed ones go through zlib first. */
interface Target {
  write(chunk: Uint8Array): boolean;
  end(): void;
  on(event: "drain", listener: () => void): unknown;
}

/**
 * Sends a long body whose head is written: for at most `SLICE_MS` at a stretch, and no faster than the client reads, but
 * for one piece that is made while the client does.
 *
 * @param gzipped compresses on the way, off this thread.
 */
export function pump(
  body: Extract<Gathered, { first: unknown }>,
  response: HttpResponse,
  gzipped: boolean,
  clock: Clock,
  keeper?: Keeper,
): void {
  new Pump(body, response, gzipped ? compressedInto(response) : response, clock, new KeptPieces(keeper)).start();
}

/** A stream whose compressed bytes go to the response, which holds it back while its client does not read. */
function compressedInto(response: HttpResponse): Target {
  const gzip = createGzip({ level: 1, chunkSize: 64 * 1_024 });
  gzip.on("error", () => response.destroy());
  gzip.on("data", (chunk: Buffer) => {
    if (!response.write(chunk)) gzip.pause();
  });
  gzip.on("end", () => response.end());
  response.on("drain", () => gzip.resume());
  return gzip;
}

class Pump {
  readonly #begun: Iterator<Uint8Array>;
  readonly #rest: Iterator<Uint8Array>;
  readonly #response: HttpResponse;
  readonly #target: Target;
  readonly #clock: Clock;
  readonly #kept: KeptPieces;
  /** The next piece, where it was made while the client read. */
  #ahead: IteratorResult<Uint8Array> | undefined;
  /** Counted across `drain`s: while the kernel takes everything at once they come without a turn of the event loop. */
  #turnStartedMs: number;
  #gone = false;

  constructor(
    { first, rest }: Extract<Gathered, { first: unknown }>,
    response: HttpResponse,
    target: Target,
    clock: Clock,
    kept: KeptPieces,
  ) {
    this.#begun = first[Symbol.iterator]();
    this.#rest = rest;
    this.#response = response;
    this.#target = target;
    this.#clock = clock;
    this.#kept = kept;
    this.#turnStartedMs = clock.nowMs();
  }

  start(): void {
    this.#response.on("close", () => {
      this.#gone = true;
    });
    this.#target.on("drain", () => this.#go());
    // Finding the rows and making the first pieces has held this turn long enough.
    this.#goOnNextTurn();
  }

  #goOnNextTurn(): void {
    setImmediate(() => {
      this.#turnStartedMs = this.#clock.nowMs();
      this.#go();
    });
  }

  #go(): void {
    while (!this.#gone) {
      if (this.#clock.nowMs() - this.#turnStartedMs > SLICE_MS) return this.#goOnNextTurn();
      const piece = this.#ahead ?? this.#make();
      this.#ahead = undefined;
      if (piece === undefined) return;
      if (piece.done === true) {
        this.#kept.end();
        return this.#target.end();
      }
      this.#kept.add(piece.value);
      if (piece.value.length === 0) continue; // a moment for others
      if (!this.#target.write(piece.value)) return this.#makeAhead();
    }
  }

  /** The target is full: its `drain` goes on, and finds one piece made. */
  #makeAhead(): void {
    setImmediate(() => {
      this.#turnStartedMs = this.#clock.nowMs();
      if (!this.#gone) this.#ahead ??= this.#make();
    });
  }

  #make(): IteratorResult<Uint8Array> | undefined {
    try {
      const early = this.#begun.next();
      return early.done === true ? this.#rest.next() : early;
    } catch {
      this.#response.destroy(); // its head is sent: only a broken connection still says that the body is not whole
      return undefined;
    }
  }
}

/** Gathers what is sent, for as long as it is worth keeping. */
class KeptPieces {
  readonly #keeper: Keeper | undefined;
  #pieces: Uint8Array[] = [];
  #bytes = 0;

  constructor(keeper: Keeper | undefined) {
    this.#keeper = keeper;
  }

  add(piece: Uint8Array): void {
    this.#bytes += piece.length;
    if (this.#keeper === undefined || this.#bytes > this.#keeper.bytesMax) this.#pieces = [];
    else this.#pieces.push(piece);
  }

  end(): void {
    if (this.#keeper !== undefined && this.#bytes <= this.#keeper.bytesMax)
      this.#keeper.keep(this.#pieces, this.#bytes);
  }
}
