/**
 * The leader's side of replication (Raft §5.3) in hashicorp's shapes: heartbeats on a path of their own, one
 * append at a time until a peer's log meets ours, then a pipeline, and a snapshot where entries are gone.
 */

import { invariant } from "../lib/invariant.ts";
import { randomDeadline } from "./roles.ts";
import type { Exchange, LeaderState, Peer, RaftState } from "./state.ts";
import type { LogEntry, LogIndex, RaftReply } from "./types.ts";

/** So many unanswered heartbeats mean the connection hangs; more would only queue behind it. */
const HEARTBEATS_IN_FLIGHT_MAX = 4;
/** hashicorp's: 10 ms, doubled from the third failure on. */
const BACKOFF_BASE_MS = 10;
const BACKOFF_DOUBLINGS_MAX = 10;

export function sendHeartbeat(s: RaftState, leading: LeaderState, peer: Peer): void {
  if (peer.heartbeatsInFlight >= HEARTBEATS_IN_FLIGHT_MAX) return;
  peer.heartbeatsInFlight++;
  s.request(
    peer.id,
    { type: "appendEntries", term: s.term, prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0 },
    { kind: "heartbeat", peer: peer.id, round: leading.readRound, sentAtMs: s.nowMs },
  );
}

/** Sends whatever the peer lacks and may get now. */
export function replicate(s: RaftState, peer: Peer): void {
  while (
    peer.nextIndex <= s.log.lastIndex &&
    peer.mode !== "snapshot" &&
    peer.load === undefined &&
    s.nowMs >= peer.retryAtMs &&
    peer.inFlight < (peer.mode === "probe" ? 1 : s.config.maxAppendsInFlight)
  ) {
    const { nextIndex } = peer;
    if (nextIndex < s.log.firstIndex || s.log.term(nextIndex - 1) === undefined) {
      sendSnapshot(s, peer);
      return;
    }
    if (!s.log.inMemory(nextIndex)) {
      askForEntries(s, peer);
      return;
    }
    const { maxAppendEntries, maxAppendBytes } = s.config;
    sendAppend(s, peer, s.log.slice(nextIndex, s.log.lastIndex, maxAppendEntries, maxAppendBytes));
  }
}

function sendAppend(s: RaftState, peer: Peer, entries: readonly LogEntry[]): void {
  const prevLogIndex = peer.nextIndex - 1;
  const prevLogTerm = s.log.term(prevLogIndex);
  invariant(prevLogTerm !== undefined, "an append follows an entry whose term is known");
  const lastIndex = prevLogIndex + entries.length;
  peer.nextIndex = lastIndex + 1;
  peer.inFlight++;
  peer.commitSent = s.commitIndex;
  peer.commitAtMs = Number.POSITIVE_INFINITY;
  const round = s.leading?.readRound ?? 0;
  s.request(
    peer.id,
    { type: "appendEntries", term: s.term, prevLogIndex, prevLogTerm, entries, leaderCommit: s.commitIndex },
    {
      kind: "append",
      peer: peer.id,
      round,
      sentAtMs: s.nowMs,
      epoch: peer.epoch,
      prevIndex: prevLogIndex,
      lastIndex,
    },
  );
}

/**
 * A commit that no append carries is told by an empty one after the commit timeout. hashicorp sends that
 * message all the time; here an idle cluster exchanges heartbeats only.
 */
export function tellCommit(s: RaftState, peer: Peer): void {
  if (peer.commitSent >= s.commitIndex || peer.mode === "snapshot" || peer.leavingAt !== undefined) {
    peer.commitAtMs = Number.POSITIVE_INFINITY;
    return;
  }
  if (peer.commitAtMs === Number.POSITIVE_INFINITY) {
    peer.commitAtMs = Math.max(randomDeadline(s, s.config.commitTimeoutMs), peer.retryAtMs);
    return;
  }
  if (s.nowMs < peer.commitAtMs) return;
  const room = peer.inFlight < (peer.mode === "probe" ? 1 : s.config.maxAppendsInFlight);
  const known = s.log.term(peer.nextIndex - 1) !== undefined;
  if (room && known && s.nowMs >= peer.retryAtMs) sendAppend(s, peer, []);
  else peer.commitAtMs = Math.max(randomDeadline(s, s.config.commitTimeoutMs), peer.retryAtMs);
}

function askForEntries(s: RaftState, peer: Peer): void {
  const from = peer.nextIndex;
  const to = Math.min(s.log.memoryFirstIndex - 1, from + s.config.maxAppendEntries - 1);
  peer.load = s.nextLoad();
  s.emit({ type: "loadEntries", load: peer.load, from, to, maxBytes: s.config.maxAppendBytes });
}

