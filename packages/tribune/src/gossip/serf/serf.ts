/** Serf's layer: which part an input belongs to. The parts are in their own files, `types` has the contract. */
import { GossipCodecError } from "../../codec/gossip-error.ts";
import type { Coordinate } from "../../codec/serf-coordinate.ts";
import { decodeSerfMessage, encodeSerfMessage, type Query, type SerfMessage } from "../../codec/serf-messages.ts";
import { encodeTags, type MemberTags } from "../../codec/serf-tags.ts";
import { unreachable } from "../../lib/invariant.ts";
import type { Rng } from "../../lib/runtime.ts";
import { type Endpoint, endpointOf } from "../swim/endpoint.ts";
import type { BroadcastPriority, NodeName } from "../swim/types.ts";
import { Coordinates } from "./coordinates.ts";
import { INTERNAL_PREFIX, keyResponseThatFits, readInternalQuery } from "./internal-queries.ts";
import { LamportClock } from "./lamport.ts";
import { Leaving } from "./leaving.ts";
import { Membership } from "./membership.ts";
import { NameVote } from "./name-vote.ts";
import { EVENT, INTENT, Outbox, QUERY } from "./outbox.ts";
import { Queries } from "./queries.ts";
import type { SerfSettings } from "./settings.ts";
import type { SerfClocks } from "./snapshot-file.ts";
import type {
  AnswerToken,
  KeyAnswer,
  QueryRequest,
  QueryToken,
  SerfEffect,
  SerfInput,
  SerfLayer,
  SerfMember,
} from "./types.ts";
import { UserEvents } from "./user-events.ts";

export interface SerfOptions {
  readonly name: NodeName;
  /** What others are told; answers to our queries come here. */
  readonly endpoint: Endpoint;
  readonly tags: MemberTags;
  readonly settings: SerfSettings;
  /** Clocks of an earlier life: what was seen then is not news. */
  readonly restored?: SerfClocks | undefined;
}

const EMPTY = new Uint8Array(0);

export class Serf implements SerfLayer {
  readonly #options: SerfOptions;
  readonly #outbox = new Outbox();
  readonly #clock = new LamportClock();
  readonly #membership: Membership;
  readonly #events: UserEvents;
  readonly #queries: Queries;
  readonly #leaving: Leaving;
  readonly #coordinates: Coordinates;
  #tags: MemberTags;
  #isVoting = false;
  #reapAtMs: number | undefined;
  #reconnectAtMs: number | undefined;
  /** Of the running step. */
  #nowMs = 0;

