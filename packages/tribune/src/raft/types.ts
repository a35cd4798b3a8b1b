/**
 * Raft core contract: inputs, effects, and the rules between them.
 *
 * Vocabulary is HashiCorp raft's, because that is what operators read in metrics and `operator raft`
 * output. "Raft §…" is Ongaro & Ousterhout 2014 (extended version), "Thesis §…" Ongaro's thesis. Message
 * shapes follow the wire sheet (hashicorp/raft protocol version 3) without its byte formats.
 */
import type { Branded } from "../lib/core.ts";

/** A number that cannot be mixed up with another kind of number. Free at run time. */
type BrandedNumber<Name extends string> = number & { readonly __brand: Name };

/** A Raft peer's id: Consul's node id, or its address where the id is not known yet. */
export type ServerId = Branded<"ServerId">;
/**
 * Names one request/reply pair. For requests this server sends, the core chooses it and the shell echoes
 * it with the reply; for requests that arrive, the shell chooses it and the core echoes it in the reply.
 * The two spaces never meet: replies and requests are told apart by their `type`.
 */
export type ExchangeId = BrandedNumber<"ExchangeId">;
/** Names one durable write. Ascending, chosen by the core, echoed by the shell. */
export type WriteId = BrandedNumber<"WriteId">;
/** Names one client proposal, membership change or transfer. Chosen by the shell, echoed in `settle`. */
export type ProposalId = BrandedNumber<"ProposalId">;
/** Names one consistent read. Chosen by the shell, echoed in `readReady`. */
export type ReadId = BrandedNumber<"ReadId">;
/** Names one request for entries that are no longer in memory. Chosen by the core. */
export type LoadId = BrandedNumber<"LoadId">;

/** 1-based; 0 means "nothing yet". A safe integer: the codec rejects what is not. */
export type LogIndex = number;
export type Term = number;

/** On the wire: command 0, noop 1, barrier 4, configuration 5. */
export type EntryType = "command" | "noop" | "barrier" | "configuration";

export interface LogEntry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly type: EntryType;
  readonly data: Uint8Array;
  /** Consul's chunking header; opaque here. */
  readonly extensions?: Uint8Array;
  /** Wall clock of the leader that appended it, Unix milliseconds; only a metric reads it. */
  readonly appendedAtMs?: number;
}

/** Staging counts as a voter that hashicorp never left half-way; this server never writes it. */
export type Suffrage = "voter" | "nonvoter" | "staging";

export interface Server {
  readonly id: ServerId;
  /** `ip:port` of the peer's RPC listener: a fallback, the member list knows better. */
  readonly address: string;
  readonly suffrage: Suffrage;
}

/** The peer set. Takes effect when stored, not when committed (Thesis §4.1). */
export interface Configuration {
  readonly servers: readonly Server[];
}

/** State that must survive a crash. Raft Figure 2, "Persistent state on all servers". */
export interface HardState {
  readonly term: Term;
  readonly votedFor: ServerId | undefined;
}

/** What a snapshot stands for: every entry up to and including `index`. */
export interface SnapshotMeta {
  readonly index: LogIndex;
  readonly term: Term;
  readonly configuration: Configuration;
  /** Index of the entry that brought `configuration`. */
  readonly configurationIndex: LogIndex;
}

export type RaftRequest =
  | {
      readonly type: "requestVote";
      readonly term: Term;
      readonly lastLogIndex: LogIndex;
      readonly lastLogTerm: Term;
      /** Set by a server that was told `timeoutNow`: voters skip their "a leader is known" check. */
      readonly leadershipTransfer: boolean;
    }
  /** `term` is the one the sender would start; nothing is stored for it (Thesis §9.6). */
  | {
      readonly type: "requestPreVote";
      readonly term: Term;
      readonly lastLogIndex: LogIndex;
      readonly lastLogTerm: Term;
    }
  /** With every number but `term` zero and no entries it is a heartbeat, answered on a path of its own. */
  | {
      readonly type: "appendEntries";
      readonly term: Term;
      readonly prevLogIndex: LogIndex;
      readonly prevLogTerm: Term;
      readonly entries: readonly LogEntry[];
      readonly leaderCommit: LogIndex;
    }
  /** The shell adds the size and streams exactly the snapshot named here behind the message (Raft §7). */
  | { readonly type: "installSnapshot"; readonly term: Term; readonly snapshot: SnapshotMeta }
  | { readonly type: "timeoutNow" };

