/** What serf's layer of one pool is configured with (sheet serf §3). */
export interface SerfSettings {
  /** For an intent to be sent out, before it is given up waiting. */
  readonly broadcastTimeoutMs: number;
  /** After leaving, so that others hear of it while we still answer their pings. */
  readonly leavePropagateDelayMs: number;
  /** The same where each member was told by ourselves: what was lost has been gossiped again by then. */
  readonly leaveToldDelayMs: number;
  readonly reapIntervalMs: number;
  readonly reconnectIntervalMs: number;
  /** A failed member is erased after this. A member's tag `rc_tm` overrides it, and the next. */
  readonly reconnectTimeoutMs: number;
  /** A member that left is erased after this. */
  readonly tombstoneTimeoutMs: number;
  /** Intents about members that are not known yet. */
  readonly recentIntentTimeoutMs: number;
  /** Name and payload, and the whole message. */
  readonly userEventBytesMax: number;
  readonly queryBytesMax: number;
  readonly queryResponseBytesMax: number;
  /** Whether a vote decides whose name it is when another address claims ours; else it is only logged. */
  readonly resolveNameConflicts: boolean;
  /** Of the SWIM layer: what the default timeout of a query is counted in. */
  readonly gossipIntervalMs: number;
}

/** Consul 1.10's. */
export const SERF_SETTINGS: SerfSettings = {
  broadcastTimeoutMs: 5_000,
  leavePropagateDelayMs: 3_000,
  leaveToldDelayMs: 600,
  reapIntervalMs: 15_000,
  reconnectIntervalMs: 30_000,
  reconnectTimeoutMs: 72 * 3_600_000,
  tombstoneTimeoutMs: 24 * 3_600_000,
  recentIntentTimeoutMs: 5 * 60_000,
  userEventBytesMax: 512,
  queryBytesMax: 1_024,
  queryResponseBytesMax: 1_024,
  resolveNameConflicts: false,
  gossipIntervalMs: 200,
};

/** Who leaves a pool with no more other members tells each by itself, instead of waiting for gossip to reach it. */
export const TOLD_ONE_BY_ONE_MAX = 32;
/** No setting lifts a user event above this. */
export const USER_EVENT_BYTES_SANE_MAX = 9 * 1_024;
/** A query waits this many gossip intervals, times the logarithm of the pool. */
export const QUERY_TIMEOUT_MULT = 16;
/** Time that a peer may make us remember its query and wait with an answer. */
export const QUERY_TIMEOUT_MS_MAX = 24 * 3_600_000;
/** Queries of others that wait for an answer of ours. */
export const QUERIES_WAITING_MAX = 4_096;
/** Members of whom only an intent is known. */
export const INTENTS_MAX = 8_192;
/** Members that a forced leave will erase later. */
export const PRUNES_MAX = 8_192;
/** Characters of a query's tag expression. */
export const FILTER_EXPRESSION_LENGTH_MAX = 1_024;

/** Serf's default for a pool with `alive` members. */
export function defaultQueryTimeoutMs(gossipIntervalMs: number, alive: number): number {
  return gossipIntervalMs * QUERY_TIMEOUT_MULT * Math.ceil(Math.log10(alive + 1));
}
