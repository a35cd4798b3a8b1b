import { randomInt } from "../lib/random.ts";
import type { Runtime } from "../lib/runtime.ts";

/** Something that waits until a time at most. */
export interface Expiring {
  /** Set while it waits. */
  slot: Slot<Expiring> | undefined;
}

/** Those whose time is up together. */
interface Slot<T> {
  readonly atMs: number;
  readonly members: Set<T>;
  readonly cancel: () => void;
}

/** A wait is lengthened by up to this fraction, so that clients that came together leave apart (Consul's `jitterFraction`). */
const JITTER_FRACTION = 16;
/** Of that span, what times are rounded by: thousands of waits then share a few dozen timers. */
const SLOTS_A_SPAN = 4;
const SLOT_MS_MAX = 1_024;

/** Deadlines of many waits on few timers. */
export class Deadlines<T extends Expiring> {
  readonly #slots = new Map<number, Slot<T>>();
  readonly #runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly #expired: (members: readonly T[]) => void;

  /** @param expired gets all whose time is up; they have left. */
  constructor(runtime: Pick<Runtime, "clock" | "timers" | "rng">, expired: (members: readonly T[]) => void) {
    this.#runtime = runtime;
    this.#expired = expired;
  }

  /** @param waitMs the member expires no sooner than after this, and no later than a sixteenth of it after that. */
  add(member: T, waitMs: number): void {
    const spanMs = Math.floor(waitMs / JITTER_FRACTION);
    const slotMs = Math.min(SLOT_MS_MAX, Math.max(1, Math.floor(spanMs / SLOTS_A_SPAN)));
    const jitterMs = randomInt(this.#runtime.rng, Math.max(0, spanMs - slotMs) + 1);
    const nowMs = this.#runtime.clock.nowMs();
    const atMs = Math.ceil((nowMs + waitMs + jitterMs) / slotMs) * slotMs;
    let slot = this.#slots.get(atMs);
    if (slot === undefined) {
      const cancel = this.#runtime.timers.after(atMs - nowMs, () => this.#expire(atMs));
      slot = { atMs, members: new Set(), cancel };
      this.#slots.set(atMs, slot);
    }
    slot.members.add(member);
    member.slot = slot as Slot<Expiring>;
  }

  remove(member: T): void {
    const slot = member.slot as Slot<T> | undefined;
    if (slot === undefined) return;
    member.slot = undefined;
    slot.members.delete(member);
    if (slot.members.size > 0) return;
    this.#slots.delete(slot.atMs);
    slot.cancel();
  }

  #expire(atMs: number): void {
    const slot = this.#slots.get(atMs);
    if (slot === undefined) return;
    this.#slots.delete(atMs);
    const members = [...slot.members];
    for (const member of members) member.slot = undefined;
    this.#expired(members);
  }
}
