/**
 * The in-memory database under the registry: ordered tables, secondary indexes, point-in-time snapshots
 * and exact watches. It knows nothing of what the rows mean.
 *
 * Keys are strings compared by UTF-16 code unit; parts are joined with `\0` (see `key(...)`). User text
 * that must sort like Go's bytes (KV keys) is stored as a byte string: one char per UTF-8 byte.
 */

/** One row of a table: a plain object, never changed after it was put. */
export type Row = object;

export interface TableSchema<R extends Row> {
  readonly name: string;
  /** The primary key; unique. */
  readonly key: (row: R) => string;
  /**
   * Secondary indexes. A row may stand under no, one or several keys. Entries need not be unique: the
   * database appends the primary key behind `\0`.
   */
  readonly indexes?: Readonly<Record<string, (row: R) => string | readonly string[] | undefined>>;
}

/** What dates an answer without waking it. */
export interface DatingNotes {
  /** The answer's index is at least what stands under this name, for as long as its rows are what they are. */
  atLeast(name: string): void;
  /** Which names date the answer hangs on whether this one is there. */
  hangsOn(name: string, isThere: boolean): void;
}

/**
 * Reads at one moment. Every read is recorded in the transaction's watch set: a later commit that changes
 * what the read would answer, including rows that come into being, fires it. The `peek…` forms do not watch.
 */
export interface ReadTx {
  /** Raft index of the last command applied to what is read. */
  readonly index: number;
  /** Hears what a query looks at unwatched to date its answer (`index-table.ts`). The database only hands it on. */
  readonly dating?: DatingNotes | undefined;
  get<R extends Row>(table: TableSchema<R>, key: string): R | undefined;
  /** Rows whose primary key starts with `prefix`, in key order; "" is the whole table. */
  scan<R extends Row>(table: TableSchema<R>, prefix: string): Iterable<R>;
  /** Rows whose key in a secondary index starts with `prefix`, in that index's order. */
  by<R extends Row>(table: TableSchema<R>, index: string, prefix: string): Iterable<R>;
  /** Like `get`, unwatched. */
  peek<R extends Row>(table: TableSchema<R>, key: string): R | undefined;
  /** Like `scan`, unwatched. */
  peekScan<R extends Row>(table: TableSchema<R>, prefix: string): Iterable<R>;
  /** Like `by`, unwatched. */
  peekBy<R extends Row>(table: TableSchema<R>, index: string, prefix: string): Iterable<R>;
  /**
   * The same moment, to be read after this transaction has ended. Unwatched: what is read there must depend on
   * something that was watched here. Lists begun with `scan` and `by` may be drained later without it.
   */
  later(): ReadTx;
}

/** Reads see the transaction's own writes. Nothing shows outside before the commit; an abort leaves no trace. */
export interface WriteTx extends ReadTx {
  put<R extends Row>(table: TableSchema<R>, row: R): void;
  /** @returns the row that was there. */
  delete<R extends Row>(table: TableSchema<R>, key: string): R | undefined;
  /** Deletes every row whose primary key starts with `prefix`, at a fraction of the cost of one by one. @returns how many */
  deletePrefix<R extends Row>(table: TableSchema<R>, prefix: string): number;
  /**
   * Puts `rewrite(row)` in place of every row whose key in a secondary index starts with `prefix`, in that index's
   * order; where it is undefined the row is deleted. Meant for rows that leave the prefix, at a fraction of the cost of
   * `put` and `delete` for each. `rewrite` keeps the primary key, and writes nothing to this table.
   *
   * @returns how many
   */
  rewriteBy<R extends Row>(
    table: TableSchema<R>,
    index: string,
    prefix: string,
    rewrite: (row: R) => R | undefined,
  ): number;
  /** Runs `run` after the commit, in order; dropped on abort. */
  afterCommit(run: () => void): void;
}

/** What a tracked read touched. Fires at most once. */
export interface WatchSet {
  readonly fired: boolean;
  /** Calls `wake` once on the first relevant commit (at once when it already fired). @returns cancel */
  onFire(wake: () => void): () => void;
  /** Gives the watch up; it will never fire. */
  release(): void;
}

/** A frozen view that costs O(1) to take and does not hinder later writes. `index` as in ReadTx. */
export interface DbSnapshot extends ReadTx {
  release(): void;
}

export interface Database {
  /** Raft index of the last committed write. */
  readonly index: number;
  /** Runs `read` and answers its result with the watch set of all it touched. */
  read<T>(read: (tx: ReadTx) => T, dating?: DatingNotes): { readonly result: T; readonly watch: WatchSet };
  /** Runs `read` without watching. */
  peek<T>(read: (tx: ReadTx) => T): T;
  /** Runs `write` at a raft index and commits, unless it throws: then all is as before, and it rethrows. */
  write<T>(index: number, write: (tx: WriteTx) => T): T;
  snapshot(): DbSnapshot;
  /** Rows of a table, without a scan. */
  count<R extends Row>(table: TableSchema<R>): number;
  /** Replaces everything by `other`'s tables in one step and fires every watch. */
  replaceWith(other: Database): void;
}
