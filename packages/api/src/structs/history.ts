import { type Infer, int, list, nullable, struct, text, uint } from "../schema.ts";
import { queryMeta, queryOptions } from "./common.ts";

/** One step in the life of a node, a service instance or a check. */
export const Transition = struct("Transition", {
  /** Of the log entry that brought it about. */
  Index: uint,
  /** When the leader took it into its log (RFC 3339); "" where the log does not say. */
  Time: text,
  /** `check`, `service` or `node`. */
  Kind: text,
  Node: text,
  ServiceID: text,
  ServiceName: text,
  CheckID: text,
  /** Of the check, as people read it. */
  Name: text,
  /** Status of a check, else `registered`; "": it was not there. */
  From: text,
  /** "": it is gone. */
  To: text,
  /** What of a registration changed; null where it began or ended. */
  Changed: nullable(list(text)),
  /** Of the check, its beginning. */
  Output: text,
  /** `agent`, `gossip`, `catalog`, `txn`, or "" where nothing tells who wrote it. */
  By: text,
});
export type Transition = Infer<typeof Transition>;

export const HistoryRequest = struct("HistoryRequest", {
  Datacenter: text,
  /** `check`, `service`, `node` or `recent`. */
  Of: text,
  Node: text,
  CheckID: text,
  ServiceName: text,
  Limit: int,
  ...queryOptions,
});
export type HistoryRequest = Infer<typeof HistoryRequest>;

/** Since when a server knows everything: what was before its last start or restore may be missing. */
export const HistorySince = struct("HistorySince", { Index: uint, Time: text });
export type HistorySince = Infer<typeof HistorySince>;

/** Newest first. */
export const IndexedTransitions = struct("IndexedTransitions", {
  Since: HistorySince,
  Transitions: list(Transition),
  ...queryMeta,
});
export type IndexedTransitions = Infer<typeof IndexedTransitions>;

export const HistoryJson = struct("History", { Since: HistorySince, Transitions: list(Transition) });
