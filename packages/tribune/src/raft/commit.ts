/** Commitment and handing committed entries to the state machine (Raft §5.3, §5.4.2). */
import { reachedByQuorum } from "./quorum.ts";
import { becomeFollower } from "./roles.ts";
import type { LeaderState, RaftState } from "./state.ts";
import type { LogEntry, LogIndex, ServerId } from "./types.ts";

/** The highest index a quorum of voters holds; the leader's own copy counts once it is durable. */
function quorumIndex(s: RaftState, leading: LeaderState): LogIndex {
  if (s.isSoleVoter) return s.durableIndex;
  const held = (voter: ServerId): LogIndex =>
    voter === s.id ? s.durableIndex : (leading.peers.get(voter)?.matchIndex ?? 0);
  return reachedByQuorum(s, held) ?? 0;
}

export function advanceCommit(s: RaftState): void {
  const { leading } = s;
  if (leading === undefined) return;
  const index = quorumIndex(s, leading);
  // Counting copies is sound only for entries of our own term (Raft §5.4.2, Figure 8).
  if (index <= s.commitIndex || index < leading.startIndex) return;
  commitTo(s, index);
  settleCommitted(s, leading);
  // A leader that removed or demoted itself serves until that is committed (Thesis §4.2.2).
  if (!s.selfIsVoter && s.latest.index <= s.commitIndex) becomeFollower(s, s.term);
}

function settleCommitted(s: RaftState, leading: LeaderState): void {
  for (let batch = leading.batches[0]; batch !== undefined; batch = leading.batches[0]) {
    const { firstIndex, ids } = batch;
    const count = Math.min(ids.length, s.commitIndex - firstIndex + 1);
    if (count <= 0) return;
    leading.proposalsInFlight -= count;
    const whole = count === ids.length;
    s.emit({ type: "settle", proposals: whole ? ids : ids.slice(0, count), outcome: { firstIndex } });
    if (whole) leading.batches.shift();
    else leading.batches[0] = { firstIndex: firstIndex + count, ids: ids.slice(count) };
  }
}

export function commitTo(s: RaftState, index: LogIndex): void {
  if (index > s.commitIndex) s.commitIndex = index;
}

/** Gives committed entries out, as far as the state machine keeps up; older ones are read from disk first. */
export function handOut(s: RaftState): void {
  if (s.incoming?.install !== undefined || s.applyLoad !== undefined) return;
  while (s.handedIndex < s.commitIndex) {
    const room = s.config.maxEntriesApplying - (s.handedIndex - s.appliedIndex);
    if (room <= 0) return;
    const from = s.handedIndex + 1;
    if (!s.log.inMemory(from)) {
      const to = Math.min(s.commitIndex, s.log.memoryFirstIndex - 1, s.handedIndex + room);
      s.applyLoad = s.nextLoad();
      s.emit({ type: "loadEntries", load: s.applyLoad, from, to, maxBytes: s.config.maxAppendBytes });
      return;
    }
    hand(s, s.log.slice(from, s.commitIndex, room, Number.POSITIVE_INFINITY));
  }
}

/** @returns false when the entries are not what was asked for, which only a broken log can cause; the caller reports it */
export function onApplyLoaded(s: RaftState, entries: readonly LogEntry[]): boolean {
  s.applyLoad = undefined;
  if (entries[0]?.index !== s.handedIndex + 1) return false;
  hand(s, entries);
  return true;
}

function hand(s: RaftState, entries: readonly LogEntry[]): void {
  s.handedIndex = entries.at(-1)!.index;
  s.emit({ type: "apply", entries });
}

export function onApplied(s: RaftState, index: LogIndex): void {
  s.appliedIndex = Math.max(s.appliedIndex, Math.min(index, s.handedIndex));
  // A snapshot of what is applied needs the configuration of that moment; older ones are of no use.
  while (s.configurations.length > 1 && s.configurations[1]!.index <= s.appliedIndex) s.configurations.shift();
}
