/**
 * The table of indexes: the Raft index of the last change under a name. Names are Consul's, for they are part of
 * its snapshots: tables (`kvs`, `tombstones`, `sessions`, `nodes`, `services`, `checks`, ...), single services
 * (`service.NAME`, `service_kind.KIND`) and marks (`service_last_extinction`, `acl-token-bootstrap`).
 *
 * They are read unwatched: a query that answers with a whole table's index must not wake for each change of the
 * table, only for changes of what it returned. What was read so is noted, so that an answer that is kept can be dated
 * anew: it has to say the same index as one that is made now, on this server or another.
 */
import type { DatingNotes, ReadTx, TableSchema, WriteTx } from "./memdb/types.ts";

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

/** Whether anything is recorded under a name. Unwatched. */
export function hasIndex(tx: ReadTx, name: string): boolean {
  const isThere = tx.peek(INDEXES, name) !== undefined;
  tx.dating?.hangsOn(name, isThere);
  return isThere;
}

/**
 * The highest of the named indexes, 0 where there is none, for a query to answer: its own is at least as high.
 * Unwatched.
 */
export function peekIndex(tx: ReadTx, ...names: readonly string[]): number {
  let highest = 0;
  for (const name of names) {
    tx.dating?.atLeast(name);
    const value = tx.peek(INDEXES, name)?.Value ?? 0;
    if (value > highest) highest = value;
  }
  return highest;
}

export function allIndexes(tx: ReadTx): ReadonlyMap<string, number> {
  return new Map(Array.from(tx.peekScan(INDEXES, ""), ({ Key, Value }) => [Key, Value]));
}

/** Whether a state is not simply a later one than that before it. Records of single names (`service.NAME`) come and go. */
export function goesBack(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>): boolean {
  for (const [name, value] of before) {
    const later = after.get(name) ?? (name.includes(".") ? value : 0);
    if (later < value) return true;
  }
  return false;
}

/** By what an answer is dated beside the rows that it depends on. */
export class Dating implements DatingNotes {
  #atLeast: string[] | undefined;
  #hangsOn: (readonly [name: string, isThere: boolean])[] | undefined;

  atLeast(name: string): void {
    if (this.#atLeast === undefined) this.#atLeast = [name];
    else if (!this.#atLeast.includes(name)) this.#atLeast.push(name);
  }

  hangsOn(name: string, isThere: boolean): void {
    this.#hangsOn ??= [];
    this.#hangsOn.push([name, isThere]);
  }

  /** Nothing: the answer's index follows from its rows. */
  get isEmpty(): boolean {
    return this.#atLeast === undefined && this.#hangsOn === undefined;
  }

  /**
   * The index in another state of an answer that had `index` in an earlier one, while nothing it depends on was written.
   *
   * @returns undefined when only the query itself can tell.
   */
  indexIn(tx: ReadTx, index: number): number | undefined {
    for (const [name, wasThere] of this.#hangsOn ?? []) {
      if ((tx.peek(INDEXES, name) !== undefined) !== wasThere) return undefined;
    }
    let highest = index;
    for (const name of this.#atLeast ?? []) highest = Math.max(highest, tx.peek(INDEXES, name)?.Value ?? 0);
    return highest;
  }
}
