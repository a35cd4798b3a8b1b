/**
 * Snapshots (Raft §7). The core keeps the books; the shell owns every byte: it takes snapshots, streams them to
 * peers, receives them, and restores the state machine.
 */
import { invariant } from "../lib/invariant.ts";
import { acceptLeader } from "./follower.ts";
import { randomDeadline } from "./roles.ts";
import type { RaftState } from "./state.ts";
import type { ExchangeId, RaftRequest, ServerId, SnapshotMeta, WriteId } from "./types.ts";

/** Our own snapshot is durable and the shell is about to delete old entries. */
export function onSnapshotTaken(s: RaftState, snapshot: SnapshotMeta, firstIndex: number): void {
  // An older one than we have, or one overtaken by an installed snapshot, says nothing new.
  if (snapshot.index <= s.log.snapshotIndex || snapshot.index > s.handedIndex) return;
  s.snapshot = snapshot;
  s.log.compact(snapshot, Math.min(firstIndex, snapshot.index + 1));
}

/** An operator's snapshot took the place of state and log: the log goes on behind an index no server has seen. */
export function onRestored(s: RaftState, snapshot: SnapshotMeta): void {
  // Leadership may have gone while the disk worked; what is on the disk holds all the same, as after a restart.
  invariant(snapshot.term <= s.term, "a restored snapshot has the term of the leader that made it");
  invariant(
    s.appliedIndex === s.log.lastIndex && snapshot.index > s.log.lastIndex,
    "a restored snapshot replaces a log that is applied, at an index beyond its end",
  );
  s.snapshot = snapshot;
  s.applyLoad = undefined;
  s.commitIndex = snapshot.index;
  s.handedIndex = snapshot.index;
  s.appliedIndex = snapshot.index;
  const base = { index: snapshot.configurationIndex, configuration: snapshot.configuration };
  s.configurations.splice(0, s.configurations.length, base);
  s.followConfiguration();
  s.log.reset(snapshot);
  s.forgetWrites();
  // Nobody has the new index: all get it as a snapshot, whatever was on its way to them.
  for (const peer of s.leading?.peers.values() ?? []) peer.load = undefined;
}

export function onInstallSnapshot(
  s: RaftState,
  from: ServerId,
  address: string | undefined,
  exchange: ExchangeId,
  message: Extract<RaftRequest, { type: "installSnapshot" }>,
): void {
  const { snapshot } = message;
  if (!acceptLeader(s, from, address, message.term)) {
    answer(s, from, exchange, false);
    return;
  }
  if (snapshot.index <= s.commitIndex) {
    answer(s, from, exchange, true, s.lastWrite); // we have all of it
    return;
  }
  if (s.incoming?.install !== undefined) {
    answer(s, from, exchange, false);
    return;
  }
  abandonIncoming(s); // the leader started over
  s.incoming = { from, exchange, snapshot, term: message.term, install: undefined, keepLog: false };
  s.emit({ type: "receiveSnapshot", from, exchange, snapshot });
}

/** Bytes are as good as a heartbeat: hashicorp leaders send none on the snapshot's connection. */
export function onSnapshotChunk(s: RaftState, exchange: ExchangeId): void {
  if (s.incoming?.exchange !== exchange || s.role !== "follower") return;
  s.lastContactMs = s.nowMs;
  s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
}

/** All bytes are here. Appends may have overtaken them: a state machine never goes back. */
export function onSnapshotReceived(s: RaftState, exchange: ExchangeId): void {
  const { incoming } = s;
  if (incoming === undefined || incoming.exchange !== exchange || incoming.install !== undefined) return;
  const { snapshot } = incoming;
  if (snapshot.index <= s.commitIndex) {
    answer(s, incoming.from, exchange, true, s.lastWrite);
    s.emit({ type: "discardSnapshot", exchange });
    s.incoming = undefined;
    return;
  }
  // "If existing log entry has same index and term as snapshot's last included entry, retain log entries
  // following it" (Raft Figure 13).
  incoming.keepLog = s.log.lastIndex >= snapshot.index && s.log.term(snapshot.index) === snapshot.term;
  incoming.install = s.installWrite();
  const { install: write, keepLog } = incoming;
  s.emit({ type: "installSnapshot", write, exchange, snapshot, keepLog });
}

export function onSnapshotInstalled(s: RaftState, write: WriteId): void {
  const { incoming } = s;
  if (incoming === undefined || incoming.install !== write) return;
  const { snapshot, from, exchange } = incoming;
  s.incoming = undefined;
  s.written(write);
  s.snapshot = snapshot;
  s.applyLoad = undefined;
  s.commitIndex = Math.max(s.commitIndex, snapshot.index);
  s.handedIndex = snapshot.index;
  s.appliedIndex = snapshot.index;
  const base = { index: snapshot.configurationIndex, configuration: snapshot.configuration };
  const later = incoming.keepLog ? s.configurations.filter((known) => known.index > snapshot.index) : [];
  s.configurations.splice(0, s.configurations.length, base, ...later);
  s.followConfiguration();
  if (incoming.keepLog) {
    s.log.compact(snapshot, s.log.firstIndex);
  } else {
    s.log.reset(snapshot);
    s.forgetWrites();
  }
  answer(s, from, exchange, true, s.lastWrite);
}

export function onSnapshotFailed(s: RaftState, exchange: ExchangeId): void {
  const { incoming } = s;
  if (incoming === undefined || incoming.exchange !== exchange || incoming.install !== undefined) return;
  s.incoming = undefined;
  answer(s, incoming.from, exchange, false);
}

/** A newer leader, or the same one starting over: the bytes on their way are of no use. */
export function abandonIncoming(s: RaftState): void {
  const { incoming } = s;
  if (incoming === undefined || incoming.install !== undefined) return;
  s.incoming = undefined;
  answer(s, incoming.from, incoming.exchange, false);
  s.emit({ type: "discardSnapshot", exchange: incoming.exchange });
}

function answer(s: RaftState, to: ServerId, exchange: ExchangeId, success: boolean, after?: WriteId): void {
  s.reply(to, exchange, { type: "installSnapshotReply", term: s.term, success }, after);
}
