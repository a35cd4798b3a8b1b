import { dirname, join } from "node:path";
import { invariant } from "../lib/invariant.ts";
import type { Clock, Disk, DiskFile, Rng } from "../lib/runtime.ts";
import { type EntryTable, packLocation, unpackLocation } from "./entry-table.ts";
import { FlushPace } from "./flush-pace.ts";
import type { HardState, LogEntry } from "./log-entry.ts";
import { LogFailedError } from "./log-errors.ts";
import { FrameBuilder, frameBytes } from "./log-frame.ts";
import { Batch, Reset } from "./log-queue.ts";
import { readEntriesAt } from "./log-read.ts";
import { putEntry, putHardState, putSegmentStart, putTruncate, type SegmentStart } from "./log-record.ts";
import { recoverLog } from "./log-recovery.ts";
import { Segment, segmentFileName } from "./log-segment.ts";

export interface RaftLogOptions {
  /** A segment is closed once it is this long. Old entries are deleted by whole segments. */
  readonly segmentBytes?: number;
  /** Zeroes written ahead of the log's end in one go. */
  readonly runwayBytes?: number;
  /** Newest entries held in memory, by the size of their data. */
  readonly cacheBytesMax?: number;
  /** Quick flushes in a row after which a small one may hold the event loop (see FlushPace). */
  readonly quickFlushesMin?: number;
}

export interface RaftLogDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly rng: Rng;
}

/** What `open` found. */
export interface Recovered {
  readonly hardState: HardState;
  readonly firstIndex: number;
  /** `firstIndex - 1` in an empty log. */
  readonly lastIndex: number;
  /** What a crash had left and was put right, in words for the operator's log. */
  readonly repairs: readonly string[];
}

/** One change of the log; all of it becomes durable, or nothing. Mirrors the Raft core's `persist`. */
export interface LogChange {
  readonly hardState?: HardState;
  /** Forget the entries from this index on, before `entries` are appended. */
  readonly truncateFrom?: number;
  readonly entries: readonly LogEntry[];
}

const SEGMENT_BYTES = 16 * 1_024 * 1_024;
/**
 * An fdatasync that has to commit a new file length or block costs a second journal write on most disks, so
 * the file is kept longer than the log by zeroes really written: measured 25 % faster than a file that grows
 * (or is only extended) for batches of 20 kB, equal within the noise for single entries.
 */
const RUNWAY_BYTES = 256 * 1_024;
/** Of a log that was recovered: its first reader goes through all of it, and need not ask the disk again. */
const CACHE_BYTES_MAX = 16 * 1_024 * 1_024;
/**
 * Of one that is written to. Raft's core has the newest entries itself where there are followers to send them to. Those that
 * are kept here as well only get old: V8 then counts their bytes as growth, and collects all of its garbage sooner.
 */
const WRITTEN_CACHE_BYTES_MAX = 256 * 1_024;
/** A batch that is longer is closed, and the next one started behind it. */
const BATCH_BYTES_SOFT_MAX = 4 * 1_024 * 1_024;

/**
 * Raft's log and hard state on disk: a write-ahead log in segments, in which entries, votes and truncations
 * follow one another, so that ONE write and ONE fdatasync make a whole change durable. While a flush is under
 * way later changes gather for the next.
 *
 * Memory is ahead of the disk: `lastIndex`, `term` and `cached` answer for everything appended, durable or
 * not; only the promise of `append` says durable. After a failed write nothing is accepted any more, and the
 * owner must stop the process.
 */
export class RaftLog {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #rng: Rng;
  readonly #segmentBytes: number;
  readonly #runway: Uint8Array;
  readonly #table: EntryTable;

  readonly #segments: Segment[];
  /** Of the last segment; undefined until the first write after a start. */
  #file: DiskFile | undefined;
  #end: number;
  /** Where the last segment's start frame ends: a batch of any size fits behind it. */
  #startEnd = 0;
  #zeroedTo: number;
  #nextSequence: number;
  /** As of the newest frame written: what a new segment has to repeat. */
  #written: { hardState: HardState; lastIndex: number; lastTerm: number };

  readonly #queue: (Batch | Reset)[] = [];
  /** Being written; no longer in the queue. */
  #current: Batch | Reset | undefined;
  #running: Promise<void> | undefined;
  #syncStartedMs: number | undefined;
  readonly #pace: FlushPace;
  /** Whether the event loop may wait for the disk: for a flush where it is quick (see FlushPace), for a small write always. */
  mayHoldTheLoop = true;
  #failure: LogFailedError | undefined;
  #closed = false;
  #batchCount = 0;
  #spareFrames: FrameBuilder[] = [];
  #deleting: Promise<void> = Promise.resolve();

