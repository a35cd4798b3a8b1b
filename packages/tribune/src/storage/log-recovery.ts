import { join } from "node:path";
import type { Disk } from "../lib/runtime.ts";
import { EntryTable, packLocation } from "./entry-table.ts";
import type { HardState } from "./log-entry.ts";
import { LogDamagedError } from "./log-errors.ts";
import { type LogRecord, RecordError, readRecords, type SegmentStart } from "./log-record.ts";
import { findFrameBehind, type ScanEnd, type ScannedFrame, scanFrames } from "./log-scan.ts";
import { parseSegmentName, Segment, type SegmentName } from "./log-segment.ts";

export interface RecoveredLog {
  /** Ascending; empty in a fresh directory. */
  readonly segments: Segment[];
  readonly table: EntryTable;
  readonly hardState: HardState;
  /** Sequence number of the next frame. */
  readonly nextSequence: number;
  /** Where the next frame goes in the last segment, and up to where that file holds zeroes. */
  readonly end: number;
  readonly zeroedTo: number;
  /** What was put right, in words for the operator's log. */
  readonly repairs: readonly string[];
}

export const HARD_STATE_NONE: HardState = { term: 0, votedFor: undefined };

interface Found extends SegmentName {
  readonly path: string;
}

/**
 * Reads the log in `directory` and puts right what a crash may leave: the last flush half written, a segment
 * half created, or old segments half deleted. Anything else is damage.
 *
 * @throws LogDamagedError with nothing changed on disk.
 * @throws DiskError
 */
export async function recoverLog(directory: string, disk: Disk, cacheBytesMax: number): Promise<RecoveredLog> {
  return new Recovery(directory, disk, cacheBytesMax).run();
}

class Recovery {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #table: EntryTable;
  #hardState = HARD_STATE_NONE;
  #nextSequence: number | undefined;
  readonly #segments: Segment[] = [];
  readonly #repairs: string[] = [];

  constructor(directory: string, disk: Disk, cacheBytesMax: number) {
    this.#directory = directory;
    this.#disk = disk;
    this.#table = new EntryTable(cacheBytesMax);
  }

  async run(): Promise<RecoveredLog> {
    try {
      return await this.#read();
    } catch (error) {
      await Promise.all(this.#segments.map((segment) => segment.retire()));
      throw error;
    }
  }

  async #read(): Promise<RecoveredLog> {
    const found = await this.#list();
    let end = 0;
    let zeroedTo = 0;
    for (const [position, name] of found.entries()) {
      const isLast = position === found.length - 1;
      const size = await this.#sizeOf(name.path);
      const scanned = await this.#readSegment(name, size, isLast);
      if (scanned === undefined) continue; // half created, and removed again
      end = scanned.offset;
      zeroedTo = scanned.clean ? size : end;
    }
    await this.#settle();
    return {
      segments: this.#segments,
      table: this.#table,
      hardState: this.#hardState,
      nextSequence: this.#nextSequence ?? 1,
      end,
      zeroedTo,
      repairs: this.#repairs,
    };
  }

