/** A graceful leave, step by step: say so, leave SWIM's pool, and give both time to spread (sheet serf §3). */
import { encodeSerfMessage } from "../../codec/serf-messages.ts";
import type { BroadcastId } from "../swim/types.ts";
import type { LamportClock } from "./lamport.ts";
import type { Membership } from "./membership.ts";
import { INTENT, type Outbox } from "./outbox.ts";
import { type SerfSettings, TOLD_ONE_BY_ONE_MAX } from "./settings.ts";

type Stage =
  | { readonly name: "staying" }
  /** The intent is on its way. */
  | { readonly name: "telling"; readonly broadcast: BroadcastId; readonly untilMs: number }
  /** SWIM is saying so, too. */
  | { readonly name: "leaving"; readonly untilMs: number }
  | { readonly name: "spreading"; readonly untilMs: number }
  | { readonly name: "left" };

export interface LeavingOptions {
  readonly name: string;
  readonly settings: SerfSettings;
  readonly clock: LamportClock;
  readonly outbox: Outbox;
  readonly membership: Membership;
}

export class Leaving {
  readonly #options: LeavingOptions;
  #stage: Stage = { name: "staying" };
  /** The pool is small enough to tell each member by ourselves. */
  #tellsAll = false;

  constructor(options: LeavingOptions) {
    this.#options = options;
  }

  get isStaying(): boolean {
    return this.#stage.name === "staying";
  }

  begin(nowMs: number): void {
    if (this.#stage.name === "left") return this.#options.outbox.put({ type: "leaveDone" });
    if (this.#stage.name !== "staying") return;
    const { name, settings, clock, outbox, membership } = this.#options;
    const untilMs = nowMs + settings.broadcastTimeoutMs;
    const lTime = clock.time;
    clock.increment();
    this.#stage = { name: "leaving", untilMs };
    membership.leaveIntent(nowMs, name, lTime, false);
    if (!membership.hasOthersAlive) return this.#leaveSwim(nowMs);
    const intent = encodeSerfMessage({ type: "leave", lTime, node: name, prune: false });
    this.#tellsAll = membership.answering - 1 <= TOLD_ONE_BY_ONE_MAX;
    if (this.#tellsAll) {
      outbox.swim({ type: "hurry" });
      for (const [other, to] of membership.endpointsOfOthers())
        outbox.swim({ type: "sendUser", to, name: other, payload: intent });
    }
    const broadcast = outbox.broadcast(INTENT, intent);
    this.#stage = { name: "telling", broadcast, untilMs };
  }

  #leaveSwim(nowMs: number): void {
    this.#stage = { name: "leaving", untilMs: nowMs + this.#options.settings.broadcastTimeoutMs };
    this.#options.outbox.swim({ type: "leave", tellAll: this.#tellsAll });
  }

  broadcastDone(nowMs: number, id: BroadcastId): void {
    if (this.#stage.name === "telling" && this.#stage.broadcast === id) this.#leaveSwim(nowMs);
  }

  swimLeft(nowMs: number): void {
    if (this.#stage.name !== "leaving") return;
    const { leavePropagateDelayMs, leaveToldDelayMs } = this.#options.settings;
    const delayMs = this.#tellsAll ? Math.min(leaveToldDelayMs, leavePropagateDelayMs) : leavePropagateDelayMs;
    this.#stage = { name: "spreading", untilMs: nowMs + delayMs };
  }

  nextAt(): number | undefined {
    return "untilMs" in this.#stage ? this.#stage.untilMs : undefined;
  }

  /** A step that takes too long is followed by the next: we leave, heard or not. */
  tick(nowMs: number): void {
    if (!("untilMs" in this.#stage) || nowMs < this.#stage.untilMs) return;
    const { outbox } = this.#options;
    switch (this.#stage.name) {
      case "telling":
        outbox.log("WARN", "timeout while waiting for graceful leave");
        this.#leaveSwim(nowMs);
        break;
      case "leaving":
        outbox.log("WARN", "timeout waiting for leave broadcast");
        this.swimLeft(nowMs);
        break;
      case "spreading":
        this.#stage = { name: "left" };
        outbox.put({ type: "leaveDone" });
    }
  }
}
