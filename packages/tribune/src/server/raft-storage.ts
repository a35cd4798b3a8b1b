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

/** How many of the log's first entries are looked at for the age of the log. */
const OLDEST_ENTRIES = 8;

/** Unix time at which the oldest entry of the log was proposed; undefined where nobody knows. */
export async function oldestEntryAtMs(log: DurableLog): Promise<number | undefined> {
  if (log.firstIndex > log.lastIndex) return undefined;
  // Raft's own entries, as at the beginning of a log or of a term, have no time.
  for (let index = log.firstIndex; index < log.firstIndex + OLDEST_ENTRIES && index <= log.lastIndex; index++) {
    const atMs = (await log.read(index, index + 1, 1))[0]?.appendedAtMs;
    if (atMs !== undefined) return atMs;
  }
  return undefined;
}
