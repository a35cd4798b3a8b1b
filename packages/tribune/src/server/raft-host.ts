import type { Core } from "../lib/core.ts";
import { TribuneError } from "../lib/errors.ts";
import { invariant } from "../lib/invariant.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type {
  Configuration,
  ConfigurationChange,
  ExchangeId,
  HardState,
  LogEntry,
  LogIndex,
  Proposal,
  ProposalId,
  RaftEffect,
  RaftInput,
  RaftStatus,
  ReadId,
  Role,
  ServerId,
  SettleOutcome,
  SnapshotMeta,
  WriteId,
} from "../raft/types.ts";
import type { DecodedCommand } from "../state/fsm.ts";
import { ForgettingMap } from "./forgetting-map.ts";

/** The durable log, as the host uses it. Appends become durable in the order they were asked for. */
export interface HostLog {
  append(entries: readonly LogEntry[], hardState?: HardState, truncateFrom?: number): Promise<void>;
  read(from: number, to: number, maxBytes: number): Promise<readonly LogEntry[]>;
}

/** The state machine: applies one committed entry and answers what the proposer gets. */
export interface HostStateMachine {
  /** A refusal is returned as an Error, not thrown: it is a result like any other, the same on every server. */
  apply(entry: LogEntry, decoded?: DecodedCommand): unknown;
}

/** The other servers, for a host that has any (`server/raft`). */
export interface HostPeers {
  /** May hold it until `durable` names the write it waits for. */
  send(effect: Effect<"send">): void;
  durable(write: WriteId): void;
  receiveSnapshot(effect: Effect<"receiveSnapshot">): void;
  discardSnapshot(exchange: ExchangeId): void;
  /** Called with every earlier entry applied. Resolves when all of it is done; a rejection stops the process. */
  install(effect: Effect<"installSnapshot">): Promise<void>;
  followConfiguration(configuration: Configuration): void;
  close(): void;
}

export type Contradiction = Effect<"contradicted">;

type Effect<T extends RaftEffect["type"]> = Extract<RaftEffect, { type: T }>;

export interface RaftCoreLike extends Core<RaftInput, RaftEffect> {
  status(): RaftStatus;
  mayReadByLease(nowMs: number): boolean;
  successionMs(): number;
  configurationAt(index: LogIndex): { readonly index: LogIndex; readonly configuration: Configuration };
  readonly lastContactAtMs: number | undefined;
}

export interface RoleChange {
  readonly role: Role;
  readonly term: number;
  readonly leader: ServerId | undefined;
  readonly leaderAddress: string | undefined;
  /** A candidate's, which the leader has asked to take over. */
  readonly leadershipTransfer?: boolean;
}

export interface RaftHostDependencies {
  readonly core: RaftCoreLike;
  readonly log: HostLog;
  readonly stateMachine: HostStateMachine;
  /** Undefined: this server is alone, and nothing it sends arrives. */
  readonly peers?: HostPeers | undefined;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Runs after the effects of the step that changed it were started. */
  readonly onRole: (change: RoleChange) => void;
  readonly onConfiguration: (configuration: Configuration, index: number, committed: boolean) => void;
  /** The leader's log and what is committed here cannot both be right. Comes again and again until something changes. */
  readonly onContradicted: (contradiction: Contradiction) => void;
  /** The process must stop: what the disk holds is not known any more, or a rule of our own was broken. */
  readonly onFatal: (error: Error) => void;
}

interface Waiting {
  /** When it was asked for. */
  readonly atMs: number;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
  /** Of a command: what its bytes say, as the proposer had it. */
  readonly command?: ProposedCommand | undefined;
}

interface ProposedCommand {
  readonly data: Uint8Array;
  readonly decoded: DecodedCommand;
}

/** Applying committed entries holds the event loop at most this long at a stretch. */
const APPLY_SLICE_MS = 8;

/**
 * Hosts the Raft core: feeds it inputs one at a time, starts what it asks for, and hands committed entries
 * to the state machine. Proposals that arrive in one turn of the event loop enter the log together, so that
 * one fdatasync makes all of them durable.
 */
export class RaftHost {
  readonly #d: RaftHostDependencies;
  readonly #inputs: RaftInput[] = [];
  #feeding = false;
  #stopped = false;
  #nextId = 1;
  /** Proposals of this turn, not yet given to the core. */
  #gathered: { readonly proposal: Proposal; readonly waiting: Waiting }[] = [];
  readonly #proposed = new ForgettingMap<ProposalId, Waiting>();
  /** Who waits for the result of the entry at an index. */
  readonly #byIndex = new ForgettingMap<number, Waiting>();
  readonly #reads = new ForgettingMap<ReadId, Waiting>();
  #applying: LogEntry[] = [];
  #applyScheduled = false;
  /** What waits for `#applying` to become empty. */
  #afterApply: (() => void)[] = [];
  /** What was applied last; readers may ask for at least this. */
  #appliedIndex = 0;
  #armedAtMs = Number.POSITIVE_INFINITY;
  #cancelTimer: () => void = () => {};

