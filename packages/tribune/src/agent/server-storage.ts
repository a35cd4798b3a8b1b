import { join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { MemoryLog } from "../server/memory-log.ts";
import type { DurableLog, SnapshotKeeper, StoredSnapshot } from "../server/storage-port.ts";
import { RaftLog } from "../storage/raft-log.ts";
import { SnapshotStore } from "../storage/snapshot-store.ts";

/** The log of HashiCorp's raft-boltdb. */
const FOREIGN_LOG = "raft.db";

export class ForeignLogError extends Error {
  override readonly name = "ForeignLogError";

  constructor(path: string) {
    super(
      `${path} is the Raft log of a Consul server, which this program does not read. Nothing was changed. Start Consul ` +
        "from this data directory once more and save its state with 'consul snapshot save FILE'; then start this agent " +
        "with an empty data directory and give it the state with 'tribune snapshot restore FILE'",
    );
  }
}

export interface ServerStorage {
  readonly log: DurableLog;
  readonly hardState: { readonly term: number; readonly votedFor: string | undefined };
  readonly snapshots: SnapshotKeeper | undefined;
}

/**
 * Opens Raft's log and snapshots in the data directory, or memory in dev mode. What a crash had left behind and
 * was put right is told to the operator.
 *
 * @throws ForeignLogError for the data directory of a Consul server.
 * @throws LogDamagedError, SnapshotDamagedError for what no crash can leave behind; DiskError.
 */
export async function openServerStorage(
  config: RuntimeConfig,
  { runtime, logger }: { readonly runtime: Runtime; readonly logger: Logger },
): Promise<ServerStorage> {
  if (config.dataDir === "")
    return { log: new MemoryLog(), hardState: { term: 0, votedFor: undefined }, snapshots: undefined };
  const directory = join(config.dataDir, "raft");
  await refuseForeignLog(directory, runtime);
  const { log, recovered } = await RaftLog.open(join(directory, "wal"), runtime);
  for (const repair of recovered.repairs) logger.warn("repaired the raft log", { repair });
  const { store, findings } = await SnapshotStore.open(join(directory, "snapshots"), runtime, {
    log: { firstIndex: log.firstIndex, lastIndex: log.lastIndex },
  });
  for (const finding of findings) logger.warn("checked the snapshots", { finding });
  return { log: log as DurableLog, hardState: recovered.hardState, snapshots: new StoreKeeper(store) };
}

/** Its snapshots we could read, and would start from: everything its log holds behind them would be gone unseen. */
async function refuseForeignLog(directory: string, { disk }: Pick<Runtime, "disk">): Promise<void> {
  if (!(await disk.list(directory)).includes(FOREIGN_LOG)) return;
  if ((await disk.list(join(directory, "wal"))).length > 0) return;
  throw new ForeignLogError(join(directory, FOREIGN_LOG));
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
