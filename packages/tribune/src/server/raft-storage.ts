import { LogScan } from "../raft/recovery.ts";
import type { RecoveredLog, SnapshotMeta } from "../raft/types.ts";
import type { DurableLog } from "./storage-port.ts";

/** Bytes of the newest entries that the core starts with in memory. */
const TAIL_BYTES_MAX = 16 << 20;
/** Read and decoded at a stretch: some milliseconds. */
const READ_BYTES = 512 << 10;

/** Reads the log once, in pieces, for what the core must know of it. */
export async function scanLog(log: DurableLog, snapshot: SnapshotMeta | undefined): Promise<RecoveredLog> {
  const scan = new LogScan(snapshot, TAIL_BYTES_MAX);
  let next = log.firstIndex;
  while (next <= log.lastIndex) {
    const entries = await log.read(next, log.lastIndex + 1, READ_BYTES);
    for (const entry of entries) scan.add(entry);
    next += entries.length;
  }
  const { log: recovered, discardLog } = scan.finish();
  // Entries that the snapshot replaces or contradicts must never be read again.
  if (discardLog && snapshot !== undefined) await log.reset(snapshot.index, snapshot.term);
  return recovered;
}
