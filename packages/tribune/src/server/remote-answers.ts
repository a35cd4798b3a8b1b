import type { Struct } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { decodeSteps, isLongReply } from "../codec/struct-steps.ts";
import type { Endpoint } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { Steps } from "../lib/steps.ts";
import type { WatchSet } from "../state/memdb/types.ts";
import { Answered, type Indexed } from "./query-engine.ts";
import { type Linked, Recency } from "./recency.ts";
import { ReplyBytes, type ReplyMeta } from "./reply-bytes.ts";
import { ShownAnswers } from "./shown-answers.ts";
import { StepRunner } from "./step-runner.ts";

/** A read that another server answers: `ReadCall` of the doors has this shape. */
export interface RemoteRead {
  readonly endpoint: Endpoint;
  /** Names the question, whatever the datacenter, token and mode. */
  readonly key: string;
  /** The contract's request struct. The same object for a repeated question saves encoding it. */
  readonly request: { readonly Token?: string };
  readonly minIndex: number;
  /** Milliseconds; 0: the server's default. */
  readonly waitMs: number;
  readonly consistency: "leader" | "stale" | "consistent";
  readonly datacenter: string;
}

export interface RemoteOutcome {
  readonly answer: Answered;
  readonly meta: ReplyMeta;
}

/** The last answer of a question, from whatever mode it came. */
export interface LastAnswer extends RemoteOutcome {
  /** By the runtime's monotonic clock. */
  readonly receivedAtMs: number;
}

export interface RemoteAnswersOptions {
  /** Questions whose last reply is kept. */
  readonly questionsMax: number;
  /** Bytes of replies that are kept, and characters of their questions with them. */
  readonly replyBytesMax: number;
  /** Bytes of encoded answers that are kept. */
  readonly shownBytesMax: number;
}

/**
 * Carries one call out, with all its retries, and calls back once, not before it has returned. One that blocks may be
 * held back for `waitMs`; 0: the server's default.
 *
 * @returns cancel, after which nothing comes.
 */
export type FetchReply = (
  call: { readonly method: string; readonly args: Uint8Array; readonly blocking: boolean; readonly waitMs: number },
  done: (outcome: Uint8Array | Error) => void,
) => Cancel;

export interface RemoteAnswersDependencies {
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly fetch: FetchReply;
}

type Deliver = (outcome: RemoteOutcome | Error) => void;

interface Asker {
  readonly deliver: Deliver;
  readonly read: RemoteRead;
  readonly askedAtMs: number;
  /** The call that answers, or the one before it. */
  flight: Flight;
}

/** One call on its way, with those it was sent for and those who came too late for it. */
interface Flight {
  readonly key: string;
  readonly question: Question;
  readonly askers: Set<Asker>;
  /** Asked after it was sent: what comes back may be older than their question, so they share the next one. */
  readonly next: Set<Asker>;
  readonly sentAtMs: number;
  cancel: Cancel;
}

/** A call that takes longer than this is not waited for by those who came after it: it may be held up. */
const SHARE_MS = 20;
const NS_PER_MS = 1e6;
/** A long reply is decoded for this long at a stretch. */
const SLICE_MS = 4;

class Question implements Linked<Question> {
  newer: Question | undefined;
  older: Question | undefined;
  readonly key: string;
  last: { readonly bytes: ReplyBytes; readonly outdate: () => void; outcome: LastAnswer } | undefined;
  /** The newest call of each mode, index and wait. */
  readonly flights = new Map<string, Flight>();
  /** Calls on their way, also those that nobody joins any more. */
  open = 0;

  constructor(key: string) {
    this.key = key;
  }
}

/**
 * Answers reads by asking another server. Identical questions share calls without anybody getting an answer that is
 * older than his question, and replies that say the same as the last one are neither decoded nor encoded again.
 */
export class RemoteAnswers {
  readonly #options: RemoteAnswersOptions;
  readonly #d: RemoteAnswersDependencies;
  readonly #shown: ShownAnswers;
  readonly #questions = new Map<string, Question>();
  /** Those whose reply may go: nobody waits for the next one. */
  readonly #idle = new Recency<Question>();
  readonly #encoded = new WeakMap<object, { readonly key: string; readonly args: Uint8Array }>();
  readonly #runner: StepRunner;
  #bytes = 0;

