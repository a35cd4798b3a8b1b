import { encodeMessage, type PacketMessage } from "../../codec/memberlist-messages.ts";
import type { Rng } from "../../lib/runtime.ts";
import { awarenessAfter } from "./awareness.ts";
import type { Member } from "./member.ts";
import { memberOfAlive } from "./member.ts";
import type { SwimSettings } from "./settings.ts";
import { TimerHeap } from "./timer-heap.ts";
import type { NodeName, SwimDelegate, SwimEffect, SwimOptions } from "./types.ts";

/**
 * How messages become bytes and members. A simulation of thousands of cores in one process puts one in that remembers,
 * so that they share what in production is each one's own.
 */
export interface Records {
  encode(message: PacketMessage): Uint8Array;
  memberOfAlive: typeof memberOfAlive;
}

export const PLAIN_RECORDS: Records = { encode: encodeMessage, memberOfAlive };

/** What the parts of one core share: the step at hand, settings, timers, local health. */
export class SwimContext {
  nowMs = 0;
  #effects: SwimEffect[] = [];
  #healthScore = 0;
  readonly timers = new TimerHeap();
  readonly self: NodeName;
  readonly settings: SwimSettings;
  readonly options: SwimOptions;
  readonly rng: Rng;
  readonly delegate: SwimDelegate;
  readonly records: Records;

  constructor(options: SwimOptions, rng: Rng, delegate: SwimDelegate, records: Records) {
    this.self = options.name;
    this.options = options;
    this.settings = options.settings;
    this.rng = rng;
    this.delegate = delegate;
    this.records = records;
  }

  emit(effect: SwimEffect): void {
    this.#effects.push(effect);
  }

  drop(reason: string): void {
    this.#effects.push({ type: "dropped", reason });
  }

  takeEffects(): readonly SwimEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  get healthScore(): number {
    return this.#healthScore;
  }

  /** @param delta positive for trouble. */
  changeHealth(delta: number): void {
    this.#healthScore = awarenessAfter(this.#healthScore, delta, this.settings.awarenessMaxMultiplier);
  }
}

/** For the log: who, and where. */
export function described(member: Member): string {
  return `${member.name} (${member.endpoint})`;
}
