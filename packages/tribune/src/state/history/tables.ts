import type { HistorySince, Transition } from "@tribune/api";
import { fold } from "../catalog/tables.ts";
import type { TableSchema } from "../memdb/types.ts";

/** A transition and its place among all of them. */
export interface TransitionRow {
  readonly seq: number;
  readonly transition: Transition;
}

const SEQ_DIGITS = 15;
export const seqKey = (seq: number): string => String(seq).padStart(SEQ_DIGITS, "0");

/** All transitions in their order. Not part of the replicated state: a server keeps them for itself. */
export const TRANSITIONS: TableSchema<TransitionRow> = {
  name: "transitions",
  key: ({ seq }) => seqKey(seq),
  indexes: {
    check: ({ transition: { Kind, Node, CheckID } }) => (Kind === "check" ? fold(Node, CheckID) : undefined),
    service: ({ transition: { ServiceName } }) => (ServiceName === "" ? undefined : ServiceName.toLowerCase()),
    node: ({ transition: { Node } }) => Node.toLowerCase(),
  },
};

/** What holds for the whole history: one row each. */
export interface HistoryMark {
  readonly name: "since" | "last";
  readonly seq: number;
  readonly since: HistorySince;
}

export const HISTORY_MARKS: TableSchema<HistoryMark> = { name: "history-marks", key: ({ name }) => name };

export const UNKNOWN_SINCE: HistorySince = { Index: 0, Time: "" };
