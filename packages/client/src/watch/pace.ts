import { delay, type Surroundings } from "../surroundings.ts";

/** Questions asked one after the other without a pause. */
const BURST = 10;
/** After them, one in so many milliseconds: something that changes all the time is seen a little later instead. */
const EVERY_MS = 50;

/** Keeps a watch from asking as fast as the agent answers. */
export class Pace {
  readonly #world: Surroundings;
  #left = BURST;
  #sinceMs: number;

  constructor(world: Surroundings) {
    this.#world = world;
    this.#sinceMs = world.nowMs();
  }

  async turn(signal: AbortSignal): Promise<void> {
    const nowMs = this.#world.nowMs();
    this.#left = Math.min(BURST, this.#left + (nowMs - this.#sinceMs) / EVERY_MS) - 1;
    this.#sinceMs = nowMs;
    if (this.#left < 0) await delay(this.#world, -this.#left * EVERY_MS, signal);
  }
}