export function onPeerLoaded(s: RaftState, peer: Peer, entries: readonly LogEntry[]): void {
  peer.load = undefined;
  // Nothing, or no longer what is needed: the next `replicate` starts over, with a snapshot if it must.
  const fits = entries[0]?.index === peer.nextIndex && s.log.term(peer.nextIndex - 1) !== undefined;
  if (fits && peer.mode !== "snapshot") sendAppend(s, peer, entries);
}

function sendSnapshot(s: RaftState, peer: Peer): void {
  const { snapshot } = s;
  if (snapshot === undefined) return;
  peer.mode = "snapshot";
  s.request(
    peer.id,
    { type: "installSnapshot", term: s.term, snapshot },
    { kind: "snapshot", peer: peer.id, snapshotIndex: snapshot.index },
  );
}

/** Any reply of our term, whatever it says: the peer lives and takes us for its leader. */
function heardFrom(s: RaftState, peer: Peer): void {
  peer.lastContactMs = s.nowMs;
}

export function onAppendReply(
  s: RaftState,
  peer: Peer,
  exchange: Extract<Exchange, { kind: "append" | "heartbeat" }>,
  message: Extract<RaftReply, { type: "appendEntriesReply" }>,
): void {
  if (message.term === s.term) {
    heardFrom(s, peer);
    peer.followedSinceMs = Math.max(peer.followedSinceMs, exchange.sentAtMs);
    peer.ackedRound = Math.max(peer.ackedRound, exchange.round);
  }
  if (exchange.kind === "heartbeat") {
    peer.heartbeatsInFlight--;
    // It answers again: no need to sit out the rest of a long pause.
    if (message.success && peer.retryAtMs > s.nowMs && peer.failures > 2) {
      peer.retryAtMs = s.nowMs;
      peer.failures = 2;
    }
    return;
  }
  if (message.success) peer.appendMs = s.nowMs - exchange.sentAtMs;
  const current = exchange.epoch === peer.epoch;
  if (current) peer.inFlight--;
  if (message.success) onMatched(s, peer, exchange.lastIndex, current);
  else if (current) onMismatch(s, peer, exchange.prevIndex, message.lastLog, message.noRetryBackoff);
}

function onMatched(s: RaftState, peer: Peer, index: LogIndex, current: boolean): void {
  peer.matchIndex = Math.max(peer.matchIndex, index);
  if (peer.mode !== "snapshot") peer.nextIndex = Math.max(peer.nextIndex, peer.matchIndex + 1);
  if (current) {
    peer.failures = 0;
    if (peer.mode === "probe") peer.mode = "pipeline";
  }
  dropIfGone(s, peer);
}

function onMismatch(s: RaftState, peer: Peer, prevIndex: LogIndex, lastLog: LogIndex, retryAtOnce: boolean): void {
  leavePipeline(peer);
  // What it once matched it still has, unless it says it lacks just that: then its disk was wiped.
  const floor = prevIndex <= peer.matchIndex ? 1 : peer.matchIndex + 1;
  peer.nextIndex = Math.max(floor, Math.min(prevIndex, lastLog + 1));
  if (retryAtOnce) peer.failures = 0;
  else pause(s, peer);
}

export function onReplicationFailed(s: RaftState, peer: Peer, exchange: Exchange): void {
  if (exchange.kind === "heartbeat") {
    peer.heartbeatsInFlight--;
  } else if (exchange.kind === "snapshot") {
    peer.mode = "probe";
    pause(s, peer);
  } else if (exchange.kind === "append" && exchange.epoch === peer.epoch) {
    peer.nextIndex = peer.mode === "pipeline" ? peer.matchIndex + 1 : exchange.prevIndex + 1;
    leavePipeline(peer);
    pause(s, peer);
  }
  // One that left is told so once; if it is gone already, so be it.
  if (peer.leavingAt !== undefined) s.leading?.peers.delete(peer.id);
}

export function onSnapshotReply(
  s: RaftState,
  peer: Peer,
  exchange: Extract<Exchange, { kind: "snapshot" }>,
  success: boolean,
): void {
  heardFrom(s, peer);
  peer.mode = "probe";
  if (success) {
    peer.matchIndex = Math.max(peer.matchIndex, exchange.snapshotIndex);
    peer.nextIndex = peer.matchIndex + 1;
    peer.failures = 0;
    dropIfGone(s, peer);
  } else {
    pause(s, peer);
  }
}

function leavePipeline(peer: Peer): void {
  peer.mode = "probe";
  peer.epoch++;
  peer.inFlight = 0;
  peer.commitSent = 0;
}

function pause(s: RaftState, peer: Peer): void {
  peer.failures++;
  const doublings = Math.min(Math.max(0, peer.failures - 2), BACKOFF_DOUBLINGS_MAX);
  peer.retryAtMs = s.nowMs + BACKOFF_BASE_MS * 2 ** doublings;
}

function dropIfGone(s: RaftState, peer: Peer): void {
  if (peer.leavingAt !== undefined && peer.matchIndex >= peer.leavingAt) s.leading?.peers.delete(peer.id);
}
