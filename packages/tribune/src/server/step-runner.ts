import type { Runtime } from "../lib/runtime.ts";
import type { Steps } from "../lib/steps.ts";

interface Unfinished {
  readonly steps: Steps<unknown>;
  readonly settle: (value: unknown) => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Carries work in steps on: one slice of one piece of work a turn of the event loop, in turn, however much there is.
 * So neither one long question nor many of them hold the loop.
 */
export class StepRunner {
  readonly #sliceMs: number;
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  readonly #waiting: Unfinished[] = [];

  constructor(sliceMs: number, runtime: Pick<Runtime, "clock" | "timers">) {
    this.#sliceMs = sliceMs;
    this.#runtime = runtime;
  }

  /** All of it. @returns what comes of it, at once if it is short. */
  run<T>(steps: Steps<T>): T | Promise<T> {
    const begun = this.begin(steps);
    if (begun !== undefined) return begun.value;
    return new Promise((resolve, reject) => this.later(steps, resolve, reject));
  }

  /** The first slice, short if others are at it already. @returns undefined when that was not enough: see `later`. */
  begin<T>(steps: Steps<T>): { readonly value: T } | undefined {
    return this.#slice(steps, this.#waiting.length === 0 ? this.#sliceMs : 0);
  }

  /**
   * The rest of it; `settle` or `fail` comes on a later turn, and must not throw. `settle` has a turn of its own: what
   * becomes of a long result takes its time, too.
   */
  later<T>(steps: Steps<T>, settle: (value: T) => void, fail: (error: unknown) => void): void {
    this.#waiting.push({ steps, settle: settle as (value: unknown) => void, fail });
    if (this.#waiting.length === 1) this.#runtime.timers.soon(() => this.#turn());
  }

  #turn(): void {
    const next = this.#waiting.shift();
    if (next === undefined) return;
    let outcome: { readonly value: unknown } | undefined;
    try {
      outcome = this.#slice(next.steps, this.#sliceMs);
      if (outcome === undefined) this.#waiting.push(next);
      else {
        const { value } = outcome;
        this.#runtime.timers.soon(() => next.settle(value));
      }
    } catch (error) {
      next.fail(error);
    }
    if (this.#waiting.length > 0) this.#runtime.timers.soon(() => this.#turn());
  }

  #slice<T>(steps: Steps<T>, ms: number): { readonly value: T } | undefined {
    const { clock } = this.#runtime;
    const startedMs = clock.nowMs();
    for (;;) {
      const step = steps.next();
      if (step.done === true) return { value: step.value };
      if (clock.nowMs() - startedMs >= ms) return undefined;
    }
  }
}
