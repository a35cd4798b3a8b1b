import { join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import type { StartOverPort } from "../server/contradictions.ts";
import { MemoryLog } from "../server/memory-log.ts";
import { MemorySnapshots } from "../server/memory-snapshots.ts";
import { type PeersRecovery, parsePeersFile } from "../server/peers-recovery.ts";
import {
  type DurableLog,
  type SnapshotKeeper,
  type SnapshotSink,
  type StoredSnapshot,
  saveSnapshot,
} from "../server/storage-port.ts";
import { RaftLog } from "../storage/raft-log.ts";
import { SnapshotStore } from "../storage/snapshot-store.ts";
import { carryOutStartOver, refillTerm, startOverPort } from "./start-over.ts";

/** The log of HashiCorp's raft-boltdb. */
const FOREIGN_LOG = "raft.db";
const PEERS_FILE = "peers.json";

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
  readonly snapshots: SnapshotKeeper;
  /** An operator left a `peers.json`. */
  readonly recovery?: PeersRecovery;
  readonly startOver?: StartOverPort;
  readonly refillTerm?: number | undefined;
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
    return { log: new MemoryLog(), hardState: { term: 0, votedFor: undefined }, snapshots: new MemorySnapshots() };
  const directory = join(config.dataDir, "raft");
  await refuseForeignLog(directory, runtime);
  const begun = await carryOutStartOver(directory, { disk: runtime.disk, logger });
  const { log, recovered } = await RaftLog.open(join(directory, "wal"), runtime);
  for (const repair of recovered.repairs) logger.warn("repaired the raft log", { repair });
  const { store, findings } = await SnapshotStore.open(join(directory, "snapshots"), runtime, {
    log: { firstIndex: log.firstIndex, lastIndex: log.lastIndex },
  });
  for (const finding of findings) logger.warn("checked the snapshots", { finding });
  if (begun !== undefined) {
    // What it promised as a voter it goes on keeping.
    await log.append({ hardState: begun.hardState, entries: [] });
    await begun.done();
  }
  const recovery = await peersRecovery(directory, { runtime, logger });
  return {
    log: log as DurableLog,
    hardState: begun?.hardState ?? recovered.hardState,
    snapshots: new StoreKeeper(store),
    startOver: startOverPort(directory, runtime.disk),
    refillTerm: await refillTerm(directory, runtime.disk, log.term(log.lastIndex) ?? store.newest?.term ?? 0),
    ...(recovery === undefined ? {} : { recovery }),
  };
}

/** @throws PeersFileError for a file that says nothing sensible: guessing could cost the datacenter's state. */
async function peersRecovery(
  directory: string,
  { runtime, logger }: { readonly runtime: Runtime; readonly logger: Logger },
): Promise<PeersRecovery | undefined> {
  const path = join(directory, PEERS_FILE);
  const file = await runtime.disk.readFile(path);
  if (file === undefined) return undefined;
  const configuration = parsePeersFile(Buffer.from(file).toString());
  logger.info("found peers.json, recovering the Raft configuration", {
    servers: configuration.servers.map(({ id, address }) => `${id}@${address}`).join(","),
  });
  return {
    configuration,
    consumed: async () => {
      await runtime.disk.remove(path);
      await runtime.disk.syncDir(directory);
      logger.info("deleted peers.json after a successful recovery");
    },
  };
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

  create(meta: SnapshotMeta): SnapshotSink {
    const writer = this.#store.create(meta);
    writer.catch(() => {}); // whoever uses the sink gets it
    return {
      write: async (chunk) => (await writer).write(chunk),
      commit: async () => {
        await (await writer).commit();
        return this.newest()!;
      },
      abort: async () => (await writer).abort(),
    };
  }

  save(meta: SnapshotMeta, state: AsyncIterable<Uint8Array>): Promise<StoredSnapshot> {
    return saveSnapshot(this.create(meta), state);
  }
}
