import { dirname, join } from "node:path";
import type { RaftConfiguration } from "../codec/raft-configuration.ts";
import {
  decodeSnapshotMeta,
  encodeSnapshotMeta,
  type SnapshotMeta,
  SnapshotMetaError,
  snapshotId,
} from "../codec/snapshot-meta.ts";
import { invariant } from "../lib/invariant.ts";
import type { Clock, Disk, DiskFile } from "../lib/runtime.ts";
import { Crc64 } from "./crc64.ts";

/** What the caller knows of a snapshot before its state is written. */
export interface NewSnapshot {
  readonly index: number;
  readonly term: number;
  readonly configuration: RaftConfiguration;
  readonly configurationIndex: number;
}

/** Entries the log holds; `lastIndex` is `firstIndex - 1` when there are none. */
export interface LogRange {
  readonly firstIndex: number;
  readonly lastIndex: number;
}

export interface SnapshotStoreDependencies {
  readonly disk: Disk;
  readonly clock: Clock;
}

/** Kept after each new one, itself included (Consul's number). */
const RETAIN = 2;
/** Read, written and summed at once: less than a millisecond of the event loop. */
const SLICE_BYTES = 256 * 1_024;
/** A large state is synced as it grows: in one go at the end it would hold up the log's own syncs. */
const SYNC_EVERY_BYTES = 8 * 1_024 * 1_024;
const TEMPORARY = ".tmp";

/** Snapshot and log together do not give the whole state, or a snapshot read now is not what was written. */
export class SnapshotDamagedError extends Error {
  override readonly name = "SnapshotDamagedError";
  readonly path: string;

  constructor(path: string, finding: string) {
    super(
      `snapshot ${path}: ${finding}. Nothing was changed. If the other servers of this datacenter are healthy, stop ` +
        "this one, move its raft directory away and start it again: it gets the state from the leader. If it is the " +
        "only server, copy the data directory first, then restore a saved snapshot into an empty one",
    );
    this.path = path;
  }
}

/** What a snapshot's name says. */
interface Candidate {
  readonly id: string;
  readonly term: number;
  readonly index: number;
  readonly unixMs: number;
}

/**
 * Snapshots of the state machine, in the directory layout of HashiCorp's FileSnapshotStore (sheet raft §4):
 * `TERM-INDEX-UNIXMS/` with `meta.json` and `state.bin`, `.tmp` behind the name until all of it is durable.
 */
export class SnapshotStore {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #clock: Clock;
  readonly #retain: number;
  /** Newest first. */
  #snapshots: SnapshotMeta[] = [];
  /** Being written: one that already has its name but is not in the list yet is none to be removed. */
  readonly #writing = new Set<string>();
  #newestUnixMs = 0;

  /**
   * Opens the snapshots in `directory`, checks the newest byte by byte, and checks that the log goes on where it
   * ends. A damaged newest one is passed over as long as an older one and `log` give the same state.
   *
   * @returns the store, and findings in words for the operator's log.
   * @throws SnapshotDamagedError when state is missing; DiskError.
   */
  static async open(
    directory: string,
    dependencies: SnapshotStoreDependencies,
    options: { readonly log: LogRange; readonly retain?: number },
  ): Promise<{ store: SnapshotStore; findings: readonly string[] }> {
    const { disk } = dependencies;
    await disk.makeDir(directory);
    await disk.syncDir(dirname(directory));
    await disk.syncDir(dirname(dirname(directory)));
    const store = new SnapshotStore(directory, dependencies, options.retain ?? RETAIN);
    const findings = await store.#load(options.log);
    return { store, findings };
  }

  private constructor(directory: string, { disk, clock }: SnapshotStoreDependencies, retain: number) {
    invariant(retain >= 1, "at least one snapshot is kept");
    this.#directory = directory;
    this.#disk = disk;
    this.#clock = clock;
    this.#retain = retain;
  }

  get newest(): SnapshotMeta | undefined {
    return this.#snapshots[0];
  }

  /** Newest first. */
  list(): readonly SnapshotMeta[] {
    return this.#snapshots;
  }

  /** Starts a snapshot. It does not exist before `commit`; a crash or `abort` leaves nothing. */
  async create(snapshot: NewSnapshot): Promise<SnapshotWriter> {
    const id = this.#newId(snapshot.term, snapshot.index);
    const path = join(this.#directory, id);
    await this.#disk.remove(path + TEMPORARY);
    await this.#disk.makeDir(path + TEMPORARY);
    const file = await this.#disk.open(join(path + TEMPORARY, "state.bin"), "create");
    this.#writing.add(id);
    return new SnapshotWriter(this.#disk, this.#directory, { id, ...snapshot }, file, (meta) => {
      this.#writing.delete(id);
      return meta === undefined ? Promise.resolve() : this.#add(meta);
    });
  }

