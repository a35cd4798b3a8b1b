import { randomInt } from "../lib/random.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Database, ReadTx, WatchSet } from "../state/memdb/types.ts";
import { type Linked, Recency } from "./recency.ts";
import { ShownAnswers } from "./shown-answers.ts";

/** A reply of a read: the wire struct, of which only the index matters here. */
export interface Indexed {
  readonly Index: number;
}

/**
 * One answer of one question, shared by everybody who asks it until the state it was read from changes.
 * `shown` is where the doors keep its encoded forms, so that a body is serialised and compressed once per
 * change and not once per request.
 */
export class Answered<R extends Indexed = Indexed> implements Linked<Answered> {
  readonly reply: R;
  /** As X-Consul-Index says it: never 0. */
  readonly index: number;
  /** Encoded forms by variant; owned by the doors, filled through `QueryEngine.keep`. */
  readonly shown = new Map<string, unknown>();
  /** Bytes that `shown` holds. */
  shownBytes = 0;
  /** Its place among those that hold encoded forms. */
  newer: Answered | undefined;
  older: Answered | undefined;
  readonly watch: WatchSet;

  /** @param replacedAt the state is no older than this, whatever its rows say. */
  constructor(reply: R, watch: WatchSet, replacedAt: number) {
    this.reply = reply;
    this.index = Math.max(1, replacedAt, reply.Index);
    this.watch = watch;
  }

  /** False once something that the answer depends on was written. */
  get current(): boolean {
    return !this.watch.fired;
  }
}

interface Waiter {
  readonly minIndex: number;
  readonly resolve: (answer: Answered) => void;
  readonly refuse: (error: Error) => void;
}

/** A question somebody asked: how to answer it, the last answer, and who waits for a newer one. */
class Question implements Linked<Question> {
  /** Its place among those nobody is blocked on. */
  newer: Question | undefined;
  older: Question | undefined;
  readonly key: string;
  readonly compute: (tx: ReadTx) => Indexed;
  answer: Answered | undefined;
  readonly waiters = new Set<Waiter>();
  wakeScheduled = false;

  constructor(key: string, compute: (tx: ReadTx) => Indexed) {
    this.key = key;
    this.compute = compute;
  }
}

export interface QueryEngineOptions {
  /** Questions that nobody is blocked on and whose answers are kept; the longest unused go first. */
  readonly questionsMax: number;
  /** Bytes of encoded answers that are kept. */
  readonly shownBytesMax: number;
  /** How long wake-ups may hold the event loop at a stretch, in milliseconds. */
  readonly sliceMs: number;
}

/** Blocking queries wait at most this long (Consul's `maxQueryTime`), whatever they ask for. */
export const WAIT_MS_MAX = 600_000;
/** For those that ask for nothing (Consul's `defaultQueryTime`). */
export const WAIT_MS_DEFAULT = 300_000;
/** A wait is lengthened by up to this fraction, so that clients that came together leave apart. */
const JITTER_FRACTION = 16;
/** Characters of all questions that are kept: a single one may fill a request's whole line. */
const KEY_CHARS_MAX = 16 << 20;

/**
 * Answers reads from the state store: each question is computed once per change and blocked callers share
 * one watch. A caller that waits costs a `Waiter`, not a computation.
 */
export class QueryEngine {
  readonly #db: Database;
  readonly #runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly #options: QueryEngineOptions;
  readonly #questions = new Map<string, Question>();
  /** Those that may go: nobody is blocked on them. Clients choose the names in a question, so there is a limit. */
  readonly #idle = new Recency<Question>();
  readonly #shown: ShownAnswers;
  #waiting = 0;
  #keyChars = 0;
  #replacedAt = 0;

  constructor(options: QueryEngineOptions, db: Database, runtime: Pick<Runtime, "clock" | "timers" | "rng">) {
    this.#options = options;
    this.#shown = new ShownAnswers(options.shownBytesMax);
    this.#db = db;
    this.#runtime = runtime;
  }

  /** Callers that are blocked right now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The answer as of now. `compute` must depend on nothing but the state and what `key` stands for. */
  ask<R extends Indexed>(key: string, compute: (tx: ReadTx) => R): Answered<R> {
    return this.#answer(this.#question(key, compute)) as Answered<R>;
  }