  /**
   * After a killed process (the machine went on) what was read may only be in the system's cache, and the
   * caller is about to act on it: a vote it finds here is a vote it gave.
   */
  async #settle(): Promise<void> {
    const last = this.#segments.at(-1);
    if (last === undefined) return;
    const file = await this.#disk.open(last.path, "readwrite");
    try {
      await file.sync();
    } finally {
      await file.close();
    }
    await this.#disk.syncDir(this.#directory);
  }

  async #list(): Promise<Found[]> {
    const found: Found[] = [];
    for (const fileName of await this.#disk.list(this.#directory)) {
      const name = parseSegmentName(fileName);
      if (name !== undefined) found.push({ ...name, path: join(this.#directory, fileName) });
    }
    found.sort((left, right) => left.number - right.number);
    for (const [position, { number, path }] of found.entries()) {
      const previous = found[position - 1];
      if (previous !== undefined && number !== previous.number + 1)
        throw new LogDamagedError(path, 0, `segment ${previous.number + 1} should come before it and is not there`);
    }
    return found;
  }

  async #sizeOf(path: string): Promise<number> {
    const file = await this.#disk.open(path, "read");
    try {
      return await file.size();
    } finally {
      await file.close();
    }
  }

  async #readSegment(name: Found, size: number, isLast: boolean): Promise<ScanEnd | undefined> {
    const segment = new Segment(this.#disk, name.path, name);
    this.#segments.push(segment);
    const frames = scanFrames(segment, size, this.#nextSequence);
    let next = await frames.next();
    const hasFrames = !next.done;
    if (!next.done) this.#enterSegment(segment, this.#startOf(segment, next.value));
    while (!next.done) {
      this.#applyFrame(segment, next.value);
      next = await frames.next();
    }
    const end = next.value;
    if (!hasFrames || !end.clean) await this.#repair(segment, size, end, hasFrames, isLast);
    return hasFrames ? end : undefined;
  }

  /** The log ends at `end` although the file does not: a torn write, if nothing durable can follow it. */
  async #repair(segment: Segment, size: number, end: ScanEnd, hasFrames: boolean, isLast: boolean): Promise<void> {
    const damage = (finding: string): LogDamagedError => new LogDamagedError(segment.path, end.offset, finding);
    if (!isLast) throw damage("no whole frame is there, and a later segment follows");
    const behind = await findFrameBehind(segment, size, end.offset, (this.#nextSequence ?? 0) + 1);
    if (behind !== undefined) throw damage(`no whole frame is there, and a whole one follows at byte ${behind}`);
    if (!hasFrames) {
      this.#segments.pop();
      await segment.retire();
      await this.#disk.remove(segment.path);
      await this.#disk.syncDir(this.#directory);
      this.#repairs.push(`removed ${segment.path}: its creation was interrupted, and it holds nothing`);
      return;
    }
    const file = await this.#disk.open(segment.path, "readwrite");
    try {
      await file.truncate(end.offset);
      await file.sync();
    } finally {
      await file.close();
    }
    this.#repairs.push(
      `cut ${segment.path} from ${size} to ${end.offset} bytes: its last write was interrupted before it was acknowledged`,
    );
  }

  #startOf(segment: Segment, frame: ScannedFrame): SegmentStart {
    const first = this.#records(segment.path, frame)[0];
    if (first?.type !== "segment")
      throw new LogDamagedError(segment.path, 0, "the segment does not begin with its start record");
    return first.start;
  }

  #enterSegment(segment: Segment, start: SegmentStart): void {
    segment.nextIndex = start.nextIndex;
    const isFirst = this.#segments.length === 1;
    if (isFirst || start.reset) {
      this.#table.reset(start.nextIndex - 1, start.previousTerm);
    } else if (start.nextIndex !== this.#table.lastIndex + 1) {
      const finding = `the segment starts at entry ${start.nextIndex}, the one before ends at ${this.#table.lastIndex}`;
      throw new LogDamagedError(segment.path, 0, finding);
    }
  }

  #applyFrame(segment: Segment, frame: ScannedFrame): void {
    const location = packLocation(segment.number, frame.offset);
    for (const record of this.#records(segment.path, frame)) {
      if (record.type === "hardState") this.#hardState = record.hardState;
      else if (record.type === "truncate") this.#table.truncateFrom(record.fromIndex);
      else if (record.type === "entry") {
        const { index, term } = record.entry;
        if (index !== this.#table.lastIndex + 1 || term < this.#table.lastTerm) {
          const finding = `entry ${index} of term ${term} follows entry ${this.#table.lastIndex} of term ${this.#table.lastTerm}`;
          throw new LogDamagedError(segment.path, frame.offset, finding);
        }
        this.#table.push(record.entry, location);
      }
    }
    this.#nextSequence = frame.sequence + 1;
  }

  #records(path: string, frame: ScannedFrame): LogRecord[] {
    try {
      return [...readRecords(frame.payload)];
    } catch (error) {
      if (!(error instanceof RecordError)) throw error;
      throw new LogDamagedError(path, frame.offset, `${error.message} (was it written by a newer version?)`);
    }
  }
}