export type RaftReply =
  | { readonly type: "requestVoteReply"; readonly term: Term; readonly granted: boolean }
  | { readonly type: "requestPreVoteReply"; readonly term: Term; readonly granted: boolean }
  /**
   * `lastLog` is a hint for backing up a slow follower (Raft §5.3). It is NOT the match index: on the wire
   * a success reply does not say what it matched, so the leader derives that from the request it
   * remembers under the `ExchangeId`.
   */
  | {
      readonly type: "appendEntriesReply";
      readonly term: Term;
      readonly success: boolean;
      readonly lastLog: LogIndex;
      /** The leader may try an earlier entry at once instead of backing off. */
      readonly noRetryBackoff: boolean;
    }
  | { readonly type: "installSnapshotReply"; readonly term: Term; readonly success: boolean }
  | { readonly type: "timeoutNowReply" };

export type RaftMessage = RaftRequest | RaftReply;

/** One command on its way into the log. The shell gets the same object back in `settle`. */
export interface Proposal {
  readonly id: ProposalId;
  readonly type: "command" | "barrier";
  readonly data: Uint8Array;
  readonly extensions?: Uint8Array;
  readonly appendedAtMs?: number;
}

export type ConfigurationChange =
  /** Adds a voter, promotes a non-voter, or updates the address of either. */
  | { readonly type: "addVoter"; readonly id: ServerId; readonly address: string }
  /** Adds a non-voter or updates an address; a voter stays one. */
  | { readonly type: "addNonvoter"; readonly id: ServerId; readonly address: string }
  | { readonly type: "demoteVoter"; readonly id: ServerId }
  | { readonly type: "removeServer"; readonly id: ServerId };

