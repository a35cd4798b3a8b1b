/** How long things may take, by the papers' formulas: what runs are measured against. */
import type { SwimSettings } from "../../gossip/swim/settings.ts";
import { suspicionLimits } from "../../gossip/swim/timing.ts";

/**
 * Rounds of gossip until everybody knows: log n to the base of what each round multiplies by, until most do, and ln n
 * over the same for those that chance left out (Pittel 1987, "On spreading a rumor", for `fanout` targets a round).
 */
export function gossipRounds(members: number, fanout: number, loss: number): number {
  const reached = fanout * (1 - loss);
  return Math.log(members) / Math.log(1 + reached) + Math.log(members) / reached;
}

/** Time until everybody knows, when the first one does. */
export function spreadMs(members: number, settings: SwimSettings, loss: number): number {
  return gossipRounds(members, settings.gossipNodes, loss) * settings.gossipIntervalMs;
}

/**
 * Time until a failure is known by all, in the mean: the first failing probe begins after e/(e-1) intervals (SWIM §3.1)
 * and takes one; then the shortest suspicion, since confirmations come in at one an interval; then it spreads.
 */
export function detectionMs(members: number, settings: SwimSettings, loss: number): number {
  const { minMs } = suspicionLimits(settings.suspicionMult, members, settings.probeIntervalMs);
  const firstProbeMs = (Math.E / (Math.E - 1)) * settings.probeIntervalMs;
  return firstProbeMs + settings.probeIntervalMs + minMs + spreadMs(members, settings, loss);
}

/** Chance that a run breaks `detectionMsMax` by bad luck alone: that nobody's random order met the dead for so long. */
const BAD_LUCK = 1e-9;

/**
 * No failure in a network without faults takes longer. Every interval each of the others probes it with chance 1/n, so
 * that nobody does for t intervals with chance e^-t. The accuser may have been alone: then the suspicion is the longest.
 */
export function detectionMsMax(members: number, settings: SwimSettings): number {
  const { maxMs } = suspicionLimits(settings.suspicionMult, members, settings.probeIntervalMs);
  const probes = Math.log(1 / BAD_LUCK) + 2;
  return probes * settings.probeIntervalMs + maxMs + 3 * spreadMs(members, settings, 0);
}
