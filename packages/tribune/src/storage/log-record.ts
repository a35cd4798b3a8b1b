import type { EntryType, HardState, LogEntry } from "./log-entry.ts";
import type { FrameBuilder } from "./log-frame.ts";

/** Changes when a reader of the old form would misread the new one. */
export const LOG_FORMAT_VERSION = 1;

/** What a segment needs to be read without the ones before it; always the first record of its first frame. */
export interface SegmentStart {
  readonly nextIndex: number;
  /** Term of entry `nextIndex - 1`; 0 where there is none. */
  readonly previousTerm: number;
  /** Nothing before counts any more: a snapshot from elsewhere took its place. */
  readonly reset: boolean;
}

export type LogRecord =
  | { readonly type: "segment"; readonly start: SegmentStart }
  | { readonly type: "hardState"; readonly hardState: HardState }
  | { readonly type: "truncate"; readonly fromIndex: number }
  | { readonly type: "entry"; readonly entry: LogEntry };

/** First byte of each record. */
const CODE = { segment: 1, hardState: 2, truncate: 3, entry: 4 } as const;
/** On disk as on the wire (sheet raft §2). */
const ENTRY_TYPE_CODE: Readonly<Record<EntryType, number>> = { command: 0, noop: 1, barrier: 4, configuration: 5 };
const ENTRY_TYPES: readonly (EntryType | undefined)[] = [
  "command",
  "noop",
  undefined,
  undefined,
  "barrier",
  "configuration",
];
const FLAG_EXTENSIONS = 1;
const FLAG_APPENDED_AT = 2;
const NO_VOTE = 0xffff;
const TWO_32 = 2 ** 32;

export function putSegmentStart(frame: FrameBuilder, start: SegmentStart): void {
  frame.u8(CODE.segment).u8(LOG_FORMAT_VERSION).u64(start.nextIndex).u64(start.previousTerm);
  frame.u8(start.reset ? 1 : 0);
}

export function putHardState(frame: FrameBuilder, { term, votedFor }: HardState): void {
  frame.u8(CODE.hardState).u64(term);
  if (votedFor === undefined) {
    frame.u16(NO_VOTE);
    return;
  }
  const name = Buffer.from(votedFor);
  frame.u16(name.length).bytes(name);
}

export function putTruncate(frame: FrameBuilder, fromIndex: number): void {
  frame.u8(CODE.truncate).u64(fromIndex);
}

export function putEntry(frame: FrameBuilder, entry: LogEntry): void {
  const { extensions, appendedAtMs } = entry;
  const flags = (extensions ? FLAG_EXTENSIONS : 0) | (appendedAtMs === undefined ? 0 : FLAG_APPENDED_AT);
  frame.u8(CODE.entry).u64(entry.index).u64(entry.term).u8(ENTRY_TYPE_CODE[entry.type]).u8(flags);
  if (appendedAtMs !== undefined) frame.f64(appendedAtMs);
  if (extensions) frame.u32(extensions.length).bytes(extensions);
  frame.u32(entry.data.length).bytes(entry.data);
}

/** A payload whose CRC fits but which this version cannot read: a newer format, or a bug. */
export class RecordError extends Error {
  override readonly name = "RecordError";
}

/**
 * The records of one checked payload, in order. Data is copied: an entry outlives the buffer it was read from.
 *
 * @throws RecordError
 */
export function* readRecords(payload: Buffer): Generator<LogRecord, void, undefined> {
  let at = 0;
  const take = (byteCount: number): number => {
    const start = at;
    at += byteCount;
    if (at > payload.length) throw new RecordError("a record ends behind its frame");
    return start;
  };
  const u8 = (): number => payload[take(1)]!;
  const u32 = (): number => payload.readUInt32BE(take(4));
  const u64 = (): number => u32() * TWO_32 + u32();
  const bytes = (byteCount: number): Uint8Array => {
    const start = take(byteCount);
    return new Uint8Array(payload.subarray(start, start + byteCount));
  };

  const readEntry = (): LogEntry => {
    const index = u64();
    const term = u64();
    const typeCode = u8();
    const flags = u8();
    const type = ENTRY_TYPES[typeCode];
    if (type === undefined || flags > 3) throw new RecordError(`an entry of type ${typeCode} and flags ${flags}`);
    const appendedAt = flags & FLAG_APPENDED_AT ? { appendedAtMs: payload.readDoubleBE(take(8)) } : undefined;
    const extensions = flags & FLAG_EXTENSIONS ? { extensions: bytes(u32()) } : undefined;
    return { index, term, type, data: bytes(u32()), ...extensions, ...appendedAt };
  };

  while (at < payload.length) {
    const code = u8();
    switch (code) {
      case CODE.segment: {
        const version = u8();
        if (version !== LOG_FORMAT_VERSION)
          throw new RecordError(`format version ${version}, and this program reads version ${LOG_FORMAT_VERSION}`);
        yield { type: "segment", start: { nextIndex: u64(), previousTerm: u64(), reset: u8() === 1 } };
        break;
      }
      case CODE.hardState: {
        const term = u64();
        const nameBytes = payload.readUInt16BE(take(2));
        const votedFor = nameBytes === NO_VOTE ? undefined : Buffer.from(bytes(nameBytes)).toString();
        yield { type: "hardState", hardState: { term, votedFor } };
        break;
      }
      case CODE.truncate:
        yield { type: "truncate", fromIndex: u64() };
        break;
      case CODE.entry:
        yield { type: "entry", entry: readEntry() };
        break;
      default:
        throw new RecordError(`a record of unknown kind ${code}`);
    }
  }
}