  constructor(options: RemoteAnswersOptions, dependencies: RemoteAnswersDependencies) {
    this.#runner = new StepRunner(SLICE_MS, dependencies.runtime);
    this.#options = options;
    this.#d = dependencies;
    this.#shown = new ShownAnswers(options.shownBytesMax);
  }

  /** Questions whose last reply is held. */
  get size(): number {
    return this.#questions.size;
  }

  /** Answers by callback, once, never before this has returned. @returns cancel, after which nothing comes. */
  read(read: RemoteRead, deliver: Deliver): Cancel {
    const question = this.#question(this.#encode(read).key);
    const key = `${read.consistency} ${read.minIndex} ${read.waitMs}`;
    const askedAtMs = this.#d.runtime.clock.nowMs();
    const flying = question.flights.get(key);
    let asker: Asker;
    if (flying !== undefined && (read.minIndex > 0 || askedAtMs - flying.sentAtMs <= SHARE_MS)) {
      asker = { deliver, read, askedAtMs, flight: flying };
      flying.next.add(asker);
    } else {
      const flight = newFlight(question, key, askedAtMs);
      asker = { deliver, read, askedAtMs, flight };
      flight.askers.add(asker);
      if (flying !== undefined) moveInto(flight, flying.next);
      this.#send(flight, read);
    }
    return () => this.#leave(asker);
  }

  /** The last answer to this question, if it is still held; its age is the caller's business. */
  last(read: RemoteRead): LastAnswer | undefined {
    return this.#questions.get(this.#encode(read).key)?.last?.outcome;
  }

  /** Whether an answer came from here rather than from the state of this server. */
  owns(answer: Answered): boolean {
    return answer.watch instanceof Outdated;
  }

  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void {
    this.#shown.keep(answer, variant, encoded, bytes);
  }

  /** An answer that was made elsewhere and kept here is replaced. */
  forget(answer: Answered): void {
    this.#shown.forget(answer);
  }

