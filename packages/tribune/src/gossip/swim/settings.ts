/** What one pool is configured with, and the profiles that peers ship (sheet memberlist §8). */
import { AWARENESS_MAX_MULTIPLIER } from "./awareness.ts";
import { SUSPICION_MAX_MULTIPLIER } from "./timing.ts";

export interface SwimSettings {
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  /** Members asked to ping for us when a direct ping fails (SWIM §4.1, k). */
  readonly indirectChecks: number;
  readonly gossipIntervalMs: number;
  /** Members gossiped to each time. */
  readonly gossipNodes: number;
  /** How long a dead member is still told, so that it can refute. */
  readonly gossipToTheDeadMs: number;
  readonly pushPullIntervalMs: number;
  readonly retransmitMult: number;
  readonly suspicionMult: number;
  /** A suspicion that nobody confirms lasts so many times the shortest one. */
  readonly suspicionMaxMultiplier: number;
  readonly awarenessMaxMultiplier: number;
  /** Tell a suspect with each probe that it is one (Lifeguard §IV, Buddy System). Off only to measure its worth. */
  readonly buddy: boolean;
  /** Time of standing still that is not held against our health. Infinity only to measure what counting it is worth. */
  readonly lagToleratedMs: number;
  /** Ask over TCP too where packets are not answered. */
  readonly streamPings: boolean;
  /** Each queue of user broadcasts holds so many, or twice the number of members where that is more. */
  readonly userBroadcastsMin: number;
  /** For a whole exchange over TCP. */
  readonly streamTimeoutMs: number;
  /** A name dead for longer may come back under another address; 0 for never. */
  readonly deadNodeReclaimMs: number;
}

/** Consul's LAN pool. */
export const LAN_SETTINGS: SwimSettings = {
  probeIntervalMs: 1_000,
  probeTimeoutMs: 500,
  indirectChecks: 3,
  gossipIntervalMs: 200,
  gossipNodes: 3,
  gossipToTheDeadMs: 30_000,
  pushPullIntervalMs: 30_000,
  retransmitMult: 4,
  suspicionMult: 4,
  suspicionMaxMultiplier: SUSPICION_MAX_MULTIPLIER,
  awarenessMaxMultiplier: AWARENESS_MAX_MULTIPLIER,
  buddy: true,
  lagToleratedMs: 250,
  streamPings: true,
  userBroadcastsMin: 4_096,
  streamTimeoutMs: 10_000,
  deadNodeReclaimMs: 30_000,
};

/** Consul's WAN pool. */
export const WAN_SETTINGS: SwimSettings = {
  ...LAN_SETTINGS,
  probeIntervalMs: 5_000,
  probeTimeoutMs: 3_000,
  gossipIntervalMs: 500,
  gossipNodes: 4,
  gossipToTheDeadMs: 60_000,
  pushPullIntervalMs: 60_000,
  suspicionMult: 6,
  streamTimeoutMs: 30_000,
};
