/**
 * Local health (Lifeguard §IV, "Local Health Multiplier"): a node that hears little suspects itself before it
 * suspects others. 0 is healthy; `max` is `AwarenessMaxMultiplier` - 1.
 */
export const AWARENESS_MAX_MULTIPLIER = 8;

/** The score after `delta`, which is positive for trouble. */
export function awarenessAfter(score: number, delta: number, maxMultiplier: number = AWARENESS_MAX_MULTIPLIER): number {
  return Math.min(Math.max(0, score + delta), maxMultiplier - 1);
}

/** A probe interval, or another time that ill health stretches. */
export function stretchedByAwareness(durationMs: number, score: number): number {
  return durationMs * (score + 1);
}

/** What a probe says about our own health, rather than the target's. */
export type ProbeOutcome =
  | { readonly acked: true }
  /** Relays that know nacks were asked; each that sent none suggests that our own link is bad. */
  | {
      readonly acked: false;
      readonly nacksExpected: number;
      readonly nacksReceived: number;
      /** The target's host refused a connection: our link works, relays or none. */
      readonly refused?: boolean;
    };

/** Refuting an accusation counts 1 as well. */
export function awarenessDelta(outcome: ProbeOutcome): number {
  if (outcome.acked) return -1;
  if (outcome.refused === true) return 0;
  return outcome.nacksExpected > 0 ? Math.max(0, outcome.nacksExpected - outcome.nacksReceived) : 1;
}
