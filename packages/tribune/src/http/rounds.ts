/**
 * Answers whose rows are in an order drawn for each request, where thousands a second are asked for. Who comes first is
 * drawn for each of them, as always; who follows whom is kept for a round of some answers, as in a circle that everybody
 * enters where his first row stands. So each answer is still any order with the same chance, and each row is at each place
 * as often, and as independently of the answers before, as if all were shuffled anew. But answers that begin alike are
 * the same, and go out as they were put together once: stringing a body together and making one piece of it for the
 * kernel is most of what such an answer costs beyond one that everybody gets.
 */

type Row = object | null;

/** What an answer of a round has in common with those that begin with the same row. */
export interface Turn {
  /** From the row that was drawn, once around. */
  readonly rows: readonly Row[];
  /** As it was sent, by whether it is compressed. */
  readonly sent: { plain: string | undefined; gzipped: string | undefined };
}

/** Answers that share a circle. */
export const ROUND_ANSWERS_MAX = 64;
/** All that is kept is of one second, and of these characters at the most. */
const ROUNDS_CHARS_MAX = 4 * 1_024 * 1_024;
/** And of so many rounds: of what answers too long to be kept have in common, only the orders of their rows are. */
const ROUNDS_MAX = 1_024;

interface Round {
  readonly circle: readonly Row[];
  readonly turns: Map<Row, Turn>;
  left: number;
}

export class Rounds {
  #second = "";
  #rounds = new Map<object, Round>();
  #chars = 0;

  /**
   * @param alike what the answers of a round have in common
   * @param drawn the rows in an order drawn for this answer alone
   * @param second changes once a second: a round ends with it
   */
  enter(alike: object, drawn: readonly Row[], second: string): Turn {
    if (second !== this.#second) this.clear(second);
    let round = this.#rounds.get(alike);
    if (round === undefined || round.left === 0) {
      for (const { sent } of round?.turns.values() ?? [])
        this.#chars -= (sent.plain?.length ?? 0) + (sent.gzipped?.length ?? 0);
      if (round === undefined && this.#rounds.size >= ROUNDS_MAX) this.clear(second);
      round = { circle: drawn, turns: new Map(), left: ROUND_ANSWERS_MAX };
      this.#rounds.set(alike, round);
    }
    round.left--;
    const first = drawn[0] ?? null;
    let turn = round.turns.get(first);
    if (turn === undefined) {
      const at = round.circle.indexOf(first);
      const rows = [...round.circle.slice(at), ...round.circle.slice(0, at)];
      turn = { rows, sent: { plain: undefined, gzipped: undefined } };
      round.turns.set(first, turn);
    }
    return turn;
  }

  keep(turn: Turn, form: keyof Turn["sent"], text: string): void {
    if (this.#chars + text.length > ROUNDS_CHARS_MAX) {
      this.clear(this.#second); // and with the others the round of this one
      return;
    }
    turn.sent[form] = text;
    this.#chars += text.length;
  }

  clear(second = ""): void {
    this.#second = second;
    this.#rounds = new Map();
    this.#chars = 0;
  }
}
