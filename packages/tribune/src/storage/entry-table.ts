import { invariant } from "../lib/invariant.ts";
import type { LogEntry } from "./log-entry.ts";

/** Where an entry's frame starts, packed in one number; negative while its batch is not written yet. */
export type Location = number;
const TWO_32 = 2 ** 32;

export function packLocation(segmentNumber: number, offset: number): Location {
  return segmentNumber * TWO_32 + offset;
}

export function unpackLocation(location: Location): { segmentNumber: number; offset: number } {
  return { segmentNumber: Math.floor(location / TWO_32), offset: location % TWO_32 };
}

/** Rough cost of an entry beside its data, for the cache's bound. */
const ENTRY_OVERHEAD_BYTES = 120;

/**
 * The log as memory knows it: for every entry its term and place on disk, and the newest entries themselves.
 * Entries without a place are always held, so there is nothing that can be found in neither.
 */
export class EntryTable {
  #firstIndex = 1;
  /** Term of the entry before the first, where known: Raft asks for it when it sends the first. */
  #termBefore: number | undefined = 0;
  /** Runs of equal terms, ascending. Elections are rare, so there are few. */
  #runs: { readonly fromIndex: number; readonly term: number }[] = [];
  #locations: Location[] = [];
  /** The newest entries; `#cache[i]` has index `#cacheFirst + i`. */
  #cache: LogEntry[] = [];
  #cacheFirst = 1;
  #cacheBytes = 0;
  /** May be lowered: what is too much goes with the next entry. */
  cacheBytesMax: number;

  constructor(cacheBytesMax: number) {
    this.cacheBytesMax = cacheBytesMax;
  }

  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** `firstIndex - 1` when there is no entry. */
  get lastIndex(): number {
    return this.#firstIndex + this.#locations.length - 1;
  }

  get lastTerm(): number {
    return this.#runs.at(-1)?.term ?? this.#termBefore ?? 0;
  }

  get cacheBytes(): number {
    return this.#cacheBytes;
  }

  /** Term of an entry, or of the one right before the first; undefined where unknown. */
  term(index: number): number | undefined {
    if (index === this.#firstIndex - 1) return this.#termBefore;
    if (index < this.#firstIndex || index > this.lastIndex) return undefined;
    let at = this.#runs.length - 1;
    while (at > 0 && this.#runs[at]!.fromIndex > index) at--;
    return this.#runs[at]?.term;
  }

  location(index: number): Location | undefined {
    return this.#locations[index - this.#firstIndex];
  }

  push(entry: LogEntry, location: Location): void {
    invariant(entry.index === this.lastIndex + 1, `log entry ${entry.index} follows ${this.lastIndex}`);
    invariant(entry.term >= this.lastTerm, `term goes back at log entry ${entry.index}`);
    const last = this.#runs.at(-1);
    if (last?.term !== entry.term) this.#runs.push({ fromIndex: entry.index, term: entry.term });
    this.#locations.push(location);
    if (this.#cache.length === 0) this.#cacheFirst = entry.index;
    this.#cache.push(entry);
    this.#cacheBytes += entryBytes(entry);
    if (this.#cacheBytes > this.cacheBytesMax) this.#evict();
  }

  /** Gives every entry that is still at `pending` its place on disk. Others were cut off meanwhile. */
  settle(indexes: readonly number[], pending: Location, location: Location): void {
    for (const index of indexes) {
      const at = index - this.#firstIndex;
      if (this.#locations[at] === pending) this.#locations[at] = location;
    }
    if (this.#cacheBytes > this.cacheBytesMax) this.#evict();
  }

  /** Forgets the entries from `index` on. Below the first, the log is empty and goes on at `index`. */
  truncateFrom(index: number): void {
    if (index > this.lastIndex) return;
    if (index < this.#firstIndex) {
      this.reset(index - 1, undefined);
      return;
    }
    this.#locations.length = index - this.#firstIndex;
    while ((this.#runs.at(-1)?.fromIndex ?? 0) >= index) this.#runs.pop();
    while (this.#cache.length > 0 && this.#cache.at(-1)!.index >= index)
      this.#cacheBytes -= entryBytes(this.#cache.pop()!);
  }

  /** Forgets the entries before `index`, which is at most `lastIndex + 1`. */
  dropBefore(index: number): void {
    if (index <= this.#firstIndex) return;
    invariant(index <= this.lastIndex + 1, "a log is never compacted beyond its end");
    this.#termBefore = this.term(index - 1);
    this.#locations.splice(0, index - this.#firstIndex);
    const from = this.#runs.findLastIndex((run) => run.fromIndex <= index);
    this.#runs.splice(0, Math.max(0, from));
    if (this.#locations.length === 0) this.#runs = [];
    this.#firstIndex = index;
    const cached = Math.min(this.#cache.length, Math.max(0, index - this.#cacheFirst));
    this.#dropCached(cached);
  }

  /** An empty log behind entry `index`. */
  reset(index: number, term: number | undefined): void {
    this.#firstIndex = index + 1;
    this.#termBefore = term;
    this.#runs = [];
    this.#locations = [];
    this.#cache = [];
    this.#cacheBytes = 0;
  }

  /** Entries [low, high) if memory holds them all. */
  cached(low: number, high: number): readonly LogEntry[] | undefined {
    if (low >= high) return [];
    const start = low - this.#cacheFirst;
    if (this.#cache.length === 0 || start < 0 || high - this.#cacheFirst > this.#cache.length) return undefined;
    return this.#cache.slice(start, high - this.#cacheFirst);
  }

  /** First index in memory; beyond `lastIndex` when nothing is. */
  get cacheFirst(): number {
    return this.#cache.length === 0 ? this.lastIndex + 1 : this.#cacheFirst;
  }

  /** Shrinks to three quarters of the bound, so that the array is shifted now and then, not at every entry. */
  #evict(): void {
    const target = this.cacheBytesMax * 0.75;
    let count = 0;
    let bytes = this.#cacheBytes;
    while (bytes > target && count < this.#cache.length - 1) {
      const entry = this.#cache[count]!;
      if ((this.location(entry.index) ?? 0) < 0) break; // only memory has it
      bytes -= entryBytes(entry);
      count++;
    }
    this.#dropCached(count);
  }

  #dropCached(count: number): void {
    for (const entry of this.#cache.splice(0, count)) this.#cacheBytes -= entryBytes(entry);
    this.#cacheFirst += count;
  }
}

function entryBytes(entry: LogEntry): number {
  return ENTRY_OVERHEAD_BYTES + entry.data.length + (entry.extensions?.length ?? 0);
}
