import type { Surroundings } from "./surroundings.ts";

/** One call's, between those of its neighbours in time; alone when it is not open. */
class Deadline {
  readonly atMs: number;
  readonly missed: () => void;
  before: Deadline = this;
  after: Deadline = this;

  constructor(atMs: number, missed: () => void) {
    this.atMs = atMs;
    this.missed = missed;
  }
}

export type { Deadline };

/**
 * Calls that may all take equally long. They share one timer, which is set again only when it has rung: a timer of its own
 * would be a quarter of what the client costs a call. The open ones stand in a ring, soonest first since the limit is the
 * same for all: a set, which leaves a hole for each that it forgets and is made anew when it is full of them, costs a call
 * a microsecond more.
 */
export class Deadlines {
  readonly #world: Surroundings;
  readonly #limitMs: number;
  /** No call's: the soonest comes after it, the latest before it. */
  readonly #ends = new Deadline(0, () => {});
  #isArmed = false;

  constructor(world: Surroundings, limitMs: number) {
    this.#world = world;
    this.#limitMs = limitMs;
  }

  /** @param missed runs once, when it was not `met` in time */
  start(missed: () => void): Deadline {
    const deadline = new Deadline(this.#world.nowMs() + this.#limitMs, missed);
    const ends = this.#ends;
    const latest = ends.before;
    deadline.before = latest;
    deadline.after = ends;
    latest.after = deadline;
    ends.before = deadline;
    if (!this.#isArmed) this.#arm(this.#limitMs);
    return deadline;
  }

  /** Nothing happens where it was met or missed before. */
  met(deadline: Deadline): void {
    deadline.before.after = deadline.after;
    deadline.after.before = deadline.before;
    deadline.before = deadline;
    deadline.after = deadline;
  }

  #arm(delayMs: number): void {
    this.#isArmed = true;
    this.#world.after(delayMs, () => this.#ring(), { background: true });
  }

  #ring(): void {
    this.#isArmed = false;
    const nowMs = this.#world.nowMs();
    for (let soonest = this.#ends.after; soonest !== this.#ends; soonest = this.#ends.after) {
      if (soonest.atMs > nowMs) return this.#arm(soonest.atMs - nowMs);
      this.met(soonest);
      soonest.missed();
    }
  }
}
