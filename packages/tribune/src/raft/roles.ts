import { randomStagger } from "../lib/random.ts";
import type { RaftState } from "./state.ts";
import type { ProposalId, ServerId, Term } from "./types.ts";

/** @returns the time that is `baseMs` to twice that from now, drawn anew so that split votes are rare (Raft §5.2) */
export function randomDeadline(s: RaftState, baseMs: number): number {
  return s.nowMs + baseMs + randomStagger(s.rng, baseMs);
}

/**
 * Follower of `term`, with or without a known leader. Gives up whatever the old role had going on; a newer
 * term is written down with no vote in it (Raft §5.1).
 */
export function becomeFollower(s: RaftState, term: Term, leader?: ServerId, address?: string): void {
  if (term > s.term) s.persistHardState(term, undefined);
  const wasFollower = s.role === "follower";
  s.role = "follower";
  s.campaign = undefined;
  s.poll = undefined;
  s.leader = leader;
  s.leaderAddress = address;
  s.leaderSuspected = false;
  if (!wasFollower) {
    s.exchanges.clear(); // late replies to an earlier role mean nothing any more
    s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
    giveUpLeading(s);
  }
}

function giveUpLeading(s: RaftState): void {
  const { leading } = s;
  if (leading === undefined) return;
  s.leading = undefined;
  s.lastContactMs = s.nowMs; // so far it knew all there was to know: what it has may be read as stale
  const unsettled: ProposalId[] = leading.batches.flatMap((batch) => batch.ids);
  s.refuse(unsettled, "leadershipLost", "leadership lost while committing log");
  s.refuse(
    leading.changes.map((change) => change.proposal),
    "notLeader",
    "node is not the leader",
  );
  for (const { read } of [...leading.reads, ...leading.confirmedReads]) {
    s.emit({ type: "readReady", read, outcome: { error: "leadershipLost" } });
  }
  if (leading.transfer === undefined) return;
  const { proposal, timeoutNowSent } = leading.transfer;
  if (timeoutNowSent) s.emit({ type: "settle", proposals: [proposal], outcome: { firstIndex: 0 } });
  else s.refuse([proposal], "transferFailed", "leadership lost before the target was asked to take over");
}
