import { TribuneError } from "../../../lib/errors.ts";
import type { Logger } from "../../../lib/log.ts";
import type { Clock, Disk, DiskFile, Timers } from "../../../lib/runtime.ts";
import { FlushPace } from "../../../storage/flush-pace.ts";
import { frame, MAGIC, readFrames } from "./frame.ts";

/** A log smaller than this is never compacted. */
const MIN_COMPACT_BYTES = 1024 * 1024;
/** A log is compacted once it is this many times as large as the snapshot it follows. */
const COMPACT_RATIO = 2;
/** Records encoded before the event loop gets its turn. */
const SNAPSHOT_SLICE = 200;

/** `durable`: on the disk (fdatasync). `written`: with the operating system, so that it outlives this process. */
export type Durability = "durable" | "written";

export interface JournalOptions {
  /** Directory of its own. */
  readonly dir: string;
  /** Everything that counts now, as records. May be read while changes go on: replaying them again is harmless. */
  readonly liveRecords: () => Iterable<Uint8Array>;
}

export interface JournalDeps {
  readonly disk: Disk;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly logger: Logger;
}

interface Waiting {
  readonly payload: Uint8Array;
  readonly durability: Durability;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * An append-only log of idempotent records with group commit: whatever waits while one write is under way
 * goes out with the next, in one write and at most one fdatasync.
 *
 * Files come in generations. `snapshot-N` holds what counted at some moment after `changes-N` was begun, so
 * the state is the newest snapshot with `changes-N` and all later ones replayed on top. After a failed write
 * the file is not trusted any more: the next append first begins a new generation.
 */
export class Journal {
  private readonly options: JournalOptions;
  private readonly disk: Disk;
  private readonly clock: Clock;
  private readonly timers: Timers;
  private readonly logger: Logger;
  private readonly pace = new FlushPace();
  private generation = 0;
  private file: DiskFile | undefined;
  private position = 0;
  /** Records in the file, and how many of them the disk is known to hold. */
  private records = 0;
  private durable = 0;
  private snapshotBytes = 0;
  private failed = false;
  private queue: Waiting[] = [];
  private writing: Promise<void> | undefined;
  private compacting: Promise<void> | undefined;
  private closed = false;

  constructor(options: JournalOptions, deps: JournalDeps) {
    this.options = options;
    this.disk = deps.disk;
    this.clock = deps.clock;
    this.timers = deps.timers;
    this.logger = deps.logger;
  }

  /**
   * Replays what is there and gets ready to append. A torn tail is cut off and reported.
   *
   * @returns whether anything was ever written: false on the very first start, and where that came to nothing.
   * @throws TribuneError where a file is damaged in a way that no crash explains, or is missing.
   */
  async open(onRecord: (payload: Uint8Array) => void): Promise<boolean> {
    const { dir } = this.options;
    await this.disk.makeDir(dir);
    const names = await this.disk.list(dir);
    const snapshots = generations(names, "snapshot");
    const logs = generations(names, "changes");
    const newest = snapshots.at(-1) ?? 0;
    if (newest > 0) await this.readSnapshot(newest, onRecord);
    const chain = logs.filter((generation) => generation >= newest);
    const first = Math.max(newest, 1);
    if (chain.some((generation, at) => generation !== first + at))
      throw TribuneError.internal(
        `${dir} lacks a file between snapshot ${newest} and changes ${chain.at(-1)}: restore it from a backup, or ` +
          "remove the directory to start without the services and checks that were registered on this agent",
      );
    let isOld = false;
    for (const generation of chain) isOld = await this.readLog(generation, onRecord);
    const isNew = newest === 0 && chain.length < 2 && this.records === 0;
    this.generation = chain.at(-1) ?? Math.max(newest, 1);
    await this.removeOlderThan(newest, names);
    const path = this.path("changes", this.generation);
    this.file = await this.disk.open(path, chain.length > 0 ? "readwrite" : "create");
    if (this.position === 0) {
      await this.beginFile(this.file);
      this.startCounting();
    } else if (isOld) await this.beginGeneration();
    return !isNew;
  }

