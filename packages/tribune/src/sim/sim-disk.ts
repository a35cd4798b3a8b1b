import { randomInt } from "../lib/random.ts";
import type { Simulator } from "./simulator.ts";

/**
 * Changes the durable state. `fraction` is 1 for a whole write; less for one torn by a crash, which may then
 * have any effect its format allows for a write cut off there.
 */
export type Update<State> = (state: State, fraction: number) => void;

interface PendingWrite<State> {
  readonly startedMs: number;
  readonly update: Update<State>;
  readonly done: () => void;
}

/**
 * A disk that keeps only what was synced. Writes become durable in the order started; a crash forgets those still
 * on their way, except that some of them may have arrived unnoticed and the next one in part.
 */
export class SimDisk<State> {
  readonly #sim: Simulator;
  readonly #syncMaxMs: number;
  readonly durable: State;
  #pending: PendingWrite<State>[] = [];
  #generation = 0;
  #readyAtMs = 0;
  /** Extra time of each write: a slow disk. */
  slownessMs = 0;

  constructor(sim: Simulator, initial: State, syncMaxMs: number) {
    this.#sim = sim;
    this.durable = initial;
    this.#syncMaxMs = syncMaxMs;
  }

  write(update: Update<State>, done: () => void): void {
    const generation = this.#generation;
    this.#pending.push({ startedMs: this.#sim.nowMs, update, done });
    const syncMs = this.#sim.rng.next() * (this.#syncMaxMs + this.slownessMs);
    this.#readyAtMs = Math.max(this.#readyAtMs, this.#sim.nowMs + syncMs);
    this.#sim.after(this.#readyAtMs - this.#sim.nowMs, () => {
      if (generation !== this.#generation) return; // lost in a crash
      const write = this.#pending.shift()!;
      write.update(this.durable, 1);
      write.done();
    });
  }

  get isIdle(): boolean {
    return this.#pending.length === 0;
  }

  /** How long the oldest write has been on its way. */
  get pendingMs(): number {
    const oldest = this.#pending[0];
    return oldest === undefined ? 0 : this.#sim.nowMs - oldest.startedMs;
  }

  crash(): void {
    const { rng } = this.#sim;
    const survivors = randomInt(rng, this.#pending.length + 1);
    for (const write of this.#pending.slice(0, survivors)) write.update(this.durable, 1);
    this.#pending[survivors]?.update(this.durable, rng.next());
    this.#pending = [];
    this.#generation++;
    this.#readyAtMs = this.#sim.nowMs;
  }
}
