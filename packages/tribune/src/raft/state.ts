import { invariant } from "../lib/invariant.ts";
import type { Rng } from "../lib/runtime.ts";
import { EMPTY_CONFIGURATION, voterIds } from "./configuration.ts";
import { RaftLog } from "./log.ts";
import type {
  Configuration,
  ConfigurationChange,
  ConfigurationCodec,
  ExchangeId,
  HardState,
  LoadId,
  LogEntry,
  LogIndex,
  ProposalId,
  RaftConfig,
  RaftEffect,
  RaftOptions,
  RaftReply,
  RaftRequest,
  ReadId,
  Role,
  ServerId,
  SettleError,
  SnapshotMeta,
  Term,
  WriteId,
} from "./types.ts";

/** A request that was sent and what its reply will mean. */
export type Exchange =
  | { readonly kind: "vote" | "preVote" | "timeoutNow"; readonly peer: ServerId }
  | { readonly kind: "heartbeat"; readonly peer: ServerId; readonly round: number; readonly sentAtMs: number }
  | {
      readonly kind: "append";
      readonly peer: ServerId;
      readonly round: number;
      readonly sentAtMs: number;
      /** The peer's `epoch` when sent: an answer of an older epoch moves `matchIndex` but nothing else. */
      readonly epoch: number;
      readonly prevIndex: LogIndex;
      readonly lastIndex: LogIndex;
    }
  | { readonly kind: "snapshot"; readonly peer: ServerId; readonly snapshotIndex: LogIndex };

/** What a leader knows about one other server (Raft Figure 2, "Volatile state on leaders"). */
export interface Peer {
  readonly id: ServerId;
  nextIndex: LogIndex;
  matchIndex: LogIndex;
  /** `probe`: one append at a time until the logs meet; `pipeline`: many; `snapshot`: one is on its way. */
  mode: "probe" | "pipeline" | "snapshot";
  /** Raised each time the pipeline is given up, so that answers to what was sent before are known as such. */
  epoch: number;
  /** Appends of this epoch not yet answered. */
  inFlight: number;
  /** In a row; the pause before the next append doubles with them. */
  failures: number;
  /** No append before this time: the peer failed or asked for a pause. */
  retryAtMs: number;
  /** When the next heartbeat is due. */
  heartbeatAtMs: number;
  heartbeatsInFlight: number;
  /** Highest commit index an append of this epoch carried. */
  commitSent: LogIndex;
  /** When to send an empty append only to tell the commit index; Infinity while there is nothing to tell. */
  commitAtMs: number;
  /** When it last answered in our term: the leader's lease is counted from this. */
  lastContactMs: number;
  /** How long the newest append that it acknowledged took, its flush included. */
  appendMs: number;
  /** When the newest request was sent that this peer answered as our follower: its promise runs from then at the earliest. */
  followedSinceMs: number;
  /** Newest read round this peer has confirmed our leadership for. */
  ackedRound: number;
  /** Entries that are being read from disk for it. */
  load: LoadId | undefined;
  /** Set once the peer left the configuration: it is still told so, up to this entry. */
  leavingAt: LogIndex | undefined;
}

export interface PendingRead {
  readonly read: ReadId;
  readonly round: number;
  /** Commit index when asked; undefined until the leader's first own entry commits. */
  index: LogIndex | undefined;
}

export interface PendingChange {
  readonly proposal: ProposalId;
  readonly change: ConfigurationChange;
  readonly prevIndex: LogIndex;
}

export interface Transfer {
  readonly proposal: ProposalId;
  readonly target: ServerId;
  readonly deadlineMs: number;
  timeoutNowSent: boolean;
}

/** Everything that exists only while this server leads; made anew for each term. */
export interface LeaderState {
  /** Index of this term's no-op: nothing commits by counting below it (Raft §5.4.2). */
  readonly startIndex: LogIndex;
  readonly peers: Map<ServerId, Peer>;
  /** Proposals in the log and not yet committed, in log order; each batch has consecutive indexes. */
  readonly batches: { firstIndex: LogIndex; ids: readonly ProposalId[] }[];
  proposalsInFlight: number;
  /** Of the newest read: heartbeats and appends carry it, and their answers confirm all reads up to it. */
  readRound: number;
  /** Not yet confirmed by a quorum, in the order of their rounds. */
  reads: PendingRead[];
  /** Reads confirmed by a quorum, waiting for the state machine to reach their index. */
  confirmedReads: { readonly read: ReadId; readonly index: LogIndex }[];
  /** Changes of the configuration that wait for the one before them: one at a time (Thesis §4.1). */
  changes: PendingChange[];
  transfer: Transfer | undefined;
  /** Targets of transfers that failed: the next one goes to another voter, while there is one. */
  readonly failedSuccessors: Set<ServerId>;
  /** Somebody was told to take over in spite of our lease: it is worth nothing for the rest of the term. */
  leaseGivenUp: boolean;
}

