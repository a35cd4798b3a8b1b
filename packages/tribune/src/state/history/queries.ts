import type { HistorySince, Transition } from "@tribune/api";
import { foldPrefix } from "../catalog/tables.ts";
import type { ReadTx } from "../memdb/types.ts";
import { HISTORY_MARKS, TRANSITIONS, type TransitionRow, UNKNOWN_SINCE } from "./tables.ts";

export interface FoundTransitions {
  /** Of the newest; 0 where there is none. */
  readonly index: number;
  readonly since: HistorySince;
  /** Newest first. */
  readonly transitions: readonly Transition[];
}

export const transitionsOfCheck = (tx: ReadTx, node: string, checkId: string, limit: number): FoundTransitions =>
  found(tx, tx.by(TRANSITIONS, "check", foldPrefix(node, checkId)), limit);

export const transitionsOfService = (tx: ReadTx, service: string, limit: number): FoundTransitions =>
  found(tx, tx.by(TRANSITIONS, "service", foldPrefix(service)), limit);

export const transitionsOfNode = (tx: ReadTx, node: string, limit: number): FoundTransitions =>
  found(tx, tx.by(TRANSITIONS, "node", foldPrefix(node)), limit);

/** The newest of all. */
export function recentTransitions(tx: ReadTx, limit: number): FoundTransitions {
  tx.get(HISTORY_MARKS, "last"); // changes with each of them: nothing else need be watched
  return found(tx, tx.peekScan(TRANSITIONS, ""), limit);
}

function found(tx: ReadTx, rows: Iterable<TransitionRow>, limit: number): FoundTransitions {
  const all = [...rows];
  const transitions = all
    .slice(-limit)
    .reverse()
    .map(({ transition }) => transition);
  const since = tx.peek(HISTORY_MARKS, "since")?.since ?? UNKNOWN_SINCE;
  return { index: transitions[0]?.Index ?? 0, since, transitions };
}
