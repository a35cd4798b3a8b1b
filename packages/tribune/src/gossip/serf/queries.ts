/**
 * Queries: a question that gossip carries to everybody, and answers that come straight back (sheet serf §4). Ours
 * wait here for answers until their time is up; those of others wait here until the layer above has one.
 */
import {
  encodeSerfMessage,
  FLAG_ACK,
  FLAG_NO_BROADCAST,
  type Query,
  type QueryResponse,
} from "../../codec/serf-messages.ts";
import type { MemberTags } from "../../codec/serf-tags.ts";
import { TribuneError } from "../../lib/errors.ts";
import { randomInt, shuffle } from "../../lib/random.ts";
import type { Rng } from "../../lib/runtime.ts";
import { type Endpoint, endpointOf, endpointParts } from "../swim/endpoint.ts";
import type { NodeName } from "../swim/types.ts";
import { LamportClock } from "./lamport.ts";
import { LamportRing } from "./lamport-ring.ts";
import { endpointOfMember } from "./member.ts";
import { type Outbox, QUERY } from "./outbox.ts";
import { filteredOut } from "./query-filter.ts";
import { defaultQueryTimeoutMs, QUERIES_WAITING_MAX, QUERY_TIMEOUT_MS_MAX, type SerfSettings } from "./settings.ts";
import type { AnswerToken, QueryRequest, QueryToken, SerfMember } from "./types.ts";

/** Who is told of the answers to a query of this layer itself. */
export interface AnswerListener {
  answered(payload: Uint8Array): void;
  done(): void;
}

/** One of ours, while it runs. */
interface OpenQuery {
  /** Undefined: the asker above is told, by effects. */
  readonly listener: AnswerListener | undefined;
  readonly token: QueryToken;
  readonly id: number;
  readonly deadlineMs: number;
  readonly acks: Set<string>;
  readonly responses: Set<string>;
}

/** One that is to be answered. */
export interface AskedQuery {
  readonly query: Query;
  readonly deadlineMs: number;
}

export interface QueriesOptions {
  readonly self: { readonly name: NodeName; readonly endpoint: Endpoint };
  readonly settings: SerfSettings;
  readonly rng: Rng;
  readonly outbox: Outbox;
  readonly tags: () => MemberTags;
  readonly members: () => readonly SerfMember[];
  readonly memberCount: () => number;
  readonly answering: () => number;
  /** A query for us that wants an answer. */
  readonly onAsked: (answer: AnswerToken, query: Query) => void;
}

const EMPTY = new Uint8Array(0);
const ID_MAX = 2 ** 31;
/** Honest answers are one from each member, and some may have joined or gone meanwhile. */
const ANSWERS_PER_MEMBER_MAX = 2;
/** Serf's protocol from which a member relays. */
const RELAY_PROTOCOL_MIN = 5;

export class Queries {
  readonly clock = new LamportClock();
  readonly #options: QueriesOptions;
  readonly #seen = new LamportRing<number>((left, right) => left === right);
  /** By Lamport time, which no two queries of ours share. */
  readonly #open = new Map<number, OpenQuery>();
  readonly #asked = new Map<AnswerToken, AskedQuery>();
  #answers = 0;

  constructor(options: QueriesOptions) {
    this.#options = options;
  }

  raiseTimeMin(lTime: number): void {
    this.#seen.timeMin = Math.max(this.#seen.timeMin, lTime);
  }

  // ---- asking ----

