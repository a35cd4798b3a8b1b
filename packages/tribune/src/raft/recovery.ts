import { TribuneError } from "../lib/errors.ts";
import { invariant } from "../lib/invariant.ts";
import type { LogEntry, LogIndex, RecoveredLog, SnapshotMeta, TermRun } from "./types.ts";

/**
 * Builds what the core must know about the log on disk while the shell reads it once at start.
 *
 * A crash between "the received snapshot is the newest" and "the log is reset" leaves a log that does not
 * belong to the snapshot. `finish` says so, and the shell must then delete the log before it goes on.
 */
export class LogScan {
  readonly #snapshot: SnapshotMeta | undefined;
  readonly #tailBytesMax: number;
  #firstIndex: LogIndex | undefined;
  readonly #terms: TermRun[] = [];
  readonly #configurations: LogEntry[] = [];
  #tail: LogEntry[] = [];
  #tailBytes = 0;
  #snapshotTermInLog: number | undefined;

  constructor(snapshot: SnapshotMeta | undefined, tailBytesMax: number) {
    this.#snapshot = snapshot;
    this.#tailBytesMax = tailBytesMax;
  }

  /** Entries in ascending order without gaps; the shell has checked their checksums. */
  add(entry: LogEntry): void {
    const last = this.#tail.at(-1);
    invariant(last === undefined || entry.index === last.index + 1, "a recovered log has no gaps");
    this.#firstIndex ??= entry.index;
    if (entry.index === this.#snapshot?.index) this.#snapshotTermInLog = entry.term;
    if (last?.term !== entry.term) this.#terms.push({ index: entry.index, term: entry.term });
    if (entry.type === "configuration") this.#configurations.push(entry);
    this.#tail.push(entry);
    this.#tailBytes += entry.data.length;
    if (this.#tailBytes > 2 * this.#tailBytesMax && this.#tail.length > 1) this.#dropOldest();
  }

  #dropOldest(): void {
    let from = 0;
    while (this.#tailBytes > this.#tailBytesMax && from < this.#tail.length - 1) {
      this.#tailBytes -= this.#tail[from]!.data.length;
      from++;
    }
    this.#tail = this.#tail.slice(from);
  }

  /**
   * `discardLog`: the log on disk is older than the snapshot or contradicts it, and must be deleted now.
   *
   * @throws TribuneError where entries are missing between snapshot and log: nothing here can bring them back.
   */
  finish(): { readonly log: RecoveredLog; readonly discardLog: boolean } {
    const snapshotIndex = this.#snapshot?.index ?? 0;
    const empty: RecoveredLog = { firstIndex: snapshotIndex + 1, terms: [], configurations: [], tail: [] };
    const last = this.#tail.at(-1);
    if (this.#firstIndex === undefined || last === undefined) return { log: empty, discardLog: false };
    if (this.#firstIndex > snapshotIndex + 1) {
      throw TribuneError.internal(
        `the Raft log starts at ${this.#firstIndex} but the newest snapshot ends at ${snapshotIndex}: ` +
          "bring the missing snapshot back, or let the server join again with an empty data directory",
      );
    }
    const contradicts =
      last.index < snapshotIndex ||
      (this.#snapshotTermInLog !== undefined && this.#snapshotTermInLog !== this.#snapshot?.term);
    if (contradicts) return { log: empty, discardLog: true };
    return {
      log: {
        firstIndex: this.#firstIndex,
        terms: this.#terms,
        configurations: this.#configurations,
        tail: this.#tail,
      },
      discardLog: false,
    };
  }
}

/** `LogScan` over entries already in memory: for tests and small logs. */
export function recoverLog(entries: readonly LogEntry[], snapshot?: SnapshotMeta): RecoveredLog {
  const scan = new LogScan(snapshot, 16 << 20);
  for (const entry of entries) scan.add(entry);
  return scan.finish().log;
}