  constructor(dependencies: RaftHostDependencies) {
    this.#d = dependencies;
  }

  get appliedIndex(): number {
    return this.#appliedIndex;
  }

  status(): RaftStatus {
    return this.#d.core.status();
  }

  /** How long writes take those who could go on without this leader; Infinity when nobody could. */
  successionMs(): number {
    return this.#d.core.successionMs();
  }

  /** Milliseconds since a leader was heard from; undefined before the first time. */
  get lastContactMs(): number | undefined {
    const atMs = this.#d.core.lastContactAtMs;
    return atMs === undefined ? undefined : Math.max(0, this.#d.runtime.clock.nowMs() - atMs);
  }

  /** What a snapshot of the state as it is now has to name. */
  appliedConfiguration(): { readonly index: number; readonly configuration: Configuration } {
    return this.#d.core.configurationAt(this.#appliedIndex);
  }

  start(appliedIndex: number): void {
    this.#appliedIndex = appliedIndex;
    this.feed({ type: "tick" });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelTimer();
    this.#d.peers?.close();
    const unwritten = TribuneError.of("NO_LEADER");
    for (const { waiting } of this.#gathered.splice(0)) waiting.reject(unwritten);
    for (const waiting of this.#reads.takeAll()) waiting.reject(unwritten);
    for (const waiting of [...this.#proposed.takeAll(), ...this.#byIndex.takeAll()]) waiting.reject(lostOnTheWay());
  }

  /**
   * Proposes one command.
   *
   * @param decoded what `data` says, to be applied without reading it again: see `DecodedCommand`.
   * @returns what the state machine answered; rejects with the refusal, with `No cluster leader` when this server does
   *   not lead (nothing was written), or with another text when it lost leadership on the way (fate unknown).
   */
  propose(data: Uint8Array, extensions?: Uint8Array, decoded?: DecodedCommand): Promise<unknown> {
    return this.#gather("command", data, extensions, decoded && { data, decoded });
  }

  /** Resolves once everything that was committed before is applied here. */
  barrier(): Promise<unknown> {
    this.#d.metrics.count("raft.barrier");
    return this.#gather("barrier", new Uint8Array(0));
  }

  /** Whether the state may be read now as the leader's, without asking a quorum. */
  mayReadByLease(): boolean {
    return this.#d.core.mayReadByLease(this.#d.runtime.clock.nowMs());
  }

  /** Resolves once a quorum confirmed that this server leads and all that was committed before is applied. */
  verifyLeader(): Promise<unknown> {
    this.#d.metrics.count("raft.verify_leader");
    return this.#ask(this.#reads, (read) => ({ type: "readIndex", read }));
  }

  /** @param prevIndex the configuration that the change was decided upon; 0 for any. Resolves once it is committed. */
  changeConfiguration(change: ConfigurationChange, prevIndex = 0): Promise<unknown> {
    return this.#ask(this.#proposed, (proposal) => ({ type: "proposeConfiguration", proposal, change, prevIndex }));
  }

  /** Hands leadership to `target`, or to the voter that is most up to date. Resolves once another server leads. */
  transferLeadership(target?: ServerId): Promise<unknown> {
    return this.#ask(this.#proposed, (proposal) => ({
      type: "transferLeadership",
      proposal,
      ...(target === undefined ? {} : { target }),
    }));
  }

  /** A snapshot of the applied state is durable; entries before `firstIndex` will be deleted. */
  snapshotTaken(snapshot: SnapshotMeta, firstIndex: number): void {
    this.feed({ type: "snapshotTaken", snapshot, firstIndex });
  }

  /** The state was replaced and the log emptied; see the core's `restored`. */
  restored(snapshot: SnapshotMeta): void {
    this.#appliedIndex = snapshot.index;
    this.feed({ type: "restored", snapshot });
  }

  #waiting(resolve: Waiting["resolve"], reject: Waiting["reject"], command?: ProposedCommand): Waiting {
    return { atMs: this.#d.runtime.clock.nowMs(), resolve, reject, command };
  }

  #id<T extends number>(): T {
    return this.#nextId++ as T;
  }

  /** Asks the core something that it will answer by the id it is given. A host that has stopped has no core to ask. */
  #ask<Id extends number>(waiting: ForgettingMap<Id, Waiting>, input: (id: Id) => RaftInput): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(TribuneError.of("NO_LEADER"));
      const id = this.#id<Id>();
      waiting.set(id, this.#waiting(resolve, reject));
      this.feed(input(id));
    });
  }

  #gather(
    type: "command" | "barrier",
    data: Uint8Array,
    extensions?: Uint8Array,
    command?: ProposedCommand,
  ): Promise<unknown> {
    return new Promise((resolve, reject) => {
      if (this.#stopped) return reject(TribuneError.of("NO_LEADER"));
      const id = this.#id<ProposalId>();
      const appendedAtMs = this.#d.runtime.clock.wallMs();
      const proposal: Proposal =
        extensions === undefined ? { id, type, data, appendedAtMs } : { id, type, data, appendedAtMs, extensions };
      if (this.#gathered.length === 0) this.#d.runtime.timers.soon(() => this.#propose());
      this.#gathered.push({ proposal, waiting: this.#waiting(resolve, reject, command) });
    });
  }

  #propose(): void {
    const gathered = this.#gathered;
    if (gathered.length === 0) return;
    this.#gathered = [];
    for (const { proposal, waiting } of gathered) this.#proposed.set(proposal.id, waiting);
    this.#d.metrics.count("raft.apply", gathered.length);
    this.feed({ type: "propose", proposals: gathered.map(({ proposal }) => proposal) });
  }

  /** Never re-entered: what an effect brings about at once waits until the step's effects are all started. */
  feed(input: RaftInput): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#feeding) return;
    this.#feeding = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const effect of this.#d.core.step(this.#d.runtime.clock.nowMs(), next)) this.#start(effect);
      }
    } catch (error) {
      this.#fatal(error);
    } finally {
      this.#feeding = false;
    }
    this.#armTimer();
  }

  #start(effect: RaftEffect): void {
    switch (effect.type) {
      case "persist":
        return this.#persist(effect);
      case "send":
        return this.#send(effect);
      case "apply":
        return this.#enqueue(effect);
      case "settle":
        return this.#settle(effect.proposals, effect.outcome);
      case "readReady":
        return this.#readReady(effect);
      case "roleChanged": {
        const { role, term, leader, leaderAddress, leadershipTransfer = false } = effect;
        return this.#d.onRole({ role, term, leader, leaderAddress, leadershipTransfer });
      }
      case "configurationChanged":
        this.#d.peers?.followConfiguration(effect.configuration);
        return this.#d.onConfiguration(effect.configuration, effect.index, effect.committed);
      case "loadEntries":
        return this.#loadEntries(effect);
      case "receiveSnapshot":
        return this.#peers.receiveSnapshot(effect);
      case "discardSnapshot":
        return this.#peers.discardSnapshot(effect.exchange);
      case "installSnapshot":
        return this.#whenApplied(() => this.#install(effect));
      case "contradicted":
        return this.#d.onContradicted(effect);
      case "dropped": {
        const { from, reason } = effect;
        return this.#d.logger.warn("dropped a message that no correct peer sends", { from, reason });
      }
      default:
        effect satisfies never;
    }
  }

  #persist({ write, entries, hardState, truncateFrom }: Effect<"persist">): void {
    const { log, metrics, peers, runtime } = this.#d;
    const startedMs = runtime.clock.nowMs();
    if (entries.length > 0) metrics.gauge("raft.leader.dispatchNumLogs", entries.length);
    log.append(entries, hardState, truncateFrom).then(
      () => {
        metrics.sample("raft.leader.dispatchLog", runtime.clock.nowMs() - startedMs);
        peers?.durable(write);
        this.feed({ type: "persisted", write });
      },
      (error: unknown) => this.#fatal(error),
    );
  }

  #send(effect: Effect<"send">): void {
    const { peers, runtime } = this.#d;
    if (peers !== undefined) return peers.send(effect);
    // Nobody can be reached: it counts as failed.
    const { exchange } = effect;
    runtime.timers.soon(() => this.feed({ type: "exchangeFailed", exchange, reason: "failed" }));
  }

  #loadEntries({ load, from, to, maxBytes }: Effect<"loadEntries">): void {
    this.#d.log.read(from, to, maxBytes).then(
      (entries) => this.feed({ type: "entriesLoaded", load, entries }),
      (error: unknown) => this.#fatal(error),
    );
  }

  #readReady({ read, outcome }: Effect<"readReady">): void {
    const waiting = this.#reads.take(read);
    if ("index" in outcome) waiting?.resolve(outcome.index);
    else waiting?.reject(TribuneError.of(outcome.error === "busy" ? "RATE_EXCEEDED" : "NO_LEADER"));
  }

  get #peers(): HostPeers {
    invariant(this.#d.peers !== undefined, "no peer can send a snapshot to this server");
    return this.#d.peers;
  }

  #install(effect: Effect<"installSnapshot">): void {
    const { write, snapshot } = effect;
    this.#peers.install(effect).then(
      () => {
        this.#appliedIndex = snapshot.index;
        this.#d.peers?.durable(write);
        this.feed({ type: "snapshotInstalled", write });
      },
      (error: unknown) => this.#fatal(error),
    );
  }

  /** Runs once everything handed out so far is applied. */
  #whenApplied(run: () => void): void {
    if (this.#applying.length === 0) run();
    else this.#afterApply.push(run);
  }

  #settle(proposals: readonly ProposalId[], outcome: SettleOutcome): void {
    const { metrics, runtime } = this.#d;
    const { clock } = runtime;
    for (const [at, id] of proposals.entries()) {
      const waiting = this.#proposed.take(id);
      if (waiting === undefined) continue;
      // A transfer has no entry: index 0 says that it is done.
      if ("firstIndex" in outcome && outcome.firstIndex === 0) waiting.resolve(undefined);
      else if ("firstIndex" in outcome) {
        metrics.sample("raft.commitTime", clock.nowMs() - waiting.atMs);
        this.#byIndex.set(outcome.firstIndex + at, waiting);
      } else if (outcome.error === "busy") waiting.reject(TribuneError.of("RATE_EXCEEDED"));
      else if (outcome.error === "badConfiguration" || outcome.error === "transferFailed")
        waiting.reject(TribuneError.internal(outcome.message));
      else if (outcome.error === "leadershipLost") waiting.reject(lostOnTheWay());
      else waiting.reject(TribuneError.of("NO_LEADER", outcome.message));
    }
  }

  /**
   * At once where a proposer waits. A follower's flush and its acknowledgement are waited for, not this.
   * `#applyScheduled` keeps the order.
   */
  #enqueue({ entries }: Effect<"apply">): void {
    const { metrics, runtime } = this.#d;
    const startedMs = runtime.clock.nowMs();
    metrics.gauge("raft.commitNumLogs", entries.length);
    for (const entry of entries) this.#applying.push(entry);
    metrics.sample("raft.fsm.enqueue", runtime.clock.nowMs() - startedMs);
    if (this.#byIndex.size === 0) this.#applySoon();
    else if (!this.#applyScheduled) this.#apply();
  }

  #apply(): void {
    this.#applyScheduled = false;
    const { clock } = this.#d.runtime;
    const startedMs = clock.nowMs();
    const entries = this.#applying;
    let at = 0;
    try {
      while (at < entries.length) {
        const entry = entries[at++]!;
        const waiting = this.#byIndex.get(entry.index);
        // The very bytes that were proposed: an entry of another's would have its own.
        const command = waiting?.command?.data === entry.data ? waiting.command : undefined;
        const result = this.#d.stateMachine.apply(entry, command?.decoded);
        this.#appliedIndex = entry.index;
        if (waiting !== undefined) {
          this.#byIndex.take(entry.index);
          if (result instanceof Error) waiting.reject(result);
          else waiting.resolve(result);
        }
        if ((at & 15) === 0 && clock.nowMs() - startedMs > APPLY_SLICE_MS) break;
      }
    } catch (error) {
      this.#fatal(error);
      return;
    }
    this.#d.metrics.sample("raft.fsm.apply", clock.nowMs() - startedMs);
    const index = this.#appliedIndex;
    this.#applying = at < entries.length ? entries.slice(at) : [];
    this.feed({ type: "applied", index });
    if (this.#applying.length === 0 && this.#afterApply.length > 0) for (const run of this.#afterApply.splice(0)) run();
    if (this.#applying.length > 0) this.#applySoon();
  }

  #applySoon(): void {
    if (this.#applyScheduled) return;
    this.#applyScheduled = true;
    this.#d.runtime.timers.soon(() => this.#apply());
  }

  /** A timer that rings too early costs less than setting it anew with every message that moves the deadline on. */
  #armTimer(): void {
    const atMs = this.#d.core.nextTickAt() ?? Number.POSITIVE_INFINITY;
    if (atMs >= this.#armedAtMs || this.#stopped) return;
    this.#cancelTimer();
    this.#armedAtMs = atMs;
    this.#cancelTimer = this.#d.runtime.timers.after(Math.max(0, atMs - this.#d.runtime.clock.nowMs()), () => {
      this.#armedAtMs = Number.POSITIVE_INFINITY;
      this.feed({ type: "tick" });
    });
  }

  #fatal(error: unknown): void {
    if (this.#stopped) return;
    this.#d.onFatal(error instanceof Error ? error : new Error(String(error)));
    this.stop();
  }
}

/** The entry may still be committed by another leader. Whoever reads this text must not repeat the write by himself. */
function lostOnTheWay(): TribuneError {
  return new TribuneError("unavailable", "leadership lost while committing log");
}
