/** What a set of checks says: the worst of them. Nothing is said by no checks. */
export type Health = "critical" | "warning" | "passing" | "none";

export interface CheckCounts {
  readonly passing: number;
  readonly warning: number;
  readonly critical: number;
}

export const worst = ({ passing, warning, critical }: CheckCounts): Health =>
  critical > 0 ? "critical" : warning > 0 ? "warning" : passing > 0 ? "passing" : "none";

export function countChecks(checks: Iterable<{ readonly Status: string }>): CheckCounts {
  const counts = { passing: 0, warning: 0, critical: 0 };
  for (const { Status } of checks) {
    if (Status === "passing") counts.passing++;
    else if (Status === "warning") counts.warning++;
    else counts.critical++;
  }
  return counts;
}

const ranks: Record<Health, number> = { critical: 0, warning: 1, none: 2, passing: 3 };
/** Sorts the worst first. */
export const healthRank = (health: Health): number => ranks[health];

export const healthWord: Record<Health, string> = {
  critical: "critical",
  warning: "warning",
  passing: "passing",
  none: "no checks",
};

/** The words that `is:` knows: the state itself and what people call it. */
export function healthWords(health: Health): string[] {
  if (health === "critical") return ["critical", "failing", "unhealthy"];
  if (health === "warning") return ["warning", "unhealthy"];
  return [health, health === "passing" ? "healthy" : "unchecked"];
}
