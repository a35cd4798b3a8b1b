import type { IndirectPing } from "../../codec/memberlist-messages.ts";
import type { SwimContext } from "./context.ts";
import type { Dissemination } from "./dissemination.ts";
import { type Endpoint, endpointOf } from "./endpoint.ts";
import type { MemberList } from "./member-list.ts";
import { Timer } from "./timer-heap.ts";

/** Pings under way for others; more are not taken on. */
const RELAYS_MAX = 1_024;

interface Relayed {
  readonly seqNo: number;
  readonly replyTo: Endpoint;
  readonly timer: Timer;
}

/** Pings for members that get no answer themselves (SWIM §3.1, k members; Lifeguard §IV for nacks). */
export class Relay {
  readonly #context: SwimContext;
  readonly #list: MemberList;
  readonly #dissemination: Dissemination;
  readonly #nextSeqNo: () => number;
  readonly #pending = new Map<number, Relayed>();

  constructor(context: SwimContext, list: MemberList, dissemination: Dissemination, nextSeqNo: () => number) {
    this.#context = context;
    this.#list = list;
    this.#dissemination = dissemination;
    this.#nextSeqNo = nextSeqNo;
  }

  ask(request: IndirectPing, from: Endpoint, defaultPort: number): void {
    const { nowMs, self, settings, timers } = this.#context;
    const target = endpointOf(request.target, request.port === 0 ? defaultPort : request.port);
    if (target === undefined) return this.#context.drop(`indirect ping without a target from ${from}`);
    if (this.#pending.size >= RELAYS_MAX) return this.#context.drop(`too many indirect pings, one from ${from}`);
    const local = this.#list.get(self)!;
    const seqNo = this.#nextSeqNo();
    const replyTo = sourceOf(request, from);
    const timer = new Timer(() => {
      this.#pending.delete(seqNo);
      if (request.nack) this.#dissemination.send(replyTo, { type: "nack", seqNo: request.seqNo });
    });
    this.#pending.set(seqNo, { seqNo: request.seqNo, replyTo, timer });
    timers.set(timer, nowMs + settings.probeTimeoutMs);
    this.#dissemination.send(target, {
      type: "ping",
      seqNo,
      node: request.node,
      sourceAddr: local.addr,
      sourcePort: local.port,
      sourceNode: self,
    });
  }

  ack(seqNo: number): void {
    const relayed = this.#pending.get(seqNo);
    if (relayed === undefined) return;
    this.#pending.delete(seqNo);
    this.#context.timers.clear(relayed.timer);
    // Without the target's payload: a coordinate says something about the direct way only.
    this.#dissemination.send(relayed.replyTo, { type: "ack", seqNo: relayed.seqNo, payload: new Uint8Array(0) });
  }

  /** We stood still: no nack for an answer that may lie in the socket. */
  delay(ms: number): void {
    for (const { timer } of this.#pending.values()) this.#context.timers.set(timer, timer.atMs + ms);
  }
}

/** Where an answer goes: what the sender advertises, or where the packet came from. */
export function sourceOf(
  { sourceAddr, sourcePort }: { readonly sourceAddr: Uint8Array; readonly sourcePort: number },
  from: Endpoint,
): Endpoint {
  return (sourcePort > 0 ? endpointOf(sourceAddr, sourcePort) : undefined) ?? from;
}
