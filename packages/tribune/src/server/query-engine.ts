import type { Runtime } from "../lib/runtime.ts";
import { finished, isSteps, type Steps } from "../lib/steps.ts";
import { Dating } from "../state/index-table.ts";
import type { Database, ReadTx, WatchSet } from "../state/memdb/types.ts";
import { Deadlines, type Expiring } from "./deadlines.ts";
import { type Linked, Recency } from "./recency.ts";
import { ShownAnswers } from "./shown-answers.ts";
import { StepRunner } from "./step-runner.ts";

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
  /** Its index when it was made. Who has seen that one, or a higher one, has seen these rows. */
  readonly since: number;
  #index: number;
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
    this.since = Math.max(1, replacedAt, reply.Index);
    this.#index = this.since;
    this.watch = watch;
  }

  /**
   * As X-Consul-Index says it: never 0. It rises while the answer is kept, with what dates it beside its rows: so a kept
   * answer and one that is made now say the same.
   */
  get index(): number {
    return this.#index;
  }

  /** The rows are what they were in a state in which they have this index. */
  date(index: number): void {
    if (index > this.#index) this.#index = index;
  }

  /** False once something that the answer depends on was written. */
  get current(): boolean {
    return !this.watch.fired;
  }
}

/** A blocked caller: all it costs beside its connection. */
class Waiter implements Expiring {
  readonly question: Question;
  readonly minIndex: number;
  readonly deliver: (answer: Answered) => void;
  readonly fail: (error: Error) => void;
  slot: Expiring["slot"];

  constructor(question: Question, minIndex: number, deliver: (answer: Answered) => void, fail: (error: Error) => void) {
    this.question = question;
    this.minIndex = minIndex;
    this.deliver = deliver;
    this.fail = fail;
    this.slot = undefined;
  }
}

/** How a question is answered: at once, or in steps where there may be thousands of rows. */
export type Compute<R extends Indexed = Indexed> = (tx: ReadTx) => R | Steps<R>;

/** An answer that is being put together over several turns of the event loop, as of when it was begun. */
interface Unfinished {
  readonly steps: Steps<Indexed>;
  readonly watch: WatchSet;
  readonly dating: Dating | undefined;
  /** Its index at least, when somebody joined who asked later. */
  datedTo: number;
  readonly askers: { readonly use: (answer: Answered) => void; readonly fail: (error: Error) => void }[];
}

/** A question somebody asked: how to answer it, the last answer, and who waits for a newer one. */
class Question implements Linked<Question> {
  /** Its place among those nobody is blocked on. */
  newer: Question | undefined;
  older: Question | undefined;
  readonly key: string;
  readonly compute: Compute;
  answer: Answered | undefined;
  /** By what `answer` is dated beside its rows, and in the state of which index that was last looked at. */
  dating: Dating | undefined;
  datedAt = 0;
  unfinished: Unfinished | undefined;
  readonly waiters = new Set<Waiter>();
  wakeScheduled = false;

