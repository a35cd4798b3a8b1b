/**
 * The `Database` of types.ts: copy-on-write trees per table and index, an undo list per transaction, watch cells.
 *
 * A transaction writes straight into the committed trees, for it runs in one go and nobody can look meanwhile; an
 * abort puts back what was there. As long as no snapshot or iterator holds on to a tree, that copies nothing.
 */
import { invariant } from "../../lib/invariant.ts";
import { BTree } from "./btree.ts";
import type { Database, DatingNotes, DbSnapshot, ReadTx, Row, TableSchema, WatchSet, WriteTx } from "./types.ts";
import { WatchRegistry, WatchSetImpl } from "./watch.ts";

/** An index up to so many times as large as what goes is gone through, rather than each row looked up in it. */
const SIFTED_MAX = 4;

type IndexKeys = string | readonly string[] | undefined;

/** A row tree or an index tree, with those who watch it. */
interface WatchedTree {
  committed: BTree<Row>;
  readonly watchers: WatchRegistry;
}

interface TableIndex extends WatchedTree {
  readonly keysOf: (row: Row) => IndexKeys;
}

/** A table as the database holds it; comes into being the first time its schema is used. */
interface Table extends WatchedTree {
  readonly schema: TableSchema<Row>;
  readonly indexes: ReadonlyMap<string, TableIndex>;
  readonly indexList: readonly TableIndex[];
}

function newTable(schema: TableSchema<Row>): Table {
  const indexes = new Map<string, TableIndex>();
  for (const [name, keysOf] of Object.entries(schema.indexes ?? {})) {
    indexes.set(name, { committed: new BTree<Row>(), watchers: new WatchRegistry(), keysOf });
  }
  return {
    committed: new BTree<Row>(),
    watchers: new WatchRegistry(),
    schema,
    indexes,
    indexList: [...indexes.values()],
  };
}

class Tables {
  readonly #bySchema = new Map<TableSchema<never>, Table>();
  readonly #byName = new Map<string, Table>();

  of<R extends Row>(schema: TableSchema<R>): Table {
    const known = this.#bySchema.get(schema);
    if (known !== undefined) return known;
    invariant(!this.#byName.has(schema.name), `two schemas for table ${schema.name}`);
    const table = newTable(schema as TableSchema<Row>);
    this.#bySchema.set(schema, table);
    this.#byName.set(schema.name, table);
    return table;
  }

  all(): Iterable<Table> {
    return this.#byName.values();
  }

  index<R extends Row>(schema: TableSchema<R>, name: string): TableIndex {
    const index = this.of(schema).indexes.get(name);
    invariant(index !== undefined, `table ${schema.name} has no index ${name}`);
    return index;
  }
}

/** Which tree a transaction reads: a snapshot's, or what is committed. */
type TreeOf = (tree: WatchedTree) => BTree<Row>;

class Reader implements ReadTx {
  readonly index: number;
  readonly dating: DatingNotes | undefined;
  readonly #tables: Tables;
  readonly #treeOf: TreeOf;
  readonly #watch: WatchSetImpl | undefined;

  constructor(index: number, tables: Tables, treeOf: TreeOf, watch?: WatchSetImpl, dating?: DatingNotes) {
    this.index = index;
    this.dating = dating;
    this.#tables = tables;
    this.#treeOf = treeOf;
    this.#watch = watch;
  }