export type RaftInput =
  /** Time has passed; due at `nextTickAt`, harmless at any other time. */
  | { readonly type: "tick" }
  /**
   * A request or a reply. `from` of a request is the id behind the address the sender gave; where the
   * shell cannot tell, the address itself. `address` is that address, kept to tell clients who leads.
   */
  | {
      readonly type: "message";
      readonly from: ServerId;
      readonly address?: string;
      readonly exchange: ExchangeId;
      readonly message: RaftMessage;
    }
  /**
   * The reply will not come. `unsupported`: the peer answered "unexpected command", or closed the
   * connection right behind a message type it may not know; `failed`: everything else, the shell's deadline
   * included. Must follow for every sent request that gets no reply.
   */
  | { readonly type: "exchangeFailed"; readonly exchange: ExchangeId; readonly reason: "failed" | "unsupported" }
  /** All of them enter the log in this order, with one durable write, or all are refused. */
  | { readonly type: "propose"; readonly proposals: readonly Proposal[] }
  /**
   * Confirms leadership with a quorum, then answers `readReady` once the state machine holds everything
   * committed before the question (Thesis §6.4). For `?consistent`.
   */
  | { readonly type: "readIndex"; readonly read: ReadId }
  /** `prevIndex`, when not 0, must be the index of the configuration the caller decided upon. */
  | {
      readonly type: "proposeConfiguration";
      readonly proposal: ProposalId;
      readonly change: ConfigurationChange;
      readonly prevIndex: LogIndex;
    }
  /** Without `target` the most up-to-date voter is chosen. Settles once another server leads. */
  | { readonly type: "transferLeadership"; readonly proposal: ProposalId; readonly target?: ServerId }
  /** First configuration of a new cluster. Ignored by a server that holds any state. */
  | { readonly type: "bootstrap"; readonly configuration: Configuration }
  /** `write` and every earlier one are durable. A write that fails has no input: the process must stop. */
  | { readonly type: "persisted"; readonly write: WriteId }
  /** The state machine holds every entry up to `index`. */
  | { readonly type: "applied"; readonly index: LogIndex }
  /** Ascending from the index asked for. Empty: compacted away meanwhile. */
  | { readonly type: "entriesLoaded"; readonly load: LoadId; readonly entries: readonly LogEntry[] }
  /**
   * A snapshot of the applied state is durable, and entries before `firstIndex` are about to be deleted:
   * the shell owns how many trailing entries stay. `firstIndex` is at most `snapshot.index + 1`.
   */
  | { readonly type: "snapshotTaken"; readonly snapshot: SnapshotMeta; readonly firstIndex: LogIndex }
  /**
   * An operator replaced the state: on the leader, with everything in its log applied and nothing proposed since,
   * the shell has made `snapshot` the newest, restored the state machine from it and emptied the log. Its index is
   * beyond the log's end and its term the current one, so every follower lacks it and gets it as a snapshot.
   * Only an entry committed behind it says that a quorum has it: the shell waits for one before it says so.
   */
  | { readonly type: "restored"; readonly snapshot: SnapshotMeta }
  /** Bytes of the snapshot being received arrived: the leader is alive. */
  | { readonly type: "snapshotChunk"; readonly exchange: ExchangeId }
  /** All bytes are here, checked and durable, but not yet the newest snapshot nor the state. */
  | { readonly type: "snapshotReceived"; readonly exchange: ExchangeId }
  /** The stream broke or did not check. */
  | { readonly type: "snapshotFailed"; readonly exchange: ExchangeId }
  /** What `installSnapshot` asked for is done and durable. */
  | { readonly type: "snapshotInstalled"; readonly write: WriteId }
  /**
   * A peer's process is gone: its connection broke AND its host refused a new one. A broken connection alone is not
   * enough, as this ends the promise that the leader's read lease is built on.
   */
  | { readonly type: "peerConnectionLost"; readonly peer: ServerId };

export type SettleError =
  /** Refused: nothing was written. `leader` says whom to ask. */
  | "notLeader"
  | "busy"
  | "transferInProgress"
  | "badConfiguration"
  | "transferFailed"
  /** Written, fate unknown: a later leader may commit it or not. */
  | "leadershipLost";

export type SettleOutcome =
  /** The i-th of the settled proposals is committed at `firstIndex + i`; for a transfer 0. */
  | { readonly firstIndex: LogIndex }
  | { readonly error: SettleError; readonly message: string; readonly leader?: ServerId };

