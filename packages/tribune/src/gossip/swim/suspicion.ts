import type { Timer } from "./timer-heap.ts";
import { type SuspicionLimits, suspicionTimeoutMs } from "./timing.ts";

/** A member under suspicion: who says so, and until when it may refute (SWIM §4.2, Lifeguard §IV). */
export class Suspicion {
  readonly timer: Timer;
  readonly #limits: SuspicionLimits;
  #startMs: number;
  /** The first accuser too, whose own message may come back to us and confirms nothing. */
  readonly #accusers: Set<string>;

  constructor(from: string, limits: SuspicionLimits, startMs: number, timer: Timer) {
    this.#accusers = new Set([from]);
    this.#limits = limits;
    this.#startMs = startMs;
    this.timer = timer;
  }

  get confirmations(): number {
    return this.#accusers.size - 1;
  }

  /** @returns whether this is news: another accuser, and one that was still waited for. */
  confirm(from: string): boolean {
    if (this.confirmations >= this.#limits.expected || this.#accusers.has(from)) return false;
    this.#accusers.add(from);
    return true;
  }

  get deadlineMs(): number {
    return this.#startMs + suspicionTimeoutMs(this.confirmations, this.#limits);
  }

  /** Time in which we stood still is not time in which it could have refuted. */
  delay(ms: number): void {
    this.#startMs += ms;
  }
}
