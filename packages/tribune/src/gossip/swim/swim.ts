/** The SWIM core: inputs in, effects out. The rules are in `membership`, `probe`, `relay` and `dissemination`. */
import type { PacketMessage, Ping, RemoteError } from "../../codec/memberlist-messages.ts";
import type { PushPull } from "../../codec/memberlist-stream.ts";
import { invariant, unreachable } from "../../lib/invariant.ts";
import { randomInt } from "../../lib/random.ts";
import { PLAIN_RECORDS, type Records, SwimContext } from "./context.ts";
import { Dissemination, knowsCrc } from "./dissemination.ts";
import { type Endpoint, endpointParts } from "./endpoint.ts";
import { memberAt } from "./member.ts";
import { MemberList } from "./member-list.ts";
import { Membership } from "./membership.ts";
import { Prober } from "./probe.ts";
import { Relay, sourceOf } from "./relay.ts";
import { Timer } from "./timer-heap.ts";
import { pushPullIntervalMs } from "./timing.ts";
import type {
  ExchangeId,
  MemberState,
  SwimCore,
  SwimDependencies,
  SwimEffect,
  SwimInput,
  SwimOptions,
  SwimQueues,
} from "./types.ts";

/** Of one packet: alive messages, and other news; memberlist's queues between socket and handler are as deep. */
const HANDOFF_MAX = 1_024;
const NO_PAYLOAD = new Uint8Array(0);

type Dialled =
  | { readonly kind: "ping"; readonly seqNo: number }
  | { readonly kind: "pushPull" }
  | { readonly kind: "join"; readonly endpoint: Endpoint };

/** For simulations: what cores of one process may share. */
export interface SwimSharing {
  readonly records: Records;
  /** Who is known from the start. */
  readonly list: MemberList;
}

export class Swim implements SwimCore {
  readonly #context: SwimContext;
  readonly #list: MemberList;
  readonly #dissemination: Dissemination;
  readonly #membership: Membership;
  readonly #prober: Prober;
  readonly #relay: Relay;
  readonly #defaultPort: number;
  readonly #dialled = new Map<ExchangeId, Dialled>();
  readonly #pushPullTimer = new Timer(() => this.#pushPull());
  #lastExchange = 0;
  #seqNo: number;
  #started = false;

