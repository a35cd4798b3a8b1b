import type { Answered } from "./query-engine.ts";
import { Recency } from "./recency.ts";

/** The encoded forms that answers carry, within one bound for all of them: the longest unused go first. */
export class ShownAnswers {
  readonly #bytesMax: number;
  /** Answers that hold encoded forms. */
  readonly #showing = new Recency<Answered>();
  #bytes = 0;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Keeps an encoded form of an answer while it is current and there is room. */
  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void {
    if (!answer.current || bytes > this.#bytesMax / 2) return;
    if (answer.shownBytes === 0) this.#showing.add(answer);
    answer.shown.set(variant, encoded);
    answer.shownBytes += bytes;
    this.#bytes += bytes;
    for (;;) {
      const { oldest } = this.#showing;
      if (this.#bytes <= this.#bytesMax || oldest === undefined || oldest === answer) return;
      this.forget(oldest);
    }
  }

  forget(answer: Answered): void {
    if (answer.shownBytes === 0) return;
    this.#showing.remove(answer);
    this.#bytes -= answer.shownBytes;
    answer.shownBytes = 0;
    answer.shown.clear();
  }
}
