import { invariant } from "../lib/invariant.ts";
import type { LogEntry, LogIndex, RecoveredLog, SnapshotMeta, Term, TermRun } from "./types.ts";

/** What an entry costs in memory besides its bytes: an estimate, so that empty entries count too. */
const ENTRY_OVERHEAD_BYTES = 128;

/** Stands where an entry was, until the list of them is swept. */
const GONE: LogEntry = { index: 0, term: 0, type: "noop", data: new Uint8Array(0) };

function entryBytes(entry: LogEntry): number {
  return entry.data.length + (entry.extensions?.length ?? 0) + ENTRY_OVERHEAD_BYTES;
}

/**
 * The core's picture of the log: the newest entries in memory, and for the older ones on disk only where
 * each term starts. Terms change rarely, so that list stays short and every `prevLogTerm` is answered
 * without reading.
 *
 * Invariant: `firstIndex - 1 <= lastIndex`; the tail ends at `lastIndex`; terms never decrease.
 */
export class RaftLog {
  /** The oldest entry that still exists, in memory or on disk. */
  firstIndex: LogIndex;
  lastIndex: LogIndex;
  lastTerm: Term;
  /** The snapshot's last entry; its term stays known after the entry is gone. */
  snapshotIndex: LogIndex;
  snapshotTerm: Term;

  /** Starts of term runs, ascending. Runs that end before `firstIndex - 1` are forgotten. */
  #runs: TermRun[];
  /** Lowest index whose term `#runs` still tells. */
  #runsFrom: LogIndex;
  /** `#tail[#head]` is entry `#tailFirst`; what lies before `#head` is `GONE` and not yet swept. */
  #tail: LogEntry[];
  #head = 0;
  #tailFirst: LogIndex;
  #tailBytes = 0;

