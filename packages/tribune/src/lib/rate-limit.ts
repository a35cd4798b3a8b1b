import type { Clock } from "./runtime.ts";

/** A token bucket: `perSecond` on average, `burst` at once. Negative or infinite rates admit everything. */
export class RateLimit {
  readonly #clock: Clock;
  #perSecond: number;
  #burst: number;
  #tokens: number;
  #filledAtMs: number;

  constructor(perSecond: number, burst: number, clock: Clock) {
    this.#clock = clock;
    this.#perSecond = perSecond;
    this.#burst = burst;
    this.#tokens = burst;
    this.#filledAtMs = clock.nowMs();
  }

  get unlimited(): boolean {
    return this.#perSecond < 0 || this.#perSecond === Number.POSITIVE_INFINITY;
  }

  set(perSecond: number, burst: number): void {
    this.#fill();
    // Without a limit nothing was taken, so a new one begins as it would at a start.
    this.#tokens = this.unlimited ? burst : Math.min(this.#tokens, burst);
    this.#perSecond = perSecond;
    this.#burst = burst;
  }

  /** Takes a token. @returns false when there is none */
  admit(): boolean {
    if (this.unlimited) return true;
    this.#fill();
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }

  /** Takes a token, on credit if need be. @returns milliseconds until it would have been there */
  reserve(): number {
    if (this.unlimited) return 0;
    this.#fill();
    this.#tokens--;
    return this.#tokens >= 0 ? 0 : (-this.#tokens / this.#perSecond) * 1000;
  }

  #fill(): void {
    const nowMs = this.#clock.nowMs();
    if (!this.unlimited)
      this.#tokens = Math.min(this.#burst, this.#tokens + ((nowMs - this.#filledAtMs) / 1000) * this.#perSecond);
    this.#filledAtMs = nowMs;
  }
}