  #encode({ endpoint, key, request, datacenter }: RemoteRead): { readonly key: string; readonly args: Uint8Array } {
    let encoded = this.#encoded.get(request);
    if (encoded === undefined) {
      const { contract } = endpoint as { readonly contract: { readonly request: Struct<unknown> } };
      const args = encodeStruct(contract.request, request);
      encoded = { key: `${datacenter} ${request.Token ?? ""} ${key}`, args };
      this.#encoded.set(request, encoded);
    }
    return encoded;
  }

  #question(key: string): Question {
    let question = this.#questions.get(key);
    if (question === undefined) {
      question = new Question(key);
      this.#questions.set(key, question);
      this.#bytes += key.length;
      this.#idle.add(question);
    }
    return question;
  }

  #send(flight: Flight, read: RemoteRead): void {
    const { question } = flight;
    question.flights.set(flight.key, flight);
    if (question.open++ === 0) this.#idle.remove(question);
    const { rpc } = read.endpoint.contract as { readonly rpc: string };
    flight.cancel = this.#d.fetch(
      { method: rpc, args: this.#argsFor(read, flight), blocking: read.minIndex > 0, waitMs: read.waitMs },
      (outcome) => {
        let gone = false;
        flight.cancel = () => {
          gone = true;
        };
        const settle = (result: RemoteOutcome | Error): void => {
          if (gone) return;
          this.#over(flight);
          for (const { deliver } of flight.askers) deliver(result);
        };
        if (outcome instanceof Error) settle(outcome);
        else this.#take(question, read, outcome, settle);
      },
    );
  }

  /** Those who waited for an earlier call have that much less patience left. */
  #argsFor(read: RemoteRead, { askers, sentAtMs }: Flight): Uint8Array {
    let waitedMs = 0;
    for (const asker of askers) waitedMs = Math.max(waitedMs, sentAtMs - asker.askedAtMs);
    if (read.minIndex === 0 || read.waitMs === 0 || waitedMs < 1) return this.#encode(read).args;
    const leftMs = Math.max(1, read.waitMs - waitedMs);
    const { contract } = read.endpoint as { readonly contract: { readonly request: Struct<unknown> } };
    return encodeStruct(contract.request, { ...read.request, MaxQueryTime: Math.ceil(leftMs * NS_PER_MS) });
  }

  #leave(asker: Asker): void {
    const { flight } = asker;
    if (flight.next.delete(asker) || !flight.askers.delete(asker) || flight.askers.size > 0) return;
    flight.cancel();
    this.#over(flight);
  }

  /** A call is over: whoever waited for the next one gets it. */
  #over(flight: Flight): void {
    const { question, key, next } = flight;
    question.open--;
    const joinable = question.flights.get(key) === flight;
    if (joinable) question.flights.delete(key);
    const [first] = next;
    if (first !== undefined) {
      const following = newFlight(question, key, this.#d.runtime.clock.nowMs());
      moveInto(following, next);
      question.open++; // it stays busy: `#send` must not take it out of the idle ones
      this.#send(following, first.read);
      question.open--;
    } else if (question.open === 0) {
      this.#idle.add(question);
      this.#evict();
    }
  }

  #take(question: Question, read: RemoteRead, bytes: Uint8Array, settle: Deliver): void {
    const receivedAtMs = this.#d.runtime.clock.nowMs();
    const { last } = question;
    const same = last?.bytes.sameAnswer(bytes);
    if (last !== undefined && same !== undefined) {
      last.outcome = { answer: last.outcome.answer, meta: same, receivedAtMs };
      return settle(last.outcome);
    }
    const { contract } = read.endpoint as { readonly contract: { readonly reply: Struct<Indexed & Meta> } };
    const use = ({ reply, held }: Decoded): void => settle(this.#hold(question, reply, held, receivedAtMs));
    const fail = (error: unknown): void =>
      settle(TribuneError.internal(`could not read the reply of a server: ${String(error)}`, error));
    if (isLongReply(bytes)) return this.#runner.later(decoding(contract.reply, bytes), use, fail);
    let decoded: Decoded;
    try {
      decoded = { reply: decodeStruct(contract.reply, bytes), held: ReplyBytes.of(bytes) };
    } catch (error) {
      return fail(error);
    }
    use(decoded);
  }

  #hold(question: Question, reply: Indexed & Meta, held: ReplyBytes, receivedAtMs: number): RemoteOutcome {
    const watch = new Outdated();
    const answer = new Answered(reply, watch, 0);
    const meta = { knownLeader: reply.KnownLeader, lastContactMs: reply.LastContact / NS_PER_MS };
    const outcome = { answer, meta, receivedAtMs };
    const outdate = (): void => watch.fire();
    // A shorter one that came later may have been decoded sooner.
    if (question.last !== undefined && question.last.outcome.receivedAtMs > receivedAtMs) {
      outdate();
      return outcome;
    }
    this.#forgetLast(question);
    this.#bytes += held.bytes.length;
    question.last = { bytes: held, outcome, outdate };
    return outcome;
  }

  #forgetLast({ last }: Question): void {
    if (last === undefined) return;
    this.#bytes -= last.bytes.bytes.length;
    this.#shown.forget(last.outcome.answer);
    last.outdate();
  }

  #evict(): void {
    const { questionsMax, replyBytesMax } = this.#options;
    for (;;) {
      const { oldest } = this.#idle;
      if (oldest === undefined || (this.#idle.size <= questionsMax && this.#bytes <= replyBytesMax)) return;
      this.#idle.remove(oldest);
      this.#forgetLast(oldest);
      this.#questions.delete(oldest.key);
      this.#bytes -= oldest.key.length;
    }
  }
}

function newFlight(question: Question, key: string, sentAtMs: number): Flight {
  return { key, question, askers: new Set(), next: new Set(), sentAtMs, cancel: () => {} };
}

function moveInto(flight: Flight, waiting: Set<Asker>): void {
  for (const asker of waiting) {
    asker.flight = flight;
    flight.askers.add(asker);
  }
  waiting.clear();
}

interface Decoded {
  readonly reply: Indexed & Meta;
  readonly held: ReplyBytes;
}

function* decoding(schema: Struct<Indexed & Meta>, bytes: Uint8Array): Steps<Decoded> {
  const reply = yield* decodeSteps(schema, bytes);
  return { reply, held: yield* ReplyBytes.steps(bytes) };
}

interface Meta {
  readonly KnownLeader: boolean;
  readonly LastContact: number;
}

/** Tells the holders of an answer that a newer one has come. */
export class Outdated implements WatchSet {
  #fired = false;
  readonly #wakers = new Set<() => void>();

  get fired(): boolean {
    return this.#fired;
  }

  fire(): void {
    this.#fired = true;
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }

  onFire(wake: () => void): () => void {
    if (this.#fired) wake();
    else this.#wakers.add(wake);
    return () => this.#wakers.delete(wake);
  }

  release(): void {
    this.#wakers.clear();
  }
}
