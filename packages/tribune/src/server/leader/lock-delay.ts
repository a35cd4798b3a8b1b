import type { Clock } from "../../lib/runtime.ts";

/** Fewer keys than this are not worth a look whether their time is up. */
const SWEPT_KEYS_MIN = 256;

/** Until when the keys of one session are kept. Theirs together: there may be a hundred thousand. */
interface Deadline {
  readonly untilMs: number;
}

/**
 * Keys whose lock was lost by a session that was invalidated: nobody may take it again for a while, so that
 * the old holder can notice. Kept in memory by every server, from its own clock: never in the log.
 */
export class LockDelays {
  readonly #deadlines = new Map<string, Deadline>();
  readonly #clock: Clock;
  /** Twice as many as the last sweep left: a key that is set costs the same however many there are. */
  #sweptAtSize = SWEPT_KEYS_MIN;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(keys: readonly string[], delayMs: number): void {
    if (delayMs <= 0) return;
    const deadline = { untilMs: this.#clock.nowMs() + delayMs };
    for (const key of keys) this.#deadlines.set(key, deadline);
    if (this.#deadlines.size >= this.#sweptAtSize) this.#sweep();
  }

  /** Keys that are remembered, some of them for no reason any more. */
  get size(): number {
    return this.#deadlines.size;
  }

  /** Milliseconds until the key may be locked again; 0: now. */
  leftMs(key: string): number {
    const deadline = this.#deadlines.get(key);
    if (deadline === undefined) return 0;
    const leftMs = deadline.untilMs - this.#clock.nowMs();
    if (leftMs > 0) return leftMs;
    this.#deadlines.delete(key);
    return 0;
  }

  /** Now and then is enough: reading drops what it finds expired. */
  #sweep(): void {
    const nowMs = this.#clock.nowMs();
    for (const [key, { untilMs }] of this.#deadlines) if (untilMs <= nowMs) this.#deadlines.delete(key);
    this.#sweptAtSize = Math.max(SWEPT_KEYS_MIN, 2 * this.#deadlines.size);
  }
}
