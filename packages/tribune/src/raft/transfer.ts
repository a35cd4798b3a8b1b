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
  const chosen = target ?? successor(s, leading);
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

function otherVoters(s: RaftState, leading: LeaderState): Peer[] {
  return s.latest.configuration.servers.flatMap((server) => {
    const peer = leading.peers.get(server.id);
    return peer === undefined || !isVoter(server) ? [] : [peer];
  });
}

/** Who has on its disk soonest what it is sent, for it has to write down its vote; among equals who has most. */
function successor(s: RaftState, leading: LeaderState): ServerId | undefined {
  const voters = otherVoters(s, leading);
  const untried = voters.filter(({ id }) => !leading.failedSuccessors.has(id));
  if (untried.length === 0) leading.failedSuccessors.clear();
  const [best] = (untried.length === 0 ? voters : untried)
    .map((peer) => ({ peer, lagMs: lagMs(s, peer) }))
    .sort((a, b) => (a.lagMs === b.lagMs ? b.peer.matchIndex - a.peer.matchIndex : a.lagMs - b.lagMs));
  return best?.peer.id;
}

/** How long a peer takes, as far as is known, to have on its disk what it is sent. Infinity for one that lags behind. */
function lagMs(s: RaftState, { id, nextIndex, appendMs, lastContactMs }: Peer): number {
  if (nextIndex <= s.log.lastIndex) return Number.POSITIVE_INFINITY;
  let lag = Math.max(appendMs, s.nowMs - lastContactMs);
  for (const exchange of s.exchanges.values())
    if (exchange.kind === "append" && exchange.peer === id) lag = Math.max(lag, s.nowMs - exchange.sentAtMs);
  return lag;
}

/**
 * How long a write takes the other voters where as many of them as are a majority, without us, have to have it: an
 * election in which our disk takes no part takes about two of these. Infinity where we are needed.
 */
export function succession(s: RaftState, leading: LeaderState): number {
  const lags = otherVoters(s, leading).map((peer) => lagMs(s, peer));
  lags.sort((a, b) => a - b);
  return lags[s.quorum - 1] ?? Number.POSITIVE_INFINITY;
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
  leading.failedSuccessors.add(transfer.target);
  s.refuse([transfer.proposal], "transferFailed", message);
}
