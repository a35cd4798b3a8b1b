/** Which of several instances gets the next request. */

export type Strategy = "round-robin" | "least-loaded" | "nearest";

/** An instance as the balancer keeps it. */
export interface Candidate {
  weight: number;
  /** Requests on their way. */
  load: number;
  /** Not to be chosen before this time while there are others. */
  restsUntilMs: number;
  /** Of smooth weighted round robin: who waits gains its weight, who is chosen pays for all. */
  credit: number;
  /** Smaller is nearer; who has the same is equally near. */
  rank: number;
}

/** @param candidates not empty */
export function choose<C extends Candidate>(candidates: readonly C[], strategy: Strategy, nowMs: number): C {
  const rested = candidates.filter(({ restsUntilMs }) => restsUntilMs <= nowMs);
  const able = rested.length === 0 ? candidates : rested;
  if (strategy === "round-robin") return inTurn(able);
  const costs = able.map(strategy === "nearest" ? ({ rank }) => rank : relativeLoad);
  const least = costs.reduce((a, b) => Math.min(a, b));
  return inTurn(able.filter((_, at) => costs[at] === least));
}

/**
 * After weights or candidates changed: nobody owes, or is owed, more than a round of all. Who was heavy and is light now
 * would otherwise wait as many rounds as it once weighed.
 */
export function settle(candidates: readonly Candidate[]): void {
  const total = candidates.reduce((sum, { weight }) => sum + weight, 0);
  for (const candidate of candidates) candidate.credit = Math.max(-total, Math.min(total, candidate.credit));
}

const relativeLoad = ({ load, weight }: Candidate): number => load / weight;

/** Smooth weighted round robin, as nginx has it: no instance gets its share in one go. */
function inTurn<C extends Candidate>(candidates: readonly C[]): C {
  let total = 0;
  let best = candidates[0] as C;
  for (const candidate of candidates) {
    total += candidate.weight;
    candidate.credit += candidate.weight;
    if (candidate.credit > best.credit) best = candidate;
  }
  best.credit -= total;
  return best;
}