export type RaftEffect =
  /**
   * Truncate the log from `truncateFrom` on, append `entries`, store `hardState`; atomically, fsynced, then
   * answer with `persisted`. At most one a step, always the first effect. Writes start in the order emitted
   * and become durable in that order; one answer may stand for several.
   */
  | {
      readonly type: "persist";
      readonly write: WriteId;
      readonly hardState?: HardState;
      readonly truncateFrom?: LogIndex;
      readonly entries: readonly LogEntry[];
    }
  /**
   * Hold the message until write `after` is durable; without `after` it may leave at once. A vote, and the
   * reply to an append that stored anything, carry `after` (Raft Figure 2: stable storage is updated
   * before responding). A bare heartbeat's reply does not, so a slow disk never looks like a dead leader;
   * nor does a leader's own appendEntries, so its disk works beside its followers' (Thesis §10.2.1).
   */
  | {
      readonly type: "send";
      readonly to: ServerId;
      readonly exchange: ExchangeId;
      readonly message: RaftMessage;
      readonly after?: WriteId;
    }
  /** Committed entries, ascending and gap-free; answer with `applied`. */
  | { readonly type: "apply"; readonly entries: readonly LogEntry[] }
  /** The end of some proposals; comes before the `apply` that holds their entries. */
  | { readonly type: "settle"; readonly proposals: readonly ProposalId[]; readonly outcome: SettleOutcome }
  /** The answer to `readIndex`: the state machine may be read now, and holds at least `index`. */
  | {
      readonly type: "readReady";
      readonly read: ReadId;
      readonly outcome:
        | { readonly index: LogIndex }
        | { readonly error: "notLeader" | "busy" | "leadershipLost"; readonly leader?: ServerId };
    }
  /** Role, term or known leader changed. */
  | {
      readonly type: "roleChanged";
      readonly role: Role;
      readonly term: Term;
      readonly leader?: ServerId;
      readonly leaderAddress?: string;
      /** A candidate's, which the leader has asked to take over. */
      readonly leadershipTransfer?: boolean;
    }
  /** The newest configuration (`committed` false) or its commitment. */
  | {
      readonly type: "configurationChanged";
      readonly configuration: Configuration;
      readonly index: LogIndex;
      readonly committed: boolean;
    }
  /** Read entries `from`..`to` inclusive, at most `maxBytes` but at least one; all of them are durable. */
  | {
      readonly type: "loadEntries";
      readonly load: LoadId;
      readonly from: LogIndex;
      readonly to: LogIndex;
      readonly maxBytes: number;
    }
  /**
   * Take the bytes behind this `installSnapshot` message into a temporary place. Answer with
   * `snapshotChunk` now and then, then `snapshotReceived` or `snapshotFailed`. Messages not accepted with
   * this effect were answered; their bytes must be drained all the same.
   */
  | {
      readonly type: "receiveSnapshot";
      readonly from: ServerId;
      readonly exchange: ExchangeId;
      readonly snapshot: SnapshotMeta;
    }
  /**
   * In the order of writes and behind every earlier `apply`: make the received snapshot the newest, restore
   * the state machine from it, and unless `keepLog` forget the whole log, so that the next entry is
   * `snapshot.index + 1`. Then answer `snapshotInstalled`. Failing half-way must stop the process.
   */
  | {
      readonly type: "installSnapshot";
      readonly write: WriteId;
      readonly exchange: ExchangeId;
      readonly snapshot: SnapshotMeta;
      readonly keepLog: boolean;
    }
  /** The bytes of a snapshot that is no longer wanted may be thrown away. */
  | { readonly type: "discardSnapshot"; readonly exchange: ExchangeId }
  /**
   * The leader's log differs from what counts as committed here. Where each is right by itself, this server holds a
   * restored snapshot that no quorum ever took over, or a majority has lost what it had acknowledged. Nothing here is
   * changed, and nothing of the leader's log is taken. `startOver`: all that is here is one snapshot which nothing
   * proves to be committed, so that the server may begin anew, with its term and vote and with `refillTerm` `term`.
   */
  | {
      readonly type: "contradicted";
      readonly from: ServerId;
      readonly reason: string;
      readonly startOver: boolean;
      readonly term: Term;
      readonly votedFor: ServerId | undefined;
      readonly index: LogIndex;
    }
  /** A peer sent something no correct peer sends. Count and log it. */
  | { readonly type: "dropped"; readonly from: ServerId; readonly reason: string };

export type Role = "follower" | "candidate" | "leader";

/** Times in milliseconds, already multiplied by `raft_multiplier` where Consul does so. */
export interface RaftConfig {
  /** A follower without news for this long (to twice it) campaigns. */
  readonly heartbeatTimeoutMs: number;
  /** A candidate without a result for this long (to twice it) tries again. */
  readonly electionTimeoutMs: number;
  /** A leader that has not heard from a quorum for this long steps down. */
  readonly leaderLeaseTimeoutMs: number;
  /** A follower learns of a commit that no append carried after this long (to twice it). */
  readonly commitTimeoutMs: number;
  /** Ask peers before starting a term (Thesis §9.6). */
  readonly preVote: boolean;
  /** Entries per appendEntries. Consul peers expect at most 64. */
  readonly maxAppendEntries: number;
  /** Data bytes per appendEntries; a single larger entry still goes alone. */
  readonly maxAppendBytes: number;
  /** Appends to one peer not yet answered. */
  readonly maxAppendsInFlight: number;
  /** Proposals not yet committed; above it `settle` answers `busy`. */
  readonly maxProposalsInFlight: number;
  /** Reads not yet answered; above it `readReady` answers `busy`. */
  readonly maxReadsInFlight: number;
  /** Entries handed out by `apply` and not yet `applied`. */
  readonly maxEntriesApplying: number;
  /** Entry data kept in memory for slow peers, if there are any, beyond what is not yet durable and applied. */
  readonly maxLogCacheBytes: number;
}

