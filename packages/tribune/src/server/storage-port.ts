import type { HardState, LogEntry, SnapshotMeta } from "../raft/types.ts";

/** The durable log as the server uses it (`storage/raft-log.ts`, or memory in dev mode). */
export interface DurableLog {
  readonly firstIndex: number;
  readonly lastIndex: number;
  /** How long the flush under way has taken; undefined: none is. */
  readonly pendingSyncMs: number | undefined;
  /** Whether a flush may hold the event loop for as long as the disk takes. */
  mayHoldTheLoop: boolean;
  term(index: number): number | undefined;
  append(change: {
    readonly hardState?: HardState;
    readonly truncateFrom?: number;
    readonly entries: readonly LogEntry[];
  }): Promise<void>;
  /** Entries [low, high), at least one, as many as fit. */
  read(low: number, high: number, maxBytes: number): Promise<readonly LogEntry[]>;
  compact(upTo: number): Promise<void>;
  /** Empties the log, which goes on behind `index`. */
  reset(index: number, term: number): Promise<void>;
  close(): Promise<void>;
}

/** A snapshot on disk, or on its way there. */
export interface StoredSnapshot {
  readonly meta: SnapshotMeta;
  /** `TERM-INDEX-UNIXMS`. */
  readonly id: string;
  readonly bytes: number;
  read(): AsyncIterable<Uint8Array>;
  /** What this server had seen happen by then, kept beside it; absent where nothing outlives the process. */
  readonly history?: KeptFile;
}

/** A file that may be lost. */
export interface KeptFile {
  read(): Promise<Uint8Array | undefined>;
  write(bytes: Uint8Array): Promise<void>;
}

/** A snapshot being written. Calls must not overlap, but `abort` may come at any time. */
export interface SnapshotSink {
  write(chunk: Uint8Array): Promise<void>;
  /** Makes it durable, and the newest if its term and index are. */
  commit(): Promise<StoredSnapshot>;
  /** Leaves nothing behind. */
  abort(): Promise<void>;
}

export interface SnapshotKeeper {
  newest(): StoredSnapshot | undefined;
  /** Starts a snapshot; an error of the disk comes with the first call that waits. */
  create(meta: SnapshotMeta): SnapshotSink;
  /** Writes, syncs and only then names the snapshot; older ones beyond the kept number go. */
  save(meta: SnapshotMeta, state: AsyncIterable<Uint8Array>): Promise<StoredSnapshot>;
}

/** Writes a whole snapshot; what went wrong leaves nothing behind. */
export async function saveSnapshot(sink: SnapshotSink, state: AsyncIterable<Uint8Array>): Promise<StoredSnapshot> {
  try {
    for await (const chunk of state) await sink.write(chunk);
    return await sink.commit();
  } catch (error) {
    await sink.abort();
    throw error;
  }
}