  /**
   * Reads the log in `directory`, which is created when missing, and makes it ready to append.
   *
   * @throws LogDamagedError when the disk holds what no crash can leave behind; nothing is changed then.
   * @throws DiskError
   */
  static async open(
    directory: string,
    dependencies: RaftLogDependencies,
    options: RaftLogOptions = {},
  ): Promise<{ log: RaftLog; recovered: Recovered }> {
    const { disk } = dependencies;
    await disk.makeDir(directory);
    // Without its name in the parent, and the parent's in its own, a synced file is lost all the same.
    await disk.syncDir(dirname(directory));
    await disk.syncDir(dirname(dirname(directory)));
    const state = await recoverLog(directory, disk, options.cacheBytesMax ?? CACHE_BYTES_MAX);
    const log = new RaftLog(directory, dependencies, options, state);
    const { hardState, table, repairs } = state;
    return { log, recovered: { hardState, firstIndex: table.firstIndex, lastIndex: table.lastIndex, repairs } };
  }

  private constructor(
    directory: string,
    { disk, clock, rng }: RaftLogDependencies,
    options: RaftLogOptions,
    state: Awaited<ReturnType<typeof recoverLog>>,
  ) {
    this.#directory = directory;
    this.#disk = disk;
    this.#clock = clock;
    this.#rng = rng;
    this.#segmentBytes = options.segmentBytes ?? SEGMENT_BYTES;
    this.#runway = new Uint8Array(options.runwayBytes ?? RUNWAY_BYTES);
    this.#pace = new FlushPace(options.quickFlushesMin);
    this.#table = state.table;
    this.#segments = state.segments;
    this.#end = state.end;
    this.#zeroedTo = state.zeroedTo;
    this.#nextSequence = state.nextSequence;
    const { lastIndex, lastTerm } = state.table;
    this.#written = { hardState: state.hardState, lastIndex, lastTerm };
  }

  get firstIndex(): number {
    return this.#table.firstIndex;
  }

  /** `firstIndex - 1` when the log is empty. */
  get lastIndex(): number {
    return this.#table.lastIndex;
  }

  /** Term of an entry; also of the one right before the first where it is known. Otherwise undefined. */
  term(index: number): number | undefined {
    return this.#table.term(index);
  }

  /** Entries [low, high) where memory holds them all, else undefined: then `read`. */
  cached(low: number, high: number): readonly LogEntry[] | undefined {
    return this.#table.cached(low, high);
  }

  /** How long the flush under way has taken, or undefined: a stalled disk shows here before anything fails. */
  get pendingSyncMs(): number | undefined {
    return this.#syncStartedMs === undefined ? undefined : this.#clock.nowMs() - this.#syncStartedMs;
  }

  /** Why nothing is accepted any more, if so. */
  get failure(): LogFailedError | undefined {
    return this.#failure;
  }

  /**
   * Resolves once the change, and every one before it, is durable. Changes of one turn of the event loop, and
   * those that come while a flush is under way, share a flush and a promise. An empty change writes nothing.
   *
   * @throws LogFailedError (as a rejection), after which every call rejects.
   */
  append(change: LogChange): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const isEmpty = change.hardState === undefined && change.truncateFrom === undefined && change.entries.length === 0;
    if (isEmpty) return (this.#queue.at(-1) ?? this.#current)?.done ?? Promise.resolve();
    const batch = this.#openBatch();
    this.#table.cacheBytesMax = Math.min(this.#table.cacheBytesMax, WRITTEN_CACHE_BYTES_MAX);
    // The hard state first: should a term ever be half applied, having it without its entries is harmless.
    if (change.hardState !== undefined) {
      putHardState(batch.frame, change.hardState);
      batch.hardState = change.hardState;
    }
    if (change.truncateFrom !== undefined) {
      putTruncate(batch.frame, change.truncateFrom);
      this.#table.truncateFrom(change.truncateFrom);
    }
    for (const entry of change.entries) {
      this.#table.push(entry, batch.pending);
      putEntry(batch.frame, entry);
      batch.indexes.push(entry.index);
    }
    batch.lastIndex = this.#table.lastIndex;
    batch.lastTerm = this.#table.lastTerm;
    this.#start();
    return batch.done;
  }