  constructor(key: string, compute: Compute) {
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
/** Characters of all questions that are kept: a single one may fill a request's whole line. */
const KEY_CHARS_MAX = 16 << 20;

/**
 * Answers reads from the state store: each question is computed once per change and blocked callers share
 * one watch. A caller that waits costs a `Waiter`, not a computation.
 */
export class QueryEngine {
  readonly #db: Pick<Database, "read" | "peek" | "index">;
  readonly #runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly #options: QueryEngineOptions;
  readonly #questions = new Map<string, Question>();
  /** Those that may go: nobody is blocked on them. Clients choose the names in a question, so there is a limit. */
  readonly #idle = new Recency<Question>();
  readonly #shown: ShownAnswers;
  readonly #runner: StepRunner;
  readonly #deadlines: Deadlines<Waiter>;
  /** Who gets which answer, in this order. */
  readonly #due: { readonly waiters: readonly Waiter[]; readonly answer: Answered; at: number }[] = [];
  #waiting = 0;
  #keyChars = 0;
  #replacedAt = 0;

  /** @param shown where encoded forms are kept, if not only this engine's. */
  constructor(
    options: QueryEngineOptions,
    db: Pick<Database, "read" | "peek" | "index">,
    runtime: Pick<Runtime, "clock" | "timers" | "rng">,
    shown = new ShownAnswers(options.shownBytesMax),
  ) {
    this.#options = options;
    this.#shown = shown;
    this.#db = db;
    this.#runtime = runtime;
    this.#runner = new StepRunner(options.sliceMs, runtime);
    this.#deadlines = new Deadlines(runtime, (waiters) => this.#expired(waiters));
  }

  /** Another engine for questions to other tables. The bound on encoded answers is one for both, so either may `keep`. */
  beside(db: Pick<Database, "read" | "peek" | "index">): QueryEngine {
    return new QueryEngine(this.#options, db, this.#runtime, this.#shown);
  }

  /** Callers that are blocked right now. */
  get waiting(): number {
    return this.#waiting;
  }

  /** The answer as of now. `compute` must depend on nothing but the state and what `key` stands for. */
  ask<R extends Indexed>(key: string, compute: Compute<R>): Answered<R> {
    const question = this.#question(key, compute);
    const kept = this.#kept(question);
    if (kept !== undefined) return kept as Answered<R>;
    const dating = new Dating();
    const { result, watch } = this.#db.read((tx) => {
      const work = compute(tx);
      return isSteps(work) ? finished(work) : work;
    }, dating);
    return this.#keepAnswer(question, result, watch, dating) as Answered<R>;
  }

  /** The same, unless it takes longer than a request may hold the event loop: then undefined; use `askLater`. */
  askNow<R extends Indexed>(key: string, compute: Compute<R>): Answered<R> | undefined {
    const answer = this.#answer(this.#question(key, compute));
    return answer instanceof Answered ? (answer as Answered<R>) : undefined;
  }

  /** The same by callback, at once where that is possible. @returns cancel, after which nothing comes. */
  askLater<R extends Indexed>(
    key: string,
    compute: Compute<R>,
    deliver: (answer: Answered<R>) => void,
    fail: (error: Error) => void,
  ): () => void {
    return this.wait(key, compute, -1, 0, deliver, fail);
  }

  /**
   * The first answer that was made at an index above `minIndex`, or the current one when the time is up.
   *
   * @param waitMs what the caller asked for; 0 means the default. Bounded and jittered here.
   * @returns `cancel` for a caller that went away: nothing is delivered any more. Throws what the question refuses at
   * once; `fail` gets what it refuses later.
   */
  wait<R extends Indexed>(
    key: string,
    compute: Compute<R>,
    minIndex: number,
    waitMs: number,
    deliver: (answer: Answered<R>) => void,
    fail: (error: Error) => void,
  ): () => void {
    const question = this.#question(key, compute);
    const waiter = new Waiter(question, minIndex, deliver as (answer: Answered) => void, fail);
    const now = this.#answer(question);
    if (now instanceof Answered) {
      if (now.since > minIndex) {
        waiter.deliver(now);
        return noCancel;
      }
      this.#block(waiter, waitMs);
      return () => void this.#leave(waiter);
    }
    let gone = false;
    now.askers.push({
      use: (answer) => {
        if (gone) return;
        if (answer.since > minIndex) waiter.deliver(answer);
        else this.#block(waiter, waitMs);
      },
      fail: (error) => {
        if (!gone) fail(error);
      },
    });
    return () => {
      gone = true;
      this.#leave(waiter);
    };
  }

  #block(waiter: Waiter, waitMs: number): void {
    const { question } = waiter;
    this.#deadlines.add(waiter, Math.min(waitMs <= 0 ? WAIT_MS_DEFAULT : waitMs, WAIT_MS_MAX));
    if (question.waiters.size === 0) this.#idle.remove(question);
    question.waiters.add(waiter);
    this.#waiting++;
  }

