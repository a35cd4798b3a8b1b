/**
 * Spreading news: broadcasts go out with gossip, at an interval to some random members, and ride on every ping, ack and
 * nack (SWIM §4.1). Membership goes before what the layer above has to say.
 */
import type { PacketMessage } from "../../codec/memberlist-messages.ts";
import {
  COMPOUND_OVERHEAD_BYTES,
  COMPOUND_PART_OVERHEAD_BYTES,
  COMPOUND_PARTS_MAX,
  packetBudgetBytes,
} from "../../codec/memberlist-packet.ts";
import { BroadcastQueue } from "./broadcast-queue.ts";
import type { SwimContext } from "./context.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Member } from "./member.ts";
import type { MemberList } from "./member-list.ts";
import { Timer } from "./timer-heap.ts";
import { retransmitLimit } from "./timing.ts";
import type { BroadcastId, BroadcastPriority, SwimQueues } from "./types.ts";

/** A user message's type byte. */
const USER_OVERHEAD_BYTES = 1;
/** Protocol from which a member reads checksums. */
const CRC_PROTOCOL_MIN = 5;
/** Pace of a member that is about to end: what it has to tell is little, and it waits for it. */
const HURRIED_INTERVAL_MS = 20;

export function knowsCrc(member: Member | undefined): boolean {
  return member !== undefined && member.protocolMax >= CRC_PROTOCOL_MIN;
}

export class Dissemination {
  readonly #context: SwimContext;
  readonly #list: MemberList;
  /** What a packet has room for, compound included. */
  readonly #budgetBytes: number;
  readonly #membership = new BroadcastQueue();
  readonly #user: readonly [BroadcastQueue, BroadcastQueue, BroadcastQueue] = [
    new BroadcastQueue(),
    new BroadcastQueue(),
    new BroadcastQueue(),
  ];
  readonly #timer = new Timer(() => this.#gossip());
  /** Gossip happens at this time and whole intervals later; when nothing is queued it is left out. */
  #phaseMs = 0;
  #intervalMs: number;

  constructor(context: SwimContext, list: MemberList) {
    this.#context = context;
    this.#list = list;
    this.#intervalMs = context.settings.gossipIntervalMs;
    this.#budgetBytes = context.options.packetBudgetBytes ?? packetBudgetBytes({});
  }

  /** Members that start together do not gossip together. */
  start(): void {
    const { nowMs, rng, settings } = this.#context;
    this.#phaseMs = nowMs + rng.next() * settings.gossipIntervalMs;
  }

  /** From now on at a quicker pace. */
  hurry(): void {
    const { nowMs, timers } = this.#context;
    if (this.#intervalMs <= HURRIED_INTERVAL_MS) return;
    this.#intervalMs = HURRIED_INTERVAL_MS;
    this.#phaseMs = nowMs;
    timers.clear(this.#timer); // set again at the end of the step, if there is anything to tell
  }

  /** To each member that takes part, now and once. */
  sendToAll(message: PacketMessage): void {
    for (const member of this.#list) {
      if (member.name === this.#context.self || (member.status !== "alive" && member.status !== "suspect")) continue;
      this.sendOnly(member.endpoint, [message], knowsCrc(member));
    }
  }

  get queued(): SwimQueues {
    const [first, second, third] = this.#user;
    return { membership: this.#membership.size, user: [first.size, second.size, third.size] };
  }

  /** @param about the member; its earlier news is no longer sent. */
  queueMembership(about: string, message: PacketMessage, done?: () => void): void {
    const part = this.#context.records.encode(message);
    this.#membership.add(part, part.length, about, done);
  }

  /** Whether news of a member is still on its way. */
  isTelling(about: string): boolean {
    return this.#membership.has(about);
  }

  queueUser(id: BroadcastId, priority: BroadcastPriority, payload: Uint8Array): void {
    const queue = this.#user[priority];
    const part = this.#context.records.encode({ type: "user", payload });
    queue.add(part, payload.length, undefined, () => this.#context.emit({ type: "broadcastDone", id }));
    queue.prune(Math.max(this.#context.settings.userBroadcastsMin, 2 * this.#list.size));
  }

  /** A message of the protocol, and what else fits its packet. */
  send(to: Endpoint, message: PacketMessage): void {
    const part = this.#context.records.encode(message);
    const parts = [part];
    this.#fill(parts, this.#budgetBytes - part.length);
    // As with every peer: only who holds the member's record looks at its versions.
    this.#context.emit({ type: "sendPacket", to, parts, crc: false });
  }

  /** Exactly these, whatever waits. */
  sendOnly(to: Endpoint, messages: readonly PacketMessage[], crc: boolean): void {
    const parts = messages.map((message) => this.#context.records.encode(message));
    this.#context.emit({ type: "sendPacket", to, parts, crc });
  }

  /** Called at the end of each step: gossip goes on as long as there is something to tell, and somebody. */
  arm(): void {
    if (this.#timer.isSet || this.#isIdle() || this.#list.size < 2) return;
    const { nowMs, timers } = this.#context;
    const interval = this.#intervalMs;
    const passed = Math.floor((nowMs - this.#phaseMs) / interval);
    timers.set(this.#timer, this.#phaseMs + (passed + 1) * interval);
  }

  #isIdle(): boolean {
    return this.#membership.size === 0 && this.#user.every((queue) => queue.size === 0);
  }

  #gossip(): void {
    const { rng, settings } = this.#context;
    if (this.#isIdle()) return;
    const targets = this.#list.pick(rng, settings.gossipNodes, (member) => this.#isToBeTold(member));
    for (const target of targets) {
      const parts: Uint8Array[] = [];
      this.#fill(parts, this.#budgetBytes);
      if (parts.length === 0) break;
      this.#context.emit({ type: "sendPacket", to: target.endpoint, parts, crc: knowsCrc(target) });
    }
    this.#context.emit({ type: "gossiped" });
  }

  /** The dead, too, for a while: who is wrongly taken for dead must learn of it to refute. */
  #isToBeTold({ name, status }: Member): boolean {
    if (name === this.#context.self || status === "left") return false;
    const { nowMs, settings } = this.#context;
    return status !== "dead" || this.#list.goneForMs(name, nowMs) <= settings.gossipToTheDeadMs;
  }

  #fill(parts: Uint8Array[], budgetBytes: number): void {
    if (this.#isIdle()) return;
    const transmitLimit = retransmitLimit(this.#context.settings.retransmitMult, this.#list.size);
    let left = budgetBytes - COMPOUND_OVERHEAD_BYTES;
    left -= this.#membership.take(COMPOUND_PART_OVERHEAD_BYTES, left, transmitLimit, COMPOUND_PARTS_MAX, parts);
    const overhead = COMPOUND_PART_OVERHEAD_BYTES + USER_OVERHEAD_BYTES;
    for (const queue of this.#user) left -= queue.take(overhead, left, transmitLimit, COMPOUND_PARTS_MAX, parts);
  }
}