  get<R extends Row>(schema: TableSchema<R>, key: string): R | undefined {
    const table = this.#tables.of(schema);
    if (this.#watch !== undefined) table.watchers.watchKey(this.#watch, key);
    return this.#treeOf(table).get(key) as R | undefined;
  }

  scan<R extends Row>(schema: TableSchema<R>, prefix: string): Iterable<R> {
    const table = this.#tables.of(schema);
    if (this.#watch !== undefined) table.watchers.watchPrefix(this.#watch, prefix);
    return this.#treeOf(table).scan(prefix) as Iterable<R>;
  }

  by<R extends Row>(schema: TableSchema<R>, index: string, prefix: string): Iterable<R> {
    const tree = this.#tables.index(schema, index);
    if (this.#watch !== undefined) tree.watchers.watchPrefix(this.#watch, prefix);
    return this.#treeOf(tree).scan(prefix) as Iterable<R>;
  }

  peek<R extends Row>(schema: TableSchema<R>, key: string): R | undefined {
    return this.#treeOf(this.#tables.of(schema)).get(key) as R | undefined;
  }

  peekScan<R extends Row>(schema: TableSchema<R>, prefix: string): Iterable<R> {
    return this.#treeOf(this.#tables.of(schema)).scan(prefix) as Iterable<R>;
  }

  peekBy<R extends Row>(schema: TableSchema<R>, index: string, prefix: string): Iterable<R> {
    return this.#treeOf(this.#tables.index(schema, index)).scan(prefix) as Iterable<R>;
  }

  later(): ReadTx {
    return new Snapshot(this.index, this.#tables);
  }
}

/** What a transaction changed in a tree that somebody watches. */
interface Changes {
  readonly keys: string[];
  /** Prefixes that were emptied, each with the tree as it was before. */
  readonly emptied: (readonly [prefix: string, before: BTree<Row>])[];
}

function expireEmptied(watchers: WatchRegistry, prefix: string, before: BTree<Row>, expired: WatchSetImpl[]): void {
  const hadBelow = (longer: string): boolean => before.scan(longer)[Symbol.iterator]().next().done === false;
  watchers.expireBelow(prefix, hadBelow, (key) => before.get(key) !== undefined, expired);
}

/** Of a row's keys in an index, by one of which it was found below `prefix`, those that are not. */
function keysOutside(prefix: string, keys: IndexKeys, primary: string): IndexKeys {
  return typeof keys === "object" ? keys.filter((key) => !`${key}\0${primary}`.startsWith(prefix)) : undefined;
}

/** What takes the writes of a transaction back, the last one first. */
class UndoLog {
  /** Columns rather than objects, for most transactions are never taken back, and some write a hundred thousand rows. */
  readonly #trees: WatchedTree[] = [];
  readonly #keys: string[] = [];
  /** Of a key what stood there; a whole tree where that was replaced. */
  readonly #before: (Row | BTree<Row> | undefined)[] = [];

  written(tree: WatchedTree, key: string, before: Row | undefined): void {
    this.#push(tree, key, before);
  }

  replaced(tree: WatchedTree, before: BTree<Row>): void {
    this.#push(tree, "", before);
  }

  #push(tree: WatchedTree, key: string, before: Row | BTree<Row> | undefined): void {
    this.#trees.push(tree);
    this.#keys.push(key);
    this.#before.push(before);
  }

  run(): void {
    for (let at = this.#trees.length - 1; at >= 0; at--) {
      const [tree, key, before] = [this.#trees[at]!, this.#keys[at]!, this.#before[at]];
      if (before === undefined) tree.committed.delete(key);
      else if (before instanceof BTree) tree.committed = before;
      else tree.committed.set(key, before);
    }
  }
}

class Writer extends Reader implements WriteTx {
  readonly #tables: Tables;
  readonly #changes = new Map<WatchedTree, Changes>();
  readonly #undo = new UndoLog();
  readonly #afterCommit: (() => void)[] = [];

  constructor(index: number, tables: Tables) {
    super(index, tables, committedTree);
    this.#tables = tables;
  }

  put<R extends Row>(schema: TableSchema<R>, row: R): void {
    const table = this.#tables.of(schema);
    const primary = schema.key(row);
    const previous = this.#set(table, primary, row);
    if (previous === row) return;
    for (const index of table.indexList) {
      const oldKeys = previous === undefined ? undefined : index.keysOf(previous);
      const newKeys = index.keysOf(row);
      this.#removeFrom(index, oldKeys, newKeys, primary);
      this.#addTo(index, newKeys, primary, row);
    }
  }

  delete<R extends Row>(schema: TableSchema<R>, key: string): R | undefined {
    const table = this.#tables.of(schema);
    const previous = this.#remove(table, key);
    if (previous === undefined) return undefined;
    for (const index of table.indexList) this.#removeFrom(index, index.keysOf(previous), undefined, key);
    return previous as R;
  }

  deletePrefix<R extends Row>(schema: TableSchema<R>, prefix: string): number {
    const table = this.#tables.of(schema);
    const rows = table.committed.scan(prefix); // as they are now
    const count = this.#removeBelow(table, prefix);
    if (count === 0) return 0;
    const isBelow = (row: Row): boolean => table.schema.key(row).startsWith(prefix);
    for (const index of table.indexList) {
      if (index.committed.size <= count * SIFTED_MAX) this.#sift(index, isBelow);
      else for (const row of rows) this.#removeFrom(index, index.keysOf(row), undefined, table.schema.key(row));
    }
    return count;
  }

  rewriteBy<R extends Row>(
    schema: TableSchema<R>,
    name: string,
    prefix: string,
    rewrite: (row: R) => R | undefined,
  ): number {
    const table = this.#tables.of(schema);
    const emptied = this.#tables.index(schema, name);
    const rows = emptied.committed.scan(prefix) as Iterable<R>; // as they are now
    if (this.#removeBelow(emptied, prefix) === 0) return 0;
    this.#undo.replaced(table, table.committed.clone());
    const changes = this.#changesOf(table);
    let count = 0;
    for (const row of rows) {
      const primary = schema.key(row);
      const keys = emptied.keysOf(row);
      // Under several keys it is met several times.
      if (typeof keys === "object" && table.committed.get(primary) !== row) continue;
      const after = rewrite(row);
      count++;
      if (after === undefined) table.committed.delete(primary);
      else table.committed.set(primary, after);
      changes?.keys.push(primary);
      for (const index of table.indexList) {
        const oldKeys = index === emptied ? keysOutside(prefix, keys, primary) : index.keysOf(row);
        const newKeys = after === undefined ? undefined : index.keysOf(after);
        this.#removeFrom(index, oldKeys, newKeys, primary);
        if (after !== undefined) this.#addTo(index, newKeys, primary, after);
      }
    }
    return count;
  }

  /** Takes rows out of an index that stand anywhere in it. */
  #sift(index: TableIndex, isGone: (row: Row) => boolean): void {
    if (index.committed.size === 0) return;
    this.#undo.replaced(index, index.committed.clone());
    const changes = this.#changesOf(index);
    index.committed.deleteWhere((key, row) => {
      const gone = isGone(row);
      if (gone) changes?.keys.push(key);
      return gone;
    });
  }

  #removeBelow(tree: WatchedTree, prefix: string): number {
    const before = tree.committed.clone();
    const count = tree.committed.deletePrefix(prefix);
    if (count === 0) return 0;
    this.#undo.replaced(tree, before);
    this.#changesOf(tree)?.emptied.push([prefix, before.clone()]);
    return count;
  }

  afterCommit(run: () => void): void {
    this.#afterCommit.push(run);
  }

  /** Wakes those concerned, then runs what waited for the commit. */
  commit(): void {
    const expired: WatchSetImpl[] = [];
    for (const [tree, { keys, emptied }] of this.#changes) {
      for (const key of keys) tree.watchers.expireFor(key, expired);
      for (const [prefix, before] of emptied) expireEmptied(tree.watchers, prefix, before, expired);
    }
    for (const watch of expired) watch.wakeAll();
    for (const run of this.#afterCommit) run();
  }

  abort(): void {
    this.#undo.run();
  }

  /** Undefined when nobody watches the tree, and nobody can start to before this transaction ends. */
  #changesOf(tree: WatchedTree): Changes | undefined {
    if (tree.watchers.idle) return undefined;
    let changes = this.#changes.get(tree);
    if (changes === undefined) {
      changes = { keys: [], emptied: [] };
      this.#changes.set(tree, changes);
    }
    return changes;
  }

  #set(tree: WatchedTree, key: string, row: Row): Row | undefined {
    const previous = tree.committed.set(key, row);
    if (previous === row) return previous;
    this.#changesOf(tree)?.keys.push(key);
    this.#undo.written(tree, key, previous);
    return previous;
  }

  #remove(tree: WatchedTree, key: string): Row | undefined {
    const previous = tree.committed.delete(key);
    if (previous === undefined) return undefined;
    this.#changesOf(tree)?.keys.push(key);
    this.#undo.written(tree, key, previous);
    return previous;
  }

  #removeFrom(index: TableIndex, keys: IndexKeys, kept: IndexKeys, primary: string): void {
    if (keys === undefined) return;
    for (const indexKey of typeof keys === "string" ? [keys] : keys) {
      if (indexKey === kept || (typeof kept === "object" && kept.includes(indexKey))) continue;
      this.#remove(index, `${indexKey}\0${primary}`);
    }
  }

