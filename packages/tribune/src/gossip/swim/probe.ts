/**
 * Failure detection: one member after the other is pinged, directly, then through others and over TCP; who does not
 * answer is suspected (SWIM §3.1, §4.3; Lifeguard §IV for nacks, local health and the buddy system).
 */
import type { IndirectPing, Ping } from "../../codec/memberlist-messages.ts";
import { awarenessDelta, type ProbeOutcome, stretchedByAwareness } from "./awareness.ts";
import type { SwimContext } from "./context.ts";
import { type Dissemination, knowsCrc } from "./dissemination.ts";
import type { Member } from "./member.ts";
import type { MemberList } from "./member-list.ts";
import { Timer } from "./timer-heap.ts";

/** Protocols from which a member answers a ping over TCP, and a relay says that it got no answer. */
const STREAM_PING_PROTOCOL_MIN = 3;
const NACK_PROTOCOL_MIN = 4;
/** This part of the probe's timeout for relays, once the target's host has refused a connection. */
const REFUSED_GRACE_DIVISOR = 4;

interface Probe {
  readonly target: Member;
  readonly ping: Ping;
  readonly sentMs: number;
  deadlineMs: number;
  /** The direct ping was not answered in time, and others have been asked. */
  indirect: boolean;
  /** We stood still meanwhile: what was measured is not the network. */
  lagged: boolean;
  nacksExpected: number;
  nacksReceived: number;
  streamAnswered: boolean;
  streamRefused: boolean;
}

/** Starts a ping over TCP; `streamAnswered` follows, or nothing. */
export type StreamPing = (target: Member, ping: Ping, timeoutMs: number) => void;

/** Asks the next member each interval. */
export class Prober {
  readonly #context: SwimContext;
  readonly #list: MemberList;
  readonly #dissemination: Dissemination;
  readonly #nextSeqNo: () => number;
  readonly #streamPing: StreamPing;
  readonly #suspect: (target: Member) => void;
  readonly #tick = new Timer(() => this.#onTick());
  readonly #timer = new Timer(() => this.#onTimer());
  #probe: Probe | undefined;
  /** An interval began while the last probe was still running. */
  #overdue = false;

  constructor(
    context: SwimContext,
    list: MemberList,
    dissemination: Dissemination,
    hooks: {
      readonly nextSeqNo: () => number;
      readonly streamPing: StreamPing;
      readonly suspect: (target: Member) => void;
    },
  ) {
    this.#context = context;
    this.#list = list;
    this.#dissemination = dissemination;
    this.#nextSeqNo = hooks.nextSeqNo;
    this.#streamPing = hooks.streamPing;
    this.#suspect = hooks.suspect;
  }

