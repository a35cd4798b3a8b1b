import { LogScan } from "../../raft/recovery.ts";
import type { HardState, LogEntry, RaftEffect, RecoveredLog, SnapshotMeta } from "../../raft/types.ts";
import type { Update } from "../sim-disk.ts";

/** What one simulated server has on disk. */
export interface ServerDisk {
  hardState: HardState;
  /** Ascending without gaps. */
  log: LogEntry[];
  snapshot: { readonly meta: SnapshotMeta; readonly state: string } | undefined;
}

export function emptyServerDisk(): ServerDisk {
  return { hardState: { term: 0, votedFor: undefined }, log: [], snapshot: undefined };
}

/** Torn: the hard state, which is written first, and some of the entries; each record is whole or absent. */
export function persistUpdate(effect: Extract<RaftEffect, { type: "persist" }>): Update<ServerDisk> {
  return (disk, fraction) => {
    if (effect.hardState !== undefined) disk.hardState = effect.hardState;
    if (effect.truncateFrom !== undefined) {
      const { truncateFrom } = effect;
      disk.log = disk.log.filter((entry) => entry.index < truncateFrom);
    }
    disk.log.push(...effect.entries.slice(0, Math.floor(fraction * effect.entries.length)));
  };
}

/** Torn: the snapshot is the newest, but the log it replaces is still there. */
export function installUpdate(
  effect: Extract<RaftEffect, { type: "installSnapshot" }>,
  state: string,
): Update<ServerDisk> {
  return (disk, fraction) => {
    disk.snapshot = { meta: effect.snapshot, state };
    if (!effect.keepLog && fraction === 1) disk.log = [];
  };
}

/** Torn: the snapshot is there, old entries too. */
export function snapshotUpdate(meta: SnapshotMeta, state: string, firstIndex: number): Update<ServerDisk> {
  return (disk, fraction) => {
    if (disk.snapshot !== undefined && disk.snapshot.meta.index >= meta.index) return;
    disk.snapshot = { meta, state };
    if (fraction === 1) disk.log = disk.log.filter((entry) => entry.index >= firstIndex);
  };
}

/** What a restart finds; deletes a log that does not belong to the snapshot. */
export function recoverServer(disk: ServerDisk): RecoveredLog {
  const scan = new LogScan(disk.snapshot?.meta, 1024);
  for (const entry of disk.log) scan.add(entry);
  const { log, discardLog } = scan.finish();
  if (discardLog) disk.log = [];
  return log;
}

export function hasEntry(disk: ServerDisk, index: number, term: number): boolean {
  const first = disk.log[0];
  const entry = first === undefined ? undefined : disk.log[index - first.index];
  if (entry !== undefined) return entry.term === term;
  return disk.snapshot !== undefined && index <= disk.snapshot.meta.index;
}

/** What a core asked to have read, up to `maxBytes`; nothing where the log begins later by now. */
export function loadedEntries(
  { log }: ServerDisk,
  { from, to, maxBytes }: Extract<RaftEffect, { type: "loadEntries" }>,
): readonly LogEntry[] {
  const first = log[0]?.index ?? 0;
  const entries: LogEntry[] = [];
  let bytes = 0;
  if (from < first) return entries;
  for (const entry of log.slice(from - first, to - first + 1)) {
    bytes += entry.data.length;
    if (entries.length > 0 && bytes > maxBytes) break;
    entries.push(entry);
  }
  return entries;
}
