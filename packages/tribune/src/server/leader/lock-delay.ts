import type { Clock } from "../../lib/runtime.ts";

/**
 * Keys whose lock was lost by a session that was invalidated: nobody may take it again for a while, so that
 * the old holder can notice. Kept in memory by every server, from its own clock: never in the log.
 */
export class LockDelays {
  readonly #untilMs = new Map<string, number>();
  readonly #clock: Clock;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  set(key: string, delayMs: number): void {
    if (delayMs <= 0) return;
    this.#untilMs.set(key, this.#clock.nowMs() + delayMs);
    this.#sweep();
  }

  /** Milliseconds until the key may be locked again; 0: now. */
  leftMs(key: string): number {
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined) return 0;
    const leftMs = untilMs - this.#clock.nowMs();
    if (leftMs > 0) return leftMs;
    this.#untilMs.delete(key);
    return 0;
  }

  #sweep(): void {
    if (this.#untilMs.size % 256 !== 0) return; // now and then is enough: reading drops what it finds expired
    const nowMs = this.#clock.nowMs();
    for (const [key, untilMs] of this.#untilMs) if (untilMs <= nowMs) this.#untilMs.delete(key);
  }
}
