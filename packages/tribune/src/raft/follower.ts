/** A follower's side of replication (Raft Figure 2, "AppendEntries RPC: receiver implementation"). */
import { commitTo } from "./commit.ts";
import { becomeFollower, randomDeadline } from "./roles.ts";
import { abandonIncoming } from "./snapshots.ts";
import type { RaftState } from "./state.ts";
import type { Configuration, ExchangeId, LogEntry, LogIndex, RaftRequest, ServerId, WriteId } from "./types.ts";

type AppendEntries = Extract<RaftRequest, { type: "appendEntries" }>;

function isHeartbeat(message: AppendEntries): boolean {
  return (
    message.prevLogIndex === 0 &&
    message.prevLogTerm === 0 &&
    message.entries.length === 0 &&
    message.leaderCommit === 0
  );
}

/** @returns false when the message is of an older term, or claims one that this server leads itself. */
export function acceptLeader(s: RaftState, from: ServerId, address: string | undefined, term: number): boolean {
  if (term < s.term) return false;
  if (term === s.term && s.role === "leader") {
    s.emit({ type: "dropped", from, reason: "another leader in our own term" });
    return false;
  }
  if (term > s.term || s.role !== "follower") becomeFollower(s, term);
  s.leader = from;
  s.leaderAddress = address ?? s.latest.configuration.servers.find((server) => server.id === from)?.address;
  s.leaderSuspected = false;
  s.quickCampaigns = 0;
  s.lastContactMs = s.nowMs;
  s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
  if (s.incoming !== undefined && s.incoming.term < term) abandonIncoming(s);
  return true;
}

export function onAppendEntries(
  s: RaftState,
  from: ServerId,
  address: string | undefined,
  exchange: ExchangeId,
  message: AppendEntries,
): void {
  const { success, lastLog, noRetryBackoff, after } = append(s, from, address, message);
  const reply = { type: "appendEntriesReply", term: s.term, success, noRetryBackoff } as const;
  s.reply(from, exchange, { ...reply, lastLog: lastLog ?? s.log.lastIndex }, after);
}

interface Answer {
  readonly success: boolean;
  readonly noRetryBackoff: boolean;
  /** Our last index unless told otherwise. */
  readonly lastLog?: LogIndex;
  readonly after?: WriteId;
}

const ACCEPTED: Answer = { success: true, noRetryBackoff: false };
const REFUSED: Answer = { success: false, noRetryBackoff: false };

function append(s: RaftState, from: ServerId, address: string | undefined, message: AppendEntries): Answer {
  if (!acceptLeader(s, from, address, message.term)) return REFUSED;
  if (isHeartbeat(message)) return ACCEPTED;
  // The log is about to be replaced; the leader may try again when that is done.
  if (s.incoming?.install !== undefined) return REFUSED;

  const contradiction = contradictionOf(s, message);
  if (contradiction !== undefined) {
    const { term, votedFor, commitIndex: index } = s;
    const startOver = holdsOnlyASnapshot(s);
    s.emit({ type: "contradicted", from, reason: contradiction, startOver, term, votedFor, index });
    return REFUSED;
  }
  const hint = mismatch(s, message.prevLogIndex, message.prevLogTerm);
  if (hint !== undefined) return { success: false, noRetryBackoff: true, lastLog: hint };
  const problem = store(s, message);
  if (problem !== undefined) {
    s.emit({ type: "dropped", from, reason: problem });
    return REFUSED;
  }
  const matched = message.prevLogIndex + message.entries.length;
  // Not our own last index: what lies behind `matched` may be another leader's (Raft Figure 2, step 5).
  commitTo(s, Math.min(message.leaderCommit, matched));
  // Waits for every write on its way, also the term's: an acknowledged entry must survive with its term.
  return { ...ACCEPTED, after: s.lastWrite };
}

/**
 * No correct leader's log differs from what is committed here; where one does, stopping beats diverging. What lies
 * inside the snapshot has no term we know of, but none above the snapshot's own.
 */
function contradictionOf(s: RaftState, { prevLogIndex, prevLogTerm, entries }: AppendEntries): string | undefined {
  const differs = (index: LogIndex, term: number): boolean => {
    if (index > s.commitIndex) return false;
    const ours = s.log.term(index);
    return ours === undefined ? index < s.log.snapshotIndex && term > s.log.snapshotTerm : ours !== term;
  };
  if (differs(prevLogIndex, prevLogTerm)) return "the previous entry contradicts a committed one";
  return entries.some(({ index, term }) => differs(index, term)) ? "an entry contradicts a committed one" : undefined;
}

/** Its log begins right behind a snapshot, as after a restore or an installation, and nothing behind it is committed. */
function holdsOnlyASnapshot(s: RaftState): boolean {
  const { snapshotIndex, firstIndex } = s.log;
  return snapshotIndex > 0 && firstIndex === snapshotIndex + 1 && s.commitIndex === snapshotIndex;
}

/**
 * The consistency check. Undefined when the previous entry matches; else the hint for `lastLog`: our last
 * entry, or where the conflicting term started, so that the leader skips that term at once (end of §5.3).
 */
function mismatch(s: RaftState, prevIndex: LogIndex, prevTerm: number): LogIndex | undefined {
  if (prevIndex > s.log.lastIndex) return s.log.lastIndex;
  // What is committed matches in the log of every leader (Leader Completeness), and may be compacted here.
  if (prevIndex <= s.commitIndex) return undefined;
  if (s.log.term(prevIndex) === prevTerm) return undefined;
  return Math.max(s.commitIndex, s.log.runStart(prevIndex) - 1);
}

/** Stores what is new. Nothing is touched when the entries make no sense; then says what is wrong. */
function store(s: RaftState, message: AppendEntries): string | undefined {
  const { entries, prevLogIndex } = message;
  const configurations = new Map<LogIndex, Configuration>();
  let firstNew = entries.length;
  let term = message.prevLogTerm;
  for (let at = 0; at < entries.length; at++) {
    const entry = entries[at]!;
    if (entry.index !== prevLogIndex + 1 + at) return "entries are not consecutive";
    if (entry.term < term || entry.term > message.term) return "entry terms go backwards or beyond the leader's";
    term = entry.term;
    if (firstNew === entries.length && !isStored(s, entry)) {
      if (entry.index <= s.commitIndex) return "an entry of those committed is not there";
      firstNew = at;
    }
    if (at >= firstNew && entry.type === "configuration") {
      const configuration = s.codec.decodeConfiguration(entry.data);
      if (configuration === undefined) return "a configuration entry does not decode";
      configurations.set(entry.index, configuration);
    }
  }
  const first = entries[firstNew];
  if (first === undefined) return undefined;
  // Only a conflict removes entries: a late, shorter append must not undo a newer one (Raft §5.3).
  if (first.index <= s.log.lastIndex) s.truncateFrom(first.index);
  for (let at = firstNew; at < entries.length; at++) s.appendEntry(entries[at]!);
  for (const [index, configuration] of configurations) s.configurations.push({ index, configuration });
  if (configurations.size > 0) s.followConfiguration();
  return undefined;
}

function isStored(s: RaftState, entry: LogEntry): boolean {
  if (entry.index > s.log.lastIndex) return false;
  const term = s.log.term(entry.index);
  return term === undefined ? entry.index <= s.commitIndex : term === entry.term;
}
