import type { Surroundings } from "./surroundings.ts";

export interface Deadline {
  readonly atMs: number;
  readonly missed: () => void;
}

/**
 * Calls that may all take equally long. They share one timer, which is set again only when it has rung: a timer of its own
 * would be a quarter of what the client costs a call.
 */
export class Deadlines {
  readonly #world: Surroundings;
  readonly #limitMs: number;
  /** Soonest first, since the limit is the same for all. */
  readonly #open = new Set<Deadline>();
  #isArmed = false;

  constructor(world: Surroundings, limitMs: number) {
    this.#world = world;
    this.#limitMs = limitMs;
  }

  /** @param missed runs once, when it was not `met` in time */
  start(missed: () => void): Deadline {
    const deadline = { atMs: this.#world.nowMs() + this.#limitMs, missed };
    this.#open.add(deadline);
    if (!this.#isArmed) this.#arm(this.#limitMs);
    return deadline;
  }

  met(deadline: Deadline): void {
    this.#open.delete(deadline);
  }

  #arm(delayMs: number): void {
    this.#isArmed = true;
    this.#world.after(delayMs, () => this.#ring(), { background: true });
  }

  #ring(): void {
    this.#isArmed = false;
    const nowMs = this.#world.nowMs();
    for (const deadline of this.#open) {
      if (deadline.atMs > nowMs) return this.#arm(deadline.atMs - nowMs);
      this.#open.delete(deadline);
      deadline.missed();
    }
  }
}
