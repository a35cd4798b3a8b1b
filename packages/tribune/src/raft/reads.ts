/**
 * Consistent reads without a log entry (Thesis §6.4): the leader confirms with a quorum that it still leads after
 * the question came, then answers once the state machine holds what was committed at that moment.
 *
 * Reads share heartbeats: each question starts a round, a heartbeat carries the newest round, and the answer to it
 * confirms every read up to that round.
 */
import { reachedByQuorum } from "./quorum.ts";
import { sendHeartbeat } from "./replication.ts";
import type { LeaderState, RaftState } from "./state.ts";
import type { ReadId, ServerId } from "./types.ts";

export function readIndex(s: RaftState, read: ReadId): void {
  const { leading } = s;
  if (leading === undefined) {
    const leader = s.leader === undefined ? {} : { leader: s.leader };
    s.emit({ type: "readReady", read, outcome: { error: "notLeader", ...leader } });
    return;
  }
  if (leading.reads.length + leading.confirmedReads.length >= s.config.maxReadsInFlight) {
    s.emit({ type: "readReady", read, outcome: { error: "busy" } });
    return;
  }
  leading.reads.push({ read, round: ++leading.readRound, index: undefined });
}

export function answerReads(s: RaftState, leading: LeaderState): void {
  // Before its first own entry commits, a leader may not know all that is committed (Thesis §6.4, step 1).
  if (leading.reads.length > 0 && s.commitIndex >= leading.startIndex) {
    for (const read of leading.reads) read.index ??= s.commitIndex;
    const confirmed = confirmedRound(s, leading);
    let done = 0;
    for (; done < leading.reads.length && leading.reads[done]!.round <= confirmed; done++) {
      const { read, index } = leading.reads[done]!;
      leading.confirmedReads.push({ read, index: index ?? s.commitIndex });
    }
    if (done > 0) leading.reads = leading.reads.slice(done);
  }
  if (leading.reads.length > 0) askVoters(s, leading);
  if (leading.confirmedReads.length === 0) return;
  // Indexes ascend, so the ones that may be answered are at the front.
  let ready = 0;
  for (; ready < leading.confirmedReads.length && leading.confirmedReads[ready]!.index <= s.appliedIndex; ready++) {
    const { read, index } = leading.confirmedReads[ready]!;
    s.emit({ type: "readReady", read, outcome: { index } });
  }
  if (ready > 0) leading.confirmedReads = leading.confirmedReads.slice(ready);
}

function confirmedRound(s: RaftState, leading: LeaderState): number {
  if (s.isSoleVoter) return leading.readRound;
  const acked = (voter: ServerId): number =>
    voter === s.id ? leading.readRound : (leading.peers.get(voter)?.ackedRound ?? 0);
  return reachedByQuorum(s, acked) ?? 0;
}

/** A heartbeat now to each voter that has none on its way; others follow when that one is answered. */
function askVoters(s: RaftState, leading: LeaderState): void {
  const newest = leading.readRound;
  for (const voter of s.voters) {
    const peer = leading.peers.get(voter);
    if (peer !== undefined && peer.ackedRound < newest && peer.heartbeatsInFlight === 0) {
      sendHeartbeat(s, leading, peer);
    }
  }
}
