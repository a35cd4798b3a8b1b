import type { Core } from "../lib/core.ts";
import { unreachable } from "../lib/invariant.ts";
import type { Rng } from "../lib/runtime.ts";
import { handOut, onApplied, onApplyLoaded } from "./commit.ts";
import {
  campaignAfterLease,
  electionTimedOut,
  onPeerConnectionLost,
  onPreVoteReply,
  onRequestPreVote,
  onRequestVote,
  onTimeoutNow,
  onVoteFailed,
  onVoteReply,
  ownVoteDurable,
  startCampaign,
} from "./election.ts";
import { onAppendEntries } from "./follower.ts";
import { leaderTick, leaderTickAt, leaderWork, propose, readLeaseUntilMs } from "./leader.ts";
import { bootstrap, proposeConfiguration } from "./membership.ts";
import { readIndex } from "./reads.ts";
import { onAppendReply, onPeerLoaded, onReplicationFailed, onSnapshotReply } from "./replication.ts";
import { becomeFollower, randomDeadline } from "./roles.ts";
import {
  onInstallSnapshot,
  onRestored,
  onSnapshotChunk,
  onSnapshotFailed,
  onSnapshotInstalled,
  onSnapshotReceived,
  onSnapshotTaken,
} from "./snapshots.ts";
import { type Exchange, type Peer, RaftState } from "./state.ts";
import { endTransfer, succession, transferLeadership } from "./transfer.ts";
import type {
  Configuration,
  ConfigurationCodec,
  LoadId,
  LogEntry,
  LogIndex,
  RaftEffect,
  RaftInput,
  RaftOptions,
  RaftReply,
  RaftStatus,
  WriteId,
} from "./types.ts";

/** What clocks may differ in pace before a restarted voter breaks the promise it made before. */
const LEASE_CLOCK_MARGIN = 4 / 3;

type MessageInput = Extract<RaftInput, { type: "message" }>;

/**
 * Raft as one state machine: `step` takes an input and returns effects, and this file only says which subject
 * an input belongs to. State is in `state.ts`, each transition in the file of its subject.
 */
export class RaftCore implements Core<RaftInput, RaftEffect> {
  readonly #s: RaftState;

  constructor(options: RaftOptions, dependencies: { readonly rng: Rng; readonly codec: ConfigurationCodec }) {
    this.#s = new RaftState(options, dependencies);
  }

  /** The first step must be a `tick`, right after start: a sole voter campaigns in it. */
  step(nowMs: number, input: RaftInput): readonly RaftEffect[] {
    const s = this.#s;
    s.nowMs = Math.max(s.nowMs, nowMs);
    if (!s.started) {
      s.started = true;
      s.electionDeadlineMs = randomDeadline(s, s.config.heartbeatTimeoutMs);
      if (s.term > 0) s.noVoteBeforeMs = s.nowMs + s.config.leaderLeaseTimeoutMs * LEASE_CLOCK_MARGIN;
      if (s.isSoleVoter) startCampaign(s, false); // nobody to wait for
    }
    this.#dispatch(input);
    if (s.role === "leader") leaderWork(s);
    handOut(s);
    // Where there is nobody to send them to, entries in memory only make garbage that is old when it is one.
    s.log.trim(s.isAlone ? 0 : s.config.maxLogCacheBytes, Math.min(s.durableIndex, s.handedIndex));
    return s.takeEffects();
  }

  /**
   * Whether this server may answer a read from its state machine at `nowMs` and be sure that no other leader has
   * committed anything before (Thesis §6.4.1). When not, `readIndex` asks a quorum.
   */
  mayReadByLease(nowMs: number): boolean {
    const s = this.#s;
    const { leading } = s;
    // Before its first own entry is applied, a leader's state may lack what others have acknowledged.
    if (leading === undefined || s.appliedIndex < leading.startIndex) return false;
    return s.isSoleVoter || nowMs < readLeaseUntilMs(s, leading);
  }

  /** Of a leader: how long writes take those who could go on without it, as of the last step; see `succession`. */
  successionMs(): number {
    const s = this.#s;
    return s.leading === undefined ? Number.POSITIVE_INFINITY : succession(s, s.leading);
  }

  nextTickAt(): number | undefined {
    const s = this.#s;
    if (!s.started) return s.nowMs;
    const atMs = s.leading === undefined ? s.electionDeadlineMs : leaderTickAt(s, s.leading);
    return atMs === Number.POSITIVE_INFINITY ? undefined : atMs;
  }

