import { basename, dirname, join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import { type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Clock, Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import type { StartOverPort } from "../server/contradictions.ts";
import { MemoryLog } from "../server/memory-log.ts";
import { MemorySnapshots } from "../server/memory-snapshots.ts";
import type { PeersRecovery } from "../server/peers-recovery.ts";
import {
  type DurableLog,
  type SnapshotKeeper,
  type SnapshotSink,
  type StoredSnapshot,
  saveSnapshot,
} from "../server/storage-port.ts";
import { RaftLog } from "../storage/raft-log.ts";
import { SnapshotStore } from "../storage/snapshot-store.ts";
import { explainPeersFile, peersRecovery } from "./peers-file.ts";
import { carryOutStartOver, refillTerm, startOverPort } from "./start-over.ts";

/** HashiCorp's logs: of raft-boltdb, and of raft-wal, with which new servers of later versions begin. */
const FOREIGN_LOGS = ["raft.db", join("wal", "wal-meta.db")];

export class ForeignLogError extends Error {
  override readonly name = "ForeignLogError";

  constructor(path: string) {
    super(
      `${path} is the Raft log of a Consul server, which this program does not read. Nothing was changed. If other ` +
        "servers of the datacenter are running: take this one out of their peers ('consul leave' before it stops, or " +
        "'operator raft remove-peer'), move the directory 'raft' away and start again; they give it the state. If this " +
        "was the only server: start Consul from this data directory once more and save its state with 'consul snapshot " +
        "save FILE', move 'raft' away, start this agent, and give it the state with 'tribune snapshot restore FILE'",
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
 * For before the agent joins a pool: one that cannot start must not tell others that it is there. Consul's snapshots we
 * could read, and would start from: everything its log holds behind them would be gone unseen.
 * @throws ForeignLogError
 */
export async function refuseConsulsLog({ dataDir }: RuntimeConfig, { disk }: Pick<Runtime, "disk">): Promise<void> {
  if (dataDir === "") return;
  // Beside a log of ours, too: a Consul has run here since, and what it acknowledged ours does not hold.
  for (const path of FOREIGN_LOGS.map((name) => join(dataDir, "raft", name)))
    if ((await disk.list(dirname(path))).includes(basename(path))) throw new ForeignLogError(path);
}

/**
 * Opens Raft's log and snapshots in the data directory, or memory in dev mode. What a crash had left behind and
 * was put right is told to the operator.
 *
 * @throws LogDamagedError, SnapshotDamagedError for what no crash can leave behind; DiskError.
 */
export async function openServerStorage(
  config: RuntimeConfig,
  {
    runtime,
    logger,
    metrics = noMetrics,
  }: { readonly runtime: Runtime; readonly logger: Logger; readonly metrics?: Metrics },
): Promise<ServerStorage> {
  if (config.dataDir === "")
    return { log: new MemoryLog(), hardState: { term: 0, votedFor: undefined }, snapshots: new MemorySnapshots() };
  const directory = join(config.dataDir, "raft");
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
  await explainPeersFile(directory, runtime.disk);
  const recovery = await peersRecovery(directory, { runtime, logger });
  return {
    log: log as DurableLog,
    hardState: begun?.hardState ?? recovered.hardState,
    snapshots: new StoreKeeper(store, (tookMs) => metrics.sample("raft.snapshot.create", tookMs), runtime.clock),
    startOver: startOverPort(directory, runtime.disk),
    refillTerm: await refillTerm(directory, runtime.disk, log.term(log.lastIndex) ?? store.newest?.term ?? 0),
    ...(recovery === undefined ? {} : { recovery }),
  };
}

/** In a snapshot's directory. Consul reads only what it knows there. */
const HISTORY_FILE = "history.ndjson";

/** The snapshot store in the shape the server uses. */
class StoreKeeper implements SnapshotKeeper {
  readonly #store: SnapshotStore;
  readonly #onCreated: (tookMs: number) => void;
  readonly #clock: Clock;

  constructor(store: SnapshotStore, onCreated: (tookMs: number) => void, clock: Clock) {
    this.#store = store;
    this.#onCreated = onCreated;
    this.#clock = clock;
  }

  newest(): StoredSnapshot | undefined {
    const meta = this.#store.newest;
    if (meta === undefined) return undefined;
    return {
      id: meta.id,
      bytes: meta.sizeBytes,
      meta: meta as unknown as SnapshotMeta,
      read: () => this.#store.read(meta),
      history: {
        read: () => this.#store.readBeside(meta, HISTORY_FILE),
        write: (bytes) => this.#store.writeBeside(meta, HISTORY_FILE, bytes),
      },
    };
  }

  create(meta: SnapshotMeta): SnapshotSink {
    const startedMs = this.#clock.nowMs();
    const writer = this.#store.create(meta);
    writer.then(
      () => this.#onCreated(this.#clock.nowMs() - startedMs),
      () => {}, // whoever uses the sink gets the error
    );
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
