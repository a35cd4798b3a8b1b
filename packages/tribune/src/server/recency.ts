/**
 * Things in the order of their last use, in constant time whatever happens to them. (A Map in insertion order would do
 * but for its holes: finding its first entry walks over all that were deleted before it.)
 */
export interface Linked<T> {
  newer: T | undefined;
  older: T | undefined;
}

export class Recency<T extends Linked<T>> {
  #newest: T | undefined;
  #oldest: T | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get oldest(): T | undefined {
    return this.#oldest;
  }

  /** `item` must not be in it. */
  add(item: T): void {
    item.older = this.#newest;
    item.newer = undefined;
    if (this.#newest === undefined) this.#oldest = item;
    else this.#newest.newer = item;
    this.#newest = item;
    this.#size++;
  }

  /** `item` must be in it. */
  remove(item: T): void {
    const { newer, older } = item;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
    if (older === undefined) this.#oldest = newer;
    else older.newer = newer;
    item.newer = undefined;
    item.older = undefined;
    this.#size--;
  }

  /** `item` must be in it, and is then the newest. */
  touch(item: T): void {
    if (item === this.#newest) return;
    this.remove(item);
    this.add(item);
  }
}