  /**
   * The state in pieces, each read when asked for. Once it has begun it can be read to its end even when newer
   * snapshots take this one's place.
   *
   * @throws SnapshotDamagedError behind the last piece when the sum does not fit: nothing read so far counts.
   */
  async *read(meta: SnapshotMeta): AsyncGenerator<Uint8Array, void, undefined> {
    const path = join(this.#directory, meta.id, "state.bin");
    const file = await this.#disk.open(path, "read");
    try {
      const size = await file.size();
      if (size !== meta.sizeBytes)
        throw new SnapshotDamagedError(path, `it has ${size} bytes, and meta.json says ${meta.sizeBytes}`);
      const crc = new Crc64();
      for (let at = 0; at < size; at += SLICE_BYTES) {
        const slice = await file.read(at, Math.min(SLICE_BYTES, size - at));
        crc.update(slice);
        yield slice;
      }
      if (meta.crc === undefined || Buffer.compare(crc.digest(), meta.crc) !== 0)
        throw new SnapshotDamagedError(path, "its CRC-64 is not the one in meta.json");
    } finally {
      await file.close();
    }
  }

  /** A file of that name beside the state. Nothing of the snapshot depends on it; it goes with the snapshot. */
  readBeside({ id }: SnapshotMeta, name: string): Promise<Uint8Array | undefined> {
    return this.#disk.readFile(join(this.#directory, id, name));
  }

  writeBeside({ id }: SnapshotMeta, name: string, bytes: Uint8Array): Promise<void> {
    return this.#disk.writeFileAtomic(join(this.#directory, id, name), bytes);
  }

  async #load(log: LogRange): Promise<string[]> {
    const findings: string[] = [];
    const damaged: { readonly candidate: Candidate; readonly reason: string }[] = [];
    for (const candidate of await this.#candidates()) {
      this.#newestUnixMs = Math.max(this.#newestUnixMs, candidate.unixMs);
      try {
        const meta = await this.#readMeta(candidate);
        // What is behind a good one is only kept in case that goes bad: it is checked when it is needed.
        if (this.#snapshots.length === 0) await this.#verify(meta);
        this.#snapshots.push(meta);
      } catch (error) {
        if (!(error instanceof SnapshotDamagedError || error instanceof SnapshotMetaError)) throw error;
        const reason = error.message.split(". Nothing was changed")[0]!;
        findings.push(`snapshot ${candidate.id} is damaged and is passed over: ${reason}`);
        if (this.#snapshots.length === 0) damaged.push({ candidate, reason });
      }
    }
    this.#checkCover(log, damaged);
    await this.#removeTemporary();
    // After a killed process a name seen here may not be durable yet, and the log is compacted because of it.
    await this.#disk.syncDir(this.#directory);
    return findings;
  }

  /** Whether the newest good snapshot and the log give everything that was ever in a snapshot. */
  #checkCover(log: LogRange, damaged: readonly { readonly candidate: Candidate; readonly reason: string }[]): void {
    const base = this.newest?.index ?? 0;
    const from = this.newest === undefined ? "there is no other snapshot" : `the one before it ends at entry ${base}`;
    const holds = `the log holds entries ${log.firstIndex} to ${log.lastIndex}`;
    for (const { candidate, reason } of damaged) {
      if (log.firstIndex > base + 1 || log.lastIndex < candidate.index)
        throw new SnapshotDamagedError(
          join(this.#directory, candidate.id),
          `it is damaged (${reason}), ${from}, and ${holds}: entries up to ${candidate.index} cannot all be had`,
        );
    }
    if (log.firstIndex <= base + 1) return;
    const missing = this.newest === undefined ? "there is none" : `the newest ends at entry ${base}`;
    throw new SnapshotDamagedError(this.#directory, `${missing}, and ${holds}: what is between them is missing`);
  }

  /** Directories of snapshots, newest first. */
  async #candidates(): Promise<Candidate[]> {
    const candidates: Candidate[] = [];
    for (const id of await this.#disk.list(this.#directory)) {
      const candidate = parseId(id);
      if (candidate !== undefined) candidates.push(candidate);
    }
    return candidates.sort(newestFirst);
  }

  async #readMeta({ id, index, term }: Candidate): Promise<SnapshotMeta> {
    const bytes = await this.#disk.readFile(join(this.#directory, id, "meta.json"));
    if (bytes === undefined) throw new SnapshotMetaError("meta.json is not there");
    const meta = decodeSnapshotMeta(Buffer.from(bytes).toString());
    if (meta.id !== id || meta.index !== index || meta.term !== term)
      throw new SnapshotMetaError(`meta.json belongs to snapshot ${meta.id}`);
    return meta;
  }

  async #verify(meta: SnapshotMeta): Promise<void> {
    const path = join(this.#directory, meta.id, "state.bin");
    // Without this, a state that is gone altogether would look like a failing disk.
    if (!(await this.#disk.list(join(this.#directory, meta.id))).includes("state.bin"))
      throw new SnapshotDamagedError(path, "it is not there");
    for await (const _ of this.read(meta));
  }

  async #removeTemporary(): Promise<void> {
    for (const name of await this.#disk.list(this.#directory))
      if (name.endsWith(TEMPORARY)) await this.#disk.remove(join(this.#directory, name));
  }

  /** Ids never repeat, and of two snapshots of one index the later sorts as newer, even if the clock went back. */
  #newId(term: number, index: number): string {
    this.#newestUnixMs = Math.max(Math.floor(this.#clock.wallMs()), this.#newestUnixMs + 1);
    return snapshotId(term, index, this.#newestUnixMs);
  }

  async #add(meta: SnapshotMeta): Promise<void> {
    this.#snapshots.push(meta);
    // One of our own may have been on its way while a newer one came from the leader.
    this.#snapshots.sort((left, right) => newestFirst(parseId(left.id)!, parseId(right.id)!));
    const kept = new Set(this.#snapshots.slice(0, this.#retain).map(({ id }) => id));
    this.#snapshots = this.#snapshots.filter(({ id }) => kept.has(id));
    for (const { id } of await this.#candidates()) {
      if (kept.has(id) || this.#writing.has(id)) continue;
      // Renamed first: half removed it must not look like a damaged snapshot.
      const path = join(this.#directory, id);
      await this.#disk.rename(path, path + TEMPORARY);
      await this.#disk.remove(path + TEMPORARY);
    }
    await this.#disk.syncDir(this.#directory);
  }
}

function parseId(id: string): Candidate | undefined {
  const match = /^(\d+)-(\d+)-(\d+)$/.exec(id);
  if (match === null) return undefined;
  return { id, term: Number(match[1]), index: Number(match[2]), unixMs: Number(match[3]) };
}

function newestFirst(left: Candidate, right: Candidate): number {
  return right.term - left.term || right.index - left.index || right.unixMs - left.unixMs;
}

/** Writes one snapshot's state. Calls must not overlap: await each `write`, which is also the back-pressure. */
export class SnapshotWriter {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #snapshot: NewSnapshot & { readonly id: string };
  readonly #file: DiskFile;
  readonly #ended: (meta: SnapshotMeta | undefined) => Promise<void>;
  readonly #crc = new Crc64();
  #sizeBytes = 0;
  #syncedBytes = 0;

  /** Made by `SnapshotStore.create`. */
  constructor(
    disk: Disk,
    directory: string,
    snapshot: NewSnapshot & { readonly id: string },
    file: DiskFile,
    ended: (meta: SnapshotMeta | undefined) => Promise<void>,
  ) {
    this.#disk = disk;
    this.#directory = directory;
    this.#snapshot = snapshot;
    this.#file = file;
    this.#ended = ended;
  }

  get id(): string {
    return this.#snapshot.id;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  async write(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      this.#crc.update(slice);
      await this.#file.write(this.#sizeBytes, [slice]);
      this.#sizeBytes += slice.length;
      if (this.#sizeBytes - this.#syncedBytes < SYNC_EVERY_BYTES) continue;
      await this.#file.sync();
      this.#syncedBytes = this.#sizeBytes;
    }
  }

  /** Makes the snapshot durable; those beyond the kept number are deleted, the newest by term and index kept. */
  async commit(): Promise<SnapshotMeta> {
    const { id, index, term, configuration, configurationIndex } = this.#snapshot;
    const path = join(this.#directory, id);
    await this.#file.sync();
    await this.#file.close();
    const sizeBytes = this.#sizeBytes;
    const meta: SnapshotMeta = {
      ...{ id, index, term, configuration, configurationIndex, sizeBytes },
      crc: this.#crc.digest(),
    };
    await this.#disk.writeFileAtomic(join(path + TEMPORARY, "meta.json"), Buffer.from(encodeSnapshotMeta(meta)));
    await this.#disk.syncDir(path + TEMPORARY);
    await this.#disk.rename(path + TEMPORARY, path);
    await this.#disk.syncDir(this.#directory);
    await this.#ended(meta);
    return meta;
  }

  /** Leaves nothing behind. */
  async abort(): Promise<void> {
    await this.#file.close();
    await this.#disk.remove(join(this.#directory, this.#snapshot.id) + TEMPORARY);
    await this.#ended(undefined);
  }
}