  /** @throws TribuneError with serf's text when it is larger than peers accept. */
  check(request: QueryRequest): void {
    const { queryBytesMax } = this.#options.settings;
    if (encodeSerfMessage(this.#message(request, ID_MAX)).length > queryBytesMax) {
      throw TribuneError.internal(`query exceeds limit of ${queryBytesMax} bytes`);
    }
  }

  #message(request: QueryRequest, id: number): Query {
    const { self, settings, answering } = this.#options;
    const parts = endpointParts(self.endpoint);
    const defaultMs = defaultQueryTimeoutMs(settings.gossipIntervalMs, answering());
    return {
      type: "query",
      lTime: this.clock.time,
      id,
      addr: parts?.addr ?? EMPTY,
      port: parts?.port ?? 0,
      sourceNode: self.name,
      filters: request.filters,
      flags: request.wantAck ? FLAG_ACK : 0,
      relayFactor: request.relayFactor,
      timeoutMs: Math.min(request.timeoutMs > 0 ? request.timeoutMs : defaultMs, QUERY_TIMEOUT_MS_MAX),
      name: request.name,
      payload: request.payload,
    };
  }

  /** @param listener is told in the place of the layer above */
  ask(nowMs: number, request: QueryRequest, listener?: AnswerListener): void {
    const query = this.#message(request, randomInt(this.#options.rng, ID_MAX));
    this.#open.set(query.lTime, {
      listener,
      token: request.token,
      id: query.id,
      deadlineMs: nowMs + query.timeoutMs,
      acks: new Set(),
      responses: new Set(),
    });
    this.receive(nowMs, query);
    this.#options.outbox.broadcast(QUERY, encodeSerfMessage(query));
  }

  cancel(token: QueryToken): void {
    for (const [lTime, open] of this.#open)
      if (open.token === token && open.listener === undefined) this.#close(lTime, open);
  }

  #close(lTime: number, { token, listener }: OpenQuery): void {
    this.#open.delete(lTime);
    if (listener !== undefined) listener.done();
    else this.#options.outbox.put({ type: "queryDone", token });
  }

  answered({ lTime, id, from, flags, payload }: QueryResponse): void {
    const { outbox } = this.#options;
    const open = this.#open.get(lTime);
    if (open === undefined) {
      outbox.log("WARN", `reply for non-running query (LTime: ${lTime}, ID: ${id}) From: ${from}`);
      return;
    }
    if (open.id !== id) {
      outbox.log("WARN", `query reply ID mismatch (Local: ${open.id}, Response: ${id})`);
      return;
    }
    const isAck = (flags & FLAG_ACK) !== 0;
    const kind = isAck ? "acks" : "responses";
    const heard = open[kind];
    if (heard.has(from)) {
      outbox.count(`query_duplicate_${kind}`);
      return;
    }
    if (heard.size >= ANSWERS_PER_MEMBER_MAX * this.#options.memberCount()) return;
    heard.add(from);
    outbox.count(`query_${kind}`);
    if (open.listener !== undefined) {
      if (!isAck) open.listener.answered(payload ?? EMPTY);
    } else if (isAck) outbox.put({ type: "queryAck", token: open.token, from });
    else outbox.put({ type: "queryResponse", token: open.token, from, payload: payload ?? EMPTY });
  }

  // ---- being asked ----

  /** @returns whether it is news, and therefore to be passed on. */
  receive(nowMs: number, query: Query): boolean {
    const { self, outbox, tags } = this.#options;
    this.clock.witness(query.lTime);
    const verdict = this.#seen.add(query.lTime, query.id, this.clock.time);
    if (verdict === "old" || verdict === "full") {
      outbox.log("WARN", `received old query ${query.name} from time ${query.lTime} (current: ${this.clock.time})`);
    }
    if (verdict !== "new") return false;
    outbox.count("queries");
    outbox.count(`queries.${query.name}`);
    const refusal = filteredOut(query.filters, { name: self.name, tags: tags() });
    if (refusal?.logged !== undefined) outbox.log("WARN", refusal.logged);
    if (refusal === undefined) this.#deliver(nowMs, query);
    return (query.flags & FLAG_NO_BROADCAST) === 0;
  }

  #deliver(nowMs: number, query: Query): void {
    if ((query.flags & FLAG_ACK) !== 0) this.#send(query, FLAG_ACK, undefined);
    if (this.#asked.size >= QUERIES_WAITING_MAX) {
      this.#options.outbox.log("WARN", `too many queries wait for an answer: ${query.name} is not delivered`);
      return;
    }
    const answer = ++this.#answers as AnswerToken;
    const timeoutMs = Math.min(Math.max(0, query.timeoutMs), QUERY_TIMEOUT_MS_MAX);
    this.#asked.set(answer, { query, deadlineMs: nowMs + timeoutMs });
    this.#options.onAsked(answer, query);
  }

  /** @returns the query that waits for this answer; undefined once it was given or is late. */
  asked(nowMs: number, answer: AnswerToken): Query | undefined {
    const asked = this.#asked.get(answer);
    return asked === undefined || nowMs > asked.deadlineMs ? undefined : asked.query;
  }

  /** Once for each query; a late answer goes nowhere. */
  respond(nowMs: number, answer: AnswerToken, payload: Uint8Array): void {
    const query = this.asked(nowMs, answer);
    this.#asked.delete(answer);
    if (query === undefined) return this.#options.outbox.log("WARN", "response is past the deadline");
    const { queryResponseBytesMax } = this.#options.settings;
    if (this.responseLength(query, payload) > queryResponseBytesMax) {
      return this.#options.outbox.log("ERROR", `response exceeds limit of ${queryResponseBytesMax} bytes`);
    }
    this.#send(query, 0, payload);
  }

  /** Nobody will answer this one. */
  drop(answer: AnswerToken): void {
    this.#asked.delete(answer);
  }

  responseLength(query: Query, payload: Uint8Array): number {
    return encodeSerfMessage(this.#response(query, 0, payload)).length;
  }

  #response({ lTime, id }: Query, flags: number, payload: Uint8Array | undefined): QueryResponse {
    return { type: "queryResponse", lTime, id, from: this.#options.self.name, flags, payload };
  }

  #send(query: Query, flags: number, payload: Uint8Array | undefined): void {
    const { self, outbox } = this.#options;
    const response = this.#response(query, flags, payload);
    const to = endpointOf(query.addr, query.port);
    if (to === undefined) return outbox.log("ERROR", `failed to answer query ${query.name}: no address`);
    // To ourselves no packet is needed, and behind some routers none would arrive.
    if (to === self.endpoint) return this.answered(response);
    const message = encodeSerfMessage(response);
    outbox.swim({ type: "sendUser", to, name: query.sourceNode as NodeName, payload: message });
    this.#relay(query, message);
  }

  /** The same by way of others, for askers whom our packets do not reach. */
  #relay({ relayFactor, addr, port, sourceNode }: Query, message: Uint8Array): void {
    const { self, members, outbox, rng, settings } = this.#options;
    if (relayFactor === 0 || members().length < relayFactor + 1) return;
    const destAddr = { ip: addr, port, zone: "" };
    const relayed = encodeSerfMessage({ type: "relay", destAddr, destName: sourceNode, message });
    if (relayed.length > settings.queryResponseBytesMax) {
      return outbox.log("ERROR", `relayed response exceeds limit of ${settings.queryResponseBytesMax} bytes`);
    }
    const able = members().filter(
      ({ name, status, protocol }) => status === "alive" && protocol.max >= RELAY_PROTOCOL_MIN && name !== self.name,
    );
    for (const member of shuffle(rng, able).slice(0, relayFactor)) {
      const to = endpointOfMember(member);
      if (to !== undefined) outbox.swim({ type: "sendUser", to, name: member.name as NodeName, payload: relayed });
    }
  }

  // ---- time ----

  nextDeadlineMs(): number | undefined {
    const deadlines = [...this.#open.values(), ...this.#asked.values()].map(({ deadlineMs }) => deadlineMs);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  expire(nowMs: number): void {
    for (const [lTime, open] of this.#open) if (open.deadlineMs <= nowMs) this.#close(lTime, open);
    for (const [answer, { deadlineMs }] of this.#asked) if (deadlineMs <= nowMs) this.#asked.delete(answer);
  }
}