  /** Appends a record. Resolves when it is as safe as asked for, rejects when that failed. */
  append(payload: Uint8Array, durability: Durability): Promise<void> {
    if (this.closed || this.file === undefined) return Promise.reject(TribuneError.internal("the journal is closed"));
    return new Promise((resolve, reject) => {
      this.queue.push({ payload, durability, resolve, reject });
      if (this.writing === undefined) this.writing = this.writeAll();
    });
  }

  /** Waits for what was appended, then lets go of the file. */
  async close(): Promise<void> {
    this.closed = true;
    await this.writing;
    await this.compacting;
    await this.file?.close();
    this.file = undefined;
  }

  private async writeAll(): Promise<void> {
    // Requests of the same turn share the first write as well: what one registers is often one of many. And what goes
    // to the servers leaves at the end of the next turn, before a flush that may hold the loop.
    await new Promise<void>((resolve) => this.timers.soon(() => this.timers.soon(resolve)));
    while (this.queue.length > 0) {
      const batch = this.queue;
      this.queue = [];
      try {
        if (this.failed) await this.beginGeneration();
        await this.writeBatch(batch);
      } catch (error) {
        this.failed = true;
        this.logger.error("cannot keep services and checks on disk", { dir: this.options.dir, error });
        for (const { reject } of batch) reject(error);
        continue;
      }
      for (const { resolve } of batch) resolve();
      await this.compactIfLarge();
    }
    // In the same turn as the look at the queue: what is appended from now on starts the next round.
    this.writing = undefined;
  }

  private async writeBatch(batch: readonly Waiting[]): Promise<void> {
    const file = this.file!;
    const isDurable = batch.some(({ durability }) => durability === "durable");
    const bytes = concat(batch.map(({ payload }) => frame(payload, ++this.records, this.durable)));
    const at = this.position;
    this.position += bytes.length;
    const startedMs = this.clock.nowMs();
    if (isDurable && file.writeDurablyNow !== undefined && this.pace.mayHoldTheLoop(bytes.length)) {
      file.writeDurablyNow(at, bytes);
      this.pace.heldFor(this.clock.nowMs() - startedMs);
    } else {
      await file.write(at, [bytes]);
      if (!isDurable) return;
      await file.sync();
      this.pace.waitedFor(this.clock.nowMs() - startedMs);
    }
    this.durable = this.records;
  }

  private async compactIfLarge(): Promise<void> {
    if (this.compacting !== undefined) return;
    if (this.position < Math.max(MIN_COMPACT_BYTES, COMPACT_RATIO * this.snapshotBytes)) return;
    try {
      await this.beginGeneration();
    } catch (error) {
      // The present file is still whole; the next batch tries again.
      this.logger.warn("cannot begin a new journal file", { dir: this.options.dir, error });
    }
  }

  /** Sends later appends to a fresh file, and writes a snapshot that makes the older ones needless. */
  private async beginGeneration(): Promise<void> {
    const generation = this.generation + 1;
    const file = await this.disk.open(this.path("changes", generation), "create");
    const old = this.file;
    try {
      await this.beginFile(file);
    } catch (error) {
      await file.close().catch(() => {
        // Nothing of this file counts; the failure before is the one to tell.
      });
      throw error;
    }
    this.generation = generation;
    this.file = file;
    this.startCounting();
    this.failed = false;
    await old?.close().catch((error: unknown) => {
      // Nothing was left to flush: every acknowledged batch has been synced or handed to the system.
      this.logger.warn("cannot close an old journal file", { path: old.path, error });
    });
    const compacting = (this.compacting ?? Promise.resolve())
      .then(() => this.writeSnapshot(generation))
      .catch((error: unknown) =>
        this.logger.warn("cannot write a snapshot of services and checks", {
          dir: this.options.dir,
          error,
        }),
      )
      .finally(() => {
        if (this.compacting === compacting) this.compacting = undefined;
      });
    this.compacting = compacting;
  }

