import { MsgpackReader } from "../codec/msgpack.ts";

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

  /** @throws MsgpackError for bytes that are no msgpack */
  constructor(bytes: Uint8Array) {
    this.bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#spans = volatileSpans(this.bytes);
  }

  /** @throws MsgpackError */
  get meta(): ReplyMeta {
    return metaOf(this.bytes, this.#spans);
  }

  /** What another reply says of its way here if its answer is the same one, else undefined. Never throws. */
  sameAnswer(other: Uint8Array): ReplyMeta | undefined {
    const { bytes } = this;
    // Another length of `LastContact` moves everything behind it: such a reply is taken apart as well.
    if (other.length !== bytes.length) return this.#compareApart(other);
    let from = 0;
    for (const { start, end } of this.#spans) {
      if (bytes.compare(other, from, start, from, start) !== 0) return undefined;
      from = end;
    }
    if (bytes.compare(other, from, other.length, from, bytes.length) !== 0) return undefined;
    return readMeta(other, this.#spans);
  }

  #compareApart(other: Uint8Array): ReplyMeta | undefined {
    const drift = this.#spans.length === 0 ? 0 : 16 * this.#spans.length;
    if (Math.abs(other.length - this.bytes.length) > drift || drift === 0) return undefined;
    let theirs: ReplyBytes;
    try {
      theirs = new ReplyBytes(other);
    } catch {
      return undefined; // whoever decodes it says what is wrong with it
    }
    const spans = theirs.#spans;
    if (spans.length !== this.#spans.length) return undefined;
    let from = 0;
    let fromTheirs = 0;
    for (let at = 0; at <= spans.length; at++) {
      const end = this.#spans[at]?.start ?? this.bytes.length;
      const endTheirs = spans[at]?.start ?? theirs.bytes.length;
      if (this.bytes.compare(theirs.bytes, fromTheirs, endTheirs, from, end) !== 0) return undefined;
      from = this.#spans[at]?.end ?? end;
      fromTheirs = spans[at]?.end ?? endTheirs;
    }
    return readMeta(theirs.bytes, spans);
  }
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

function volatileSpans(bytes: Buffer): readonly Span[] {
  const reader = new MsgpackReader(bytes);
  if (reader.peekKind() !== "map") return [];
  const spans: Span[] = [];
  for (let left = reader.mapHeader(); left > 0; left--) {
    const name = reader.key();
    const start = reader.position;
    reader.skip();
    if (VOLATILE.has(name)) spans.push({ name, start, end: reader.position });
  }
  return spans;
}