  #addTo(index: TableIndex, keys: IndexKeys, primary: string, row: Row): void {
    if (keys === undefined) return;
    for (const indexKey of typeof keys === "string" ? [keys] : keys) this.#set(index, `${indexKey}\0${primary}`, row);
  }
}

/** Trees as they were at one moment. Costs one entry per table, whatever the tables hold. */
class FrozenTrees {
  readonly #trees = new Map<WatchedTree, BTree<Row>>();
  #released = false;

  constructor(tables: Tables) {
    for (const table of tables.all()) {
      this.#trees.set(table, table.committed.clone());
      for (const index of table.indexList) this.#trees.set(index, index.committed.clone());
    }
  }

  of(tree: WatchedTree): BTree<Row> {
    invariant(!this.#released, "a released snapshot was read");
    return this.#trees.get(tree) ?? new BTree<Row>(); // the table came into being later
  }

  release(): void {
    this.#released = true;
    this.#trees.clear();
  }
}

class Snapshot extends Reader implements DbSnapshot {
  readonly #frozen: FrozenTrees;

  constructor(index: number, tables: Tables) {
    const frozen = new FrozenTrees(tables);
    super(index, tables, (tree) => frozen.of(tree));
    this.#frozen = frozen;
  }

  override later(): ReadTx {
    return this;
  }