  constructor(options: SwimOptions, { rng, delegate }: SwimDependencies, sharing?: SwimSharing) {
    const parts = endpointParts(options.endpoint);
    invariant(parts !== undefined, `${options.endpoint} is no endpoint to advertise`);
    this.#defaultPort = options.defaultPort ?? parts.port;
    this.#context = new SwimContext(options, rng, delegate, sharing?.records ?? PLAIN_RECORDS);
    this.#list = sharing?.list ?? new MemberList();
    this.#dissemination = new Dissemination(this.#context, this.#list);
    this.#membership = new Membership(this.#context, this.#list, this.#dissemination, this.#defaultPort);
    // Anywhere, so that an ack to a ping of an earlier life answers none of this one.
    this.#seqNo = randomInt(rng, 2 ** 32);
    const nextSeqNo = (): number => {
      this.#seqNo = (this.#seqNo + 1) >>> 0;
      return this.#seqNo;
    };
    this.#relay = new Relay(this.#context, this.#list, this.#dissemination, nextSeqNo);
    this.#prober = new Prober(this.#context, this.#list, this.#dissemination, {
      nextSeqNo,
      streamPing: (target, ping, timeoutMs) =>
        this.#dial({ kind: "ping", seqNo: ping.seqNo }, target.endpoint, ping, timeoutMs),
      suspect: ({ name, incarnation }) => this.#membership.suspect(name, incarnation, options.name),
    });
  }

  get local(): MemberState {
    return this.#membership.local;
  }

  get memberCount(): number {
    return this.#list.size;
  }

  get healthScore(): number {
    return this.#context.healthScore;
  }

  get queued(): SwimQueues {
    return this.#dissemination.queued;
  }

  member(name: string): MemberState | undefined {
    return this.#list.get(name);
  }

  members(): Iterable<MemberState> {
    return this.#list;
  }

  nextTickAt(): number | undefined {
    return this.#context.timers.nextAtMs;
  }

  step(nowMs: number, input: SwimInput): readonly SwimEffect[] {
    invariant(this.#started || input.type === "start", "a core is started before anything else");
    this.#context.nowMs = Math.max(nowMs, this.#context.nowMs);
    this.#noticeLag();
    this.#handle(input);
    for (;;) {
      // After the input: an answer that is here counts, even if its time would be over.
      const timer = this.#context.timers.takeDue(this.#context.nowMs);
      if (timer === undefined) break;
      timer.run();
    }
    this.#dissemination.arm();
    return this.#context.takeEffects();
  }

  #handle(input: SwimInput): void {
    switch (input.type) {
      case "start":
        return this.#start();
      case "tick":
        return;
      case "packet":
        return this.#packet(input.from, input.messages);
      case "request":
        return this.#request(input.exchange, input.message);
      case "reply":
        return this.#reply(input.exchange, input.message);
      case "exchangeFailed":
        return this.#exchangeFailed(input.exchange, input.reason, input.refused ?? false);
      case "join":
        return this.#dialPushPull({ kind: "join", endpoint: input.endpoint }, input.endpoint);
      case "broadcast":
        return this.#dissemination.queueUser(input.id, input.priority, input.payload);
      case "sendUser": {
        const crc = input.name !== undefined && knowsCrc(this.#list.get(input.name));
        return this.#dissemination.sendOnly(input.to, [{ type: "user", payload: input.payload }], crc);
      }
      case "setMeta":
        return this.#membership.setMeta(input.meta);
      case "hurry":
        return this.#dissemination.hurry();
      case "leave":
        return this.#membership.leave(input.tellAll ?? false, () => this.#context.emit({ type: "left" }));
      case "lagged":
        return this.#lagged(input.ms);
      default:
        return unreachable(input);
    }
  }

  #start(): void {
    invariant(!this.#started, "a core is started once");
    this.#started = true;
    const { name, endpoint, meta, versions, settings, incarnation = 1 } = this.#context.options;
    const { nowMs, rng, timers } = this.#context;
    this.#membership.start(memberAt(endpoint, { name, incarnation, status: "alive", meta, versions })!);
    this.#dissemination.start();
    this.#prober.start();
    timers.set(this.#pushPullTimer, nowMs + rng.next() * settings.pushPullIntervalMs + this.#pushPullIntervalMs());
  }

  // ---- local health ----

  #noticeLag(): void {
    const { nowMs, settings, timers } = this.#context;
    const lateMs = nowMs - (timers.nextAtMs ?? nowMs);
    if (lateMs > settings.lagToleratedMs) this.#lagged(lateMs);
  }

  /**
   * A process that did not run has not heard what others said, so the time does not count against them (Lifeguard §III:
   * slow members accuse healthy ones). Node runs late timers before it reads what waits in the socket.
   */
  #lagged(ms: number): void {
    if (!(ms > this.#context.settings.lagToleratedMs)) return;
    this.#prober.delay(ms);
    this.#relay.delay(ms);
    this.#membership.delaySuspicions(ms);
    this.#context.changeHealth(Math.max(1, Math.floor(ms / this.#context.settings.probeIntervalMs)));
  }

  // ---- packets ----

  /**
   * News first, alive messages before the others and the newest before older ones, as memberlist's handler has it; then
   * pings and what answers them, so that a refutation rides on the ack (Lifeguard §IV, Buddy System).
   */
  #packet(from: Endpoint, messages: readonly PacketMessage[]): void {
    let alive = 0;
    let other = 0;
    for (const message of messages) {
      if (message.type === "alive") alive++;
      else if (isNews(message)) other++;
    }
    if (alive > HANDOFF_MAX || other > HANDOFF_MAX) return this.#context.drop(`too many messages in one from ${from}`);
    if (alive > 0) {
      for (let at = messages.length - 1; at >= 0; at--) {
        const message = messages[at]!;
        if (message.type === "alive") this.#membership.aliveMessage(message, from);
      }
    }
    if (other > 0) {
      for (let at = messages.length - 1; at >= 0; at--) this.#news(messages[at]!);
    }
    if (alive + other === messages.length) return;
    for (const message of messages) this.#answer(message, from);
  }

  #news(message: PacketMessage): void {
    switch (message.type) {
      case "suspect":
        return this.#membership.suspect(message.node, message.incarnation, message.from, message);
      case "dead":
        return this.#membership.dead(message.node, message.incarnation, message.from, message);
      case "user":
        return this.#context.emit({ type: "userMessage", payload: message.payload });
    }
  }

  #answer(message: PacketMessage, from: Endpoint): void {
    switch (message.type) {
      case "ping": {
        if (!this.#isForUs(message)) return this.#context.emit({ type: "pingForOther", name: message.node, from });
        const { seqNo } = message;
        const payload = this.#context.delegate.ackPayload();
        return this.#dissemination.send(sourceOf(message, from), { type: "ack", seqNo, payload });
      }
      case "indirectPing":
        return this.#relay.ask(message, from, this.#defaultPort);
      case "ack":
        if (!this.#prober.ack(message.seqNo, message.payload)) this.#relay.ack(message.seqNo);
        return;
      case "nack":
        return this.#prober.nack(message.seqNo);
    }
  }

  /** Another member may have had our address: it is dead, and no ack of ours may hide it. */
  #isForUs({ node }: Ping): boolean {
    return node === "" || node === this.#context.self;
  }

  // ---- streams ----

  #request(exchange: ExchangeId, message: Extract<SwimInput, { type: "request" }>["message"]): void {
    switch (message.type) {
      case "user":
        if (message.payload.length > 0) this.#context.emit({ type: "userMessage", payload: message.payload });
        return;
      case "ping": {
        if (!this.#isForUs(message)) return this.#context.drop(`ping for ${message.node} from a stream`);
        const ack = { type: "ack", seqNo: message.seqNo, payload: NO_PAYLOAD } as const;
        return this.#context.emit({ type: "respond", exchange, message: ack });
      }
      case "pushPull": {
        // Before the merge, which may refuse: the dialler learns nothing of that, as with every peer.
        this.#context.emit({ type: "respond", exchange, message: this.#ourState(message.join) });
        const refusal = this.#merge(message, message.join);
        if (refusal !== undefined) this.#context.emit({ type: "mergeRefused", exchange, reason: refusal });
        return;
      }
      default:
        return unreachable(message);
    }
  }

  #ourState(join: boolean): PushPull {
    const userState = this.#context.delegate.userState(join);
    return { type: "pushPull", join, nodes: this.#list.toArray(), userState };
  }

  /** @returns why it was not taken, or undefined. */
  #merge({ nodes, userState }: PushPull, join: boolean): string | undefined {
    const refusal = this.#membership.refusedMerge(nodes, join);
    if (refusal !== undefined) return refusal;
    this.#membership.merge(nodes);
    if (userState.length > 0) this.#context.emit({ type: "mergeUserState", userState, join });
    return undefined;
  }

  #pushPull(): void {
    const { rng, self } = this.#context;
    const [peer] = this.#list.pick(rng, 1, ({ name, status }) => name !== self && status === "alive");
    if (peer === undefined) this.#schedulePushPull();
    else this.#dialPushPull({ kind: "pushPull" }, peer.endpoint);
  }

  #pushPullIntervalMs(): number {
    return pushPullIntervalMs(this.#context.settings.pushPullIntervalMs, this.#list.size);
  }

  /** After the last one is over: two never run at once. */
  #schedulePushPull(): void {
    this.#context.timers.set(this.#pushPullTimer, this.#context.nowMs + this.#pushPullIntervalMs());
  }

  #dialPushPull(dialled: Extract<Dialled, { kind: "pushPull" | "join" }>, to: Endpoint): void {
    this.#dial(dialled, to, this.#ourState(dialled.kind === "join"), this.#context.settings.streamTimeoutMs);
  }

  #dial(dialled: Dialled, to: Endpoint, message: PushPull | Ping, timeoutMs: number): void {
    const exchange = ++this.#lastExchange as ExchangeId;
    this.#dialled.set(exchange, dialled);
    this.#context.emit({ type: "dial", exchange, to, message, timeoutMs });
  }

  #take(exchange: ExchangeId): Dialled | undefined {
    const dialled = this.#dialled.get(exchange);
    this.#dialled.delete(exchange);
    return dialled;
  }

  #reply(
    exchange: ExchangeId,
    message: PushPull | { readonly type: "ack"; readonly seqNo: number } | RemoteError,
  ): void {
    const dialled = this.#take(exchange);
    if (dialled === undefined) return;
    if (dialled.kind === "ping") {
      if (message.type === "ack" && message.seqNo === dialled.seqNo) this.#prober.streamAnswered(dialled.seqNo);
      return;
    }
    if (dialled.kind === "pushPull") this.#schedulePushPull();
    if (message.type !== "pushPull") {
      const reason = message.type === "error" ? `remote error: ${message.error}` : "an ack instead of a push/pull";
      return this.#pushPullFailed(dialled, reason);
    }
    const refusal = this.#merge(message, dialled.kind === "join");
    if (refusal !== undefined) return this.#pushPullFailed(dialled, refusal);
    if (dialled.kind === "join") {
      this.#context.emit({ type: "joined", endpoint: dialled.endpoint, members: message.nodes.length });
    }
  }

  #exchangeFailed(exchange: ExchangeId, reason: string, refused: boolean): void {
    const dialled = this.#take(exchange);
    if (dialled === undefined) return;
    if (dialled.kind === "ping") {
      if (refused) this.#prober.streamRefused(dialled.seqNo);
      return;
    }
    if (dialled.kind === "pushPull") this.#schedulePushPull();
    this.#pushPullFailed(dialled, reason);
  }

  #pushPullFailed(dialled: Extract<Dialled, { kind: "pushPull" | "join" }>, reason: string): void {
    if (dialled.kind === "join") this.#context.emit({ type: "joinFailed", endpoint: dialled.endpoint, reason });
    else this.#context.drop(`push/pull: ${reason}`);
  }
}

function isNews({ type }: PacketMessage): boolean {
  return type === "suspect" || type === "dead" || type === "user";
}
