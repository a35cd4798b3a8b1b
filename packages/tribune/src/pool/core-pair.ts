/**
 * Runs the two cores of a pool: SWIM's news go to serf's layer, serf's orders to SWIM, and the rest to the host. Never
 * re-entrant: what is fed while a step runs waits for its turn.
 */
import type { Serf } from "../gossip/serf/serf.ts";
import type { SerfEffect, SerfInput, SwimNews } from "../gossip/serf/types.ts";
import type { SwimCore, SwimEffect, SwimInput } from "../gossip/swim/types.ts";
import type { Cancel, Clock, Timers } from "../lib/runtime.ts";

/** What is left for the host once each core has had what is meant for the other. */
export type SwimHostEffect =
  | Exclude<SwimEffect, SwimNews | { readonly type: "gossiped" }>
  | Extract<SwimEffect, { readonly type: "memberChanged" }>;
export type SerfHostEffect = Exclude<SerfEffect, { readonly type: "swim" }>;

export interface CorePairHost {
  onSwim(effect: SwimHostEffect): void;
  onSerf(effect: SerfHostEffect): void;
  /** A round of gossip has been made up and handed to the socket. */
  onGossiped(tookMs: number): void;
  /** The cores are at rest. */
  onSettled(): void;
}

/** Timers of the runtime are no finer, and may come so much early. */
const TICK_MS_MIN = 1;

export class CorePair {
  readonly #swim: SwimCore;
  readonly #serf: Serf;
  readonly #host: CorePairHost;
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #waiting: (() => void)[] = [];
  #running = false;
  #armed: { readonly atMs: number; readonly cancel: Cancel } | undefined;
  #stopped = false;

  constructor(
    cores: { readonly swim: SwimCore; readonly serf: Serf },
    host: CorePairHost,
    { clock, timers }: { readonly clock: Clock; readonly timers: Timers },
  ) {
    this.#swim = cores.swim;
    this.#serf = cores.serf;
    this.#host = host;
    this.#clock = clock;
    this.#timers = timers;
  }

  feedSwim(input: SwimInput): void {
    this.#run(() => this.#stepSwim(input));
  }

  feedSerf(input: SerfInput): void {
    this.#run(() => this.#stepSerf(input));
  }

  /** Nothing happens any more. */
  stop(): void {
    this.#stopped = true;
    this.#armed?.cancel();
    this.#waiting.length = 0;
  }

  #run(step: () => void): void {
    if (this.#stopped) return;
    this.#waiting.push(step);
    if (this.#running) return;
    this.#running = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) next();
      if (!this.#stopped) this.#host.onSettled();
    } finally {
      this.#running = false;
    }
    this.#arm();
  }

  #stepSwim(input: SwimInput): void {
    const startedMs = this.#clock.nowMs();
    for (const effect of this.#swim.step(startedMs, input)) {
      switch (effect.type) {
        case "gossiped":
          this.#host.onGossiped(this.#clock.nowMs() - startedMs);
          break;
        case "memberChanged":
          this.#host.onSwim(effect);
          this.#stepSerf(effect);
          break;
        case "nameConflict":
        case "userMessage":
        case "mergeUserState":
        case "broadcastDone":
        case "rttSample":
        case "left":
          this.#stepSerf(effect);
          break;
        default:
          this.#host.onSwim(effect);
      }
    }
  }

  /** Orders wait until SWIM's own step is over. */
  #stepSerf(input: SerfInput): void {
    for (const effect of this.#serf.step(this.#clock.nowMs(), input)) {
      if (effect.type === "swim") this.#waiting.push(() => this.#stepSwim(effect.order));
      else this.#host.onSerf(effect);
    }
  }

  #arm(): void {
    if (this.#stopped) return;
    const times = [this.#swim.nextTickAt(), this.#serf.nextTickAt()].filter((time) => time !== undefined);
    if (times.length === 0) return;
    const atMs = Math.min(...times);
    // An earlier tick that finds nothing to do costs less than a new timer for each packet.
    if (this.#armed !== undefined && this.#armed.atMs <= atMs) return;
    this.#armed?.cancel();
    const cancel = this.#timers.after(Math.max(TICK_MS_MIN, atMs - this.#clock.nowMs()), () => this.#tick());
    this.#armed = { atMs, cancel };
  }

  #tick(): void {
    this.#armed = undefined;
    const nowMs = this.#clock.nowMs();
    const isDue = (atMs: number | undefined): boolean => atMs !== undefined && atMs <= nowMs;
    const swimIsDue = isDue(this.#swim.nextTickAt());
    const serfIsDue = isDue(this.#serf.nextTickAt());
    if (swimIsDue) this.feedSwim({ type: "tick" });
    if (serfIsDue) this.feedSerf({ type: "tick" });
    if (!swimIsDue && !serfIsDue) this.#arm();
  }
}
