import type { LogLevel } from "../../lib/log.ts";
import type { BroadcastId, BroadcastPriority } from "../swim/types.ts";
import type { SerfEffect, SwimOrder } from "./types.ts";

/** Serf's queues, in the order in which packets are filled from them. */
export const INTENT: BroadcastPriority = 0;
export const QUERY: BroadcastPriority = 1;
export const EVENT: BroadcastPriority = 2;

/** The effects of one step, gathered by the parts of the core. */
export class Outbox {
  #effects: SerfEffect[] = [];
  #broadcasts = 0;

  take(): readonly SerfEffect[] {
    const effects = this.#effects;
    this.#effects = [];
    return effects;
  }

  put(effect: SerfEffect): void {
    this.#effects.push(effect);
  }

  swim(order: SwimOrder): void {
    this.put({ type: "swim", order });
  }

  /** To everybody. @returns what `broadcastDone` will name. */
  broadcast(priority: BroadcastPriority, payload: Uint8Array): BroadcastId {
    const id = ++this.#broadcasts as BroadcastId;
    this.swim({ type: "broadcast", id, priority, payload });
    return id;
  }

  log(level: LogLevel, message: string): void {
    this.put({ type: "log", level, message: `serf: ${message}` });
  }

  count(name: string): void {
    this.put({ type: "metric", kind: "count", name: `serf.${name}`, value: 1 });
  }

  sample(name: string, value: number): void {
    this.put({ type: "metric", kind: "sample", name: `serf.${name}`, value });
  }
}
