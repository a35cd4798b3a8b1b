/**
 * Elections: Raft §5.2 and §5.4.1, pre-vote (Thesis §9.6), and hashicorp's rule that a vote is refused while a
 * leader is known, which keeps a server that was cut off or removed from disturbing the others.
 */
import { randomInt } from "../lib/random.ts";
import { becomeLeader } from "./leader.ts";
import { becomeFollower, randomDeadline } from "./roles.ts";
import type { Campaign, Exchange, RaftState } from "./state.ts";
import type { ExchangeId, RaftReply, RaftRequest, ServerId } from "./types.ts";

/**
 * After evidence that the leader died, or that there never was one, an election begins within this long of it. Long
 * enough that two servers rarely campaign at once, short beside the heartbeats' own timeout.
 */
const QUICK_MS = 200;
/** So many such elections are tried before the ordinary timeouts count again. */
const QUICK_CAMPAIGNS = 3;
/** Between those who saw that the leader's process is gone: time for a pre-vote, and for a vote with its flushes. */
const SUCCESSION_STEP_MS = 60;
/**
 * Between the servers of a first election. Short: often only one of them has begun the cluster, whatever its rank, and
 * the others wait to hear from it. Where two meet, a third one's vote decides, as there is no leader to lose.
 */
const FIRST_ELECTION_STEP_MS = 40;
/**
 * A write that takes longer says that the disk is slow just now: whoever campaigns needs a vote of its own on it.
 * Ordinary flushes take milliseconds, also on disks that turn.
 */
const SLOW_WRITE_MS = 200;
/** A refused pre-vote is tried again after this part of the election timeout, to twice as much. */
const PRE_VOTES_PER_ELECTION_TIMEOUT = 4;

type Request<T extends RaftRequest["type"]> = Extract<RaftRequest, { type: T }>;
type Reply<T extends RaftReply["type"]> = Extract<RaftReply, { type: T }>;

