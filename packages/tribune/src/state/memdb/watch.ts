/**
 * Exact watches. A read leaves its watch set in one *cell* per thing it touched: a single key, or all keys
 * below a prefix. A written key looks its own cell up, and one per distinct registered prefix length, so a
 * write costs the same whether nobody or ten thousand clients wait for something else.
 */
import type { WatchSet } from "./types.ts";

/** All watch sets waiting for one key or prefix. Lives only while it has any. */
interface Cell {
  readonly registry: WatchRegistry;
  readonly home: Map<string, Cell>;
  readonly key: string;
  newest: Link | undefined;
}

/** One watch set waiting in one cell: a doubly linked list per cell, a singly linked one per watch set. */
class Link {
  readonly watch: WatchSetImpl;
  readonly cell: Cell;
  readonly nextOfWatch: Link | undefined;
  newer: Link | undefined = undefined;
  older: Link | undefined;

  constructor(watch: WatchSetImpl, cell: Cell, nextOfWatch: Link | undefined) {
    this.watch = watch;
    this.cell = cell;
    this.nextOfWatch = nextOfWatch;
    this.older = cell.newest;
    if (this.older !== undefined) this.older.newer = this;
    cell.newest = this;
  }

  unlink(): void {
    if (this.older !== undefined) this.older.newer = this.newer;
    if (this.newer !== undefined) this.newer.older = this.older;
    else {
      this.cell.newest = this.older;
      if (this.older === undefined) this.cell.registry.drop(this.cell);
    }
  }
}

type WatchState = "waiting" | "fired" | "released";

export class WatchSetImpl implements WatchSet {
  #state: WatchState = "waiting";
  #links: Link | undefined;
  #wakers: (() => void)[] = [];

  get fired(): boolean {
    return this.#state === "fired";
  }

  onFire(wake: () => void): () => void {
    if (this.#state === "fired") wake();
    if (this.#state !== "waiting") return () => {};
    this.#wakers.push(wake);
    return () => {
      const at = this.#wakers.indexOf(wake);
      if (at >= 0) this.#wakers.splice(at, 1);
    };
  }

  release(): void {
    if (this.#state !== "waiting") return;
    this.#state = "released";
    this.#wakers = [];
    this.#leaveAll();
  }

  join(cell: Cell): void {
    // One read runs at a time: if it has already joined this cell, it is still the newest there.
    if (cell.newest?.watch !== this) this.#links = new Link(this, cell, this.#links);
  }

  /** Marks it fired and leaves every cell. The caller wakes it once the whole commit is visible. */
  expire(): void {
    this.#state = "fired";
    this.#leaveAll();
  }

  /** Calls the wakers of an expired watch set. They must not throw. */
  wakeAll(): void {
    const wakers = this.#wakers;
    this.#wakers = [];
    for (const wake of wakers) wake();
  }

  #leaveAll(): void {
    for (let link = this.#links; link !== undefined; link = link.nextOfWatch) link.unlink();
    this.#links = undefined;
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
    expireCell(this.#exact.get(key), expired);
    for (const [length, cells] of this.#prefixes) {
      if (length <= key.length) expireCell(cells.get(length === key.length ? key : key.slice(0, length)), expired);
    }
  }

  /**
   * The same for all keys below `prefix` at once, of which there was at least one.
   *
   * @param hadBelow whether any of them started with a longer prefix.
   */
  expireBelow(
    prefix: string,
    hadBelow: (longer: string) => boolean,
    had: (key: string) => boolean,
    expired: WatchSetImpl[],
  ): void {
    for (const [key, cell] of this.#exact) if (key.startsWith(prefix) && had(key)) expireCell(cell, expired);
    for (const cells of this.#prefixes.values()) {
      for (const [watched, cell] of cells) {
        const touched = prefix.startsWith(watched) || (watched.startsWith(prefix) && hadBelow(watched));
        if (touched) expireCell(cell, expired);
      }
    }
  }

  expireAll(expired: WatchSetImpl[]): void {
    for (const cell of this.#exact.values()) expireCell(cell, expired);
    for (const cells of this.#prefixes.values()) for (const cell of cells.values()) expireCell(cell, expired);
  }

  /** Forgets a cell in which nobody waits any more. */
  drop(cell: Cell): void {
    cell.home.delete(cell.key);
    if (cell.home.size === 0 && cell.home !== this.#exact) this.#prefixes.delete(cell.key.length);
  }

  #cell(home: Map<string, Cell>, key: string): Cell {
    let cell = home.get(key);
    if (cell === undefined) {
      cell = { registry: this, home, key, newest: undefined };
      home.set(key, cell);
    }
    return cell;
  }
}

function expireCell(cell: Cell | undefined, expired: WatchSetImpl[]): void {
  // Expiring a watch set takes its link out of this very list.
  for (let link = cell?.newest; link !== undefined; link = cell?.newest) {
    link.watch.expire();
    expired.push(link.watch);
  }
}