/** Consul's timings before the multiplier, and bounds that keep a server below some hundred MiB. */
export const DEFAULT_RAFT_CONFIG: RaftConfig = {
  heartbeatTimeoutMs: 1000,
  electionTimeoutMs: 1000,
  leaderLeaseTimeoutMs: 500,
  commitTimeoutMs: 50,
  preVote: true,
  maxAppendEntries: 64,
  maxAppendBytes: 4 << 20,
  maxAppendsInFlight: 128,
  maxProposalsInFlight: 65_536,
  maxReadsInFlight: 65_536,
  maxEntriesApplying: 16_384,
  maxLogCacheBytes: 16 << 20,
};

/** Bytes of a configuration entry. The shell brings the wire's msgpack. */
export interface ConfigurationCodec {
  encodeConfiguration(configuration: Configuration): Uint8Array;
  /** @returns undefined for bytes that are no configuration; must not throw. */
  decodeConfiguration(bytes: Uint8Array): Configuration | undefined;
}

/** First index of each run of entries with one term, ascending: the term of any entry without its bytes. */
export interface TermRun {
  readonly index: LogIndex;
  readonly term: Term;
}

/** What the log on disk holds, as the shell found it. `LogScan` builds it entry by entry. */
export interface RecoveredLog {
  /** Index of the first entry on disk; one past the snapshot for an empty log. */
  readonly firstIndex: LogIndex;
  /** First index of each run of equal terms from `firstIndex` on. */
  readonly terms: readonly TermRun[];
  /** Every configuration entry on disk, ascending. */
  readonly configurations: readonly LogEntry[];
  /** The newest entries, up to the last; older ones are asked for with `loadEntries`. */
  readonly tail: readonly LogEntry[];
}

export interface RaftOptions {
  readonly id: ServerId;
  readonly config: RaftConfig;
  readonly hardState: HardState;
  readonly log: RecoveredLog;
  /**
   * This server began anew without what it may have acknowledged. Until it holds an entry of this term, its vote goes
   * only to who holds one: such a log has everything committed before the term, and this server acknowledged nothing
   * since.
   */
  readonly refillTerm?: Term | undefined;
  /** The newest snapshot on disk; the shell has restored the state machine from it. */
  readonly snapshot: SnapshotMeta | undefined;
}

/** A view for metrics, autopilot and `operator raft`. */
export interface RaftStatus {
  readonly role: Role;
  readonly term: Term;
  readonly leader: ServerId | undefined;
  readonly leaderAddress: string | undefined;
  readonly commitIndex: LogIndex;
  readonly appliedIndex: LogIndex;
  readonly firstLogIndex: LogIndex;
  readonly lastLogIndex: LogIndex;
  readonly lastLogTerm: Term;
  readonly snapshotIndex: LogIndex;
  readonly snapshotTerm: Term;
  readonly configuration: Configuration;
  readonly configurationIndex: LogIndex;
  readonly committedConfiguration: Configuration;
  readonly committedConfigurationIndex: LogIndex;
  /** When a leader was last heard from, in the clock of `step`; undefined before the first time. */
  readonly lastContactAtMs: number | undefined;
  /** A leader's view of its peers; empty elsewhere. */
  readonly peers: readonly PeerStatus[];
}

export interface PeerStatus {
  readonly id: ServerId;
  readonly matchIndex: LogIndex;
  readonly nextIndex: LogIndex;
  readonly lastContactAtMs: number;
}
