import { parseGoDuration } from "@tribune/api";
import type { Answer, ByteSink } from "../../endpoints/answer.ts";
import type { Endpoint, HttpView, Query } from "../../endpoints/binding.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cancel, Clock, Timers } from "../../lib/runtime.ts";
import type { HttpBackend, HttpOptions } from "../backend.ts";
import { Router } from "../router.ts";
import { EventStream } from "./event-stream.ts";
import { STREAM_LIMITS, type StreamLimits } from "./limits.ts";
import { type Position, parsePositions } from "./position.ts";
import { Topic, type ViewCall } from "./topic.ts";
import { parseWatchedUrl, type WatchedUrl, watchedView } from "./watched-url.ts";

export interface StreamHubDependencies {
  readonly endpoints: readonly Endpoint[];
  readonly backend: Pick<HttpBackend, "read" | "keep">;
  readonly options: () => HttpOptions;
  readonly runtime: { readonly clock: Clock; readonly timers: Timers };
  readonly metrics: Metrics;
  /** Smaller ones for tests. */
  readonly limits?: Partial<StreamLimits>;
}

/** Asked for by a path of its own, or by a parameter. */
export type Watch = string | { readonly path: string; readonly query: Query };

const TICK_MS = 1_000;

const HEADERS = [
  "Cache-Control",
  "no-cache, no-transform",
  // Proxies that gather answers before they pass them on (nginx) are asked not to.
  "X-Accel-Buffering",
  "no",
];

/** All streams of events of one agent, and what they share. */
export class StreamHub {
  readonly #d: StreamHubDependencies;
  readonly #limits: StreamLimits;
  readonly #router: Router;
  readonly #topics = new Map<string, Topic>();
  /** Topics without readers, the longest unread first; each with what ends its wait. */
  readonly #lingering = new Map<Topic, Cancel>();
  readonly #streams = new Set<EventStream>();
  #bytes = 0;
  #cancelTick: Cancel | undefined;
  #stopped = false;

  constructor(dependencies: StreamHubDependencies) {
    this.#d = dependencies;
    this.#limits = { ...STREAM_LIMITS, ...dependencies.limits };
    this.#router = new Router(dependencies.endpoints);
  }

  get streams(): number {
    return this.#streams.size;
  }