  release(): void {
    this.#frozen.release();
  }
}

const committedTree: TreeOf = (tree) => tree.committed;

export class MemDatabase implements Database {
  readonly #tables = new Tables();
  #index = 0;
  #writing = false;

  get index(): number {
    return this.#index;
  }

  read<T>(read: (tx: ReadTx) => T, dating?: DatingNotes): { readonly result: T; readonly watch: WatchSet } {
    const watch = new WatchSetImpl();
    let ended = false;
    const now: TreeOf = (tree) => {
      // The state has moved on, and what is read would not be watched in time.
      invariant(!ended, "a transaction was read after its end");
      return tree.committed;
    };
    try {
      const result = read(new Reader(this.#index, this.#tables, now, watch, dating));
      return { result, watch };
    } catch (error) {
      watch.release();
      throw error;
    } finally {
      ended = true;
    }
  }

  peek<T>(read: (tx: ReadTx) => T): T {
    return read(new Reader(this.#index, this.#tables, committedTree));
  }

  write<T>(index: number, write: (tx: WriteTx) => T): T {
    invariant(!this.#writing, "a write inside a write");
    this.#writing = true;
    const tx = new Writer(index, this.#tables);
    let result: T;
    try {
      result = write(tx);
    } catch (error) {
      tx.abort();
      throw error;
    } finally {
      this.#writing = false;
    }
    this.#index = index;
    tx.commit();
    return result;
  }

  snapshot(): DbSnapshot {
    return new Snapshot(this.#index, this.#tables);
  }

  replaceWith(other: Database): void {
    invariant(other instanceof MemDatabase, "only a database of the same kind can replace this one");
    invariant(!this.#writing, "a replacement inside a write");
    const expired: WatchSetImpl[] = [];
    for (const table of other.#tables.all()) this.#tables.of(table.schema);
    for (const table of this.#tables.all()) {
      const source = other.#tables.of(table.schema);
      table.committed = source.committed.clone();
      for (const [name, index] of table.indexes) {
        index.committed = other.#tables.index(table.schema, name).committed.clone();
        index.watchers.expireAll(expired);
      }
      table.watchers.expireAll(expired);
    }
    this.#index = other.#index;
    for (const watch of expired) watch.wakeAll();
  }

  /** Rows of a table, without a scan. */
  count<R extends Row>(schema: TableSchema<R>): number {
    return this.#tables.of(schema).committed.size;
  }

  /** Watch cells in use, for metrics and tests: a leak shows here. */
  get watchCellCount(): number {
    let count = 0;
    for (const table of this.#tables.all()) {
      count += table.watchers.cellCount;
      for (const index of table.indexList) count += index.watchers.cellCount;
    }
    return count;
  }
}

export function createDatabase(): MemDatabase {
  return new MemDatabase();
}