  constructor(recovered: RecoveredLog, snapshot: SnapshotMeta | undefined) {
    this.snapshotIndex = snapshot?.index ?? 0;
    this.snapshotTerm = snapshot?.term ?? 0;
    this.firstIndex = recovered.firstIndex;
    this.#runs = [...recovered.terms];
    this.#runsFrom = recovered.firstIndex;
    this.#tail = [...recovered.tail];
    for (const entry of this.#tail) this.#tailBytes += entryBytes(entry);
    const last = this.#tail.at(-1);
    this.lastIndex = last?.index ?? recovered.firstIndex - 1;
    this.lastTerm = last?.term ?? this.snapshotTerm;
    this.#tailFirst = this.lastIndex + 1 - this.#tail.length;
    invariant(this.firstIndex <= this.snapshotIndex + 1, "the log must start at or before the end of the snapshot");
    invariant(this.lastIndex >= this.snapshotIndex, "a log that ends before the snapshot must be reset when recovered");
    invariant(
      this.lastIndex < this.firstIndex || (this.#runs[0]?.index === this.firstIndex && this.#tail.length > 0),
      "a log that is not empty needs its term runs and at least its last entry",
    );
  }

  /** Term of an entry, or undefined where it is compacted away or does not exist yet. 0 for index 0. */
  term(index: LogIndex): Term | undefined {
    if (index === this.lastIndex) return this.lastTerm;
    if (index === this.snapshotIndex) return this.snapshotTerm;
    if (index === 0) return 0;
    if (index < this.#runsFrom || index > this.lastIndex) return undefined;
    return this.#runOf(index)?.term;
  }

  /** First index of the run of equal terms that holds `index`, as far back as the log goes. */
  runStart(index: LogIndex): LogIndex {
    return Math.max(this.#runOf(index)?.index ?? index, this.firstIndex);
  }

  /** Whether entries from `index` on are in memory (trivially so behind the end). */
  inMemory(index: LogIndex): boolean {
    return index >= this.#tailFirst;
  }

  get memoryFirstIndex(): LogIndex {
    return this.#tailFirst;
  }

  /**
   * Entries `from`..`to` out of memory, at most `maxEntries` and `maxBytes` of data but at least one.
   * The range must be in memory.
   */
  slice(from: LogIndex, to: LogIndex, maxEntries: number, maxBytes: number): readonly LogEntry[] {
    invariant(from >= this.#tailFirst && to <= this.lastIndex, "slice of entries that are not in memory");
    const start = this.#head + from - this.#tailFirst;
    const limit = Math.min(start + (to - from) + 1, start + maxEntries);
    let end = start;
    for (let bytes = 0; end < limit; end++) {
      bytes += this.#tail[end]!.data.length;
      if (bytes > maxBytes && end > start) break;
    }
    return this.#tail.slice(start, end);
  }

  append(entry: LogEntry): void {
    if (entry.term !== this.lastTerm || this.lastIndex < this.firstIndex) {
      this.#runs.push({ index: entry.index, term: entry.term });
    }
    this.#tail.push(entry);
    this.#tailBytes += entryBytes(entry);
    this.lastIndex = entry.index;
    this.lastTerm = entry.term;
  }

  /** Forgets entries from `index` on (Raft §5.3: a follower's conflicting suffix). */
  truncateFrom(index: LogIndex): void {
    invariant(index > this.snapshotIndex && index >= this.firstIndex, "truncation reaches into the snapshot");
    const term = this.term(index - 1);
    invariant(term !== undefined, "truncation behind an entry of unknown term");
    while (this.#runs.length > 0 && this.#runs.at(-1)!.index >= index) this.#runs.pop();
    const keep = Math.max(0, index - this.#tailFirst);
    for (const dropped of this.#tail.splice(this.#head + keep)) this.#tailBytes -= entryBytes(dropped);
    if (index < this.#tailFirst) this.#tailFirst = index;
    this.lastIndex = index - 1;
    this.lastTerm = term;
  }

  /** Drops entries from memory, oldest first, while over budget and not above `disposableTo`. */
  trim(maxBytes: number, disposableTo: LogIndex): void {
    while (this.#tailBytes > maxBytes && this.#tailFirst <= disposableTo && this.#tailFirst <= this.lastIndex) {
      this.#tailBytes -= entryBytes(this.#tail[this.#head]!);
      this.#tail[this.#head++] = GONE;
      this.#tailFirst++;
    }
    if (this.#head > 1024 && this.#head * 2 > this.#tail.length) {
      this.#tail = this.#tail.slice(this.#head);
      this.#head = 0;
    }
  }

  /** A snapshot covers everything up to `snapshot.index`; entries before `firstIndex` go away. */
  compact(snapshot: SnapshotMeta, firstIndex: LogIndex): void {
    this.snapshotIndex = snapshot.index;
    this.snapshotTerm = snapshot.term;
    if (firstIndex <= this.firstIndex) return;
    this.firstIndex = firstIndex;
    while (this.#runs.length > 1 && this.#runs[1]!.index < firstIndex) this.#runs.shift();
    this.#runsFrom = firstIndex - 1;
    const gone = Math.min(firstIndex, this.lastIndex + 1);
    this.trim(-1, gone - 1);
    if (this.#tailFirst < gone) this.#tailFirst = gone;
  }

  /** The log is replaced by a snapshot. */
  reset(snapshot: SnapshotMeta): void {
    this.snapshotIndex = snapshot.index;
    this.snapshotTerm = snapshot.term;
    this.firstIndex = snapshot.index + 1;
    this.lastIndex = snapshot.index;
    this.lastTerm = snapshot.term;
    this.#runs = [];
    this.#runsFrom = this.firstIndex;
    this.#tail = [];
    this.#head = 0;
    this.#tailFirst = this.firstIndex;
    this.#tailBytes = 0;
  }

  #runOf(index: LogIndex): TermRun | undefined {
    for (let at = this.#runs.length - 1; at >= 0; at--) {
      const run = this.#runs[at]!;
      if (run.index <= index) return run;
    }
    return undefined;
  }
}