/** The election deadline of a follower or candidate has passed. */
export function electionTimedOut(s: RaftState): void {
  s.leader = undefined;
  s.leaderAddress = undefined;
  if (!s.mayCampaign) {
    // A non-voter, a removed server, or one that waits for its first configuration.
    becomeFollower(s, s.term);
    s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
    return;
  }
  if (s.voteOnItsWay || s.pendingWriteMs > SLOW_WRITE_MS) {
    // A vote of a further term would wait behind what the disk has to do already, and undo what that may bring.
    s.electionDeadlineMs = randomDeadline(s, SLOW_WRITE_MS);
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
  s.leader = undefined;
  s.leaderAddress = undefined;
  s.leaderSuspected = false;
  s.role = "candidate";
  s.quickCampaigns = Math.max(0, s.quickCampaigns - 1);
  if (s.config.preVote && !leadershipTransfer && !s.isSoleVoter) startPoll(s);
  else startVote(s, leadershipTransfer);
}

/**
 * The leader has not heard a majority for as long as its lease. Where that was for late packets or for its standing
 * still, the others still take it for their leader: it is the first to know that they need one, and asks at once.
 */
export function campaignAfterLease(s: RaftState): void {
  if (!s.config.preVote || s.withoutPreVote.size > 0 || !s.mayCampaign) return;
  s.quickCampaigns = QUICK_CAMPAIGNS;
  electionTimedOut(s);
}

function quickMs(s: RaftState): number {
  return Math.max(1, Math.min(QUICK_MS, Math.floor(s.config.heartbeatTimeoutMs / 4)));
}

/** @returns how long, in milliseconds, the server of this rank waits: each one most of a step longer than the one before */
function inTurn(s: RaftState, rank: number, stepMs: number): number {
  const step = Math.min(stepMs, quickMs(s));
  return rank * step + randomInt(s.rng, Math.max(1, Math.floor(step / 3)));
}

/** When to try again: a vote needs a flush on every server, so it gets a larger factor than a question. */
function campaignDeadline(s: RaftState, factor: number, usualMs: number): number {
  return randomDeadline(s, s.quickCampaigns === 0 ? usualMs : factor * quickMs(s));
}

/** Costs nobody anything, so it may be tried again sooner than a vote. */
function pollDeadline(s: RaftState): number {
  return campaignDeadline(s, 1, s.config.electionTimeoutMs / PRE_VOTES_PER_ELECTION_TIMEOUT);
}

/** The votes of a campaign that is under way may still come, and count. */
function startPoll(s: RaftState): void {
  s.electionDeadlineMs = pollDeadline(s);
  for (const [id, { kind }] of s.exchanges) if (kind === "preVote") s.exchanges.delete(id);
  const term = s.term + 1;
  const granted = new Set<ServerId>([s.id]);
  s.poll = { term, granted };
  const { lastIndex: lastLogIndex, lastTerm: lastLogTerm } = s.log;
  for (const peer of s.voters) {
    if (peer === s.id) continue;
    if (s.withoutPreVote.has(peer)) granted.add(peer);
    else s.request(peer, { type: "requestPreVote", term, lastLogIndex, lastLogTerm }, { kind: "preVote", peer });
  }
  countPoll(s);
}

function startVote(s: RaftState, leadershipTransfer: boolean): void {
  s.exchanges.clear();
  s.poll = undefined;
  s.electionDeadlineMs = voteDeadline(s);
  const term = s.term + 1;
  s.persistHardState(term, s.id);
  s.campaign = { granted: new Set(), leadershipTransfer };
  const { lastIndex: lastLogIndex, lastTerm: lastLogTerm } = s.log;
  for (const peer of s.voters) {
    if (peer === s.id) continue;
    const message = { type: "requestVote", term, lastLogIndex, lastLogTerm, leadershipTransfer } as const;
    s.request(peer, message, { kind: "vote", peer }, s.lastWrite);
  }
}

function voteDeadline(s: RaftState): number {
  return campaignDeadline(s, 2, s.config.electionTimeoutMs);
}

/** A write is durable: perhaps the candidate's vote for itself, with which the others are asked for theirs. */
export function ownVoteDurable(s: RaftState): void {
  const { campaign } = s;
  if (campaign === undefined || s.voteOnItsWay || campaign.granted.has(s.id)) return;
  campaign.granted.add(s.id);
  s.electionDeadlineMs = voteDeadline(s);
  countVotes(s, campaign);
}

function isMajority(s: RaftState, granted: ReadonlySet<ServerId>): boolean {
  return s.voters.filter((voter) => granted.has(voter)).length >= s.quorum;
}

function countVotes(s: RaftState, { granted }: Campaign): void {
  if (isMajority(s, granted)) becomeLeader(s);
}

function countPoll(s: RaftState): void {
  if (s.poll !== undefined && isMajority(s, s.poll.granted)) startVote(s, false);
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
    s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
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

/**
 * Says what a vote would be now; changes nothing, so an answer costs no write. While a vote of ours is on its way to the
 * disk there is no further one: that one may yet decide, and each new term would have the disk do more.
 */
export function onRequestPreVote(
  s: RaftState,
  from: ServerId,
  exchange: ExchangeId,
  message: Request<"requestPreVote">,
): void {
  s.withoutPreVote.delete(from); // whoever sends this message understands it
  const granted =
    message.term >= s.term &&
    s.nowMs >= s.noVoteBeforeMs &&
    !s.voteOnItsWay &&
    !followsAnother(s, from) &&
    !logIsNewerThan(s, message.lastLogTerm, message.lastLogIndex);
  s.reply(from, exchange, { type: "requestPreVoteReply", term: s.term, granted });
}

export function onVoteReply(s: RaftState, peer: ServerId, { granted }: Reply<"requestVoteReply">): void {
  if (s.campaign === undefined || !granted) return;
  s.campaign.granted.add(peer);
  countVotes(s, s.campaign);
}

export function onPreVoteReply(s: RaftState, peer: ServerId, { term, granted }: Reply<"requestPreVoteReply">): void {
  const { poll } = s;
  if (poll === undefined) return;
  if (term > poll.term) becomeFollower(s, term);
  else if (granted) {
    poll.granted.add(peer);
    countPoll(s);
  }
}

export function onVoteFailed(s: RaftState, exchange: Exchange, unsupported: boolean): void {
  if (exchange.kind !== "preVote" || !unsupported) return;
  s.withoutPreVote.add(exchange.peer);
  s.poll?.granted.add(exchange.peer);
  countPoll(s);
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