  #dispatch(input: RaftInput): void {
    const s = this.#s;
    switch (input.type) {
      case "propose":
        propose(s, input.proposals);
        return;
      case "persisted":
        this.#durable(input.write);
        return;
      case "applied":
        onApplied(s, input.index);
        return;
      case "message":
        this.#message(input);
        return;
      case "exchangeFailed": {
        const exchange = s.exchanges.get(input.exchange);
        if (exchange === undefined) return;
        s.exchanges.delete(input.exchange);
        this.#failed(exchange, input.reason === "unsupported");
        return;
      }
      case "tick":
        if (s.leading !== undefined) {
          if (!leaderTick(s, s.leading)) campaignAfterLease(s);
        } else if (s.nowMs >= s.electionDeadlineMs) electionTimedOut(s);
        return;
      case "readIndex":
        readIndex(s, input.read);
        return;
      case "proposeConfiguration":
        proposeConfiguration(s, input.proposal, input.change, input.prevIndex);
        return;
      case "transferLeadership":
        transferLeadership(s, input.proposal, input.target);
        return;
      case "bootstrap":
        bootstrap(s, input.configuration);
        return;
      case "entriesLoaded":
        this.#loaded(input.load, input.entries);
        return;
      case "restored":
        onRestored(s, input.snapshot);
        return;
      case "snapshotTaken":
        onSnapshotTaken(s, input.snapshot, input.firstIndex);
        return;
      case "snapshotChunk":
        onSnapshotChunk(s, input.exchange);
        return;
      case "snapshotReceived":
        onSnapshotReceived(s, input.exchange);
        return;
      case "snapshotFailed":
        onSnapshotFailed(s, input.exchange);
        return;
      case "snapshotInstalled":
        onSnapshotInstalled(s, input.write);
        this.#durable(input.write);
        return;
      case "peerConnectionLost":
        onPeerConnectionLost(s, input.peer);
        return;
      default:
        unreachable(input);
    }
  }

  #durable(write: WriteId): void {
    this.#s.written(write);
    ownVoteDurable(this.#s);
  }

  #message({ from, address, exchange, message }: MessageInput): void {
    const s = this.#s;
    switch (message.type) {
      case "appendEntries":
        onAppendEntries(s, from, address, exchange, message);
        return;
      case "requestVote":
        onRequestVote(s, from, exchange, message);
        return;
      case "requestPreVote":
        onRequestPreVote(s, from, exchange, message);
        return;
      case "installSnapshot":
        onInstallSnapshot(s, from, address, exchange, message);
        return;
      case "timeoutNow":
        onTimeoutNow(s, from, exchange);
        return;
      default: {
        const sent = s.exchanges.get(exchange);
        s.exchanges.delete(exchange);
        this.#reply(sent, message);
        return;
      }
    }
  }

  #reply(sent: Exchange | undefined, message: RaftReply): void {
    const s = this.#s;
    // A newer term ends whatever we are (Raft §5.1). Pre-vote replies carry a term nobody started yet.
    if (message.type !== "timeoutNowReply" && message.type !== "requestPreVoteReply" && message.term > s.term) {
      becomeFollower(s, message.term);
      return;
    }
    if (sent === undefined) return;
    const peer = s.leading?.peers.get(sent.peer);
    switch (message.type) {
      case "appendEntriesReply":
        if (peer !== undefined && (sent.kind === "append" || sent.kind === "heartbeat")) {
          onAppendReply(s, peer, sent, message);
        }
        return;
      case "requestVoteReply":
        if (sent.kind === "vote") onVoteReply(s, sent.peer, message);
        return;
      case "requestPreVoteReply":
        if (sent.kind === "preVote") onPreVoteReply(s, sent.peer, message);
        return;
      case "installSnapshotReply":
        if (peer !== undefined && sent.kind === "snapshot") onSnapshotReply(s, peer, sent, message.success);
        return;
      case "timeoutNowReply":
        return; // the election it starts is the answer
      default:
        unreachable(message);
    }
  }

  #failed(exchange: Exchange, unsupported: boolean): void {
    const s = this.#s;
    const peer = s.leading?.peers.get(exchange.peer);
    if (exchange.kind === "vote" || exchange.kind === "preVote") {
      onVoteFailed(s, exchange, unsupported);
      return;
    }
    if (exchange.kind === "timeoutNow") {
      if (s.leading !== undefined) endTransfer(s, s.leading, "the target could not be reached");
    } else if (peer !== undefined) {
      onReplicationFailed(s, peer, exchange);
    }
  }

  #loaded(load: LoadId, entries: readonly LogEntry[]): void {
    const s = this.#s;
    if (load === s.applyLoad) {
      onApplyLoaded(s, entries);
      return;
    }
    for (const peer of s.leading?.peers.values() ?? ([] as Peer[])) {
      if (peer.load === load) {
        onPeerLoaded(s, peer, entries);
        return;
      }
    }
  }

  /**
   * The configuration a snapshot of the state at `index` must name. Ask when the snapshot starts, with the index
   * the state machine has reached: older configurations are forgotten later.
   */
  configurationAt(index: LogIndex): { readonly index: LogIndex; readonly configuration: Configuration } {
    return this.#s.configurationAt(index);
  }

  /** When a leader was last heard from, in the clock of `step`: for every answer's meta, so without an object. */
  get lastContactAtMs(): number | undefined {
    return this.#s.lastContactMs;
  }

  status(): RaftStatus {
    const s = this.#s;
    const committed = s.configurationAt(s.commitIndex);
    return {
      role: s.role,
      term: s.term,
      leader: s.leader,
      leaderAddress: s.leaderAddress,
      commitIndex: s.commitIndex,
      appliedIndex: s.appliedIndex,
      firstLogIndex: s.log.firstIndex,
      lastLogIndex: s.log.lastIndex,
      lastLogTerm: s.log.lastTerm,
      snapshotIndex: s.log.snapshotIndex,
      snapshotTerm: s.log.snapshotTerm,
      configuration: s.latest.configuration,
      configurationIndex: s.latest.index,
      committedConfiguration: committed.configuration,
      committedConfigurationIndex: committed.index,
      lastContactAtMs: s.lastContactMs,
      peers: [...(s.leading?.peers.values() ?? [])].map(({ id, matchIndex, nextIndex, lastContactMs }) => ({
        id,
        matchIndex,
        nextIndex,
        lastContactAtMs: lastContactMs,
      })),
    };
  }
}
