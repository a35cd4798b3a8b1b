import { HTTP_STATUS, TribuneError } from "../../lib/errors.ts";
import type { Cancel, Clock, Timers } from "../../lib/runtime.ts";
import type { HttpBackend, ReadCall, ReadOutcome } from "../backend.ts";
import type { Encoded } from "../encoded.ts";
import { difference } from "./difference.ts";
import { type JsonParts, jsonParts } from "./json-parts.ts";
import { BUSY_SHARE, PAUSE_MS_MAX, RETRY_MS_MAX, RETRY_MS_MIN, type StreamLimits } from "./limits.ts";
import { fingerprint, type Position } from "./position.ts";
import { encodeWhole, inSlices } from "./view-text.ts";

/** A view that is followed, with all that does not depend on who reads it. */
export interface ViewCall {
  /** Equal keys are equal views: they share a topic. */
  readonly key: string;
  readonly read: ReadCall;
  /** How the doors call this form of the answer. */
  readonly variant: string;
  show(reply: unknown): ReturnType<ReadCall["endpoint"]["binding"]["show"]>;
}

export interface TopicListener {
  /** There is something new to be had from `since`, or it has come to an end. */
  changed(): void;
}

export type Reason = "start" | "resume" | "behind" | "replaced";

/** What a reader is to be told next. `tail` is the same for all of them: the end of the event's JSON and two newlines. */
export interface Telling {
  readonly event: "snapshot" | "change";
  readonly reason?: Reason;
  readonly tail: Buffer;
  readonly position: Position;
}

export interface Trouble {
  readonly status: number;
  readonly text: string;
}

export interface TopicDependencies {
  readonly backend: Pick<HttpBackend, "read" | "keep">;
  readonly clock: Clock;
  readonly timers: Timers;
  readonly limits: StreamLimits;
  /** Held bytes went up (or down). @returns whether there is room for them. */
  readonly grown: (bytes: number) => boolean;
  /** It is over: nobody may join it any more. */
  readonly onEnd: () => void;
}

interface State {
  readonly position: Position;
  readonly status: number;
  readonly text: string;
  readonly parts: JsonParts;
  /** The whole of it, once somebody needed it. */
  snapshot: Buffer | undefined;
}

/** From one content to the next. */
interface Change {
  readonly from: string;
  readonly position: Position;
  readonly tail: Buffer;
}

/** One view, followed by blocking reads on behalf of everybody who reads it. An event is put together once for all of them. */
export class Topic {
  readonly #view: ViewCall;
  readonly #d: TopicDependencies;
  readonly #listeners = new Set<TopicListener>();
  #state: State | undefined;
  #changes: Change[] = [];
  #changesBytes = 0;
  #bytes = 0;
  #trouble: Trouble | undefined;
  #refusal: Trouble | undefined;
  #failures = 0;
  #cancel: Cancel = () => {};
  #ended = false;
  /** Nothing is on its way but what changes next: the question can be put at any time, and a new reader does. */
  #isWaiting = true;
  /** They came after the last question was put: the state here may be older than what they have seen elsewhere. */
  #newcomers = new Set<TopicListener>();
  /** Those whom the answer on its way is new enough for. */
  #served = new Set<TopicListener>();

  constructor(view: ViewCall, dependencies: TopicDependencies) {
    this.#view = view;
    this.#d = dependencies;
  }

  /** No reads and no timers any more. */
  stop(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#cancel();
    this.#d.grown(-this.#bytes);
    this.#bytes = 0;
    this.#d.onEnd();
  }

  get readers(): number {
    return this.#listeners.size;
  }

