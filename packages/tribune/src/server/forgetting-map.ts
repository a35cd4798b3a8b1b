/**
 * A map for what comes and goes with every request, such as who waits for an answer.
 *
 * V8's own has a table that is made anew when it is full of what was deleted. The old one keeps what was in it then, and a
 * pointer to the new one, for iterators that may stand in it. Once one of these tables has lived long enough to be where
 * garbage is collected seldom, all later ones are taken for alive, too, and with them what was in them: every request is
 * then moved to where it is in the way until the next full collection. That was a fifth of what a transaction cost.
 *
 * Here a table holds slots, and nothing is left in the slot of what is gone.
 */
export class ForgettingMap<K, V> {
  readonly #slots = new Map<K, Slot<V>>();

  get size(): number {
    return this.#slots.size;
  }

  get(key: K): V | undefined {
    return this.#slots.get(key)?.value;
  }

  set(key: K, value: V): void {
    const slot = this.#slots.get(key);
    if (slot === undefined) this.#slots.set(key, { value });
    else slot.value = value;
  }

  /** @returns what was there. */
  take(key: K): V | undefined {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    const { value } = slot;
    slot.value = undefined;
    return value;
  }

  /** In the order in which their keys came. @returns what was there, all of it. */
  takeAll(): V[] {
    return Array.from(this.#slots.keys(), (key) => this.take(key) as V);
  }
}

interface Slot<V> {
  value: V | undefined;
}