  /**
   * The first answer whose index is above `minIndex`, or the current one when the time is up.
   *
   * @param waitMs what the caller asked for; 0 means the default. Bounded and jittered here.
   * @returns the promise, and `cancel` for a caller that went away: the promise then never settles.
   */
  wait<R extends Indexed>(
    key: string,
    compute: (tx: ReadTx) => R,
    minIndex: number,
    waitMs: number,
    deliver: (answer: Answered<R>) => void,
    fail: (error: Error) => void,
  ): () => void {
    const question = this.#question(key, compute);
    const now = this.#answer(question);
    if (now.index > minIndex) {
      deliver(now as Answered<R>);
      return () => {};
    }
    const boundMs = Math.min(waitMs <= 0 ? WAIT_MS_DEFAULT : waitMs, WAIT_MS_MAX);
    const jitterMs = randomInt(this.#runtime.rng, Math.floor(boundMs / JITTER_FRACTION) + 1);
    const leave = (): boolean => {
      if (!this.#leave(question, waiter)) return false;
      cancelTimer();
      return true;
    };
    const waiter: Waiter = {
      minIndex,
      resolve: (answer) => {
        if (leave()) deliver(answer as Answered<R>);
      },
      refuse: (error) => {
        if (leave()) fail(error);
      },
    };
    const cancelTimer = this.#runtime.timers.after(boundMs + jitterMs, () => {
      const answer = this.#answerAnew(question);
      if (answer !== undefined) waiter.resolve(answer);
    });
    if (question.waiters.size === 0) this.#idle.remove(question);
    question.waiters.add(waiter);
    this.#waiting++;
    return leave;
  }

  /** @returns false for a caller that left before. */
  #leave(question: Question, waiter: Waiter): boolean {
    if (!question.waiters.delete(waiter)) return false;
    this.#waiting--;
    if (question.waiters.size === 0) {
      this.#idle.add(question);
      this.#evict();
    }
    return true;
  }

  /** Keeps an encoded form of an answer while it is current and there is room. */
  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void {
    this.#shown.keep(answer, variant, encoded, bytes);
  }

  /**
   * Lets every blocked caller go with what is true now: the state was replaced by a snapshot, whose rows may have
   * older indexes than those callers have seen. All that is answered from now on counts as changed at `index`, so
   * that also those who were between two questions hear of it, and nobody sees an index go back.
   */
  replaced(index: number): void {
    this.#replacedAt = index;
    for (const question of [...this.#questions.values()]) {
      if (question.waiters.size === 0) continue;
      const answer = this.#answerAnew(question);
      if (answer !== undefined) this.#deliver([...question.waiters].map((waiter) => ({ waiter, answer })));
    }
  }

  #question(key: string, compute: (tx: ReadTx) => Indexed): Question {
    const known = this.#questions.get(key);
    if (known !== undefined) {
      if (known.waiters.size === 0) this.#idle.touch(known);
      return known;
    }
    const question = new Question(key, compute);
    this.#questions.set(key, question);
    this.#keyChars += key.length;
    this.#idle.add(question);
    this.#evict();
    return question;
  }

  #evict(): void {
    for (;;) {
      const fits = this.#keyChars <= KEY_CHARS_MAX && this.#idle.size <= this.#options.questionsMax;
      const question = this.#idle.oldest;
      if (fits || question === undefined) return;
      this.#idle.remove(question);
      this.#questions.delete(question.key);
      this.#keyChars -= question.key.length;
      if (question.answer === undefined) continue;
      this.#shown.forget(question.answer);
      question.answer.watch.release();
    }
  }

  #answer(question: Question): Answered {
    const kept = question.answer;
    if (kept?.current === true) return kept;
    const { result, watch } = this.#db.read(question.compute);
    const answer = new Answered(result, watch, this.#replacedAt);
    question.answer = answer;
    watch.onFire(() => this.#stale(question, answer));
    return answer;
  }

  /** For those who wait: a question may be refused in a newer state, and nobody is there to catch it. */
  #answerAnew(question: Question): Answered | undefined {
    try {
      return this.#answer(question);
    } catch (error) {
      for (const waiter of [...question.waiters]) waiter.refuse(error as Error);
      return undefined;
    }
  }

  /** Several commits within one turn of the event loop wake a question once. */
  #stale(question: Question, answer: Answered): void {
    if (question.answer === answer) question.answer = undefined;
    this.#shown.forget(answer);
    if (question.waiters.size === 0 || question.wakeScheduled) return;
    question.wakeScheduled = true;
    this.#runtime.timers.soon(() => {
      question.wakeScheduled = false;
      this.#wake(question);
    });
  }

  #wake(question: Question): void {
    if (question.waiters.size === 0) return;
    const answer = this.#answerAnew(question);
    if (answer === undefined) return;
    const due = [];
    for (const waiter of question.waiters) if (answer.index > waiter.minIndex) due.push({ waiter, answer });
    this.#deliver(due);
  }

  /** Answers in slices, so that ten thousand watchers of one key do not hold everybody else up. */
  #deliver(due: readonly { readonly waiter: Waiter; readonly answer: Answered }[], from = 0): void {
    const { clock, timers } = this.#runtime;
    const startedMs = clock.nowMs();
    for (let at = from; at < due.length; at++) {
      const { waiter, answer } = due[at]!;
      waiter.resolve(answer);
      if (clock.nowMs() - startedMs > this.#options.sliceMs && at + 1 < due.length) {
        timers.soon(() => this.#deliver(due, at + 1));
        return;
      }
    }
  }
}
