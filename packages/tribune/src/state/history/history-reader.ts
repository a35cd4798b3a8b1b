import type { HistorySince, Transition } from "@tribune/api";
import { InvariantError } from "../../lib/invariant.ts";
import type { ReadTx } from "../memdb/types.ts";
import { type History, timeText } from "./history.ts";
import { type HistoryWatch, WATCH_KEY } from "./history-watches.ts";
import type { StepRing } from "./step-ring.ts";

export interface FoundTransitions {
  /** Of the newest; 0 where there is none. */
  readonly index: number;
  readonly since: HistorySince;
  /** Newest first. */
  readonly transitions: readonly Transition[];
}

/**
 * What a question to the history reads from. It takes the place of a transaction of the replicated state, whose tables it
 * does not have.
 */
export class HistoryReader implements ReadTx {
  readonly #history: History;
  readonly #watch: HistoryWatch;

  constructor(history: History, watch: HistoryWatch) {
    this.#history = history;
    this.#watch = watch;
  }

  /** @throws InvariantError for a transaction of the replicated state */
  static of(tx: ReadTx): HistoryReader {
    if (tx instanceof HistoryReader) return tx;
    throw new InvariantError("a question to the history was put to the replicated state");
  }

  ofCheck(node: string, checkId: string, limit: number): FoundTransitions {
    this.#watch.watch(WATCH_KEY.subject("check", node, checkId));
    const subject = this.#history.subject("check", node, checkId);
    const slots = subject === undefined ? [] : [...this.#history.ring.ofSubject(subject)].reverse();
    return this.#found(slots.slice(0, limit));
  }

  ofService(service: string, limit: number): FoundTransitions {
    this.#watch.watch(WATCH_KEY.service(service));
    const name = service.toLowerCase();
    const { ring } = this.#history;
    return this.#found(this.#newest(limit, (slot) => ring.namesAt(slot).service === name));
  }

  ofNode(node: string, limit: number): FoundTransitions {
    this.#watch.watch(WATCH_KEY.node(node));
    const name = node.toLowerCase();
    const { ring } = this.#history;
    return this.#found(this.#newest(limit, (slot) => ring.subjectAt(slot).node === name));
  }

  recent(limit: number): FoundTransitions {
    this.#watch.watch(WATCH_KEY.all);
    return this.#found(this.#newest(limit, () => true));
  }

  /** Looks through all that is kept: some 20,000 at most. */
  #newest(limit: number, isMeant: (slot: number) => boolean): readonly number[] {
    const slots: number[] = [];
    for (const slot of this.#history.ring.newestFirst()) {
      if (!isMeant(slot)) continue;
      slots.push(slot);
      if (slots.length >= limit) break;
    }
    return slots;
  }

  #found(slots: readonly number[]): FoundTransitions {
    const transitions = slots.map((slot) => transitionAt(this.#history.ring, slot));
    return { index: transitions[0]?.Index ?? 0, since: this.#history.since, transitions };
  }

  get index(): number {
    return noTables();
  }
  get(): never {
    return noTables();
  }
  scan(): never {
    return noTables();
  }
  by(): never {
    return noTables();
  }
  peek(): never {
    return noTables();
  }
  peekScan(): never {
    return noTables();
  }
  peekBy(): never {
    return noTables();
  }
  later(): never {
    return noTables();
  }
}

function noTables(): never {
  throw new InvariantError("the history has no tables");
}

function transitionAt(ring: StepRing, slot: number): Transition {
  const { index, timeMs, from, to, changed, output, by } = ring.at(slot);
  const { Node, ServiceID, ServiceName, CheckID, Name } = ring.namesAt(slot);
  return {
    Index: index,
    Time: timeText(timeMs),
    Kind: ring.subjectAt(slot).kind,
    ...{ Node, ServiceID, ServiceName, CheckID, Name },
    From: from,
    To: to,
    Changed: changed === null ? null : [...changed],
    Output: output,
    By: by,
  };
}
