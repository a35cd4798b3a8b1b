/** Slots of a ring; the number peers put into every push/pull. */
export const RING_SLOTS = 512;
/** Things of one Lamport time. Members that fire in one moment share a time, so it is a few; more is a flood. */
export const SLOT_ITEMS_MAX = 1_024;

export interface RingSlot<T> {
  readonly lTime: number;
  readonly items: readonly T[];
}

/** `old` is too far behind the clock to tell whether it is known; `full` has too many neighbours. */
export type RingVerdict = "new" | "known" | "old" | "early" | "full";

/**
 * Which events or queries were seen lately: by Lamport time, modulo the number of slots (sheet serf §4).
 * @typeParam T what is compared by `isSame`.
 */
export class LamportRing<T> {
  /** Earlier ones are not wanted: those of before a restart, or before a join that ignores old events. */
  timeMin = 0;
  readonly #isSame: (left: T, right: T) => boolean;
  readonly #slots = new Array<{ lTime: number; items: T[] } | undefined>(RING_SLOTS).fill(undefined);

  constructor(isSame: (left: T, right: T) => boolean) {
    this.#isSame = isSame;
  }

  get slots(): readonly (RingSlot<T> | undefined)[] {
    return this.#slots;
  }

  /** Remembers `item` where it is new. @param clockTime of the clock that has witnessed `lTime`. */
  add(lTime: number, item: T, clockTime: number): RingVerdict {
    if (lTime < this.timeMin) return "early";
    if (clockTime > RING_SLOTS && lTime < clockTime - RING_SLOTS) return "old";
    const at = lTime % RING_SLOTS;
    const slot = this.#slots[at];
    if (slot === undefined || slot.lTime !== lTime) {
      this.#slots[at] = { lTime, items: [item] };
      return "new";
    }
    if (slot.items.some((known) => this.#isSame(known, item))) return "known";
    if (slot.items.length >= SLOT_ITEMS_MAX) return "full";
    slot.items.push(item);
    return "new";
  }
}
