/**
 * What still has to be told, and how often: memberlist's `TransmitLimitedQueue` (sheet memberlist §7, Broadcast queue;
 * SWIM §4.1). Fewest transmissions first, so that news spreads before what many know; then the largest, so that
 * packets fill; then the newest.
 *
 * A treap by that order: putting in, taking out and finding the next one that fits cost O(log n).
 */

/** One message on its way. Only the queue changes it. */
export interface Broadcast {
  /** As it goes into a packet. */
  readonly part: Uint8Array;
  /** What it counts in the budget and in the order. */
  readonly length: number;
}

class Item implements Broadcast {
  readonly part: Uint8Array;
  readonly length: number;
  /** Stamped when queued: newer is larger. */
  readonly id: number;
  readonly name: string | undefined;
  readonly done: (() => void) | undefined;
  transmits = 0;
  readonly priority: number;
  left: Item | undefined;
  right: Item | undefined;

  constructor(part: Uint8Array, length: number, id: number, name: string | undefined, done: (() => void) | undefined) {
    this.part = part;
    this.length = length;
    this.id = id;
    this.name = name;
    this.done = done;
    this.priority = scattered(id);
  }
}

/** A treap wants priorities without order; they need not be random (murmur3's finalizer). */
function scattered(id: number): number {
  let mixed = id | 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function isBefore(a: Item, b: Item): boolean {
  if (a.transmits !== b.transmits) return a.transmits < b.transmits;
  if (a.length !== b.length) return a.length > b.length;
  return a.id > b.id;
}

function insert(root: Item | undefined, item: Item): Item {
  if (root === undefined) return item;
  if (item.priority > root.priority) {
    split(root, item, item);
    return item;
  }
  if (isBefore(item, root)) root.left = insert(root.left, item);
  else root.right = insert(root.right, item);
  return root;
}

/** What is before `item` becomes `into.left`, the rest `into.right`. */
function split(root: Item | undefined, item: Item, into: Item): void {
  if (root === undefined) {
    into.left = undefined;
    into.right = undefined;
  } else if (isBefore(root, item)) {
    split(root.right, item, into);
    root.right = into.left;
    into.left = root;
  } else {
    split(root.left, item, into);
    root.left = into.right;
    into.right = root;
  }
}

/** Every item of `left` is before every item of `right`. */
function joined(left: Item | undefined, right: Item | undefined): Item | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = joined(left.right, right);
    return left;
  }
  right.left = joined(left, right.left);
  return right;
}

function without(root: Item | undefined, item: Item): Item | undefined {
  if (root === undefined) return undefined;
  if (root === item) return joined(item.left, item.right);
  if (isBefore(item, root)) root.left = without(root.left, item);
  else root.right = without(root.right, item);
  return root;
}

export class BroadcastQueue {
  #root: Item | undefined;
  #size = 0;
  #lastId = 0;
  readonly #byName = new Map<string, Item>();

  get size(): number {
    return this.#size;
  }

  /** Whether what was added under this name is still being sent. */
  has(name: string): boolean {
    return this.#byName.has(name);
  }

  /**
   * @param length counts in budget and order; may be less than the part's own, where the caller counts the rest as
   * overhead.
   * @param name the message replaces the one queued under the same name.
   * @param done called once it is no longer sent: often enough, replaced, or pushed out.
   */
  add(part: Uint8Array, length: number, name?: string, done?: () => void): void {
    if (name !== undefined) {
      const old = this.#byName.get(name);
      if (old !== undefined) this.#finish(old);
    }
    const item = new Item(part, length, ++this.#lastId, name, done);
    if (name !== undefined) this.#byName.set(name, item);
    this.#insert(item);
  }

  /**
   * Adds to `parts` what fits, each with `overhead` bytes on top, and counts it as sent once more.
   *
   * @param transmitLimit a message sent so often is done.
   * @param partsMax how long `parts` may become.
   * @returns bytes used, overhead included; at most `limit`.
   */
  take(overhead: number, limit: number, transmitLimit: number, partsMax: number, parts: Uint8Array[]): number {
    let used = 0;
    let transmits = 0;
    const again: Item[] = [];
    while (this.#size > 0 && parts.length < partsMax) {
      const free = limit - used - overhead;
      if (free <= 0) break;
      const item = this.#firstFitting(transmits, free);
      if (item === undefined) break;
      if (item.transmits > transmits) {
        // The first of a later tier, which may be too long where others are not.
        transmits = item.transmits;
        continue;
      }
      used += overhead + item.length;
      parts.push(item.part);
      if (item.transmits + 1 >= transmitLimit) this.#finish(item);
      else {
        // Back only afterwards, or it would be met again in the next tier.
        this.#remove(item);
        again.push(item);
      }
    }
    for (const item of again) {
      item.transmits++;
      this.#insert(item);
    }
    return used;
  }

  /** Lets go of what has been sent most until `sizeMax` are left. */
  prune(sizeMax: number): void {
    while (this.#size > sizeMax) {
      let last = this.#root!;
      while (last.right !== undefined) last = last.right;
      this.#finish(last);
    }
  }

  /** In order; for tests. */
  list(): readonly (Broadcast & { readonly transmits: number })[] {
    const items: Item[] = [];
    const visit = (item: Item | undefined): void => {
      if (item === undefined) return;
      visit(item.left);
      items.push(item);
      visit(item.right);
    };
    visit(this.#root);
    return items;
  }

  /** The first item with `transmits` or more of which those with just `transmits` have at most `free` bytes. */
  #firstFitting(transmits: number, free: number): Item | undefined {
    let found: Item | undefined;
    let item = this.#root;
    while (item !== undefined) {
      if (item.transmits < transmits || (item.transmits === transmits && item.length > free)) item = item.right;
      else {
        found = item;
        item = item.left;
      }
    }
    return found;
  }

  #finish(item: Item): void {
    this.#remove(item);
    if (item.name !== undefined) this.#byName.delete(item.name);
    item.done?.();
  }

  #insert(item: Item): void {
    this.#root = insert(this.#root, item);
    this.#size++;
  }

  #remove(item: Item): void {
    this.#root = without(this.#root, item);
    item.left = undefined;
    item.right = undefined;
    this.#size--;
  }
}
