import { seededRng } from "../lib/random.ts";
import type { Cancel, Clock, Rng, Timers } from "../lib/runtime.ts";

interface Timer {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Clock, timers and randomness under a test's control. Time stands still between calls of `advance`. */
export class VirtualTime {
  private now = 1_000;
  private order = 0;
  private readonly pending = new Set<Timer>();
  readonly rng: Rng;

  constructor(seed = 1) {
    this.rng = seededRng(seed);
  }

  readonly clock: Clock = { nowMs: () => this.now, wallMs: () => 1_700_000_000_000 + this.now };

  readonly timers: Timers = {
    after: (delayMs, run) => this.at(this.now + delayMs, run),
    soon: (run) => void this.at(this.now, run),
  };

  get pendingTimers(): number {
    return this.pending.size;
  }

  /** From now until the next timer. */
  get nextMs(): number | undefined {
    const next = this.next();
    return next === undefined ? undefined : next.atMs - this.now;
  }

  /** Runs everything that falls due within `ms`, in order; promises settle in between. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.now + ms;
    await settle();
    for (let timer = this.next(); timer !== undefined && timer.atMs <= untilMs; timer = this.next()) {
      this.pending.delete(timer);
      this.now = Math.max(this.now, timer.atMs);
      timer.run();
      await settle();
    }
    this.now = untilMs;
  }

  private at(atMs: number, run: () => void): Cancel {
    const timer = { atMs, order: this.order++, run };
    this.pending.add(timer);
    return () => this.pending.delete(timer);
  }

  private next(): Timer | undefined {
    let first: Timer | undefined;
    for (const timer of this.pending)
      if (first === undefined || timer.atMs < first.atMs || (timer.atMs === first.atMs && timer.order < first.order))
        first = timer;
    return first;
  }
}

/** Lets every promise that can settle do so. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
