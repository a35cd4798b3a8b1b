/** Becoming and staying leader: the no-op, the lease, proposals, and what a leader does at the end of a step. */
import { randomStagger } from "../lib/random.ts";
import { advanceCommit } from "./commit.ts";
import { startPendingChange } from "./membership.ts";
import { reachedByQuorum } from "./quorum.ts";
import { answerReads } from "./reads.ts";
import { replicate, sendHeartbeat, tellCommit } from "./replication.ts";
import { becomeFollower } from "./roles.ts";
import type { LeaderState, Peer, RaftState } from "./state.ts";
import { advanceTransfer, transferTimedOut } from "./transfer.ts";
import type { EntryType, LogEntry, Proposal, ProposalId, ServerId } from "./types.ts";

/**
 * However long the timeouts, a follower hears its leader within twice this. Autopilot takes one that has heard nothing
 * for 200 ms for unhealthy, since hashicorp's leaders send empty appends all the time (sheet raft §3).
 */
const CONTACT_INTERVAL_MS = 60;

const NO_DATA = new Uint8Array(0);

export function becomeLeader(s: RaftState): void {
  s.role = "leader";
  s.campaign = undefined;
  s.poll = undefined;
  s.exchanges.clear();
  s.leader = s.id;
  s.leaderAddress = s.latest.configuration.servers.find((server) => server.id === s.id)?.address;
  s.leaderSuspected = false;
  s.quickCampaigns = 0;
  s.leading = {
    startIndex: s.log.lastIndex + 1,
    peers: new Map(),
    batches: [],
    proposalsInFlight: 0,
    readRound: 0,
    reads: [],
    confirmedReads: [],
    changes: [],
    transfer: undefined,
    failedSuccessors: new Set(),
    leaseGivenUp: false,
  };
  followPeers(s, s.leading);
  // Entries of earlier terms commit only under one of our own (Raft §5.4.2, §8).
  appendAsLeader(s, "noop", NO_DATA);
}

/** Starts and stops replication so that it matches the newest configuration. */
export function followPeers(s: RaftState, leading: LeaderState): void {
  const wanted = new Set<ServerId>();
  for (const { id } of s.latest.configuration.servers) {
    if (id === s.id) continue;
    wanted.add(id);
    const known = leading.peers.get(id);
    if (known !== undefined) known.leavingAt = undefined;
    else leading.peers.set(id, newPeer(s, id));
  }
  for (const peer of leading.peers.values()) {
    if (!wanted.has(peer.id) && peer.leavingAt === undefined) peer.leavingAt = s.latest.index;
  }
}

function newPeer(s: RaftState, id: ServerId): Peer {
  return {
    id,
    nextIndex: s.log.lastIndex + 1,
    matchIndex: 0,
    mode: "probe",
    epoch: 0,
    inFlight: 0,
    failures: 0,
    retryAtMs: 0,
    heartbeatAtMs: s.nowMs,
    heartbeatsInFlight: 0,
    commitSent: 0,
    commitAtMs: Number.POSITIVE_INFINITY,
    lastContactMs: s.nowMs,
    appendMs: 0,
    followedSinceMs: Number.NEGATIVE_INFINITY,
    ackedRound: 0,
    load: undefined,
    leavingAt: undefined,
  };
}

export function appendAsLeader(s: RaftState, type: EntryType, data: Uint8Array, proposal?: Proposal): LogEntry {
  const index = s.log.lastIndex + 1;
  const { term } = s;
  const extensions = proposal?.extensions;
  const appendedAtMs = proposal?.appendedAtMs;
  // Written out, for every command passes here: spreading what may be there costs more than all the rest.
  let entry: LogEntry;
  if (extensions !== undefined)
    entry = { index, term, type, data, extensions, ...(appendedAtMs === undefined ? {} : { appendedAtMs }) };
  else if (appendedAtMs !== undefined) entry = { index, term, type, data, appendedAtMs };
  else entry = { index, term, type, data };
  s.appendEntry(entry);
  return entry;
}

/** The hot path: one batch becomes entries of one write and one append to each peer. */
export function propose(s: RaftState, proposals: readonly Proposal[]): void {
  if (proposals.length === 0) return;
  const ids: ProposalId[] = [];
  for (const proposal of proposals) ids.push(proposal.id);
  const { leading } = s;
  if (leading === undefined) {
    s.refuse(ids, "notLeader", "node is not the leader");
    return;
  }
  if (leading.transfer !== undefined) {
    s.refuse(ids, "transferInProgress", "leadership transfer in progress");
    return;
  }
  if (leading.proposalsInFlight + ids.length > s.config.maxProposalsInFlight) {
    s.refuse(ids, "busy", "too many commands wait to be committed; try again");
    return;
  }
  trackBatch(leading, s.log.lastIndex + 1, ids);
  for (const proposal of proposals) appendAsLeader(s, proposal.type, proposal.data, proposal);
}

