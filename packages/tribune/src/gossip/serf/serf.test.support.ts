/** One serf core with a clock, and what tests tell it and ask of it. */
import { decodeSerfMessage, encodeSerfMessage, type SerfMessage } from "../../codec/serf-messages.ts";
import { encodeTags, type MemberTags } from "../../codec/serf-tags.ts";
import { seededRng } from "../../lib/random.ts";
import type { Endpoint } from "../swim/endpoint.ts";
import type { BroadcastId, MemberState, NodeName } from "../swim/types.ts";
import { Serf } from "./serf.ts";
import { SERF_SETTINGS, type SerfSettings } from "./settings.ts";
import type { SerfClocks } from "./snapshot-file.ts";
import type { AnswerToken, QueryRequest, QueryToken, SerfEffect, SerfInput, SwimOrder } from "./types.ts";

export const endpoint = (last: number): Endpoint => `10.0.0.${last}:8301` as Endpoint;
const VERSIONS = {
  protocolMin: 1,
  protocolMax: 5,
  protocolCurrent: 2,
  delegateMin: 2,
  delegateMax: 5,
  delegateCurrent: 4,
};

/** `n1`, `n2`, … at 10.0.0.1, 10.0.0.2, … */
export function state(number: number, status: MemberState["status"], tags: MemberTags = new Map()): MemberState {
  return {
    name: `n${number}` as NodeName,
    endpoint: endpoint(number),
    incarnation: 1,
    status,
    meta: encodeTags(tags),
    versions: VERSIONS,
  };
}

export class SerfBench {
  nowMs = 1_000;
  readonly core: Serf;
  /** Everything since the last `take`. */
  effects: SerfEffect[] = [];

  /** `n1`, with others up to `n{members}` alive. */
  constructor(
    members = 1,
    options: { readonly settings?: Partial<SerfSettings>; readonly restored?: SerfClocks; readonly seed?: number } = {},
  ) {
    this.core = new Serf(
      {
        name: "n1" as NodeName,
        endpoint: endpoint(1),
        tags: new Map([["role", "web"]]),
        settings: { ...SERF_SETTINGS, ...options.settings },
        restored: options.restored,
      },
      seededRng(options.seed ?? 1),
    );
    for (let number = 1; number <= members; number++) this.swim(number, undefined, "alive");
    this.take();
  }

  feed(input: SerfInput): this {
    this.effects.push(...this.core.step(this.nowMs, input));
    return this;
  }

  /** SWIM's news of a member. */
  swim(number: number, before: MemberState["status"] | undefined, after: MemberState["status"]): this {
    return this.feed({
      type: "memberChanged",
      before: before && state(number, before),
      after: state(number, after),
    });
  }

  /** A message of a peer. */
  hear(message: SerfMessage): this {
    return this.feed({ type: "userMessage", payload: encodeSerfMessage(message) });
  }

  /** Lets time pass, with all ticks that are due. */
  pass(ms: number): this {
    const endMs = this.nowMs + ms;
    for (let at = this.core.nextTickAt(); at !== undefined && at <= endMs; at = this.core.nextTickAt()) {
      this.nowMs = Math.max(this.nowMs, at);
      this.feed({ type: "tick" });
    }
    this.nowMs = endMs;
    return this;
  }

  take(): SerfEffect[] {
    const taken = this.effects;
    this.effects = [];
    return taken;
  }

  only<Type extends SerfEffect["type"]>(type: Type): Extract<SerfEffect, { readonly type: Type }>[] {
    return this.effects.filter(
      (effect): effect is Extract<SerfEffect, { readonly type: Type }> => effect.type === type,
    );
  }

  orders<Type extends SwimOrder["type"]>(type: Type): Extract<SwimOrder, { readonly type: Type }>[] {
    return this.only("swim")
      .map(({ order }) => order)
      .filter((order): order is Extract<SwimOrder, { readonly type: Type }> => order.type === type);
  }

  /** Decoded, in order. */
  broadcasts(): SerfMessage[] {
    return this.orders("broadcast").map(({ payload }) => decodeSerfMessage(payload));
  }

  /** `join n2`, `failed n3`, … */
  events(): string[] {
    return this.only("member").map(({ event, member }) => `${event} ${member.name}`);
  }

  status(number: number): string | undefined {
    return this.core.member(`n${number}`)?.status;
  }

  done(id: number): this {
    return this.feed({ type: "broadcastDone", id: id as BroadcastId });
  }
}

export function request(name: string, changes: Partial<QueryRequest> = {}): QueryRequest {
  return {
    token: 7 as QueryToken,
    name,
    payload: new Uint8Array(0),
    filters: [],
    wantAck: false,
    relayFactor: 0,
    timeoutMs: 1_000,
    ...changes,
  };
}

export const token = (number: number): AnswerToken => number as AnswerToken;
