import type { Cancel } from "../../lib/runtime.ts";

/**
 * A condition variable: whoever waits is woken by the next `fire`. Waiters are few (blocking queries on this
 * agent), so nothing is counted or bounded here; the doors bound them.
 */
export class Signal {
  private readonly waiters = new Set<() => void>();
  private readonly onIdle: (() => void) | undefined;

  /** @param onIdle called when the last waiter has gone, so that an owner can drop the signal. */
  constructor(onIdle?: () => void) {
    this.onIdle = onIdle;
  }

  /** Calls `wake` once, at the next `fire`. */
  next(wake: () => void): Cancel {
    const waiter = (): void => wake();
    this.waiters.add(waiter);
    return () => {
      if (this.waiters.delete(waiter) && this.waiters.size === 0) this.onIdle?.();
    };
  }

  fire(): void {
    const woken = [...this.waiters];
    this.waiters.clear();
    if (woken.length > 0) this.onIdle?.();
    for (const wake of woken) wake();
  }
}