  /**
   * Entries from `low` on, ascending, below `high` and up to `maxBytes` of data, but at least one: from memory
   * when it holds all of them, else as many as one read of the disk brings. Empty when `low` is compacted away
   * or not there yet.
   *
   * @throws LogDamagedError when what is read does not check; DiskError.
   */
  async read(low: number, high: number, maxBytes: number): Promise<LogEntry[]> {
    const end = Math.min(high, this.lastIndex + 1);
    if (low >= end) return [];
    const found = this.#table.cached(low, end) ?? (await this.#readFromDisk(low, end));
    let bytes = 0;
    const enough = found.findIndex((entry, position) => {
      bytes += entry.data.length;
      return position > 0 && bytes > maxBytes;
    });
    return found.slice(0, enough < 0 ? found.length : enough);
  }

  /**
   * Forgets the entries up to and including `upTo`, which a durable snapshot covers, and deletes the segments
   * that hold nothing else. A restart may find some of these entries again; that is harmless.
   *
   * @returns when the files are gone; nobody needs to wait for it.
   */
  compact(upTo: number): Promise<void> {
    this.#table.dropBefore(Math.min(upTo, this.lastIndex) + 1);
    return this.#deleteSegments();
  }

  /**
   * Replaces the whole log by the promise that everything up to `index` is in a snapshot: after an installed
   * one. The hard state stays. Resolves when durable.
   */
  reset(index: number, term: number): Promise<void> {
    const refusal = this.#refusal();
    if (refusal !== undefined) return Promise.reject(refusal);
    const reset = new Reset(index, term);
    this.#table.reset(index, term);
    this.#queue.push(reset);
    this.#start();
    return reset.done;
  }

  /** Finishes what was appended and closes the files. Never rejects for a log that has failed. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
    await this.#deleting;
    await Promise.all(this.#segments.map((segment) => segment.retire()));
    await this.#file?.close();
    this.#file = undefined;
  }

  #refusal(): Error | undefined {
    if (this.#failure !== undefined) return this.#failure;
    return this.#closed ? new Error("the raft log is closed") : undefined;
  }

  /** The batch that still takes changes: the last one in the queue, unless it is being written or long. */
  #openBatch(): Batch {
    const last = this.#queue.at(-1);
    if (last instanceof Batch && last.frame.payloadBytes < BATCH_BYTES_SOFT_MAX) return last;
    const batch = new Batch(this.#spareFrames.pop() ?? new FrameBuilder(), -++this.#batchCount);
    this.#queue.push(batch);
    return batch;
  }

