import type { RaftState } from "./state.ts";
import type { ServerId } from "./types.ts";

/**
 * What a quorum of the voters has reached: the largest value that so many have or exceed. Voters are few and this runs
 * several times for each message, so that they are counted instead of sorted.
 *
 * @returns undefined where there are no voters
 */
export function reachedByQuorum(
  { voters, quorum }: Pick<RaftState, "voters" | "quorum">,
  reachedBy: (voter: ServerId) => number,
): number | undefined {
  let reached: number | undefined;
  for (const voter of voters) {
    const value = reachedBy(voter);
    if (reached !== undefined && value <= reached) continue;
    let count = 0;
    for (const other of voters) if (reachedBy(other) >= value) count++;
    if (count >= quorum) reached = value;
  }
  return reached;
}
