/**
 * Elections: Raft §5.2 and §5.4.1, pre-vote (Thesis §9.6), and hashicorp's rule that a vote is refused while a
 * leader is known, which keeps a server that was cut off or removed from disturbing the others.
 */
import { randomInt } from "../lib/random.ts";
import { becomeLeader } from "./leader.ts";
import { becomeFollower, staggered } from "./roles.ts";
import type { Exchange, RaftState } from "./state.ts";
import type { ExchangeId, RaftReply, RaftRequest, ServerId } from "./types.ts";

/**
 * After evidence that the leader died, or that there never was one, elections come within this long of it, and so many are tried before the ordinary
 * timeouts count again. Long enough that two servers rarely meet, short beside the heartbeats' own timeout.
 */
const QUICK_MS = 200;
const QUICK_CAMPAIGNS = 3;
/** Between those who saw that the leader's process is gone: time for a pre-vote, and for a vote with its flushes. */
const SUCCESSION_STEP_MS = 60;
/**
 * Between the servers of a first election. Short: often only one of them has begun the cluster, whatever its rank, and
 * the others wait to hear from it. Where two meet, a third one's vote decides, as there is no leader to lose.
 */
const FIRST_ELECTION_STEP_MS = 40;
/** A refused pre-vote is tried again after this part of the election timeout, to twice as much. */
const PRE_VOTES_PER_ELECTION_TIMEOUT = 4;

type Request<T extends RaftRequest["type"]> = Extract<RaftRequest, { type: T }>;
type Reply<T extends RaftReply["type"]> = Extract<RaftReply, { type: T }>;

/** The election deadline of a follower or candidate has passed. */
export function electionTimedOut(s: RaftState): void {
  s.leader = undefined;
  s.leaderAddress = undefined;
  if (!s.mayCampaign) {
    // Not ours to campaign: a non-voter, a removed server, or one that waits for its first configuration.
    becomeFollower(s, s.term);
    s.electionDeadlineMs = staggered(s, s.config.heartbeatTimeoutMs);
    return;
  }
  startCampaign(s, false);
}

/**
 * The first election of a cluster whose servers have all just said that they are there: nobody need wait for a leader
 * that nobody can be. One begins, and the others follow in their order, so that it meets no rival.
 */
export function firstElection(s: RaftState): void {
  const rank = s.voters.indexOf(s.id);
  if (rank < 0) return;
  s.quickCampaigns = QUICK_CAMPAIGNS;
  if (rank === 0) startCampaign(s, false);
  else s.electionDeadlineMs = Math.min(s.electionDeadlineMs, s.nowMs + inTurn(s, rank, FIRST_ELECTION_STEP_MS));
}

/** Pre-vote where it is of use, else the vote itself. The caller has checked that this server may campaign. */
export function startCampaign(s: RaftState, leadershipTransfer: boolean): void {
  becomeFollower(s, s.term);
  s.role = "candidate";
  s.exchanges.clear();
  s.quickCampaigns = Math.max(0, s.quickCampaigns - 1);
  if (s.config.preVote && !leadershipTransfer && !s.isSoleVoter) {
    // Costs nobody anything, so it may be tried again sooner than a vote.
    s.electionDeadlineMs = campaignDeadline(s, 1, s.config.electionTimeoutMs / PRE_VOTES_PER_ELECTION_TIMEOUT);
    startPreVote(s);
  } else {
    startVote(s, leadershipTransfer);
  }
}

function quickMs(s: RaftState): number {
  return Math.max(1, Math.min(QUICK_MS, Math.floor(s.config.heartbeatTimeoutMs / 4)));
}

/** @returns milliseconds; the next in turn waits most of a step longer */
function inTurn(s: RaftState, rank: number, stepMs: number): number {
  const step = Math.min(stepMs, quickMs(s));
  return rank * step + randomInt(s.rng, Math.max(1, Math.floor(step / 3)));
}

/** When to try again: a vote needs a flush on every server, so it gets a larger factor than a question. */
function campaignDeadline(s: RaftState, factor: number, usualMs: number): number {
  return staggered(s, s.quickCampaigns === 0 ? usualMs : factor * quickMs(s));
}

function startPreVote(s: RaftState): void {
  const term = s.term + 1;
  const granted = new Set<ServerId>([s.id]);
  s.campaign = { kind: "preVote", term, leadershipTransfer: false, granted, ownVoteWrite: undefined };
  const { lastIndex: lastLogIndex, lastTerm: lastLogTerm } = s.log;
  for (const peer of s.voters) {
    if (peer === s.id) continue;
    if (s.withoutPreVote.has(peer)) granted.add(peer);
    else s.request(peer, { type: "requestPreVote", term, lastLogIndex, lastLogTerm }, { kind: "preVote", peer });
  }
  countVotes(s);
}

function startVote(s: RaftState, leadershipTransfer: boolean): void {
  s.electionDeadlineMs = campaignDeadline(s, 2, s.config.electionTimeoutMs);
  const term = s.term + 1;
  s.persistHardState(term, s.id);
  s.campaign = { kind: "vote", term, leadershipTransfer, granted: new Set(), ownVoteWrite: s.lastWrite };
  const { lastIndex: lastLogIndex, lastTerm: lastLogTerm } = s.log;
  for (const peer of s.voters) {
    if (peer === s.id) continue;
    const message = { type: "requestVote", term, lastLogIndex, lastLogTerm, leadershipTransfer } as const;
    s.request(peer, message, { kind: "vote", peer }, s.lastWrite);
  }
}