/** An election in the current term. */
export interface Campaign {
  readonly granted: Set<ServerId>;
  /** The leader asked for it. */
  readonly leadershipTransfer: boolean;
}

/** A pre-vote: the question whether there would be votes in `term`, the next one. */
export interface Poll {
  readonly term: Term;
  readonly granted: Set<ServerId>;
}

interface Writing {
  readonly write: WriteId;
  hardState: boolean;
  truncateFrom: LogIndex | undefined;
  readonly entries: LogEntry[];
}

/**
 * All of the core's state in one place. The transitions live in the files named for their subject and take
 * this as their first argument; nothing else holds state between two inputs.
 */
export class RaftState {
  readonly id: ServerId;
  readonly config: RaftConfig;
  readonly rng: Rng;
  readonly codec: ConfigurationCodec;
  nowMs = 0;
  started = false;

  role: Role = "follower";
  term: Term;
  votedFor: ServerId | undefined;
  leader: ServerId | undefined;
  leaderAddress: string | undefined;
  lastContactMs: number | undefined;
  electionDeadlineMs = 0;
  /** The known leader's process is gone: others may be elected before the timeout. */
  leaderSuspected = false;
  /** Elections still to be tried without waiting for the usual timeouts. */
  quickCampaigns = 0;
  /**
   * Before this time no vote is given. A restart must not forget the promise that an answered heartbeat is, or a
   * leader could read from its state what another has replaced (Thesis §6.4.1).
   */
  noVoteBeforeMs = 0;
  campaign: Campaign | undefined;
  /** May go on beside a campaign, whose votes may still be on their way to a slow disk. */
  poll: Poll | undefined;
  leading: LeaderState | undefined;
  /** Peers that answered a pre-vote with "unexpected command": they count as granting. */
  readonly withoutPreVote = new Set<ServerId>();

  readonly log: RaftLog;
  commitIndex: LogIndex;
  /** Last entry given out by `apply`. */
  handedIndex: LogIndex;
  appliedIndex: LogIndex;
  applyLoad: LoadId | undefined;
  snapshot: SnapshotMeta | undefined;
  /** A snapshot on its way in. `install` is set once the shell was told to install it. */
  incoming:
    | {
        readonly from: ServerId;
        readonly exchange: ExchangeId;
        readonly snapshot: SnapshotMeta;
        readonly term: Term;
        install: WriteId | undefined;
        keepLog: boolean;
      }
    | undefined;

  /** Configurations by entry index, ascending, from the newest one applied to the newest one stored. */
  readonly configurations: { readonly index: LogIndex; readonly configuration: Configuration }[];
  /** Derived from the newest configuration. */
  voters: readonly ServerId[] = [];
  selfIsVoter = false;

  lastWrite = 0 as WriteId;
  durableWrite = 0 as WriteId;
  durableIndex: LogIndex;
  /** Writes on their way, with the last log index each makes durable. */
  readonly #writes: { readonly write: WriteId; readonly startedMs: number; lastIndex: LogIndex }[] = [];
  /** What makes `votedFor` durable. */
  #voteWrite = 0 as WriteId;
  /** What this step writes so far. */
  #writing: Writing | undefined;

  /** See `RaftOptions.refillTerm`. */
  readonly refillTerm: Term;
  readonly exchanges = new Map<ExchangeId, Exchange>();
  #lastExchange = 0;
  #lastLoad = 0;
  #effects: RaftEffect[] = [];
  #announced = { role: "follower" as Role, term: -1, leader: undefined as ServerId | undefined, address: "" };
  #announcedConfiguration = { latest: 0, committed: 0 };

