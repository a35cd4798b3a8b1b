import { join } from "node:path";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import { MemoryLog } from "../server/memory-log.ts";
import type { DurableLog, SnapshotKeeper } from "../server/storage-port.ts";
import { RaftLog } from "../storage/raft-log.ts";
import { SnapshotStore } from "../storage/snapshot-store.ts";

export interface ServerStorage {
  readonly log: DurableLog;
  readonly hardState: { readonly term: number; readonly votedFor: string | undefined };
  readonly snapshots: SnapshotKeeper | undefined;
}
