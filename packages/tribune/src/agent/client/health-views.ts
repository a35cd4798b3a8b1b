/**
 * What the agent's cache holds of the health of services, kept up to date by the servers' event stream (Consul's
 * `use_streaming_backend`) instead of a blocking query for each question: one subscription a service, whatever filters
 * its readers have, and each event tells only what changed.
 */
import { IndexedCheckServiceNodes, make, type ServiceSpecificRequest } from "@tribune/api";
import { encodePb, ProtobufError } from "../../codec/protobuf.ts";
import { SubscribeRequestMessage, TOPIC } from "../../codec/subscribe-messages.ts";
import { chosenInstances } from "../../endpoints/health.ts";
import type { HttpBackend, ReadCall, ReadOutcome } from "../../http/backend.ts";
import type { Cancel } from "../../lib/runtime.ts";
import type { ServerMember } from "../../pool/server-tags.ts";
import { Answered } from "../../server/query-engine.ts";
import { Outdated } from "../../server/remote-answers.ts";
import type { Contact } from "../cache/agent-cache.ts";
import { EventConnection, type EventConnectionDependencies } from "./event-connection.ts";
import { HealthView, type Took } from "./health-view.ts";

const SUBSCRIBE = "/subscribe.StateChangeSubscription/Subscribe";
/** More are kept fresh by blocking queries: names come from outside. As many as the cache has answers. */
const FOLLOWED_MAX = 4_096;
/** A view that nobody reads is given up after this: the cache reads again right after each answer. */
const LINGER_MS = 20_000;
/** Servers without the stream, or none at all, are asked for it again after this, doubled up to the longest. */
const RETRY_MS = 5_000;
const RETRY_MS_MAX = 300_000;

export interface HealthViewsDependencies extends EventConnectionDependencies {
  readonly datacenter: string;
  /** Answers what no view can, and everything while there is no stream. */
  readonly source: Pick<HttpBackend, "readNow" | "read">;
  /** An answer that was given is replaced: its encoded forms may go. */
  readonly outdated: (answer: Answered) => void;
}

type Deliver = (outcome: ReadOutcome | Error) => void;

interface Reader {
  readonly call: ReadCall;
  readonly deliver: Deliver;
  readonly contact: Contact;
  /** Ends what it waits for: the view and a timer, or a read of the source. */
  cancel: Cancel;
}

interface Shown {
  readonly answer: Answered;
  readonly watch: Outdated;
}

/** One service with one token, followed. */
interface Followed {
  readonly key: string;
  readonly request: Uint8Array;
  readonly view: HealthView;
  readonly readers: Set<Reader>;
  /** Answers made of the rows as they are, by question. */
  readonly shown: Map<string, Shown>;
  /** A snapshot came whole, and nothing has ended since. */
  live: boolean;
  /** It was live, and is to be again. */
  lost: boolean;
  subscribedAtMs: number;
  cancelCall: Cancel;
  cancelLinger: Cancel;
}

export class HealthViews {
  readonly #d: HealthViewsDependencies;
  readonly #followed = new Map<string, Followed>();
  readonly #connection: EventConnection;
  /** No subscription is tried before; the reads block at the servers meanwhile. */
  #retryAtMs = 0;
  #retryMs = RETRY_MS;
  #closed = false;

  constructor(dependencies: HealthViewsDependencies) {
    this.#d = dependencies;
    this.#connection = new EventConnection(dependencies);
  }

  /** Services that are followed. */
  get size(): number {
    return this.#followed.size;
  }

  /** How long ago, at the most, the server whose events a read waits for heard of the leader; undefined: it asks servers. */
  lastContactMs(call: ReadCall): number | undefined {
    const followed = this.#isFollowable(call) ? this.#followed.get(keyOf(call.request)) : undefined;
    return followed?.live === true ? this.#contactMs : undefined;
  }