  /** Who joins is told of a state not older than this moment: he may know of a write that is not here yet. */
  join(listener: TopicListener): void {
    this.#listeners.add(listener);
    this.#newcomers.add(listener);
    if (!this.#isWaiting) return; // an answer or a pause later he is served
    this.#cancel();
    this.#ask(0);
  }

  leave(listener: TopicListener): void {
    this.#listeners.delete(listener);
    this.#newcomers.delete(listener);
    this.#served.delete(listener);
  }

  /** Whether the state here is new enough for a reader. If not, `changed` tells him when it is. */
  isReadyFor(listener: TopicListener): boolean {
    return !this.#newcomers.has(listener) && !this.#served.has(listener);
  }

  /** Why it cannot be read at the moment. */
  get trouble(): Trouble | undefined {
    return this.#trouble;
  }

  /** Why it cannot be read at all. */
  get refusal(): Trouble | undefined {
    return this.#refusal;
  }

  /** Where it stands; undefined before the first answer. */
  get position(): Position | undefined {
    return this.#state?.position;
  }

  /**
   * What brings a reader from a position to where the view is now; nothing for who is there.
   *
   * @param at where the reader is; undefined: nowhere yet.
   * @param reason of a snapshot, if it must be one.
   */
  since(at: Position | "unknown" | undefined, reason: Reason): readonly Telling[] {
    const state = this.#state;
    if (state === undefined) return [];
    if (at === undefined || at === "unknown") return [this.#whole(state, reason)];
    if (at.print === state.position.print) return [];
    const first = this.#changes.findLastIndex((change) => change.from === at.print);
    if (first < 0) return [this.#whole(state, reason)];
    const changes = this.#changes.slice(first);
    let bytes = 0;
    for (const { tail } of changes) bytes += tail.length;
    if (bytes > state.text.length) return [this.#whole(state, "behind")];
    return changes.map(({ tail, position }) => ({ event: "change", tail, position }));
  }

  #whole(state: State, reason: Reason): Telling {
    if (state.snapshot === undefined) {
      const { position, status, text } = state;
      state.snapshot = Buffer.from(`"Index":${position.index},"Status":${status},"Value":${text}}\n\n`);
      this.#hold(state.snapshot.length);
    }
    return { event: "snapshot", reason, tail: state.snapshot, position: state.position };
  }

  #ask(minIndex: number): void {
    if (this.#ended) return;
    const { read } = this.#view;
    let answered = false;
    if (minIndex === 0) {
      for (const newcomer of this.#newcomers) this.#served.add(newcomer);
      this.#newcomers.clear();
    }
    this.#isWaiting = minIndex > 0;
    const cancel = this.#d.backend.read({ ...read, minIndex, waitMs: 0 }, (outcome) => {
      answered = true;
      this.#isWaiting = false;
      if (!this.#ended) this.#take(outcome);
    });
    if (!answered) this.#cancel = cancel;
  }

  #take(outcome: ReadOutcome | Error): void {
    if (outcome instanceof Error) return this.#failed(outcome);
    const { answer } = outcome;
    const startedMs = this.#d.clock.nowMs();
    const known = answer.shown.get(this.#view.variant) as Encoded | undefined;
    const use = (encoded: Encoded | Error): void => {
      if (this.#ended) return;
      if (encoded instanceof Error) return this.#failed(encoded);
      if (known === undefined) this.#d.backend.keep(answer, this.#view.variant, encoded, encoded.body.length + 256);
      this.#update(answer.index, encoded, () => {
        if (this.#ended) return;
        this.#serve();
        const spentMs = this.#d.clock.nowMs() - startedMs;
        const pauseMs = Math.min(PAUSE_MS_MAX, spentMs / BUSY_SHARE);
        this.#cancel = this.#d.timers.after(pauseMs, () => this.#ask(this.#newcomers.size > 0 ? 0 : answer.index));
      });
    };
    if (known !== undefined) return use(known);
    try {
      encodeWhole(this.#view.show(answer.reply), this.#d.limits.viewBytesMax, this.#d, use);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  /** @param done once all readers are told. */
  #update(index: number, { status, body }: Encoded, done: () => void): void {
    const text = status === 200 ? body.toString("utf8").trimEnd() : "null";
    const print = fingerprint(status, text);
    const before = this.#state;
    const wasInTrouble = this.#trouble !== undefined;
    this.#trouble = undefined;
    this.#failures = 0;
    if (before !== undefined && before.position.print === print) {
      this.#state = { ...before, position: { index, print } };
      if (wasInTrouble) this.#tell();
      return done();
    }
    inSlices(jsonParts(text), this.#d, (parts) => {
      if (this.#ended) return;
      this.#replace({ position: { index, print }, status, text, parts, snapshot: undefined });
      done();
    });
  }

  #replace(state: State): void {
    const before = this.#state;
    const { text } = state;
    const held = -(before?.text.length ?? 0) - (before?.snapshot?.length ?? 0) + text.length;
    this.#state = state;
    if (!this.#hold(held)) {
      return this.#refuse(new TribuneError("rateLimited", "the agent holds as much for streams as it may"));
    }
    this.#remember(before, state);
    this.#tell();
  }

  /** Keeps the step from one content to the next, unless the whole says it shorter. */
  #remember(before: State | undefined, { position, status, text, parts }: State): void {
    if (before === undefined) return;
    const said = before.status === status ? difference(before.parts, parts, Math.max(256, text.length / 2)) : undefined;
    if (said === undefined) return;
    const tail = Buffer.from(`"Index":${position.index},${said}}\n\n`);
    const { changesMax, changesBytesMax } = this.#d.limits;
    this.#changes.push({ from: before.position.print, position, tail });
    let bytes = tail.length;
    this.#changesBytes += bytes;
    while (this.#changes.length > changesMax || (this.#changesBytes > changesBytesMax && this.#changes.length > 1)) {
      const gone = this.#changes.shift()!.tail.length;
      this.#changesBytes -= gone;
      bytes -= gone;
    }
    this.#hold(bytes);
  }

  #hold(bytes: number): boolean {
    this.#bytes += bytes;
    return this.#d.grown(bytes);
  }

  #serve(): void {
    const served = this.#served;
    if (served.size === 0) return;
    this.#served = new Set();
    for (const listener of served) listener.changed();
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener.changed();
  }

  /** What a later try may cure is tried again; the rest is the end of it. */
  #failed(error: Error): void {
    if (error instanceof TribuneError && FINAL.has(error.kind)) return this.#refuse(error);
    const trouble = troubleOf(error);
    const isNews = this.#trouble?.text !== trouble.text;
    this.#trouble = trouble;
    const pauseMs = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** this.#failures++);
    // From nothing: what it held may be of a state that is gone.
    this.#cancel = this.#d.timers.after(pauseMs, () => this.#ask(0));
    if (isNews) this.#tell();
  }

  #refuse(error: TribuneError): void {
    this.#refusal = troubleOf(error);
    this.stop();
    this.#tell();
  }
}

/** Kinds of refusals that asking again does not change. */
const FINAL: ReadonlySet<string> = new Set([
  "badRequest",
  "permissionDenied",
  "notFound",
  "methodNotAllowed",
  "payloadTooLarge",
  "notImplemented",
]);

function troubleOf(error: Error): Trouble {
  return { status: error instanceof TribuneError ? HTTP_STATUS[error.kind] : 500, text: error.message };
}