  constructor(options: RaftOptions, dependencies: { readonly rng: Rng; readonly codec: ConfigurationCodec }) {
    this.id = options.id;
    this.config = options.config;
    this.rng = dependencies.rng;
    this.codec = dependencies.codec;
    this.term = options.hardState.term;
    this.votedFor = options.hardState.votedFor;
    this.refillTerm = options.refillTerm ?? 0;
    this.snapshot = options.snapshot;
    this.log = new RaftLog(options.log, options.snapshot);
    this.commitIndex = this.log.snapshotIndex;
    this.handedIndex = this.commitIndex;
    this.appliedIndex = this.commitIndex;
    this.durableIndex = this.log.lastIndex;
    const { snapshot } = options;
    this.configurations = [
      { index: snapshot?.configurationIndex ?? 0, configuration: snapshot?.configuration ?? EMPTY_CONFIGURATION },
    ];
    for (const entry of options.log.configurations) {
      if (entry.index <= this.log.snapshotIndex) continue;
      const configuration = this.codec.decodeConfiguration(entry.data);
      invariant(configuration !== undefined, `configuration entry ${entry.index} of our own log does not decode`);
      this.configurations.push({ index: entry.index, configuration });
    }
    this.followConfiguration();
  }

  // --- configuration -------------------------------------------------------------------------------

  /** The newest configuration in the log, committed or not: it is the one that counts (Thesis §4.1). */
  get latest(): { readonly index: LogIndex; readonly configuration: Configuration } {
    return this.configurations.at(-1)!;
  }

  /** The newest configuration at or before `index`, among those still remembered. */
  configurationAt(index: LogIndex): { readonly index: LogIndex; readonly configuration: Configuration } {
    return this.configurations.findLast((known) => known.index <= index) ?? this.configurations[0]!;
  }

  /** Derives the voters anew; whoever changes `configurations` calls it. */
  followConfiguration(): void {
    this.voters = voterIds(this.latest.configuration);
    this.selfIsVoter = this.voters.includes(this.id);
  }

  /**
   * A voter, or one that was a voter in any configuration which may still be the committed one: it may be the only
   * server left with the newest log, and then nobody else can win (Thesis §4.2.2). After a restart that is every
   * configuration in the log, until a leader says what is committed.
   */
  get mayCampaign(): boolean {
    if (this.log.lastTerm < this.refillTerm) return false;
    if (this.selfIsVoter || this.latest.index <= this.commitIndex) return this.selfIsVoter;
    const committed = this.configurationAt(this.commitIndex).index;
    return this.configurations.some(
      ({ index, configuration }) => index >= committed && voterIds(configuration).includes(this.id),
    );
  }

  get isSoleVoter(): boolean {
    return this.selfIsVoter && this.voters.length === 1;
  }

  /** Nobody else follows, not even without a vote. */
  get isAlone(): boolean {
    return this.isSoleVoter && this.latest.configuration.servers.length === 1;
  }

  get quorum(): number {
    return Math.floor(this.voters.length / 2) + 1;
  }

  // --- effects -------------------------------------------------------------------------------------

  emit(effect: RaftEffect): void {
    this.#effects.push(effect);
  }

  /** Sends a request, behind the write `after` where given, and remembers what its reply will mean. */
  request(to: ServerId, message: RaftRequest, exchange: Exchange, after?: WriteId): ExchangeId {
    const id = ++this.#lastExchange as ExchangeId;
    this.exchanges.set(id, exchange);
    this.#send(to, id, message, after);
    return id;
  }

  reply(to: ServerId, exchange: ExchangeId, message: RaftReply, after?: WriteId): void {
    this.#send(to, exchange, message, after);
  }

