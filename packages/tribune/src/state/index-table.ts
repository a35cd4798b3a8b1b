/**
 * The table of indexes: the Raft index of the last change under a name. Names are Consul's, for they are part of
 * its snapshots: tables (`kvs`, `tombstones`, `sessions`, `nodes`, `services`, `checks`, ...), single services
 * (`service.NAME`, `service_kind.KIND`) and marks (`service_last_extinction`, `acl-token-bootstrap`).
 *
 * They are read unwatched: a query that answers with a whole table's index must not wake for each change of the
 * table, only for changes of what it returned.
 */
import type { ReadTx, TableSchema, WriteTx } from "./memdb/types.ts";

export interface IndexEntry {
  readonly Key: string;
  readonly Value: number;
}

export const INDEXES: TableSchema<IndexEntry> = { name: "index", key: (entry) => entry.Key };

/** Sets the index under a name, also to a lower value: callers write at the current Raft index. */
export function bumpIndex(tx: WriteTx, name: string, index: number): void {
  if (tx.peek(INDEXES, name)?.Value !== index) tx.put(INDEXES, { Key: name, Value: index });
}

/** Like `bumpIndex`, but never lowers it: for rows that come back from a snapshot. */
export function raiseIndex(tx: WriteTx, name: string, index: number): void {
  const present = tx.peek(INDEXES, name);
  if (present === undefined || index > present.Value) tx.put(INDEXES, { Key: name, Value: index });
}

export function dropIndex(tx: WriteTx, name: string): void {
  tx.delete(INDEXES, name);
}

/** Whether anything was ever recorded under a name. */
export function hasIndex(tx: ReadTx, name: string): boolean {
  return tx.peek(INDEXES, name) !== undefined;
}

/** The highest of the named indexes, 0 where there is none. Unwatched. */
export function peekIndex(tx: ReadTx, ...names: readonly string[]): number {
  let highest = 0;
  for (const name of names) {
    const value = tx.peek(INDEXES, name)?.Value ?? 0;
    if (value > highest) highest = value;
  }
  return highest;
}

/** Like `peekIndex`, but the read depends on it: for queries that Consul wakes by a table's index. */
export function watchIndex(tx: ReadTx, ...names: readonly string[]): number {
  let highest = 0;
  for (const name of names) {
    const value = tx.get(INDEXES, name)?.Value ?? 0;
    if (value > highest) highest = value;
  }
  return highest;
}