  get topics(): number {
    return this.#topics.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTick?.();
    for (const topic of [...this.#topics.values()]) topic.stop();
    for (const cancel of this.#lingering.values()) cancel();
    this.#lingering.clear();
  }

  /**
   * The answer to a request for a stream.
   *
   * @param after where the reader stands, as in an event's `id`.
   * @param heartbeat a Go duration, or "".
   * @throws TribuneError for what cannot be watched, and where a bound is reached
   */
  open(
    watches: readonly Watch[],
    { after, heartbeat }: { readonly after: string; readonly heartbeat: string },
    asker: HttpView,
  ): Answer {
    const { viewsPerStreamMax, streamsMax } = this.#limits;
    if (watches.length === 0) throw TribuneError.badRequest("Missing ?watch: what is to be streamed");
    if (watches.length > viewsPerStreamMax)
      throw TribuneError.badRequest(`too many watches: ${watches.length}, at most ${viewsPerStreamMax} on one stream`);
    if (this.#streams.size >= streamsMax)
      throw new TribuneError("rateLimited", `too many streams: this agent serves at most ${streamsMax}`);
    const heartbeatMs = this.#heartbeatMs(heartbeat);
    const views = watches.map((watch) => this.#view(watch, asker));
    this.#requireRoomFor(views);
    const positions = parsePositions(asker.header("last-event-id") || after, views.length);
    return {
      kind: "stream",
      contentType: "text/event-stream",
      headers: HEADERS,
      start: (sink) => this.#begin(views, positions, heartbeatMs, sink),
    };
  }

  #view(watch: Watch, asker: HttpView): ViewCall {
    const url: WatchedUrl = typeof watch === "string" ? parseWatchedUrl(watch) : watch;
    return watchedView(url, asker, this.#router, this.#d.options());
  }

  #requireRoomFor(views: readonly ViewCall[]): void {
    const isRead = (key: string): boolean => {
      const topic = this.#topics.get(key);
      return topic !== undefined && !this.#lingering.has(topic);
    };
    const fresh = new Set(views.map(({ key }) => key).filter((key) => !isRead(key)));
    const { topicsMax } = this.#limits;
    if (this.#topics.size - this.#lingering.size + fresh.size > topicsMax)
      throw new TribuneError("rateLimited", `too many different views are streamed: at most ${topicsMax}`);
  }

  #heartbeatMs(heartbeat: string): number {
    const { heartbeatMsDefault, heartbeatMsMin, heartbeatMsMax } = this.#limits;
    if (heartbeat === "") return heartbeatMsDefault;
    const ns = parseGoDuration(heartbeat);
    if (ns === undefined) throw TribuneError.badRequest("Invalid heartbeat");
    return Math.min(heartbeatMsMax, Math.max(heartbeatMsMin, ns / 1e6));
  }

  #begin(
    views: readonly ViewCall[],
    positions: readonly (Position | "unknown" | undefined)[],
    heartbeatMs: number,
    sink: ByteSink,
  ): void {
    if (this.#stopped) return sink.abort();
    const { metrics } = this.#d;
    const { clock } = this.#d.runtime;
    const topics = views.map((view) => this.#topic(view));
    const stream: EventStream = new EventStream(
      { heartbeatMs, limits: this.#limits },
      sink,
      topics.map((topic, number) => ({ topic, at: positions[number] })),
      () => clock.nowMs(),
      () => {
        this.#streams.delete(stream);
        for (const topic of topics) this.#leftBehind(topic);
        metrics.gauge("stream.clients", this.#streams.size);
      },
    );
    this.#streams.add(stream);
    metrics.gauge("stream.clients", this.#streams.size);
    if (this.#cancelTick === undefined) this.#tick();
  }

  /** Heartbeats and readers who stand still: one timer for all streams, none without. */
  #tick(): void {
    this.#cancelTick = this.#d.runtime.timers.after(TICK_MS, () => {
      this.#cancelTick = undefined;
      const nowMs = this.#d.runtime.clock.nowMs();
      for (const stream of [...this.#streams]) stream.tick(nowMs);
      if (this.#streams.size > 0) this.#tick();
    });
  }

  #topic(view: ViewCall): Topic {
    const known = this.#topics.get(view.key);
    if (known !== undefined) {
      this.#lingering.get(known)?.();
      this.#lingering.delete(known);
      return known;
    }
    if (this.#topics.size >= this.#limits.topicsMax) this.#dropLingering();
    const { backend, runtime } = this.#d;
    const topic = new Topic(view, {
      backend,
      ...runtime,
      limits: this.#limits,
      grown: (bytes) => this.#grown(bytes),
      onEnd: () => {
        if (this.#topics.get(view.key) === topic) this.#topics.delete(view.key);
      },
    });
    this.#topics.set(view.key, topic);
    return topic;
  }

  #grown(bytes: number): boolean {
    this.#bytes += bytes;
    while (this.#bytes > this.#limits.bytesMax && this.#dropLingering());
    return this.#bytes <= this.#limits.bytesMax;
  }

  /** The readers of this one may be back soon. */
  #leftBehind(topic: Topic): void {
    if (topic.readers > 0 || this.#lingering.has(topic) || this.#stopped) return;
    if (topic.refusal !== undefined) return;
    const cancel = this.#d.runtime.timers.after(this.#limits.lingerMs, () => {
      this.#lingering.delete(topic);
      topic.stop();
    });
    this.#lingering.set(topic, cancel);
  }

  #dropLingering(): boolean {
    for (const [topic, cancel] of this.#lingering) {
      cancel();
      this.#lingering.delete(topic);
      topic.stop();
      return true;
    }
    return false;
  }
}
