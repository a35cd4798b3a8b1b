import type { AnsweredBy, AutopilotConfig, ConfigEntry, Coordinate, LaterPart, Schema, Struct } from "@tribune/api";
import { decodedForm } from "../codec/decoded-form.ts";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import type { LeaderApi, PoolsApi } from "../endpoints/agent-api.ts";
import { type Method, Settled } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import { type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Runtime, Stream } from "../lib/runtime.ts";
import { isSteps } from "../lib/steps.ts";
import type { PoolEvent } from "../pool/types.ts";
import { RaftCore } from "../raft/raft-core.ts";
import { DEFAULT_RAFT_CONFIG, type RaftInput, type ServerId } from "../raft/types.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { Bootstrap } from "./bootstrap.ts";
import { QuestionCounts, timeOf, timeOfRead } from "./call-measures.ts";
import { CHUNK_BYTES, commandPieces } from "./chunked-proposal.ts";
import { Contradictions, type StartOverPort } from "./contradictions.ts";
import { DiskWatch } from "./disk-watch.ts";
import { resumeHistory } from "./history-file.ts";
import { hostPort, type ServerIdentity } from "./identity.ts";
import { Autopilot } from "./leader/autopilot.ts";
import { requireKeepers, whyNotPeer } from "./leader/later-kinds.ts";
import { LeaderDuties } from "./leader/leader-duties.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import { Leadership } from "./leadership.ts";
import { lonePools } from "./lone-pools.ts";
import type { PeersPort } from "./peers-port.ts";
import { type PeersRecovery, recoverPeers } from "./peers-recovery.ts";
import { QueryEngine } from "./query-engine.ts";
import { RaftPeers, sameSnapshot } from "./raft/peers.ts";
import { RaftTransport } from "./raft/raft-transport.ts";
import { SnapshotIntake } from "./raft/snapshot-intake.ts";
import { raftConfigurationCodec } from "./raft-codec.ts";
import { RaftHost, type RoleChange } from "./raft-host.ts";
import { scanLog } from "./raft-storage.ts";
import { type Freshness, type ServerRead, type ServerReadOutcome, ServerReads } from "./reads.ts";
import { ServerDirectory, splitHostPort } from "./server-directory.ts";

import { ServerGauges } from "./server-gauges.ts";

import { ServerOperator } from "./server-operator.ts";

import { SnapshotService } from "./snapshot-service.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper, StoredSnapshot } from "./storage-port.ts";

/** How many of the log's first entries are looked at for the age of the log. */
const OLDEST_ENTRIES = 8;

export interface ServerOptions {
  readonly identity: ServerIdentity;
  readonly raft: {
    readonly heartbeatTimeoutMs: number;
    readonly electionTimeoutMs: number;
    readonly leaderLeaseTimeoutMs: number;
    readonly snapshotIntervalMs: number;
    readonly snapshotThreshold: number;
    readonly trailingLogs: number;
    /** Ask the others before campaigning; yes when left out. */
    readonly preVote?: boolean;
  };
  /** Make this server the first of its datacenter if it holds no state (`bootstrap`, `bootstrap_expect` 1). */
  readonly bootstrap: boolean;
  /** `bootstrap_expect` above 1: begin once so many servers have found each other. 0 or absent: wait to be added. */
  readonly bootstrapExpect?: number;
  readonly rpcHoldTimeoutMs: number;
  /** The mesh is switched on. */
  readonly connectEnabled: boolean;
  /** `default_intention_policy`; yes when left out. */
  readonly intentionsDefaultAllow?: boolean;
  readonly sessionTtlMinMs: number;
  readonly autopilot: AutopilotConfig;
  /** As `decodeBootstrapEntries` makes them; none when left out. */
  readonly bootstrapEntries?: readonly ConfigEntry[];
}