  constructor(options: SerfOptions, rng: Rng) {
    const { name, endpoint, settings } = options;
    this.#options = options;
    this.#tags = options.tags;
    const outbox = this.#outbox;
    this.#coordinates = new Coordinates(name, rng, outbox);
    this.#membership = new Membership({
      name,
      settings,
      clock: this.#clock,
      rng,
      outbox,
      isStaying: () => this.#leaving.isStaying,
      onErased: (erased) => this.#coordinates.forget(erased),
    });
    this.#events = new UserEvents(outbox);
    this.#queries = new Queries({
      self: { name, endpoint },
      settings,
      rng,
      outbox,
      tags: () => this.#tags,
      members: () => this.#membership.all(),
      memberCount: () => this.#membership.size,
      answering: () => this.#membership.answering,
      onAsked: (answer, query) => this.#asked(answer, query),
    });
    this.#leaving = new Leaving({ name, settings, clock: this.#clock, outbox, membership: this.#membership });
    if (options.restored !== undefined) this.#restore(options.restored);
  }

  #restore({ clock, eventClock, queryClock }: SerfClocks): void {
    this.#clock.witness(clock);
    this.#events.clock.witness(eventClock);
    this.#events.raiseTimeMin(eventClock + 1);
    this.#queries.clock.witness(queryClock);
    this.#queries.raiseTimeMin(queryClock + 1);
  }

  // ---- reading ----

  members(): readonly SerfMember[] {
    return this.#membership.all();
  }

  member(name: string): SerfMember | undefined {
    return this.#membership.get(name);
  }

  /** Members that SWIM counts as there, ourselves included. */
  get answering(): number {
    return this.#membership.answering;
  }

  coordinate(): Coordinate {
    return this.#coordinates.own;
  }

  coordinateOf(name: string): Coordinate | undefined {
    return this.#coordinates.of(name);
  }

  get coordinateResets(): number {
    return this.#coordinates.resets;
  }

  /** The next times to be said, not the last. */
  get clocks(): SerfClocks {
    return { clock: this.#clock.time, eventClock: this.#events.clock.time, queryClock: this.#queries.clock.time };
  }

  /** What an ack to a ping carries. */
  ackPayload(): Uint8Array {
    return this.#coordinates.ackPayload();
  }

  /** Our side of a push/pull. */
  userState(): Uint8Array {
    return encodeSerfMessage({
      type: "pushPull",
      lTime: this.#clock.time,
      statusLTimes: this.#membership.statusLTimes(),
      leftMembers: this.#membership.leftMembers(),
      eventLTime: this.#events.clock.time,
      events: this.#events.recent(),
      queryLTime: this.#queries.clock.time,
    });
  }

  /** @throws TribuneError for an event that is too large. */
  checkUserEvent(name: string, payload: Uint8Array): void {
    this.#events.check(name, payload, this.#options.settings.userEventBytesMax);
  }

  /** @throws TribuneError for a query that is too large. */
  checkQuery(request: QueryRequest): void {
    this.#queries.check(request);
  }

  // ---- the core ----

  nextTickAt(): number | undefined {
    const times = [
      this.#reapAtMs,
      this.#reconnectAtMs,
      this.#membership.nextPruneAt(),
      this.#queries.nextDeadlineMs(),
      this.#leaving.nextAt(),
    ].filter((time) => time !== undefined);
    return times.length === 0 ? undefined : Math.min(...times);
  }

  step(nowMs: number, input: SerfInput): readonly SerfEffect[] {
    const { reapIntervalMs, reconnectIntervalMs } = this.#options.settings;
    this.#nowMs = nowMs;
    this.#reapAtMs ??= nowMs + reapIntervalMs;
    this.#reconnectAtMs ??= nowMs + reconnectIntervalMs;
    this.#handle(nowMs, input);
    return this.#outbox.take();
  }

  #handle(nowMs: number, input: SerfInput): void {
    switch (input.type) {
      case "tick":
        return this.#tick(nowMs);
      case "memberChanged":
        return this.#membership.changed(nowMs, input.before, input.after);
      case "nameConflict":
        return this.#conflict(nowMs, input.known.name, input.known.endpoint, input.other.endpoint);
      case "userMessage":
        return this.#received(nowMs, input.payload);
      case "mergeUserState":
        return this.#merge(nowMs, input.userState, input.join);
      case "broadcastDone":
        return this.#leaving.broadcastDone(nowMs, input.id);
      case "rttSample": {
        const isMember = this.#membership.get(input.name) !== undefined;
        return this.#coordinates.measured(input.name, input.rttMs, input.payload, isMember);
      }
      case "left":
        return this.#leaving.swimLeft(nowMs);
      case "joined":
        return this.#membership.announce(nowMs);
      case "ignoreOldEvents":
        this.#events.ignoresOld = input.on;
        return;
      case "setTags":
        this.#tags = input.tags;
        return this.#outbox.swim({ type: "setMeta", meta: encodeTags(input.tags) });
      case "leave":
        return this.#leaving.begin(nowMs);
      case "forceLeave":
        return this.#forceLeave(nowMs, input.name, input.prune);
      case "userEvent":
        return this.#events.fire(input.name, input.payload, input.coalesce);
      case "query":
        return this.#queries.ask(nowMs, input.request);
      case "cancelQuery":
        return this.#queries.cancel(input.token);
      case "respond":
        return this.#queries.respond(nowMs, input.answer, input.payload);
      case "keyAnswer":
        return this.#keyAnswered(nowMs, input.answer, input.outcome);
      default:
        return unreachable(input);
    }
  }

  #tick(nowMs: number): void {
    const { reapIntervalMs, reconnectIntervalMs } = this.#options.settings;
    this.#leaving.tick(nowMs);
    this.#queries.expire(nowMs);
    this.#membership.pruneDue(nowMs);
    if (this.#reapAtMs! <= nowMs) {
      this.#reapAtMs = nowMs + reapIntervalMs;
      this.#membership.reap(nowMs);
    }
    if (this.#reconnectAtMs! <= nowMs) {
      this.#reconnectAtMs = nowMs + reconnectIntervalMs;
      if (this.#leaving.isStaying) this.#membership.reconnect();
    }
  }

  #conflict(nowMs: number, name: string, known: Endpoint, other: Endpoint): void {
    const { resolveNameConflicts } = this.#options.settings;
    if (name !== this.#options.name) {
      return this.#outbox.log("WARN", `Name conflict for '${name}' both ${known} and ${other} are claiming`);
    }
    this.#outbox.log(
      "ERROR",
      `Node name conflicts with another node at ${other}. Names must be unique! (Resolution enabled: ${resolveNameConflicts})`,
    );
    if (resolveNameConflicts && this.#leaving.isStaying) this.#voteOnName(nowMs, other);
  }

  /** One at a time: the same news comes again and again. */
  #voteOnName(nowMs: number, other: Endpoint): void {
    if (this.#isVoting) return;
    this.#isVoting = true;
    const { name, endpoint } = this.#options;
    const vote = new NameVote(endpoint, this.#outbox);
    const payload = new TextEncoder().encode(name);
    const question = { name: `${INTERNAL_PREFIX}conflict`, payload, filters: [], wantAck: false };
    const request = { ...question, token: 0 as QueryToken, relayFactor: 0, timeoutMs: 0 };
    this.#queries.ask(nowMs, request, {
      answered: (answer) => vote.answered(answer),
      done: () => {
        this.#isVoting = false;
        if (vote.end() === "lost") this.#outbox.put({ type: "nameLost", to: other });
      },
    });
  }

  #forceLeave(nowMs: number, name: string, prune: boolean): void {
    const lTime = this.#clock.time;
    this.#clock.increment();
    this.#membership.leaveIntent(nowMs, name, lTime, prune);
    if (!this.#membership.hasOthersAlive) return;
    this.#outbox.broadcast(INTENT, encodeSerfMessage({ type: "leave", lTime, node: name, prune }));
  }

  // ---- what peers say ----

  #received(nowMs: number, payload: Uint8Array): void {
    this.#outbox.sample("msgs.received", payload.length);
    const message = this.#decoded(payload, "message");
    if (message === undefined) return;
    const passOn = this.#passesOn(nowMs, message);
    if (passOn !== undefined) {
      this.#outbox.sample("msgs.sent", payload.length);
      this.#outbox.broadcast(passOn, payload);
    }
  }

  /** Handles a message. @returns the queue in which it goes on, where it is news. */
  #passesOn(nowMs: number, message: SerfMessage): BroadcastPriority | undefined {
    const { type } = message;
    switch (type) {
      case "leave":
        return this.#membership.leaveIntent(nowMs, message.node, message.lTime, message.prune) ? INTENT : undefined;
      case "join":
        return this.#membership.joinIntent(nowMs, message.node, message.lTime) ? INTENT : undefined;
      case "userEvent":
        return this.#events.receive(message.lTime, message) ? EVENT : undefined;
      case "query":
        return this.#queries.receive(nowMs, message) ? QUERY : undefined;
      case "queryResponse":
        this.#queries.answered(message);
        return undefined;
      case "relay": {
        const to = endpointOf(message.destAddr.ip, message.destAddr.port);
        if (to === undefined) this.#outbox.log("ERROR", "Error forwarding message: no address");
        else this.#outbox.swim({ type: "sendUser", to, name: message.destName as NodeName, payload: message.message });
        return undefined;
      }
      default:
        this.#outbox.log("WARN", `Received message of unknown type: ${type}`);
        return undefined;
    }
  }

  #decoded(bytes: Uint8Array, what: string): SerfMessage | undefined {
    try {
      return decodeSerfMessage(bytes);
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      this.#outbox.log("ERROR", `Error decoding ${what}: ${error.message}`);
      return undefined;
    }
  }

  /** The other side of a push/pull (sheet serf §2). */
  #merge(nowMs: number, userState: Uint8Array, join: boolean): void {
    if (userState.length === 0) return this.#outbox.log("ERROR", "Remote state is zero bytes");
    const state = this.#decoded(userState, "remote state");
    if (state === undefined) return;
    if (state.type !== "pushPull")
      return this.#outbox.log("ERROR", `Remote state has bad type prefix: ${userState[0]}`);
    // Nothing has been said at these times yet.
    if (state.lTime > 0) this.#clock.witness(state.lTime - 1);
    if (state.eventLTime > 0) this.#events.clock.witness(state.eventLTime - 1);
    if (state.queryLTime > 0) this.#queries.clock.witness(state.queryLTime - 1);
    // Who left comes first, and one later than its join: the time of the leave itself is not told.
    const left = new Set(state.leftMembers);
    for (const name of left) {
      this.#membership.leaveIntent(nowMs, name, (state.statusLTimes.get(name) ?? 0) + 1, false);
    }
    for (const [name, lTime] of state.statusLTimes) {
      if (left.has(name)) continue;
      if (name === this.#options.name) this.#membership.toldOfSelf(nowMs, lTime);
      else this.#membership.joinIntent(nowMs, name, lTime);
    }
    this.#events.merge(state.eventLTime, state.events, join);
  }

  // ---- queries of others ----

  #asked(answer: AnswerToken, query: Query): void {
    const { name, payload, lTime, sourceNode } = query;
    if (!name.startsWith(INTERNAL_PREFIX)) {
      const from = sourceNode;
      return this.#outbox.put({ type: "queryAsked", answer, name, payload: payload ?? EMPTY, lTime, from });
    }
    const internal = readInternalQuery(query, this.#options.name, (asked) => this.member(asked), this.#outbox);
    if (internal.type === "respond") this.#queries.respond(this.#nowMs, answer, internal.payload);
    else if (internal.type === "ignore") this.#queries.drop(answer);
    else {
      this.#outbox.log("INFO", `Received ${name.slice(INTERNAL_PREFIX.length)} query`);
      this.#outbox.put({ type: "keyQuery", answer, operation: internal.operation, key: internal.key });
    }
  }

  #keyAnswered(nowMs: number, answer: AnswerToken, outcome: KeyAnswer): void {
    const query = this.#queries.asked(nowMs, answer);
    if (query === undefined) return this.#queries.drop(answer);
    const { queryResponseBytesMax } = this.#options.settings;
    const { payload, warning } = keyResponseThatFits(
      outcome,
      (candidate) => this.#queries.responseLength(query, candidate) <= queryResponseBytesMax,
    );
    if (warning !== undefined) this.#outbox.log("WARN", warning);
    this.#queries.respond(nowMs, answer, payload);
  }
}
