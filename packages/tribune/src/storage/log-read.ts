/** Entries read back from a segment, for a follower that needs some which memory no longer holds. */
import type { LogEntry } from "./log-entry.ts";
import { LogDamagedError } from "./log-errors.ts";
import { checkedPayload, frameBytes, readFrameHead } from "./log-frame.ts";
import { RecordError, readRecords } from "./log-record.ts";
import type { Segment } from "./log-segment.ts";

/** Read at once: a follower that lacks one entry usually lacks those behind it as well. */
const READ_AHEAD_BYTES = 256 * 1_024;

export interface ReadEntry {
  readonly entry: LogEntry;
  /** Where in the segment the entry's frame starts. */
  readonly frameOffset: number;
}

/**
 * The entries of the frame at `offset`, and of those behind it as far as one read reaches, by index.
 *
 * @throws LogDamagedError when the frame at `offset`, which was durable, is not whole any more; DiskError.
 */
export async function readEntriesAt(segment: Segment, offset: number): Promise<ReadonlyMap<number, ReadEntry>> {
  return entriesIn(segment, offset, await readFrames(segment, offset));
}

async function readFrames(segment: Segment, offset: number): Promise<Buffer> {
  const bytes = await segment.read(offset, READ_AHEAD_BYTES);
  const head = readFrameHead(bytes, 0);
  if (head === undefined || frameBytes(head.payloadBytes) <= bytes.length) return bytes;
  return segment.read(offset, frameBytes(head.payloadBytes));
}

/** Entries of the whole frames in `bytes`, which starts with a frame; of two with one index the later counts. */
function entriesIn(segment: Segment, start: number, bytes: Buffer): Map<number, ReadEntry> {
  const found = new Map<number, ReadEntry>();
  let at = 0;
  while (true) {
    const head = readFrameHead(bytes, at);
    const isWhole = head !== undefined && at + frameBytes(head.payloadBytes) <= bytes.length;
    const payload = isWhole ? checkedPayload(bytes.subarray(at), head.payloadBytes, segment.salt) : undefined;
    if (payload === undefined) {
      if (at === 0) throw new LogDamagedError(segment.path, start, "a frame that was whole is no longer");
      return found;
    }
    try {
      for (const record of readRecords(payload))
        if (record.type === "entry") found.set(record.entry.index, { entry: record.entry, frameOffset: start + at });
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      throw new LogDamagedError(segment.path, start + at, error.message);
    }
    at += frameBytes(head!.payloadBytes);
  }
}
