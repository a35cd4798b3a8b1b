import { randomInt } from "../lib/random.ts";
import type { LateLinks } from "./late-links.ts";
import type { Simulator } from "./simulator.ts";

/** Faults, drawn per message. Probabilities in [0, 1], times in milliseconds. */
export interface NetworkFaults {
  readonly loss: number;
  readonly duplicate: number;
  readonly delayMinMs: number;
  readonly delayMaxMs: number;
  /** Share of messages that take up to ten times the longest delay, and so overtake and are overtaken. */
  readonly straggle: number;
  /**
   * When given, streams suffer from loss too: a lost piece is sent again so much later, and what follows waits for it.
   * Doubled with each further loss, as TCP's timer is.
   */
  readonly retransmitMs?: number;
}

export const CALM_NETWORK: NetworkFaults = { loss: 0, duplicate: 0, delayMinMs: 1, delayMaxMs: 5, straggle: 0 };

/** Carries messages between named hosts: lost, doubled, delayed, reordered, and cut in one direction. */
export class SimNetwork {
  readonly #sim: Simulator;
  faults: NetworkFaults;
  /** "from>to" links that drop everything: one-way partitions are allowed on purpose. */
  readonly blocked = new Set<string>();
  delivered = 0;
  /** Pieces of streams that were lost at least once. */
  retransmitted = 0;
  /** Told of each piece of a stream that comes late, if anybody wants to know. */
  late: LateLinks | undefined;
  /** Hosts whose process stands still, and until when; what reaches them meanwhile waits, as in a socket's buffer. */
  readonly #asleepUntilMs = new Map<string, number>();

  constructor(sim: Simulator, faults: NetworkFaults) {
    this.#sim = sim;
    this.faults = faults;
  }

  send(from: string, to: string, deliver: () => void): void {
    const { rng } = this.#sim;
    const copies = rng.next() < this.faults.duplicate ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (rng.next() < this.faults.loss) continue;
      this.#sim.after(this.#delayMs(), () => {
        if (this.isBlocked(from, to)) return;
        this.delivered++;
        deliver();
      });
    }
  }

  /** The process on `host` stands still from now on. */
  sleep(host: string, forMs: number): void {
    this.#asleepUntilMs.set(host, this.#sim.nowMs + forMs);
  }

  wake(host: string): void {
    this.#asleepUntilMs.delete(host);
  }

  asleepMs(host: string): number {
    const asleepMs = (this.#asleepUntilMs.get(host) ?? 0) - this.#sim.nowMs;
    // Less is an error of rounding, by which time would not move.
    return asleepMs < 1e-6 ? 0 : asleepMs;
  }

  /** Runs now, or once the process on `host` runs again, in the order of calls. */
  whenAwake(host: string, run: () => void): void {
    const asleepMs = this.asleepMs(host);
    if (asleepMs === 0) run();
    else this.#sim.after(asleepMs, () => this.whenAwake(host, run));
  }

  /** How much later a piece of a stream comes, for having been lost on its way. */
  retransmissionMs(): number {
    const { loss, retransmitMs } = this.faults;
    if (retransmitMs === undefined) return 0;
    let lateMs = 0;
    for (let timerMs = retransmitMs; this.#sim.rng.next() < loss; timerMs *= 2) lateMs += timerMs;
    if (lateMs > 0) this.retransmitted++;
    return lateMs;
  }

  isBlocked(from: string, to: string): boolean {
    return this.blocked.has(`${from}>${to}`);
  }

  #delayMs(): number {
    const { rng } = this.#sim;
    const { delayMinMs, delayMaxMs, straggle } = this.faults;
    const delayMs = delayMinMs + rng.next() * (delayMaxMs - delayMinMs);
    return rng.next() < straggle ? delayMs + randomInt(rng, Math.ceil(10 * delayMaxMs)) : delayMs;
  }
}