  get #contactMs(): number {
    return this.#d.runtime.clock.nowMs() - this.#connection.contactAtMs;
  }

  readNow(call: ReadCall): ReadOutcome | undefined {
    return this.#d.source.readNow(call);
  }

  /**
   * Answers by callback, once. The first read of a question (index 0) is the servers' to answer, so that no view that
   * lags behind says what was true before the question; from then on the view tells what changed.
   *
   * @param contact is told while the read waits.
   */
  read(call: ReadCall, deliver: Deliver, contact: Contact = () => {}): Cancel {
    if (this.#closed || !this.#isFollowable(call)) return this.#d.source.read(call, deliver);
    const followed = this.#follow(call.request as ServiceSpecificRequest);
    if (followed === undefined || call.minIndex === 0) return this.#readSource(call, deliver);
    if (followed.live && followed.view.index > call.minIndex) {
      deliver(this.#outcome(followed, call));
      return () => {};
    }
    const reader: Reader = { call, deliver, contact, cancel: () => {} };
    // What a lost event would hide for ever shows after this at the latest.
    const cancelTimer = this.#d.runtime.timers.after(call.waitMs, () => {
      this.#leave(followed, reader);
      this.#askServers(reader, 0);
    });
    reader.cancel = () => {
      cancelTimer();
      this.#leave(followed, reader);
    };
    followed.readers.add(reader);
    followed.cancelLinger();
    return () => reader.cancel();
  }

  serverFailed(server: ServerMember): void {
    this.#connection.serverFailed(server);
  }

  close(): void {
    this.#closed = true;
    for (const followed of [...this.#followed.values()]) this.#forget(followed);
    this.#connection.hangUp();
  }

  #isFollowable({ endpoint, request, datacenter }: ReadCall): boolean {
    if (endpoint.name !== "healthService" && endpoint.name !== "healthConnect") return false;
    const { Ingress, MergeCentralConfig, Source, ServiceName, Datacenter } = request as ServiceSpecificRequest;
    // Events say nothing of configuration entries.
    if (MergeCentralConfig) return false;
    const here = (name: string): boolean => name === "" || name === this.#d.datacenter;
    // Distances between nodes are the servers' to know, and other datacenters' events are not told here.
    return ServiceName !== "" && !Ingress && Source.Node === "" && here(datacenter) && here(Datacenter);
  }

  /** Undefined while there is nobody to subscribe with, or too much is followed. */
  #follow(request: ServiceSpecificRequest): Followed | undefined {
    const { ServiceName, Connect, Token } = request;
    const key = keyOf(request);
    const known = this.#followed.get(key);
    if (known !== undefined) return known;
    if (this.#d.runtime.clock.nowMs() < this.#retryAtMs || this.#followed.size >= FOLLOWED_MAX) return undefined;
    const Topic = Connect ? TOPIC.serviceHealthConnect : TOPIC.serviceHealth;
    const followed: Followed = {
      key,
      request: encodePb(SubscribeRequestMessage, { Topic, Key: ServiceName, Token, Datacenter: this.#d.datacenter }),
      view: new HealthView(),
      readers: new Set(),
      shown: new Map(),
      live: false,
      lost: false,
      subscribedAtMs: 0,
      cancelCall: () => {},
      cancelLinger: () => {},
    };
    this.#followed.set(key, followed);
    this.#linger(followed);
    this.#subscribe(followed);
    return followed;
  }

  #subscribe(followed: Followed): void {
    followed.live = false;
    followed.subscribedAtMs = this.#d.runtime.clock.nowMs();
    followed.view.restart();
    let cancelled = false;
    followed.cancelCall = () => {
      cancelled = true;
    };
    this.#connection.open().then(
      (connection) => {
        if (cancelled) return;
        // It may have ended before this turn came.
        if (!connection.usable) return this.#over(followed, "the connection was closed");
        followed.cancelCall = connection.call(SUBSCRIBE, followed.request, {
          onMessage: (message) => this.#told(followed, message),
          onOver: (reason) => this.#over(followed, reason),
        });
      },
      (error: unknown) => {
        if (!cancelled) this.#over(followed, error instanceof Error ? error.message : String(error));
      },
    );
  }

  #told(followed: Followed, message: Uint8Array): void {
    const { view } = followed;
    const before = view.index;
    let took: Took;
    try {
      took = view.take(message);
    } catch (error) {
      if (!(error instanceof ProtobufError)) throw error;
      followed.cancelCall();
      return this.#over(followed, error.message);
    }
    if (took === "gathering") return;
    const returned = took === "begun" && !followed.live;
    followed.live = true;
    if (followed.lost) for (const reader of followed.readers) reader.contact(undefined);
    followed.lost = false;
    this.#retryMs = RETRY_MS;
    for (const { answer, watch } of followed.shown.values()) {
      watch.fire();
      this.#d.outdated(answer);
    }
    followed.shown.clear();
    for (const reader of [...followed.readers]) {
      const { minIndex } = reader.call;
      // The state went back under a living stream: an older snapshot was restored there, and that is the truth now.
      // Behind a new stream a server may only lag, so the leader is asked.
      const back = view.index < before && view.index < minIndex;
      if (view.index <= minIndex && !back) continue;
      reader.cancel();
      if (back && returned) this.#askServers(reader, 0);
      else reader.deliver(this.#outcome(followed, reader.call));
    }
  }

  /** The stream ended. If it had worked another server will have it; else the readers block at the servers. */
  #over(followed: Followed, reason: string): void {
    if (this.#closed || this.#followed.get(followed.key) !== followed) return;
    this.#d.logger.debug("a subscription ended", { service: followed.key, reason });
    const nowMs = this.#d.runtime.clock.nowMs();
    const worked = followed.live && nowMs - followed.subscribedAtMs >= RETRY_MS;
    if (followed.live) for (const reader of followed.readers) reader.contact(this.#connection.contactAtMs);
    followed.lost ||= followed.live;
    if (worked && followed.readers.size > 0) return this.#subscribe(followed);
    if (!worked && nowMs >= this.#retryAtMs) {
      this.#retryAtMs = nowMs + this.#retryMs;
      this.#retryMs = Math.min(2 * this.#retryMs, RETRY_MS_MAX);
    }
    const readers = [...followed.readers];
    // A server ends its streams when a snapshot is restored: then the state may have gone back, and a query that blocks
    // at an index from before would wait until it is reached again.
    const mayBeBack = followed.lost;
    this.#forget(followed);
    for (const reader of readers) {
      reader.cancel();
      this.#askServers(reader, mayBeBack ? 0 : reader.call.minIndex);
    }
  }

  #askServers(reader: Reader, minIndex: number): void {
    const { call, deliver } = reader;
    const at = minIndex === call.minIndex ? call : blocking(call, minIndex, 0);
    reader.cancel = this.#readSource(at, deliver);
  }

  /** Blocks no longer than until the stream may be tried again: whoever reads then tries it. */
  #readSource(call: ReadCall, deliver: Deliver): Cancel {
    const pauseMs = Math.ceil(this.#retryAtMs - this.#d.runtime.clock.nowMs());
    const ends = call.minIndex > 0 && pauseMs > 0 && call.waitMs > pauseMs;
    return this.#d.source.read(ends ? blocking(call, call.minIndex, pauseMs) : call, deliver);
  }

  #leave(followed: Followed, reader: Reader): void {
    if (followed.readers.delete(reader) && followed.readers.size === 0) this.#linger(followed);
  }

  #linger(followed: Followed): void {
    followed.cancelLinger();
    followed.cancelLinger = this.#d.runtime.timers.after(LINGER_MS, () => {
      if (followed.readers.size === 0) this.#forget(followed);
    });
  }

  #forget(followed: Followed): void {
    if (this.#followed.get(followed.key) === followed) this.#followed.delete(followed.key);
    followed.live = false;
    followed.cancelLinger();
    followed.cancelCall();
    for (const { answer } of followed.shown.values()) this.#d.outdated(answer);
    if (this.#followed.size === 0) this.#connection.hangUp();
  }

  #outcome({ view, shown }: Followed, { key, request }: ReadCall): ReadOutcome {
    let made = shown.get(key);
    if (made === undefined) {
      const Nodes = chosenInstances(view.rows, request);
      const watch = new Outdated();
      const reply = make(IndexedCheckServiceNodes, { Nodes, Index: view.index, KnownLeader: true });
      made = { answer: new Answered(reply, watch, 0), watch };
      shown.set(key, made);
    }
    return { answer: made.answer, meta: { knownLeader: true, lastContactMs: this.#contactMs, streamed: true } };
  }
}

const keyOf = ({ ServiceName, Connect, Token }: ServiceSpecificRequest): string =>
  `${Connect} ${Token} ${ServiceName.toLowerCase()}`;

function blocking(call: ReadCall, minIndex: number, waitMs: number): ReadCall {
  const request = { ...call.request, MinQueryIndex: minIndex, MaxQueryTime: waitMs * 1e6 };
  return { ...call, minIndex, waitMs, request };
}