  start(): void {
    const { nowMs, rng, settings, timers } = this.#context;
    timers.set(this.#tick, nowMs + rng.next() * settings.probeIntervalMs);
  }

  #onTick(): void {
    const { nowMs, settings, timers } = this.#context;
    // Intervals that went by while the process stood still are not made up for.
    const passed = Math.floor((nowMs - this.#tick.atMs) / settings.probeIntervalMs);
    timers.set(this.#tick, this.#tick.atMs + (passed + 1) * settings.probeIntervalMs);
    if (this.#probe === undefined) this.#begin();
    else this.#overdue = true;
  }

  #begin(): void {
    const { nowMs, rng, self, settings } = this.#context;
    const target = this.#list.nextToProbe(self, nowMs, settings.gossipToTheDeadMs, rng);
    if (target === undefined) return;
    const local = this.#list.get(self)!;
    const ping: Ping = {
      type: "ping",
      seqNo: this.#nextSeqNo(),
      node: target.name,
      sourceAddr: local.addr,
      sourcePort: local.port,
      sourceNode: self,
    };
    this.#probe = {
      target,
      ping,
      sentMs: nowMs,
      deadlineMs: nowMs + stretchedByAwareness(settings.probeIntervalMs, this.#context.healthScore),
      indirect: false,
      lagged: false,
      nacksExpected: 0,
      nacksReceived: 0,
      streamAnswered: false,
      streamRefused: false,
    };
    // Not stretched: a packet that takes longer is lost.
    this.#context.timers.set(this.#timer, Math.min(nowMs + settings.probeTimeoutMs, this.#probe.deadlineMs));
    if (target.status === "alive" || !settings.buddy) return this.#dissemination.send(target.endpoint, ping);
    // The suspect hears of it first hand and may refute at once.
    const { name: node, incarnation } = target;
    const suspect = { type: "suspect", incarnation, node, from: self } as const;
    this.#dissemination.sendOnly(target.endpoint, [ping, suspect], knowsCrc(target));
  }

  #onTimer(): void {
    const probe = this.#probe!;
    if (!probe.indirect) this.#askOthers(probe);
    if (this.#context.nowMs < probe.deadlineMs) this.#context.timers.set(this.#timer, probe.deadlineMs);
    else this.#timedOut(probe);
  }

  #askOthers(probe: Probe): void {
    probe.indirect = true;
    const { nowMs, rng, self, settings } = this.#context;
    const { ping, target } = probe;
    const relays = this.#list.pick(
      rng,
      settings.indirectChecks,
      ({ name, status }) => status === "alive" && name !== self && name !== target.name,
    );
    for (const relay of relays) {
      const nack = relay.protocolMax >= NACK_PROTOCOL_MIN;
      if (nack) probe.nacksExpected++;
      const { type: _type, node: _node, ...origin } = ping;
      const ask: IndirectPing = {
        type: "indirectPing",
        target: target.addr,
        port: target.port,
        node: target.name,
        nack,
        ...origin,
      };
      this.#dissemination.send(relay.endpoint, ask);
    }
    if (!settings.streamPings || target.protocolMax < STREAM_PING_PROTOCOL_MIN || nowMs >= probe.deadlineMs) return;
    this.#streamPing(target, ping, probe.deadlineMs - nowMs);
  }

  #timedOut(probe: Probe): void {
    if (probe.streamAnswered) {
      this.#context.emit({ type: "reachedByStreamOnly", name: probe.target.name });
      return this.#finish(probe, { acked: true });
    }
    const { nacksExpected, nacksReceived, streamRefused } = probe;
    // Cut short, the relays had no time to send theirs; and our own link has just been seen to work.
    const outcome = streamRefused
      ? ({ acked: false, nacksExpected, nacksReceived, refused: true } as const)
      : ({ acked: false, nacksExpected, nacksReceived } as const);
    this.#finish(probe, outcome, probe.target);
  }

  #finish({ sentMs }: Probe, outcome: ProbeOutcome, failed?: Member): void {
    this.#probe = undefined;
    this.#context.emit({ type: "probed", tookMs: this.#context.nowMs - sentMs });
    this.#context.timers.clear(this.#timer);
    this.#context.changeHealth(awarenessDelta(outcome));
    if (failed !== undefined) this.#suspect(failed);
    if (!this.#overdue) return;
    this.#overdue = false;
    this.#begin();
  }

  /** @returns whether the ack was for this. */
  ack(seqNo: number, payload: Uint8Array): boolean {
    const probe = this.#probe;
    if (probe?.ping.seqNo !== seqNo) return false;
    const { target, sentMs, indirect, lagged } = probe;
    if (!indirect && !lagged) {
      this.#context.emit({ type: "rttSample", name: target.name, rttMs: this.#context.nowMs - sentMs, payload });
    }
    this.#finish(probe, { acked: true });
    return true;
  }

  nack(seqNo: number): void {
    const probe = this.#probe;
    if (probe?.ping.seqNo === seqNo && probe.nacksReceived < probe.nacksExpected) probe.nacksReceived++;
  }

  /** Counts only when everything else has failed: packets are what members need. */
  streamAnswered(seqNo: number): void {
    if (this.#probe?.ping.seqNo === seqNo) this.#probe.streamAnswered = true;
  }

  /**
   * Its host is there and says that nobody listens: that is an answer, and our own health has no part in it. What
   * others found out gets a moment more, for a wall that refuses connections refuses everybody's.
   */
  streamRefused(seqNo: number): void {
    const probe = this.#probe;
    if (probe?.ping.seqNo !== seqNo) return;
    probe.streamRefused = true;
    const { nowMs, settings, timers } = this.#context;
    probe.deadlineMs = Math.min(probe.deadlineMs, nowMs + settings.probeTimeoutMs / REFUSED_GRACE_DIVISOR);
    timers.set(this.#timer, probe.deadlineMs);
  }

  /** We stood still: the answer may lie in the socket. */
  delay(ms: number): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    probe.lagged = true;
    probe.deadlineMs += ms;
    this.#context.timers.set(this.#timer, this.#timer.atMs + ms);
  }
}
