import { join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { MemoryLog } from "../server/memory-log.ts";
import type { DurableLog, SnapshotKeeper, StoredSnapshot } from "../server/storage-port.ts";
import { RaftLog } from "../storage/raft-log.ts";
import { SnapshotStore } from "../storage/snapshot-store.ts";

export interface ServerStorage {
  readonly log: DurableLog;
  readonly hardState: { readonly term: number; readonly votedFor: string | undefined };
  readonly snapshots: SnapshotKeeper | undefined;
}

/**
 * Opens Raft's log and snapshots in the data directory, or memory in dev mode. What a crash had left behind and
 * was put right is told to the operator.
 *
 * @throws LogDamagedError, SnapshotDamagedError for what no crash can leave behind; DiskError.
 */
export async function openServerStorage(
  config: RuntimeConfig,
  { runtime, logger }: { readonly runtime: Runtime; readonly logger: Logger },
): Promise<ServerStorage> {
  if (config.dataDir === "")
    return { log: new MemoryLog(), hardState: { term: 0, votedFor: undefined }, snapshots: undefined };
  const directory = join(config.dataDir, "raft");
  const { log, recovered } = await RaftLog.open(join(directory, "wal"), runtime);
  for (const repair of recovered.repairs) logger.warn("repaired the raft log", { repair });
  const { store, findings } = await SnapshotStore.open(join(directory, "snapshots"), runtime, {
    log: { firstIndex: log.firstIndex, lastIndex: log.lastIndex },
  });
  for (const finding of findings) logger.warn("checked the snapshots", { finding });
  return { log: log as DurableLog, hardState: recovered.hardState, snapshots: new StoreKeeper(store) };
}

/** The snapshot store in the shape the server uses. */
class StoreKeeper implements SnapshotKeeper {
  readonly #store: SnapshotStore;

  constructor(store: SnapshotStore) {
    this.#store = store;
  }

  newest(): StoredSnapshot | undefined {
    const meta = this.#store.newest;
    if (meta === undefined) return undefined;
    return {
      id: meta.id,
      bytes: meta.sizeBytes,
      meta: meta as unknown as SnapshotMeta,
      read: () => this.#store.read(meta),
    };
  }

  async save(meta: SnapshotMeta, state: AsyncIterable<Uint8Array>): Promise<StoredSnapshot> {
    const writer = await this.#store.create(meta);
    try {
      for await (const chunk of state) await writer.write(chunk);
      await writer.commit();
    } catch (error) {
      await writer.abort();
      throw error;
    }
    return this.newest()!;
  }
}
