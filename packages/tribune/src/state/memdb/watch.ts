/**
 * Exact watches. A read leaves its watch set in one *cell* per thing it touched: a single key, or all keys
 * below a prefix. A written key looks its own cell up, and one per distinct registered prefix length, so a
 * write costs the same whether nobody or ten thousand clients wait for something else.
 */
import type { WatchSet } from "./types.ts";

/**
 * All watch sets waiting for one key or prefix. Two parallel arrays with removal by swapping: a watch set
 * knows its slot in each of its cells, so that joining and leaving need no hashing and no search.
 */
class Cell {
  readonly home: Map<string, Cell>;
  readonly key: string;
  readonly registry: WatchRegistry;
  readonly watchers: WatchSetImpl[] = [];
  /** places[i] is the position of this cell in watchers[i].cells. */
  readonly places: number[] = [];

  constructor(registry: WatchRegistry, home: Map<string, Cell>, key: string) {
    this.registry = registry;
    this.home = home;
    this.key = key;
  }
}

export class WatchSetImpl implements WatchSet {
  #fired = false;
  #done = false;
  #wake: (() => void)[] | undefined;
  readonly cells: Cell[] = [];
  /** slots[j] is the position of this watch set in cells[j].watchers. */
  readonly slots: number[] = [];

  get fired(): boolean {
    return this.#fired;
  }

  onFire(wake: () => void): () => void {
    if (this.#fired) {
      wake();
      return () => {};
    }
    this.#wake ??= [];
    this.#wake.push(wake);
    return () => {
      const at = this.#wake?.indexOf(wake) ?? -1;
      if (at >= 0) this.#wake?.splice(at, 1);
    };
  }

  release(): void {
    if (this.#done) return;
    this.#done = true;
    this.#wake = undefined;
    this.#leaveAll();
  }

  join(cell: Cell): void {
    // One read runs at a time, so a cell it has already joined has it as its newest watcher.
    const count = cell.watchers.length;
    if (count > 0 && cell.watchers[count - 1] === this) return;
    cell.watchers.push(this);
    cell.places.push(this.cells.length);
    this.cells.push(cell);
    this.slots.push(count);
  }

  /** Marks it fired and leaves every cell. @returns whether it was still waiting. */
  expire(): boolean {
    if (this.#done) return false;
    this.#done = true;
    this.#fired = true;
    this.#leaveAll();
    return true;
  }

  /** Calls the wakers of an expired watch set. They must not throw. */
  wakeAll(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    if (wake !== undefined) for (const run of wake) run();
  }

  #leaveAll(): void {
    for (let at = 0; at < this.cells.length; at++) {
      const cell = this.cells[at] as Cell;
      const slot = this.slots[at] as number;
      const movedWatcher = cell.watchers.pop() as WatchSetImpl;
      const movedPlace = cell.places.pop() as number;
      if (slot < cell.watchers.length) {
        cell.watchers[slot] = movedWatcher;
        cell.places[slot] = movedPlace;
        movedWatcher.slots[movedPlace] = slot;
      }
      if (cell.watchers.length === 0) cell.registry.drop(cell);
    }
    this.cells.length = 0;
    this.slots.length = 0;
  }
}

/** The cells of one tree (a table's rows, or one of its indexes). */
export class WatchRegistry {
  readonly #exact = new Map<string, Cell>();
  /** By prefix length. */
  readonly #prefixes = new Map<number, Map<string, Cell>>();

  /** Nobody watches: writes need not be noted. */
  get idle(): boolean {
    return this.#exact.size === 0 && this.#prefixes.size === 0;
  }

  /** Cells in use, for tests and metrics. */
  get cellCount(): number {
    let count = this.#exact.size;
    for (const cells of this.#prefixes.values()) count += cells.size;
    return count;
  }

  watchKey(watch: WatchSetImpl, key: string): void {
    watch.join(this.#cell(this.#exact, key));
  }

  watchPrefix(watch: WatchSetImpl, prefix: string): void {
    let cells = this.#prefixes.get(prefix.length);
    if (cells === undefined) {
      cells = new Map();
      this.#prefixes.set(prefix.length, cells);
    }
    watch.join(this.#cell(cells, prefix));
  }

  /** Expires every watch set that depends on `key` and adds it to `expired`. */
  expireFor(key: string, expired: WatchSetImpl[]): void {
    const exact = this.#exact.get(key);
    if (exact !== undefined) expireCell(exact, expired);
    for (const [length, cells] of this.#prefixes) {
      if (length > key.length) continue;
      const cell = cells.get(length === key.length ? key : key.slice(0, length));
      if (cell !== undefined) expireCell(cell, expired);
    }
  }

  expireAll(expired: WatchSetImpl[]): void {
    for (const cell of this.#exact.values()) expireCell(cell, expired);
    for (const cells of this.#prefixes.values()) for (const cell of cells.values()) expireCell(cell, expired);
  }

  drop(cell: Cell): void {
    cell.home.delete(cell.key);
    if (cell.home.size === 0 && cell.home !== this.#exact) this.#prefixes.delete(cell.key.length);
  }

  #cell(home: Map<string, Cell>, key: string): Cell {
    let cell = home.get(key);
    if (cell === undefined) {
      cell = new Cell(this, home, key);
      home.set(key, cell);
    }
    return cell;
  }
}

function expireCell(cell: Cell, expired: WatchSetImpl[]): void {
  // Expiring the last watcher pops it from this very array.
  while (cell.watchers.length > 0) {
    const watch = cell.watchers[cell.watchers.length - 1] as WatchSetImpl;
    if (watch.expire()) expired.push(watch);
  }
}
