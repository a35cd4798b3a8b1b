/** Leadership transfer (Thesis §3.10): stop proposals, bring the target up to date, tell it to start an election. */
import { isVoter } from "./configuration.ts";
import type { LeaderState, Peer, RaftState } from "./state.ts";
import type { ProposalId, ServerId } from "./types.ts";

export function transferLeadership(s: RaftState, proposal: ProposalId, target: ServerId | undefined): void {
  const { leading } = s;
  if (leading === undefined) {
    s.refuse([proposal], "notLeader", "node is not the leader");
    return;
  }
  if (leading.transfer !== undefined) {
    s.refuse([proposal], "transferInProgress", "leadership transfer in progress");
    return;
  }
  const chosen = target ?? mostUpToDate(s, leading);
  if (chosen === undefined) {
    s.refuse([proposal], "transferFailed", "cannot find peer");
    return;
  }
  if (chosen === s.id) {
    s.refuse([proposal], "transferFailed", "cannot transfer leadership to itself");
    return;
  }
  if (!s.voters.includes(chosen)) {
    s.refuse([proposal], "transferFailed", `cannot transfer leadership to ${chosen}: it is not a voter`);
    return;
  }
  const deadlineMs = s.nowMs + s.config.electionTimeoutMs;
  leading.transfer = { proposal, target: chosen, deadlineMs, timeoutNowSent: false };
}

function mostUpToDate(s: RaftState, leading: LeaderState): ServerId | undefined {
  let best: Peer | undefined;
  for (const server of s.latest.configuration.servers) {
    const peer = leading.peers.get(server.id);
    if (peer === undefined || !isVoter(server)) continue;
    if (best === undefined || peer.matchIndex > best.matchIndex) best = peer;
  }
  return best?.id;
}

/** Sends `timeoutNow` once the target holds our whole log, so that it can win. */
export function advanceTransfer(s: RaftState, leading: LeaderState): void {
  const { transfer } = leading;
  if (transfer === undefined || transfer.timeoutNowSent) return;
  const peer = leading.peers.get(transfer.target);
  if (peer === undefined || peer.matchIndex < s.log.lastIndex) return;
  transfer.timeoutNowSent = true;
  leading.leaseGivenUp = true; // it may arrive late, after the transfer failed
  s.request(transfer.target, { type: "timeoutNow" }, { kind: "timeoutNow", peer: transfer.target });
}

/** The target did not take over in time: serve again rather than stay silent (Thesis §3.10). */
export function transferTimedOut(s: RaftState, leading: LeaderState): void {
  const { transfer } = leading;
  if (transfer === undefined || s.nowMs < transfer.deadlineMs) return;
  endTransfer(s, leading, "leadership transfer timeout");
}

export function endTransfer(s: RaftState, leading: LeaderState, message: string): void {
  const { transfer } = leading;
  if (transfer === undefined) return;
  leading.transfer = undefined;
  s.refuse([transfer.proposal], "transferFailed", message);
}