  /** @returns false for a caller that left before. */
  #leave(waiter: Waiter): boolean {
    const { question } = waiter;
    if (!question.waiters.delete(waiter)) return false;
    this.#deadlines.remove(waiter);
    this.#waiting--;
    if (question.waiters.size === 0) {
      this.#idle.add(question);
      this.#evict();
    }
    return true;
  }

  /** Other long work, slice by slice along with that of questions. @returns what comes of it, at once if it is short. */
  carryOn<T>(steps: Steps<T>): T | Promise<T> {
    return this.#runner.run(steps);
  }

  /** Keeps an encoded form of an answer while it is current and there is room. */
  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void {
    this.#shown.keep(answer, variant, encoded, bytes);
  }

  /**
   * Lets every blocked caller go with what is true now: the state was replaced by a snapshot. A server that has fallen
   * behind gets one, which is but a later state. With `wentBack` somebody brought back an earlier one, whose rows may
   * have older indexes than callers have seen: then all that is answered from now on counts as changed at `index`, so
   * that also those who were between two questions hear of it, and nobody sees an index go back.
   */
  replaced(index: number, wentBack: boolean): void {
    if (wentBack) this.#replacedAt = index;
    for (const question of [...this.#questions.values()]) {
      if (question.waiters.size > 0) this.#answerAnew(question, () => true);
    }
  }

  #question(key: string, compute: Compute): Question {
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

  /** The answer that is kept, if it is the one of now, dated as of now. */
  #kept(question: Question): Answered | undefined {
    const { answer, dating } = question;
    if (answer?.current !== true) return undefined;
    if (dating === undefined || question.datedAt === this.#db.index) return answer;
    const index = this.#indexNow(dating, answer.index);
    if (index !== undefined) {
      answer.date(index);
      question.datedAt = this.#db.index;
      return answer;
    }
    answer.watch.release();
    this.#shown.forget(answer);
    question.answer = undefined;
    return undefined;
  }

  #indexNow(dating: Dating | undefined, index: number): number | undefined {
    return dating === undefined ? index : this.#db.peek((tx) => dating.indexIn(tx, index));
  }

  #answer(question: Question): Answered | Unfinished {
    const kept = this.#kept(question);
    if (kept !== undefined) return kept;
    // As of when it was begun, which is as of now while nothing that it touched was written.
    const begun = question.unfinished;
    if (begun !== undefined && !begun.watch.fired) {
      const index = this.#indexNow(begun.dating, begun.datedTo);
      if (index !== undefined) {
        begun.datedTo = index;
        return begun;
      }
    }
    const dating = new Dating();
    const { result, watch } = this.#db.read((tx): { readonly value: Indexed } | Steps<Indexed> => {
      const work = question.compute(tx);
      return isSteps(work) ? (this.#runner.begin(work) ?? work) : { value: work };
    }, dating);
    return "value" in result
      ? this.#keepAnswer(question, result.value, watch, dating)
      : this.#goOn(question, result, watch, dating);
  }

  #keepAnswer(question: Question, reply: Indexed, watch: WatchSet, dating: Dating): Answered {
    const answer = new Answered(reply, watch, this.#replacedAt);
    this.#keepDated(question, answer, dating, this.#db.index);
    watch.onFire(() => this.#stale(question, answer));
    return answer;
  }

  #keepDated(question: Question, answer: Answered, dating: Dating | undefined, datedAt: number): void {
    question.answer = answer;
    question.dating = dating?.isEmpty === true ? undefined : dating;
    question.datedAt = datedAt;
  }

  #goOn(question: Question, steps: Steps<Indexed>, watch: WatchSet, dating: Dating): Unfinished {
    const beganAt = this.#db.index;
    const unfinished: Unfinished = {
      ...{ steps, watch, askers: [], datedTo: 0 },
      dating: dating.isEmpty ? undefined : dating,
    };
    question.unfinished = unfinished;
    this.#runner.later(
      steps,
      (reply) => {
        if (question.unfinished === unfinished) question.unfinished = undefined;
        const answer = new Answered(reply, watch, this.#replacedAt);
        answer.date(unfinished.datedTo);
        // A newer one may have been quicker, and a question that went meanwhile keeps nothing.
        const isKept = question.answer === undefined && this.#questions.get(question.key) === question;
        if (isKept) this.#keepDated(question, answer, unfinished.dating, beganAt);
        for (const { use } of unfinished.askers) use(answer);
        // Behind them: where the state has moved on meanwhile, those who now wait are to be told at once.
        if (isKept) watch.onFire(() => this.#stale(question, answer));
        else watch.release();
      },
      (error) => {
        if (question.unfinished === unfinished) question.unfinished = undefined;
        watch.release();
        for (const { fail } of unfinished.askers) fail(error as Error);
      },
    );
    return unfinished;
  }

  /**
   * For those who wait: a question may be refused in a newer state, and nobody is there to catch it.
   *
   * @param isDue whom of the waiters the answer is for.
   */
  #answerAnew(question: Question, isDue: (waiter: Waiter, answer: Answered) => boolean): void {
    const use = (answer: Answered): void => {
      const waiters: Waiter[] = [];
      for (const waiter of question.waiters) if (isDue(waiter, answer)) waiters.push(waiter);
      if (waiters.length === 0) return;
      this.#due.push({ waiters, answer, at: 0 });
      if (this.#due.length === 1) this.#deliver();
    };
    const fail = (error: Error): void => {
      for (const waiter of [...question.waiters]) if (this.#leave(waiter)) waiter.fail(error);
    };
    try {
      const answer = this.#answer(question);
      if (answer instanceof Answered) use(answer);
      else answer.askers.push({ use, fail });
    } catch (error) {
      fail(error as Error);
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
      if (question.waiters.size > 0) this.#answerAnew(question, isNewer);
    });
  }

  /** The time of these is up: they get what is true now. */
  #expired(waiters: readonly Waiter[]): void {
    const late = new Set(waiters);
    for (const question of new Set(waiters.map((waiter) => waiter.question)))
      this.#answerAnew(question, (waiter) => late.has(waiter));
  }

  /** Answers in slices, so that ten thousand watchers of one key do not hold everybody else up. */
  #deliver(): void {
    const { clock, timers } = this.#runtime;
    const startedMs = clock.nowMs();
    for (let next = this.#due[0]; next !== undefined; next = this.#due[0]) {
      while (next.at < next.waiters.length) {
        const waiter = next.waiters[next.at++]!;
        if (!this.#leave(waiter)) continue;
        waiter.deliver(next.answer);
        if (clock.nowMs() - startedMs <= this.#options.sliceMs) continue;
        timers.soon(() => this.#deliver());
        return;
      }
      this.#due.shift();
    }
  }
}

const isNewer = ({ minIndex }: Waiter, { since }: Answered): boolean => since > minIndex;
const noCancel = (): void => {};
