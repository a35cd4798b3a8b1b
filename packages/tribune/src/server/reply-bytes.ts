import { MsgpackReader } from "../codec/msgpack.ts";
import { skipSteps } from "../codec/struct-steps.ts";
import { finished, type Steps } from "../lib/steps.ts";

/** How a reply came about: differs from call to call while the answer stays the same. */
export interface ReplyMeta {
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
}

const VOLATILE: ReadonlySet<string> = new Set(["LastContact", "KnownLeader", "ConsistencyLevel", "Backend"]);
const NS_PER_MS = 1e6;

interface Span {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

/**
 * The bytes of a reply to a read, taken apart just far enough to tell whether another reply says the same: all but the
 * fields of QueryMeta that only say how it came about.
 */
export class ReplyBytes {
  readonly bytes: Buffer;
  /** Values of the volatile fields, in the order of their places. Empty for a reply that is no map of fields. */
  readonly #spans: readonly Span[];

  private constructor(bytes: Buffer, spans: readonly Span[]) {
    this.bytes = bytes;
    this.#spans = spans;
  }

  /** @throws MsgpackError for bytes that are no msgpack */
  static of(bytes: Uint8Array): ReplyBytes {
    return finished(ReplyBytes.steps(bytes));
  }

  /** The same in steps. */
  static *steps(bytes: Uint8Array): Steps<ReplyBytes> {
    const own = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return new ReplyBytes(own, yield* volatileSpans(own));
  }

  /** @throws MsgpackError */
  get meta(): ReplyMeta {
    return metaOf(this.bytes, this.#spans);
  }

  /** What another reply says of its way here if its answer is the same one, else undefined. Never throws. */
  sameAnswer(other: Uint8Array): ReplyMeta | undefined {
    const { bytes } = this;
    const spans: Span[] = [];
    let from = 0;
    let fromTheirs = 0;
    for (const { name, start, end } of this.#spans) {
      const startTheirs = fromTheirs + start - from;
      if (startTheirs >= other.length) return undefined;
      if (bytes.compare(other, fromTheirs, startTheirs, from, start) !== 0) return undefined;
      // All before it is the same, so a value stands here as well, which may have another length.
      const endTheirs = endOfValue(other, startTheirs);
      if (endTheirs === undefined) return undefined;
      spans.push({ name, start: startTheirs, end: endTheirs });
      from = end;
      fromTheirs = endTheirs;
    }
    if (bytes.compare(other, fromTheirs, other.length, from, bytes.length) !== 0) return undefined;
    return readMeta(other, spans);
  }
}

function endOfValue(bytes: Uint8Array, start: number): number | undefined {
  const reader = new MsgpackReader(bytes, start);
  try {
    reader.skip();
  } catch {
    return undefined; // whoever decodes it says what is wrong with it
  }
  return reader.position;
}

/** Undefined where the values do not fill the places they should: then the bytes are another reply's. */
function readMeta(bytes: Uint8Array, spans: readonly Span[]): ReplyMeta | undefined {
  try {
    return metaOf(bytes, spans);
  } catch {
    return undefined;
  }
}

function metaOf(bytes: Uint8Array, spans: readonly Span[]): ReplyMeta {
  let knownLeader = false;
  let lastContactMs = 0;
  for (const { name, start, end } of spans) {
    const reader = new MsgpackReader(bytes, start);
    if (name === "KnownLeader") knownLeader = reader.bool();
    else if (name === "LastContact") lastContactMs = reader.int() / NS_PER_MS;
    else reader.skip();
    if (reader.position !== end) throw new Error(`${name} does not end where it should`);
  }
  return { knownLeader, lastContactMs };
}

function* volatileSpans(bytes: Buffer): Steps<readonly Span[]> {
  const reader = new MsgpackReader(bytes);
  if (reader.peekKind() !== "map") return [];
  const spans: Span[] = [];
  for (let left = reader.mapHeader(); left > 0; left--) {
    const name = reader.key();
    const start = reader.position;
    yield* skipSteps(reader);
    if (VOLATILE.has(name)) spans.push({ name, start, end: reader.position });
  }
  return spans;
}