  #start(): void {
    // One microtask later, so that a step that appends twice still needs one flush.
    this.#running ??= Promise.resolve().then(() => this.#run());
  }

  async #run(): Promise<void> {
    for (let work = this.#queue.shift(); work !== undefined; work = this.#queue.shift()) {
      this.#current = work;
      try {
        this.#syncStartedMs = this.#clock.nowMs();
        if (work instanceof Batch) await this.#writeBatch(work);
        else await this.#writeReset(work);
        work.settle();
      } catch (error) {
        this.#fail(error, work);
      }
    }
    this.#syncStartedMs = undefined;
    this.#current = undefined;
    this.#running = undefined;
  }

  #fail(error: unknown, work: Batch | Reset): void {
    const failure = new LogFailedError(error);
    this.#failure = failure;
    work.settle(failure);
    for (const waiting of this.#queue.splice(0)) waiting.settle(failure);
  }

  async #writeBatch(batch: Batch): Promise<void> {
    const size = frameBytes(batch.frame.payloadBytes);
    const isFull = this.#end > this.#startEnd && this.#end + size > this.#segmentBytes;
    if (this.#segments.length === 0 || isFull) await this.#startSegment(this.#nextStart());
    const file = await this.#openFile();
    const offset = this.#end;
    await this.#writeFrame(file, batch.frame, this.#segments.at(-1)!.salt);
    this.#table.settle(batch.indexes, batch.pending, packLocation(this.#segments.at(-1)!.number, offset));
    this.#written = {
      hardState: batch.hardState ?? this.#written.hardState,
      lastIndex: batch.lastIndex,
      lastTerm: batch.lastTerm,
    };
    batch.frame.reset();
    if (this.#spareFrames.length < 2) this.#spareFrames.push(batch.frame);
  }

  async #writeReset(reset: Reset): Promise<void> {
    await this.#startSegment(reset.start);
    this.#written = {
      ...this.#written,
      lastIndex: reset.start.nextIndex - 1,
      lastTerm: reset.start.previousTerm,
    };
    void this.#deleteSegments();
  }

  #nextStart(): SegmentStart {
    const { lastIndex, lastTerm } = this.#written;
    return { nextIndex: lastIndex + 1, previousTerm: lastTerm, reset: false };
  }

  /** One write, one fdatasync, on the loop or beside it. Where the runway ends, the same write lays the next stretch of it. */
  async #writeFrame(file: DiskFile, builder: FrameBuilder, salt: number): Promise<void> {
    const frame = builder.seal(this.#nextSequence, salt);
    const end = this.#end + frame.length;
    const fits = end <= this.#zeroedTo;
    const startedMs = this.#clock.nowMs();
    const mayHold = this.mayHoldTheLoop && fits && this.#pace.mayHoldTheLoop(frame.length);
    if (mayHold && file.writeDurablyNow !== undefined) {
      file.writeDurablyNow(this.#end, frame);
      this.#pace.heldFor(this.#clock.nowMs() - startedMs);
    } else {
      await file.write(this.#end, fits ? [frame] : [frame, this.#runway], !this.mayHoldTheLoop);
      await file.sync();
      this.#pace.waitedFor(this.#clock.nowMs() - startedMs);
    }
    this.#zeroedTo = fits ? this.#zeroedTo : end + this.#runway.length;
    this.#end = end;
    this.#nextSequence++;
  }

  async #openFile(): Promise<DiskFile> {
    this.#file ??= await this.#disk.open(this.#segments.at(-1)!.path, "readwrite", true);
    return this.#file;
  }

  /**
   * A new file whose first frame, durable before any other is written, says where in the log it starts and
   * repeats the hard state, so that it can be read when all before it are deleted.
   */
  async #startSegment(start: SegmentStart): Promise<void> {
    const number = (this.#segments.at(-1)?.number ?? 0) + 1;
    const salt = Buffer.from(this.#rng.bytes(4)).readUInt32BE();
    const path = join(this.#directory, segmentFileName({ number, salt }));
    await this.#file?.close();
    this.#file = undefined;
    const file = await this.#disk.open(path, "create", true);
    this.#file = file;
    this.#end = 0;
    this.#zeroedTo = 0;
    const frame = new FrameBuilder();
    putSegmentStart(frame, start);
    putHardState(frame, this.#written.hardState);
    await this.#writeFrame(file, frame, salt);
    await this.#disk.syncDir(this.#directory);
    this.#startEnd = this.#end;
    // Only now: a segment in this list is a reason to delete the ones before it.
    const segment = new Segment(this.#disk, path, { number, salt });
    segment.nextIndex = start.nextIndex;
    this.#segments.push(segment);
  }

  async #readFromDisk(low: number, high: number): Promise<LogEntry[]> {
    const location = this.#table.location(low);
    if (location === undefined) return [];
    invariant(location >= 0, `log entry ${low} is neither in memory nor on disk`);
    const { segmentNumber, offset } = unpackLocation(location);
    const segment = this.#segments.find((one) => one.number === segmentNumber);
    invariant(segment !== undefined, `segment ${segmentNumber} of log entry ${low} is gone`);
    const entries = await readEntriesAt(segment, offset);
    // Only what the table says is there: a later frame may have cut off and replaced some of these.
    const wanted: LogEntry[] = [];
    for (let index = low; index < high; index++) {
      const read = entries.get(index);
      if (read === undefined || this.#table.location(index) !== packLocation(segmentNumber, read.frameOffset)) break;
      wanted.push(read.entry);
    }
    return wanted;
  }

  /** Oldest first, and each durably, so that a crash leaves no hole. */
  #deleteSegments(): Promise<void> {
    this.#deleting = this.#deleting.then(async () => {
      // A segment that starts at or before the first index needs nothing that was written before it.
      while (this.#segments.findLastIndex((segment) => segment.nextIndex <= this.#table.firstIndex) > 0) {
        const oldest = this.#segments[0]!;
        await oldest.retire();
        await this.#disk.remove(oldest.path);
        await this.#disk.syncDir(this.#directory);
        this.#segments.shift(); // after it is gone: deleting the next one first would leave a hole
      }
    });
    // A file that cannot be deleted only costs space, and the next start or compaction tries again.
    this.#deleting = this.#deleting.catch(() => undefined);
    return this.#deleting;
  }
}
