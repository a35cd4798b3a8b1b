/** Keeps the snapshot file up to date (sheet serf §7): who is there and which times were seen. */
import { dirname } from "node:path";
import {
  compactAboveBytes,
  formatSnapshot,
  formatSnapshotLine,
  INCARNATION_KEPT_MAX,
  readSnapshot,
  SNAPSHOT_BYTES_MAX,
  type SnapshotContents,
  type SnapshotLine,
} from "../gossip/serf/snapshot-file.ts";
import type { Logger } from "../lib/log.ts";
import { type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Cancel, Clock, Disk, DiskFile, Timers } from "../lib/runtime.ts";

const FLUSH_MS = 500;
/** After a failed write. */
const RECOVERY_MS = 30_000;

/**
 * So many incarnations are marked as used ahead, so that a loss of power that takes the last lines along cannot bring one
 * back; the next ones when half of them are gone.
 */
const INCARNATIONS_AHEAD = 16;

const NOTHING: SnapshotContents = { alive: new Map(), clock: 0, eventClock: 0, queryClock: 0, incarnation: 0 };

export class SnapshotWriter {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #timers: Timers;
  readonly #logger: Logger;
  readonly #clockPort: Clock;
  readonly #metrics: Metrics;
  readonly #alive = new Map<string, string>();
  #clock = 0;
  #eventClock = 0;
  #queryClock = 0;
  /** The first that our next life may begin in. */
  #nextIncarnation = 0;
  #mustSync = false;
  #file: DiskFile | undefined;
  #size = 0;
  #pending = "";
  #cancelFlush: Cancel | undefined;
  /** Writes are in line: positions must not overlap. */
  #writing: Promise<void> = Promise.resolve();
  #closed = false;
  #left = false;

  constructor(
    path: string,
    ports: { readonly disk: Disk; readonly timers: Timers; readonly clock: Clock },
    logger: Logger,
    metrics: Metrics = noMetrics,
  ) {
    this.#clockPort = ports.clock;
    this.#metrics = metrics;
    this.#path = path;
    this.#disk = ports.disk;
    this.#timers = ports.timers;
    this.#logger = logger;
  }

  /**
   * Reads what an earlier life has left and begins a fresh file with it.
   * @returns nothing known where there is no file; after a leave only how far we were ourselves, unless `rejoinAfterLeave`.
   *   Life may begin in `incarnation`, once this is over.
   * @throws DiskError
   */
  async open(rejoinAfterLeave: boolean): Promise<SnapshotContents> {
    await this.#disk.makeDir(dirname(this.#path));
    const contents = this.#read(await this.#disk.readFile(this.#path), rejoinAfterLeave);
    for (const [name, address] of contents.alive) this.#alive.set(name, address);
    this.#clock = contents.clock;
    this.#eventClock = contents.eventClock;
    this.#queryClock = contents.queryClock;
    this.#nextIncarnation = Math.max(1, contents.incarnation) + INCARNATIONS_AHEAD;
    await this.#rewrite();
    return contents;
  }

  #read(bytes: Uint8Array | undefined, rejoinAfterLeave: boolean): SnapshotContents {
    if (bytes === undefined) return NOTHING;
    if (bytes.length > SNAPSHOT_BYTES_MAX) {
      this.#logger.warn(`serf: snapshot of ${bytes.length} bytes is ignored`);
      return NOTHING;
    }
    const { contents, unknown } = readSnapshot(Buffer.from(bytes).toString(), rejoinAfterLeave);
    for (const line of unknown.slice(0, 8)) this.#logger.warn(`serf: Unrecognized snapshot line: ${line}`);
    return contents;
  }

  // ---- what happens in the pool ----

  alive(name: string, address: string): void {
    this.#alive.set(name, address);
    this.#append({ type: "alive", name, address });
  }

  notAlive(name: string): void {
    this.#alive.delete(name);
    this.#append({ type: "not-alive", name });
  }

  /** The last times seen. Times that are not later change nothing. */
  sawClock(time: number): void {
    if (time <= this.#clock) return;
    this.#clock = time;
    this.#append({ type: "clock", time });
  }

  sawEvent(time: number): void {
    if (time <= this.#eventClock) return;
    this.#eventClock = time;
    this.#append({ type: "event-clock", time });
  }

  sawQuery(time: number): void {
    if (time <= this.#queryClock) return;
    this.#queryClock = time;
    this.#append({ type: "query-clock", time });
  }

  /** The incarnation that we are in. */
  usesIncarnation(incarnation: number): void {
    if (incarnation < this.#nextIncarnation - INCARNATIONS_AHEAD / 2 || incarnation >= INCARNATION_KEPT_MAX) return;
    this.#nextIncarnation = incarnation + INCARNATIONS_AHEAD;
    this.#mustSync = true;
    this.#append({ type: "incarnation", incarnation: this.#nextIncarnation });
  }

  /** The last line of a life that ends well: nothing is recorded behind it. */
  leave(): Promise<void> {
    if (this.#left) return this.#writing;
    this.#append({ type: "leave" });
    this.#left = true;
    return this.#flush();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#flush();
    await this.#file?.close();
  }

  // ---- the file ----

  #append(line: SnapshotLine): void {
    if (this.#left || this.#closed) return;
    this.#pending += formatSnapshotLine(line);
    this.#cancelFlush ??= this.#timers.after(FLUSH_MS, () => void this.#flush());
  }

  /** Never rejects: a pool goes on without its file. */
  #flush(): Promise<void> {
    this.#cancelFlush?.();
    this.#cancelFlush = undefined;
    this.#writing = this.#writing.then(() => this.#write()).catch((error: unknown) => this.#failed(error));
    return this.#writing;
  }

  async #write(): Promise<void> {
    const bytes = Buffer.from(this.#pending);
    this.#pending = "";
    if (bytes.length === 0 || this.#file === undefined) return;
    const startedMs = this.#clockPort.nowMs();
    await this.#file.write(this.#size, [bytes]);
    this.#metrics.sample("serf.snapshot.appendLine", this.#clockPort.nowMs() - startedMs);
    this.#size += bytes.length;
    const mustSync = this.#mustSync || this.#left || this.#closed;
    this.#mustSync = false;
    if (mustSync) await this.#file.sync();
    if (!this.#left && !this.#closed && this.#size > compactAboveBytes(this.#alive.size)) await this.#rewrite();
  }

  async #rewrite(): Promise<void> {
    const startedMs = this.#clockPort.nowMs();
    await this.#file?.close();
    this.#file = undefined;
    const text = Buffer.from(
      formatSnapshot({
        alive: this.#alive,
        clock: this.#clock,
        eventClock: this.#eventClock,
        queryClock: this.#queryClock,
        incarnation: this.#nextIncarnation,
      }),
    );
    await this.#disk.writeFileAtomic(this.#path, text);
    this.#file = await this.#disk.open(this.#path, "readwrite");
    this.#size = text.length;
    this.#metrics.sample("serf.snapshot.compact", this.#clockPort.nowMs() - startedMs);
  }

  #failed(error: unknown): void {
    this.#logger.error(`serf: Failed to update snapshot: ${(error as Error).message}`);
    if (this.#closed || this.#left) return;
    this.#timers.after(RECOVERY_MS, () => {
      if (this.#closed) return;
      this.#logger.info("serf: Attempting compaction to recover from error...");
      this.#writing = this.#writing.then(() => this.#rewrite()).catch((again: unknown) => this.#failed(again));
    });
  }
}