export function trackBatch(leading: LeaderState, firstIndex: number, ids: readonly ProposalId[]): void {
  leading.batches.push({ firstIndex, ids });
  leading.proposalsInFlight += ids.length;
}

/**
 * When a quorum will have been silent for the lease (hashicorp's "leader lease"): a leader that cannot reach its
 * voters must stop answering. Infinity where the leader is a quorum by itself.
 */
export function leaseEndsAt(s: RaftState, leading: LeaderState): number {
  const contact = (voter: ServerId): number =>
    voter === s.id ? Number.POSITIVE_INFINITY : (leading.peers.get(voter)?.lastContactMs ?? 0);
  return (reachedByQuorum(s, contact) ?? Number.POSITIVE_INFINITY) + s.config.leaderLeaseTimeoutMs;
}

/**
 * Until when nobody else can have been elected (Thesis §6.4.1): a quorum answered requests sent at or after some time,
 * and each of them refuses its vote for a heartbeat timeout from then on, which is twice the lease; the other half is
 * what clocks may differ in pace. Infinity for a leader that is a quorum by itself.
 */
export function readLeaseUntilMs(s: RaftState, leading: LeaderState): number {
  if (leading.leaseGivenUp) return Number.NEGATIVE_INFINITY;
  const promised = (voter: ServerId): number =>
    voter === s.id ? Number.POSITIVE_INFINITY : (leading.peers.get(voter)?.followedSinceMs ?? Number.NEGATIVE_INFINITY);
  return (reachedByQuorum(s, promised) ?? Number.NEGATIVE_INFINITY) + s.config.leaderLeaseTimeoutMs;
}

/** @returns false when its lease is over, and with it its time as a leader */
export function leaderTick(s: RaftState, leading: LeaderState): boolean {
  if (s.voters.length > 1 && s.nowMs >= leaseEndsAt(s, leading)) {
    becomeFollower(s, s.term);
    return false;
  }
  transferTimedOut(s, leading);
  heartbeats(s, leading);
  return true;
}

/** All peers in one go: an idle leader wakes up for little else, and their answers come together as well. */
function heartbeats(s: RaftState, leading: LeaderState): void {
  let due = false;
  for (const { leavingAt, heartbeatAtMs } of leading.peers.values())
    due ||= leavingAt === undefined && s.nowMs >= heartbeatAtMs;
  if (!due) return;
  const intervalMs = Math.min(s.config.heartbeatTimeoutMs / 10, CONTACT_INTERVAL_MS);
  const nextMs = s.nowMs + intervalMs + randomStagger(s.rng, intervalMs);
  for (const peer of leading.peers.values()) {
    // Who would be due before long keeps step from now on.
    if (peer.leavingAt !== undefined || peer.heartbeatAtMs > s.nowMs + intervalMs) continue;
    peer.heartbeatAtMs = nextMs;
    sendHeartbeat(s, leading, peer);
  }
}

/** Runs at the end of every step of a leader: what this step made possible is done at once. */
export function leaderWork(s: RaftState): void {
  advanceCommit(s);
  if (s.leading !== undefined) startPendingChange(s, s.leading);
  if (s.leading !== undefined) answerReads(s, s.leading);
  if (s.leading === undefined) return;
  for (const peer of s.leading.peers.values()) {
    replicate(s, peer);
    tellCommit(s, peer);
  }
  advanceTransfer(s, s.leading);
}

/** The next moment `leaderTick` or `leaderWork` has something to do. */
export function leaderTickAt(s: RaftState, leading: LeaderState): number {
  let atMs = s.voters.length > 1 ? leaseEndsAt(s, leading) : Number.POSITIVE_INFINITY;
  if (leading.transfer !== undefined) atMs = Math.min(atMs, leading.transfer.deadlineMs);
  for (const peer of leading.peers.values()) {
    if (peer.leavingAt === undefined) atMs = Math.min(atMs, peer.heartbeatAtMs);
    if (peer.mode !== "snapshot" && peer.load === undefined && peer.inFlight === 0 && peer.retryAtMs > s.nowMs) {
      atMs = Math.min(atMs, peer.retryAtMs);
    }
    atMs = Math.min(atMs, peer.commitAtMs);
  }
  return atMs;
}