/** A write is durable: perhaps the candidate's vote for itself. */
export function ownVoteDurable(s: RaftState): void {
  const { campaign } = s;
  if (campaign?.ownVoteWrite === undefined || s.durableWrite < campaign.ownVoteWrite) return;
  if (campaign.granted.has(s.id)) return;
  campaign.granted.add(s.id);
  countVotes(s);
}

function countVotes(s: RaftState): void {
  const { campaign } = s;
  if (campaign === undefined) return;
  const votes = s.voters.filter((voter) => campaign.granted.has(voter)).length;
  if (votes < s.quorum) return;
  if (campaign.kind === "preVote") {
    s.exchanges.clear();
    startVote(s, false);
  } else {
    becomeLeader(s);
  }
}

function logIsNewerThan(s: RaftState, lastLogTerm: number, lastLogIndex: number): boolean {
  if (s.log.lastTerm < s.refillTerm) return lastLogTerm < s.refillTerm;
  return s.log.lastTerm > lastLogTerm || (s.log.lastTerm === lastLogTerm && s.log.lastIndex > lastLogIndex);
}

function followsAnother(s: RaftState, candidate: ServerId): boolean {
  return s.leader !== undefined && s.leader !== candidate && !s.leaderSuspected;
}

/**
 * The candidate need not be in our configuration: ours may be the older one, and refusing could leave the only
 * server with a committed change unable to win (Thesis §4.2.2).
 */
export function onRequestVote(
  s: RaftState,
  from: ServerId,
  exchange: ExchangeId,
  message: Request<"requestVote">,
): void {
  const granted = grantsVote(s, from, message);
  if (granted) {
    if (s.votedFor === undefined) s.persistHardState(s.term, from);
    s.electionDeadlineMs = staggered(s, s.config.heartbeatTimeoutMs);
  }
  // A repeated vote waits as well: the first may not be durable yet.
  const after = granted ? s.lastWrite : undefined;
  s.reply(from, exchange, { type: "requestVoteReply", term: s.term, granted }, after);
}

function grantsVote(s: RaftState, from: ServerId, message: Request<"requestVote">): boolean {
  if (message.term < s.term) return false;
  if (s.nowMs < s.noVoteBeforeMs && !message.leadershipTransfer) return false;
  // Before the term is looked at: a disturbing candidate must not raise it either.
  if (followsAnother(s, from) && !message.leadershipTransfer) return false;
  if (message.term > s.term) becomeFollower(s, message.term);
  if (logIsNewerThan(s, message.lastLogTerm, message.lastLogIndex)) return false;
  return s.votedFor === undefined || s.votedFor === from;
}

/** Says what a vote would be now; changes nothing, so an answer costs no write. */
export function onRequestPreVote(
  s: RaftState,
  from: ServerId,
  exchange: ExchangeId,
  message: Request<"requestPreVote">,
): void {
  s.withoutPreVote.delete(from); // who asks knows it
  const granted =
    message.term >= s.term &&
    s.nowMs >= s.noVoteBeforeMs &&
    !followsAnother(s, from) &&
    !logIsNewerThan(s, message.lastLogTerm, message.lastLogIndex);
  s.reply(from, exchange, { type: "requestPreVoteReply", term: s.term, granted });
}

export function onVoteReply(
  s: RaftState,
  exchange: Exchange,
  message: Reply<"requestVoteReply"> | Reply<"requestPreVoteReply">,
): void {
  const { campaign } = s;
  if (campaign === undefined || campaign.kind !== exchange.kind) return;
  if (message.term > campaign.term) {
    becomeFollower(s, message.term);
    return;
  }
  if (!message.granted) return;
  campaign.granted.add(exchange.peer);
  countVotes(s);
}

export function onVoteFailed(s: RaftState, exchange: Exchange, unsupported: boolean): void {
  if (exchange.kind !== "preVote" || !unsupported) return;
  s.withoutPreVote.add(exchange.peer);
  if (s.campaign?.kind !== "preVote") return;
  s.campaign.granted.add(exchange.peer);
  countVotes(s);
}

/** The leader wants this server to take over: no waiting, no pre-vote (Thesis §3.10). */
export function onTimeoutNow(s: RaftState, from: ServerId, exchange: ExchangeId): void {
  s.reply(from, exchange, { type: "timeoutNowReply" });
  if (s.role !== "leader" && s.selfIsVoter && s.log.lastTerm >= s.refillTerm && s.incoming === undefined)
    startCampaign(s, true);
}

/**
 * The leader's process is gone. The next election then comes within a fraction of the timeout, and a peer that saw the
 * same stops protecting the leader. Needs pre-vote everywhere: without it one follower's mistake would cost the others
 * their leader.
 */
export function onPeerConnectionLost(s: RaftState, peer: ServerId): void {
  const allKnowPreVote = s.withoutPreVote.size === 0;
  // What answers there next may be another version.
  s.withoutPreVote.delete(peer);
  if (s.role !== "follower" || s.leader !== peer || !s.config.preVote || !allKnowPreVote) return;
  s.leaderSuspected = true;
  s.quickCampaigns = QUICK_CAMPAIGNS;
  // In turn: two that campaign at once cost each other their votes, and all a further try.
  const rank = s.voters.filter((voter) => voter !== peer).indexOf(s.id);
  s.electionDeadlineMs = Math.min(s.electionDeadlineMs, s.nowMs + inTurn(s, Math.max(0, rank), SUCCESSION_STEP_MS));
}

/** Gives up leadership, for a reason only the shell knows. Others take over once they miss our heartbeats. */
export function stepDown(s: RaftState): void {
  if (s.role === "leader") becomeFollower(s, s.term);
}