export interface ServerDependencies {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly stateMachine: StateMachine;
  readonly lockDelays: LockDelays;
  readonly log: DurableLog;
  /** Term and vote as the log had them. */
  readonly hardState: { readonly term: number; readonly votedFor: string | undefined };
  /** In dev mode they are kept in memory. */
  readonly snapshots: SnapshotKeeper;
  /** Undefined: a server alone, without a pool or an RPC port. */
  readonly peers?: PeersPort | undefined;
  /** A peer set from an operator's `peers.json`, which replaces the one in log and snapshots at this start. */
  readonly recovery?: PeersRecovery | undefined;
  /** How to begin anew; absent in dev mode. */
  readonly startOver?: StartOverPort | undefined;
  /** See `RaftOptions`: this server began anew and is not filled again yet. */
  readonly refillTerm?: number | undefined;
  readonly onFatal: (error: Error) => void;
  /** What gossip knows; absent for a server without. */
  readonly pools?: PoolsApi;
}

/** What of a call's request says who may answer it; not every request has these fields. */
export interface CallRequest {
  readonly Datacenter?: string;
  readonly AllowStale?: boolean;
  readonly RequireConsistent?: boolean;
}

const QUESTIONS_MAX = 8192;
const SHOWN_BYTES_MAX = 48 << 20;
const WAKE_SLICE_MS = 4;
/** A flush that takes as many election timeouts costs this server its leadership: others have disks that work. */
const STALLED_DISK_TIMEOUTS = 2;

/** Server mode: Raft, the state it replicates, and the answers read from it. */
export class Server {
  readonly engine: QueryEngine;
  readonly operator: ServerOperator;
  readonly #options: ServerOptions;
  readonly #d: ServerDependencies;
  readonly #leadership: Leadership;
  readonly #duties: LeaderDuties;
  readonly #leader: LeaderApi;
  readonly #directory: ServerDirectory;
  readonly #autopilot: Autopilot;
  readonly #questions: QuestionCounts;
  readonly #gauges: ServerGauges;
  readonly #reads: ServerReads;
  #host!: RaftHost;
  #peers!: RaftPeers;
  #bootstrap: Bootstrap | undefined;
  #diskWatch: DiskWatch | undefined;
  #snapshotter: Snapshotter | undefined;
  #snapshots!: SnapshotService;
  readonly #onLeader = new Set<() => void>();
  #role: RoleChange = { role: "follower", term: 0, leader: undefined, leaderAddress: undefined };
  #stopped = false;