  #send(to: ServerId, exchange: ExchangeId, message: RaftRequest | RaftReply, after: WriteId | undefined): void {
    // A write that is durable already holds nothing back.
    if (after === undefined || after <= this.durableWrite) this.emit({ type: "send", to, exchange, message });
    else this.emit({ type: "send", to, exchange, message, after });
  }

  /** Settles proposals that this server does not take in, or cannot see to their end. */
  refuse(proposals: readonly ProposalId[], error: SettleError, message: string): void {
    if (proposals.length === 0) return;
    const leader = this.leader === undefined || this.leader === this.id ? {} : { leader: this.leader };
    this.emit({ type: "settle", proposals, outcome: { error, message, ...leader } });
  }

  nextLoad(): LoadId {
    return ++this.#lastLoad as LoadId;
  }

  // --- durable writes: everything one step writes becomes one `persist` ------------------------------

  #write(): Writing {
    if (this.#writing === undefined) {
      this.lastWrite = (this.lastWrite + 1) as WriteId;
      this.#writing = { write: this.lastWrite, hardState: false, truncateFrom: undefined, entries: [] };
    }
    return this.#writing;
  }

  /** A vote, or a newer term (then without a vote). Both are in this step's `persist`. */
  persistHardState(term: Term, votedFor: ServerId | undefined): void {
    invariant(term >= this.term, "a term never goes back");
    this.term = term;
    this.votedFor = votedFor;
    this.#write().hardState = true;
    this.#voteWrite = this.lastWrite;
  }

  /** This server has voted in its term, and may not say so yet. */
  get voteOnItsWay(): boolean {
    return this.votedFor !== undefined && this.durableWrite < this.#voteWrite;
  }

  /** How long the oldest write has been on its way: 0 when all is durable. */
  get pendingWriteMs(): number {
    const oldest = this.#writes[0];
    return oldest === undefined ? 0 : this.nowMs - oldest.startedMs;
  }

  appendEntry(entry: LogEntry): void {
    this.log.append(entry);
    this.#write().entries.push(entry);
  }

  truncateFrom(index: LogIndex): void {
    invariant(index > this.commitIndex, `a committed entry must never be truncated: ${index} <= ${this.commitIndex}`);
    const writing = this.#write();
    invariant(writing.entries.length === 0, "one step appends behind what it truncates, never the reverse");
    writing.truncateFrom = index;
    this.log.truncateFrom(index);
    // What an earlier write made or will make durable beyond the cut does not count any more.
    this.durableIndex = Math.min(this.durableIndex, index - 1);
    for (const pending of this.#writes) pending.lastIndex = Math.min(pending.lastIndex, index - 1);
    while (this.latest.index >= index) this.configurations.pop();
    this.followConfiguration();
  }

  /** A write of its own for `installSnapshot`, in the same order as the others. */
  installWrite(): WriteId {
    invariant(this.#writing === undefined, "a snapshot is installed in a step of its own");
    this.lastWrite = (this.lastWrite + 1) as WriteId;
    return this.lastWrite;
  }

  /** `write` and every earlier one are durable. */
  written(write: WriteId): void {
    if (write <= this.durableWrite) return;
    this.durableWrite = write;
    let done = 0;
    for (; done < this.#writes.length && this.#writes[done]!.write <= write; done++) {
      this.durableIndex = Math.max(this.durableIndex, this.#writes[done]!.lastIndex);
    }
    this.#writes.splice(0, done);
  }

  /** The log was replaced: no earlier write says anything about it. */
  forgetWrites(): void {
    for (const pending of this.#writes) pending.lastIndex = 0;
    this.durableIndex = this.log.lastIndex;
  }

  // --- end of a step -------------------------------------------------------------------------------

  takeEffects(): readonly RaftEffect[] {
    this.#announceConfiguration();
    this.#announceRole();
    const effects = this.#effects;
    this.#effects = [];
    const writing = this.#writing;
    if (writing === undefined) return effects;
    this.#writing = undefined;
    const { write, truncateFrom, entries } = writing;
    this.#writes.push({ write, startedMs: this.nowMs, lastIndex: entries.at(-1)?.index ?? 0 });
    const hardState: HardState | undefined = writing.hardState
      ? { term: this.term, votedFor: this.votedFor }
      : undefined;
    effects.unshift({
      type: "persist",
      write,
      entries,
      ...(hardState === undefined ? {} : { hardState }),
      ...(truncateFrom === undefined ? {} : { truncateFrom }),
    });
    return effects;
  }

  #announceRole(): void {
    const { role, term, leader } = this;
    const address = this.leaderAddress ?? "";
    const last = this.#announced;
    if (last.role === role && last.term === term && last.leader === leader && last.address === address) return;
    this.#announced = { role, term, leader, address };
    this.emit({
      type: "roleChanged",
      role,
      term,
      ...(leader === undefined ? {} : { leader }),
      ...(address === "" ? {} : { leaderAddress: address }),
      ...(this.campaign?.leadershipTransfer ? { leadershipTransfer: true } : {}),
    });
  }

  #announceConfiguration(): void {
    const announced = this.#announcedConfiguration;
    const { latest } = this;
    const committed = this.configurationAt(this.commitIndex);
    const latestIsNews = latest.index !== announced.latest;
    const committedIsNews = committed.index !== announced.committed;
    announced.latest = latest.index;
    announced.committed = committed.index;
    if (committedIsNews) this.emit({ type: "configurationChanged", ...committed, committed: true });
    // Also when a truncation brought the committed one back as the newest.
    if (latestIsNews && !(committedIsNews && latest === committed)) {
      this.emit({ type: "configurationChanged", ...latest, committed: latest.index <= this.commitIndex });
    }
  }
}