  private async writeSnapshot(generation: number): Promise<void> {
    const chunks: Uint8Array[] = [MAGIC];
    for (const record of this.options.liveRecords()) {
      chunks.push(frame(record, chunks.length, 0));
      if (chunks.length % SNAPSHOT_SLICE === 0) await new Promise<void>((resolve) => this.timers.soon(resolve));
    }
    const bytes = concat(chunks);
    await this.disk.writeFileAtomic(this.path("snapshot", generation), bytes);
    this.snapshotBytes = bytes.length;
    await this.removeOlderThan(generation, await this.disk.list(this.options.dir));
  }

  private async readSnapshot(generation: number, onRecord: (payload: Uint8Array) => void): Promise<void> {
    const path = this.path("snapshot", generation);
    const bytes = (await this.disk.readFile(path)) ?? new Uint8Array(0);
    const { wholeBytes } = readFrames(bytes, onRecord);
    if (wholeBytes === 0 || wholeBytes < bytes.length) throw damaged(path, wholeBytes, bytes.length);
    this.snapshotBytes = bytes.length;
  }

  /** @returns whether the file is of the old form, behind which nothing may be written. */
  private async readLog(generation: number, onRecord: (payload: Uint8Array) => void): Promise<boolean> {
    const path = this.path("changes", generation);
    const bytes = (await this.disk.readFile(path)) ?? new Uint8Array(0);
    const { wholeBytes: whole, records, isDamaged, isUnnumbered } = readFrames(bytes, onRecord);
    if (isDamaged) throw damaged(path, whole, bytes.length);
    this.position = whole;
    this.records = records;
    // What an earlier run left may so far be in the system's cache only.
    this.durable = 0;
    if (whole === bytes.length) return isUnnumbered;
    this.logger.warn("cut an unfinished write off the end of a journal file; nothing in it was acknowledged", {
      path,
      keptBytes: whole,
      cutBytes: bytes.length - whole,
    });
    const file = await this.disk.open(path, "readwrite");
    await file.truncate(whole);
    await file.sync();
    await file.close();
    return isUnnumbered;
  }

  private startCounting(): void {
    this.position = MAGIC.length;
    this.records = 0;
    this.durable = 0;
  }

  private async beginFile(file: DiskFile): Promise<void> {
    await file.write(0, [MAGIC]);
    await file.sync();
    await this.disk.syncDir(this.options.dir);
  }

  private async removeOlderThan(generation: number, names: readonly string[]): Promise<void> {
    for (const kind of ["snapshot", "changes"] as const)
      for (const old of generations(names, kind)) if (old < generation) await this.disk.remove(this.path(kind, old));
  }

  private path(kind: "snapshot" | "changes", generation: number): string {
    return `${this.options.dir}/${kind}-${String(generation).padStart(10, "0")}`;
  }
}

function damaged(path: string, at: number, length: number): TribuneError {
  return TribuneError.internal(
    `${path} is damaged at byte ${at} of ${length}: restore it from a backup, or remove the directory ` +
      "to start without the services and checks that were registered on this agent",
  );
}

/** Generations of one kind of file, ascending. */
function generations(names: readonly string[], kind: "snapshot" | "changes"): number[] {
  return names
    .map((name) => /^(snapshot|changes)-(\d{10})$/.exec(name))
    .filter((match) => match?.[1] === kind)
    .map((match) => Number(match![2]))
    .sort((a, b) => a - b);
}

function concat(chunks: readonly Uint8Array[]): Uint8Array {
  if (chunks.length === 1) return chunks[0]!;
  const bytes = new Uint8Array(chunks.reduce((total, chunk) => total + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}