  constructor(options: ServerOptions, dependencies: ServerDependencies) {
    this.#options = options;
    this.#d = dependencies;
    const { runtime, stateMachine, logger, lockDelays } = dependencies;
    this.engine = new QueryEngine(
      { questionsMax: QUESTIONS_MAX, shownBytesMax: SHOWN_BYTES_MAX, sliceMs: WAKE_SLICE_MS },
      stateMachine.db,
      runtime,
    );
    this.#leadership = new Leadership(options.rpcHoldTimeoutMs, runtime.timers);
    const { identity } = options;
    const { peers, metrics } = dependencies;
    this.#questions = new QuestionCounts(metrics);
    this.#gauges = new ServerGauges({
      datacenter: identity.datacenter,
      runtime,
      metrics,
      db: stateMachine.db,
      members: () => peers?.members() ?? [],
      now: () => ({
        appliedIndex: this.#host.appliedIndex,
        lastIndex: this.#host.status().lastLogIndex,
        peers: this.#host.status().configuration.servers.length,
        isLeader: this.isLeader,
        sessionTimers: this.sessionTimers,
        blocked: this.engine.waiting,
      }),
      oldestEntryAtMs: async () => {
        const { log } = dependencies;
        if (log.firstIndex > log.lastIndex) return undefined;
        // Raft's own entries, as at the beginning of a log or of a term, have no time.
        for (let index = log.firstIndex; index < log.firstIndex + OLDEST_ENTRIES && index <= log.lastIndex; index++) {
          const atMs = (await log.read(index, index + 1, 1))[0]?.appendedAtMs;
          if (atMs !== undefined) return atMs;
        }
        return undefined;
      },
      report: () => this.#questions.report(),
    });
    this.#directory = new ServerDirectory(() => peers?.members() ?? [], identity.datacenter);
    const host = (): RaftHost => this.#host;
    const role = (): RoleChange => this.#role;
    // Without ACLs everything is allowed that nobody forbids.
    const { connectEnabled, intentionsDefaultAllow = true } = options;
    this.#reads = new ServerReads({
      ...{ identity, connectEnabled, intentionsDefaultAllow, host, role },
      engine: this.engine,
      history: stateMachine.history === undefined ? undefined : this.engine.beside(stateMachine.history),
      leadership: this.#leadership,
      questions: this.#questions,
    });
    this.operator = new ServerOperator({
      ...{ identity, logger, host, role },
      alone: peers === undefined,
      directory: this.#directory,
      leadership: this.#leadership,
      autopilot: () => this.#autopilot,
      db: stateMachine.db,
      freshness: () => this.#reads.freshness(),
    });
    this.#autopilot = new Autopilot({
      self: identity.id as ServerId,
      runtime,
      logger: logger.named("autopilot"),
      metrics,
      status: () => this.#host.status(),
      rules: () => this.operator.autopilotConfig() ?? options.autopilot,
      servers: () => [...this.operator.knownServers().values()],
      stats: async (id) => {
        const server = this.#directory.byId(id);
        if (server === undefined || peers === undefined) throw new Error("no member has this id");
        return peers.raftStats(server);
      },
      change: (change) => this.#host.changeConfiguration(change),
      removeFailed: (name) => peers?.removeFailed(name),
    });
    this.#duties = new LeaderDuties({
      identity,
      autopilotDefaults: options.autopilot,
      connectEnabled: options.connectEnabled,
      bootstrapEntries: options.bootstrapEntries ?? [],
      db: stateMachine.db,
      runtime,
      logger,
      metrics,
      autopilot: this.#autopilot,
      peers,
      appliedIndex: () => this.#host.appliedIndex,
      requireKeepers: (part) => this.#requireKeepers(part),
      whyNotPeer: async (server) => {
        // What was written before this server was seen is applied behind this.
        const isPeer = this.#host.status().configuration.servers.some(({ id }) => id === server.id);
        if (!isPeer) await this.#host.barrier();
        return whyNotPeer(server, stateMachine.db, dependencies.log.firstIndex);
      },
      propose: (type, schema, request) => this.#propose(type, schema, request),
    });
    this.#leader = {
      datacenter: options.identity.datacenter,
      nodeName: options.identity.name,
      ...{ connectEnabled, intentionsDefaultAllow },
      rng: runtime.rng,
      operator: this.operator,
      pools: dependencies.pools ?? lonePools(options.identity),
      sessionTtlMinNs: options.sessionTtlMinMs * 1e6,
      wallMs: () => runtime.clock.wallMs(),
      peek: (read) => stateMachine.db.peek(read),
      lockDelayMs: (key) => lockDelays.leftMs(key),
      resetSessionTimer: (id, ttl) => this.#duties.resetSession(id, ttl),
      clearSessionTimer: (id) => this.#duties.clearSession(id),
      requireKeepers: (part) => this.#requireKeepers(part),
      queueCoordinate: (coordinate) => this.#duties.queueCoordinate(coordinate),
    };
  }

  /** Restores the newest snapshot, reads the log and starts Raft. A sole voter leads right after. */
  async start(): Promise<void> {
    const { stateMachine, snapshots, log, hardState, runtime, logger, metrics, onFatal } = this.#d;
    const { identity, raft } = this.#options;
    if (this.#d.recovery !== undefined) await recoverPeers(this.#d.recovery, { log, keeper: snapshots, stateMachine });
    const snapshot: StoredSnapshot | undefined = snapshots.newest();
    if (snapshot !== undefined) {
      const startedMs = runtime.clock.nowMs();
      (await stateMachine.prepareRestore(snapshot.read())).commit(snapshot.meta.index);
      if (stateMachine.history !== undefined) await resumeHistory(stateMachine.history, snapshot, { logger });
      const tookMs = runtime.clock.nowMs() - startedMs;
      metrics.sample("raft.fsm.restore", tookMs);
      metrics.gauge("raft.fsm.lastRestoreDuration", tookMs);
    }
    const core = new RaftCore(
      {
        id: identity.id as ServerId,
        config: {
          ...DEFAULT_RAFT_CONFIG,
          heartbeatTimeoutMs: raft.heartbeatTimeoutMs,
          electionTimeoutMs: raft.electionTimeoutMs,
          leaderLeaseTimeoutMs: raft.leaderLeaseTimeoutMs,
          preVote: raft.preVote ?? true,
        },
        hardState: { term: hardState.term, votedFor: hardState.votedFor as ServerId | undefined },
        log: await scanLog(log, snapshot?.meta),
        snapshot: snapshot?.meta,
        refillTerm: this.#d.refillTerm,
      },
      { rng: runtime.rng, codec: raftConfigurationCodec },
    );
    const peers = this.#openPeers();
    this.#peers = peers;
    const contradictions = new Contradictions({
      ...{ startOver: this.#d.startOver, clock: runtime.clock, onFatal },
      logger: logger.named("raft"),
    });
    this.#host = new RaftHost({
      core,
      log: peers.log,
      stateMachine,
      peers: this.#d.peers === undefined ? undefined : peers,
      runtime,
      logger: logger.named("raft"),
      metrics,
      onRole: (change) => this.#roleChanged(change),
      onConfiguration: (configuration) => {
        this.#directory.follow(configuration);
        this.#paceLog();
      },
      onContradicted: (contradiction) => contradictions.seen(contradiction),
      onFatal,
    });
    this.#snapshotter = new Snapshotter(
      { intervalMs: raft.snapshotIntervalMs, threshold: raft.snapshotThreshold, trailingLogs: raft.trailingLogs },
      {
        host: this.#host,
        log,
        keeper: snapshots,
        stateMachine,
        runtime,
        logger: logger.named("snapshot"),
        metrics,
        onFatal,
      },
    );
    this.#snapshotter.start();
    this.#snapshots = new SnapshotService({
      host: this.#host,
      log,
      keeper: snapshots,
      stateMachine,
      leadership: this.#leadership,
      runtime,
      metrics,
      logger: logger.named("snapshot"),
      requireKeepers: (part) => this.#requireKeepers(part),
      onRestoring: () => this.#duties.end(),
      onReplaced: (index, wentBack) => this.engine.replaced(index, wentBack),
      onRestored: () => this.#duties.begin(),
      onFatal,
    });
    this.#host.start(snapshot?.meta.index ?? 0);
    if (this.#options.bootstrap) {
      const address = hostPort(identity.address, identity.rpcPort);
      this.#host.feed({
        type: "bootstrap",
        configuration: { servers: [{ id: identity.id as ServerId, address, suffrage: "voter" }] },
      });
    }
    this.#waitForOthers();
    this.#diskWatch = new DiskWatch(
      { stallMs: STALLED_DISK_TIMEOUTS * raft.electionTimeoutMs },
      { host: this.#host, log, runtime, logger, metrics },
    );
    this.#diskWatch.start();
    if (metrics !== noMetrics) this.#gauges.start();
  }

  #requireKeepers(part: LaterPart): void {
    const { configuration } = this.#host.status();
    requireKeepers(part, { servers: this.#directory.servers(), peers: configuration, self: this.#options.identity.id });
  }

  #waitForOthers(): void {
    const { peers, runtime, logger } = this.#d;
    const { identity, bootstrap, bootstrapExpect = 0 } = this.#options;
    if (bootstrap || bootstrapExpect <= 1 || peers === undefined) return;
    this.#bootstrap = new Bootstrap({
      datacenter: identity.datacenter,
      expect: bootstrapExpect,
      timers: runtime.timers,
      logger,
      servers: () => this.#directory.servers(),
      statusPeers: (server) => peers.statusPeers(server),
      hasState: () => {
        const { lastLogIndex, configuration } = this.#host.status();
        return lastLogIndex > 0 || configuration.servers.length > 0;
      },
      bootstrap: (configuration) => this.#host.feed({ type: "bootstrap", configuration }),
    });
    this.#bootstrap.look();
  }

  /** The Raft core's other servers, and the log in the order in which it is written with them. */
  #openPeers(): RaftPeers {
    const { identity } = this.#options;
    const { runtime, logger, metrics, snapshots, log, stateMachine, peers } = this.#d;
    const raftLogger = logger.named("raft");
    const feed = (input: RaftInput): void => this.#host.feed(input);
    const transport = new RaftTransport({
      runtime,
      logger: raftLogger,
      metrics,
      self: { id: identity.id as ServerId, address: hostPort(identity.address, identity.rpcPort) },
      dial: async (id, address) => {
        if (peers === undefined) throw new Error("this server has no peers");
        return peers.dialRaft({ name: this.#directory.byId(id)?.name ?? "", ...splitHostPort(address) });
      },
      addressOf: (id) => this.#directory.addressOf(id),
      idOf: (address) => this.#directory.idOf(address),
      snapshot: (meta) => sameSnapshot(snapshots, meta),
      feed,
    });
    const intake = new SnapshotIntake(snapshots, feed, raftLogger);
    return new RaftPeers({
      ...{ transport, intake, log, stateMachine },
      onInstalled: (index, wentBack) => {
        logger.info("installed a snapshot of the leader", { index });
        metrics.count("raft.restore");
        this.engine.replaced(index, wentBack);
      },
    });
  }

  /** Takes over a connection on which a peer speaks Raft, behind its first byte. */
  acceptRaft(stream: Stream): void {
    this.#d.metrics.count("rpc.raft_handoff");
    if (this.#stopped || this.#d.peers === undefined) stream.destroy();
    else this.#peers.accept(stream);
  }

  /** Something changed in the LAN pool. */
  memberEvent(event: PoolEvent): void {
    this.#directory.refresh();
    this.#bootstrap?.look();
    this.#duties.memberEvent(event);
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#bootstrap?.stop();
    this.#diskWatch?.stop();
    this.#gauges.stop();
    this.#leadership.lost();
    this.#duties.end();
    await this.#snapshotter?.stop();
    this.#host?.stop();
    await this.#d.log.close();
  }

  /** Resolves once this server leads and is ready to answer. */
  waitForLeader(): Promise<void> {
    return this.#leadership.waitReady();
  }

  get isLeader(): boolean {
    return this.#leadership.ready;
  }

  /**
   * Runs once: when this server is ready to lead, at once if it is, or when another begins to be known as the leader.
   *
   * @returns cancel
   */
  onLeader(run: () => void): () => void {
    let over = false;
    const cancel = (): void => {
      over = true;
      this.#onLeader.delete(once);
      cancelLeading();
    };
    const once = (): void => {
      if (over) return;
      cancel();
      run();
    };
    let cancelLeading = (): void => {};
    this.#onLeader.add(once);
    cancelLeading = this.#leadership.whenReady((refusal) => {
      if (refusal === undefined) once();
    });
    return cancel;
  }

  /** Whether this server may answer now: the leader everything, the others what is theirs or may be stale. */
  mayAnswer(answeredBy: AnsweredBy, { AllowStale }: CallRequest): boolean {
    if (this.#leadership.ready || answeredBy === "any") return true;
    return answeredBy === "asked" && AllowStale === true && this.#host.lastContactMs !== undefined;
  }

  /** Resolves once a quorum confirmed that this server leads. */
  async verifyLeader(): Promise<void> {
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    await this.#host.verifyLeader();
    metrics.sample("rpc.consistentRead", runtime.clock.nowMs() - startedMs);
  }

  get snapshots(): SnapshotService {
    return this.#snapshots;
  }

  raftStatus(): ReturnType<RaftHost["status"]> {
    return this.#host.status();
  }

  get sessionTimers(): number {
    return this.#duties.sessionTimers;
  }

  #roleChanged(change: RoleChange): void {
    const led = this.#role.role === "leader";
    if (change.role !== this.#role.role) this.#d.metrics.count(`raft.state.${change.role}`);
    if (change.role === "candidate" && change.leadershipTransfer !== true)
      this.#d.metrics.count("raft.transition.heartbeat_timeout");
    const known = this.#role.leader;
    this.#logRole(change);
    this.#role = change;
    if (change.leader !== undefined && change.leader !== known && change.role !== "leader")
      for (const run of [...this.#onLeader]) run();
    const leads = change.role === "leader";
    if (leads === led) return;
    this.#paceLog();
    const { logger } = this.#d;
    if (!leads) {
      this.#leadership.lost();
      this.#duties.end();
      logger.info("cluster leadership lost", { term: change.term });
      return;
    }
    logger.info("cluster leadership acquired", { term: change.term });
    this.#lead(change.term).catch((error: unknown) => {
      if (!this.#stopped) logger.error("could not take up leadership", { error });
    });
  }

  /** Consul's lines about who leads, since alerts are made of them. */
  #logRole({ role, term, leaderAddress = "", leadershipTransfer = false }: RoleChange): void {
    const logger = this.#d.logger.named("raft");
    const { address, rpcPort } = this.#options.identity;
    const node = `Node at ${hostPort(address, rpcPort)}`;
    const before = this.#role;
    if (role === before.role) return;
    switch (role) {
      case "candidate":
        if (!leadershipTransfer)
          logger.warn("heartbeat timeout reached, starting election", { "last-leader": before.leaderAddress ?? "" });
        logger.info("entering candidate state", { node: `${node} [Candidate]`, term });
        return;
      case "leader":
        logger.info("election won", { term });
        logger.info("entering leader state", { leader: `${node} [Leader]` });
        return;
      case "follower":
        logger.info("entering follower state", { follower: `${node} [Follower]`, leader: leaderAddress });
    }
  }

  /**
   * A leader of others waits for its disk beside the loop: while that stands still they commit without it, and hear from
   * it, until it hands over. Whoever follows, or is alone, has nothing better to do.
   */
  #paceLog(): void {
    this.#d.log.mayHoldTheLoop = this.#role.role !== "leader" || this.#host.status().configuration.servers.length < 2;
  }

  /** Nobody is answered before the entries of earlier terms are applied: they were acknowledged by someone. */
  async #lead(term: number): Promise<void> {
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    await this.#host.barrier();
    metrics.sample("leader.barrier", runtime.clock.nowMs() - startedMs);
    if (this.#role.term !== term || this.#role.role !== "leader") return;
    this.#leadership.gained();
    await this.#duties.begin();
  }

  // ---- writes ----

  /** Proposes a command of our own making once this server leads. */
  async propose<T>(type: number, schema: Schema<T>, request: T): Promise<unknown> {
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    return this.#propose(type, schema, request);
  }

  /** Reads the state as it is here, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T {
    return this.#d.stateMachine.db.peek(read);
  }

  queueCoordinate(coordinate: Coordinate): void {
    this.#duties.queueCoordinate(coordinate);
  }

  async #propose<T>(type: number, schema: Schema<T>, request: T): Promise<unknown> {
    const data = encodeStruct(schema, request, type);
    if (data.length <= CHUNK_BYTES) {
      const decoded = decodedForm(schema, request);
      return this.#host.propose(data, undefined, decoded && { schema: schema as Schema<unknown>, request: decoded });
    }
    const opNum = BigInt(`0x${Buffer.from(this.#d.runtime.rng.bytes(8)).toString("hex")}`);
    // Proposed in one turn, they enter the log together, in one term.
    const pieces = commandPieces(data, opNum);
    return (await Promise.all(pieces.map((piece) => this.#host.propose(piece.data, piece.extensions)))).at(-1);
  }

  /** Validates, completes and proposes a write. Rejects with the refusal's text as Consul words it. */
  write(endpoint: Method, request: { readonly Datacenter: string }): Promise<unknown> {
    return this.#timed(endpoint, this.#write(endpoint, request));
  }

  /** Measures how long it takes, whatever comes of it. */
  #timed(endpoint: Method, work: Promise<unknown>): Promise<unknown> {
    const name = timeOf(endpoint);
    if (name === undefined) return work;
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    const done = (): void => metrics.sample(name, runtime.clock.nowMs() - startedMs);
    work.then(done, done);
    return work;
  }

  async #write(endpoint: Method, request: { readonly Datacenter: string }): Promise<unknown> {
    const { contract, binding } = endpoint;
    if (contract.kind !== "write") throw TribuneError.internal(`${endpoint.name} is no write`);
    this.#reads.requireDatacenter(request.Datacenter);
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    const prepared = binding.prepare === undefined ? request : binding.prepare(request, this.#leader);
    if (prepared instanceof Settled) return prepared.result;
    let result: unknown;
    try {
      result = await this.#propose(contract.raftType, contract.request as Struct<unknown>, prepared);
    } catch (error) {
      throw prefixed(binding.errorPrefix, error);
    }
    binding.applied?.(result, prepared, this.#leader);
    return result;
  }

  /** Answers a call as this server may: at once if any server may, else when it leads. */
  call(endpoint: Method, request: CallRequest): Promise<unknown> {
    return this.#timed(endpoint, this.#call(endpoint, request));
  }

  /**
   * The same, if it needs nobody else and no wait; else undefined. A promise of what takes several turns of the event
   * loop. Throws what it is refused with.
   */
  callNow(endpoint: Method, request: CallRequest): unknown {
    const { contract, binding } = endpoint;
    if (contract.kind !== "call" || contract.answeredBy !== "asked") return undefined;
    if (request.RequireConsistent === true) return undefined;
    if (request.AllowStale !== true && !this.#reads.mayReadAsLeader()) return undefined;
    this.#reads.requireDatacenter(request.Datacenter ?? "");
    const { runtime, metrics } = this.#d;
    const name = timeOf(endpoint);
    const startedMs = runtime.clock.nowMs();
    let result: unknown;
    try {
      result = this.#answer(binding, request);
      return result;
    } finally {
      if (name !== undefined) {
        const done = (): void => metrics.sample(name, runtime.clock.nowMs() - startedMs);
        if (result instanceof Promise) result.then(done, done);
        else done();
      }
    }
  }

  #answer(binding: Method["binding"], request: CallRequest): unknown {
    const result: unknown = binding.answer(request, this.#leader as never, undefined as never);
    return result instanceof Object && isSteps(result) ? this.engine.carryOn(result) : result;
  }

  async #call(endpoint: Method, request: CallRequest): Promise<unknown> {
    const { contract, binding } = endpoint;
    if (contract.kind !== "call") throw TribuneError.internal(`${endpoint.name} is no call`);
    this.#reads.requireDatacenter(request.Datacenter ?? "");
    const asked = contract.answeredBy === "asked";
    if (contract.answeredBy === "leader" || (asked && request.AllowStale !== true)) {
      if (!this.#leadership.ready) await this.#leadership.waitReady();
      if (asked && (request.RequireConsistent === true || !this.#reads.mayReadAsLeader()))
        await this.#host.verifyLeader();
    }
    return this.#answer(binding, request);
  }

  // ---- reads ----

  /** How fresh what this server holds is. */
  freshness(): Freshness {
    return this.#reads.freshness();
  }

  /** The answer if the mode asked for lets it be had at once. Throws what the query refuses. */
  readNow(read: ServerRead): ServerReadOutcome | undefined {
    const name = timeOfRead(read.endpoint);
    if (name === undefined) return this.#reads.now(read);
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    const outcome = this.#reads.now(read);
    if (outcome !== undefined) metrics.sample(name, runtime.clock.nowMs() - startedMs);
    return outcome;
  }

  /** Answers by callback, at once where that is possible. @returns cancel, after which nothing comes. */
  readLater(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    const name = timeOfRead(read.endpoint);
    if (name === undefined) return this.#reads.later(read, deliver);
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    return this.#reads.later(read, (outcome) => {
      metrics.sample(name, runtime.clock.nowMs() - startedMs);
      deliver(outcome);
    });
  }
}

function prefixed(prefix: string | undefined, error: unknown): unknown {
  if (prefix === undefined || !(error instanceof TribuneError) || error.code !== undefined) return error;
  return new TribuneError(error.kind, prefix + error.message, { cause: error });
}
