/**
 * How SWIM's times and counts grow with the cluster and shrink with certainty. Pure, so that tables of values are
 * their whole test. `memberCount` is every member on the list, dead ones not yet forgotten included.
 */

/** A suspicion's longest timeout in terms of its shortest (Lifeguard §IV). */
export const SUSPICION_MAX_MULTIPLIER = 6;
/** Up to here push/pulls come as often as configured. */
const PUSH_PULL_SCALE_THRESHOLD = 32;

export interface SuspicionLimits {
  /** Independent suspicions after which the timeout is at its shortest (Lifeguard §IV, k). */
  readonly expected: number;
  readonly minMs: number;
  readonly maxMs: number;
}

/** SWIM §4.2 with Lifeguard §IV's limits: the shortest timeout grows with the logarithm of the cluster. */
export function suspicionLimits(
  suspicionMult: number,
  memberCount: number,
  probeIntervalMs: number,
  maxMultiplier: number = SUSPICION_MAX_MULTIPLIER,
): SuspicionLimits {
  const scale = Math.max(1, Math.log10(Math.max(1, memberCount)));
  // Three decimals, as with every peer; the epsilon undoes 2.9999999999999996 for a thousand.
  const minMs = (suspicionMult * Math.trunc(scale * 1_000 + 1e-6) * probeIntervalMs) / 1_000;
  const wanted = suspicionMult - 2;
  // Fewer members than confirmations wanted, accuser and accused set aside: do not wait for what cannot come.
  const expected = memberCount - 2 < wanted ? 0 : wanted;
  return { expected, minMs, maxMs: maxMultiplier * minMs };
}

/**
 * Suspicion timeout after `confirmations` suspicions by members other than the first accuser (Lifeguard §IV):
 * starts at `maxMs` and falls to `minMs` on a log scale as they reach `expected`. Counted from the first accusation,
 * so it may be over already.
 */
export function suspicionTimeoutMs(confirmations: number, { expected, minMs, maxMs }: SuspicionLimits): number {
  if (expected < 1) return minMs;
  const fraction = Math.log(confirmations + 1) / Math.log(expected + 1);
  return Math.max(minMs, Math.floor(maxMs - fraction * (maxMs - minMs)));
}

/** How many times a broadcast is sent before it is dropped (SWIM §4.1, λ log n). */
export function retransmitLimit(retransmitMult: number, memberCount: number): number {
  return retransmitMult * Math.ceil(Math.log10(memberCount + 1));
}

/** Time between two push/pulls: longer in a large cluster, where each is larger too. */
export function pushPullIntervalMs(intervalMs: number, memberCount: number): number {
  if (memberCount <= PUSH_PULL_SCALE_THRESHOLD) return intervalMs;
  return intervalMs * (Math.ceil(Math.log2(memberCount / PUSH_PULL_SCALE_THRESHOLD)) + 1);
}
