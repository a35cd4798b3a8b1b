import type { AnsweredBy, Coordinate, LaterPart, Schema } from "@tribune/api";
import type { LeaderApi } from "../endpoints/agent-api.ts";
import type { Method } from "../endpoints/binding.ts";
import { noMetrics } from "../lib/metrics.ts";
import type { Cancel, Stream } from "../lib/runtime.ts";
import type { PoolEvent } from "../pool/types.ts";
import type { RaftCore } from "../raft/raft-core.ts";
import type { RaftInput, ServerId } from "../raft/types.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { Bootstrap } from "./bootstrap.ts";
import { CallTimes, QuestionCounts } from "./call-measures.ts";
import { type CallRequest, ServerCalls } from "./calls.ts";
import { Contradictions } from "./contradictions.ts";
import { DiskWatch } from "./disk-watch.ts";
import { hostPort } from "./identity.ts";
import { Autopilot } from "./leader/autopilot.ts";
import { requireKeepers, whyNotPeer } from "./leader/later-kinds.ts";
import { LeaderDuties } from "./leader/leader-duties.ts";
import { Leadership } from "./leadership.ts";
import { lonePools } from "./lone-pools.ts";
import { recoverPeers } from "./peers-recovery.ts";
import { Proposer } from "./proposer.ts";
import { QueryEngine } from "./query-engine.ts";
import { RaftPeers, sameSnapshot } from "./raft/peers.ts";
import { RaftTransport } from "./raft/raft-transport.ts";
import { SnapshotIntake } from "./raft/snapshot-intake.ts";
import { RaftHost, type RoleChange } from "./raft-host.ts";
import { oldestEntryAtMs } from "./raft-storage.ts";
import { type Freshness, type ServerRead, type ServerReadOutcome, ServerReads } from "./reads.ts";
import { recoverCore, restoreState } from "./recovery.ts";
import { RoleWatch } from "./role-watch.ts";
import { ServerDirectory, splitHostPort } from "./server-directory.ts";
import { ServerGauges } from "./server-gauges.ts";
import { ServerOperator } from "./server-operator.ts";
import type { ServerDependencies, ServerOptions } from "./server-options.ts";
import { SnapshotService } from "./snapshot-service.ts";
import { Snapshotter } from "./snapshotter.ts";
import { ServerWrites } from "./writes.ts";

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
  readonly #directory: ServerDirectory;
  readonly #autopilot: Autopilot;
  readonly #gauges: ServerGauges;
  readonly #roles: RoleWatch;
  readonly #proposer: Proposer;
  readonly #reads: ServerReads;
  readonly #writes: ServerWrites;
  readonly #calls: ServerCalls;
  #host!: RaftHost;
  #peers!: RaftPeers;
  #bootstrap: Bootstrap | undefined;
  #diskWatch: DiskWatch | undefined;
  #snapshotter: Snapshotter | undefined;
  #snapshots!: SnapshotService;
  #stopped = false;

  constructor(options: ServerOptions, dependencies: ServerDependencies) {
    this.#options = options;
    this.#d = dependencies;
    const { runtime, stateMachine, logger } = dependencies;
    this.engine = new QueryEngine(
      { questionsMax: QUESTIONS_MAX, shownBytesMax: SHOWN_BYTES_MAX, sliceMs: WAKE_SLICE_MS },
      stateMachine.db,
      runtime,
    );
    this.#leadership = new Leadership(options.rpcHoldTimeoutMs, runtime.timers);
    const { identity } = options;
    const { peers, metrics } = dependencies;
    const questions = new QuestionCounts(metrics);
    const times = new CallTimes(runtime.clock, metrics);
    const leadership = this.#leadership;
    this.#roles = new RoleWatch({ identity, leadership, logger: logger.named("raft"), metrics });
    this.#gauges = this.#newGauges(questions);
    this.#directory = new ServerDirectory(() => peers?.members() ?? [], identity.datacenter);
    const host = (): RaftHost => this.#host;
    const role = (): RoleChange => this.#roles.current;
    this.#proposer = new Proposer({ host, rng: runtime.rng });
    // Without ACLs everything is allowed that nobody forbids.
    const { connectEnabled, intentionsDefaultAllow = true } = options;
    this.#reads = new ServerReads({
      ...{ identity, connectEnabled, intentionsDefaultAllow, host, role },
      engine: this.engine,
      history: stateMachine.history === undefined ? undefined : this.engine.beside(stateMachine.history),
      ...{ leadership, questions, times },
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
    this.#autopilot = this.#newAutopilot();
    this.#duties = this.#newDuties();
    const leader = this.#leaderApi();
    const answering = { leadership, leader, times, reads: this.#reads };
    this.#writes = new ServerWrites({ ...answering, proposer: this.#proposer });
    this.#calls = new ServerCalls({ ...answering, host, engine: this.engine });
  }

  /** What operators see of this server's state, from time to time. */
  #newGauges(questions: QuestionCounts): ServerGauges {
    const { identity } = this.#options;
    const { runtime, metrics, stateMachine, peers, log } = this.#d;
    return new ServerGauges({
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
      oldestEntryAtMs: () => oldestEntryAtMs(log),
      report: () => questions.report(),
    });
  }

  /** The rules about who is healthy, votes and goes, with what they look at. */
  #newAutopilot(): Autopilot {
    const { identity, autopilot } = this.#options;
    const { runtime, logger, metrics, peers } = this.#d;
    return new Autopilot({
      self: identity.id as ServerId,
      runtime,
      logger: logger.named("autopilot"),
      metrics,
      status: () => this.#host.status(),
      rules: () => this.operator.autopilotConfig() ?? autopilot,
      servers: () => [...this.operator.knownServers().values()],
      stats: async (id) => {
        const server = this.#directory.byId(id);
        if (server === undefined || peers === undefined) throw new Error("no member has this id");
        return peers.raftStats(server);
      },
      change: (change) => this.#host.changeConfiguration(change),
      removeFailed: (name) => peers?.removeFailed(name),
    });
  }

  /** What begins and ends with leadership. */
  #newDuties(): LeaderDuties {
    const { identity, autopilot, connectEnabled, bootstrapEntries = [] } = this.#options;
    const { runtime, logger, metrics, stateMachine, peers, log } = this.#d;
    return new LeaderDuties({
      identity,
      autopilotDefaults: autopilot,
      connectEnabled,
      bootstrapEntries,
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
        return whyNotPeer(server, stateMachine.db, log.firstIndex);
      },
      propose: (type, schema, request) => this.#proposer.propose(type, schema, request),
    });
  }

  /** What bindings of writes and calls may ask of the leader. */
  #leaderApi(): LeaderApi {
    const { identity, connectEnabled, intentionsDefaultAllow = true, sessionTtlMinMs } = this.#options;
    const { runtime, stateMachine, lockDelays, pools = lonePools(identity) } = this.#d;
    return {
      datacenter: identity.datacenter,
      nodeName: identity.name,
      ...{ connectEnabled, intentionsDefaultAllow },
      rng: runtime.rng,
      operator: this.operator,
      pools,
      sessionTtlMinNs: sessionTtlMinMs * 1e6,
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
    const { stateMachine, snapshots, log, runtime, logger, metrics } = this.#d;
    const { identity, raft, bootstrap } = this.#options;
    if (this.#d.recovery !== undefined) await recoverPeers(this.#d.recovery, { log, keeper: snapshots, stateMachine });
    const snapshot = snapshots.newest();
    if (snapshot !== undefined) await restoreState(snapshot, this.#d);
    const core = await recoverCore(this.#options, this.#d, snapshot);
    this.#peers = this.#openPeers();
    this.#host = this.#newHost(core, this.#peers);
    this.#snapshotter = this.#newSnapshotter();
    this.#snapshotter.start();
    this.#snapshots = this.#newSnapshotService();
    this.#host.start(snapshot?.meta.index ?? 0);
    if (bootstrap) {
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

  #newHost(core: RaftCore, peers: RaftPeers): RaftHost {
    const { stateMachine, runtime, metrics, onFatal, startOver } = this.#d;
    const logger = this.#d.logger.named("raft");
    const contradictions = new Contradictions({ startOver, clock: runtime.clock, onFatal, logger });
    return new RaftHost({
      ...{ core, stateMachine, runtime, logger, metrics, onFatal },
      log: peers.log,
      peers: this.#d.peers === undefined ? undefined : peers,
      onRole: (change) => this.#roleChanged(change),
      onConfiguration: (configuration) => {
        this.#directory.follow(configuration);
        this.#paceLog();
      },
      onContradicted: (contradiction) => contradictions.seen(contradiction),
    });
  }

  #newSnapshotter(): Snapshotter {
    const { log, snapshots: keeper, stateMachine, runtime, logger, metrics, onFatal } = this.#d;
    const { snapshotIntervalMs: intervalMs, snapshotThreshold: threshold, trailingLogs } = this.#options.raft;
    return new Snapshotter(
      { intervalMs, threshold, trailingLogs },
      {
        ...{ host: this.#host, log, keeper, stateMachine, runtime, metrics, onFatal },
        logger: logger.named("snapshot"),
      },
    );
  }

  #newSnapshotService(): SnapshotService {
    const { log, snapshots: keeper, stateMachine, runtime, logger, metrics, onFatal } = this.#d;
    return new SnapshotService({
      ...{ host: this.#host, log, keeper, stateMachine, runtime, metrics, onFatal },
      leadership: this.#leadership,
      logger: logger.named("snapshot"),
      requireKeepers: (part) => this.#requireKeepers(part),
      onRestoring: () => this.#duties.end(),
      onReplaced: (index, wentBack) => this.engine.replaced(index, wentBack),
      onRestored: () => this.#duties.begin(),
    });
  }

  #requireKeepers(part: LaterPart | "delete-cas"): void {
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

  /** See `RoleWatch.onLeader`. */
  onLeader(run: () => void): Cancel {
    return this.#roles.onLeader(run);
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
    const led = this.#roles.current.role === "leader";
    this.#roles.changed(change);
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

  /**
   * A leader of others waits for its disk beside the loop: while that stands still they commit without it, and hear from
   * it, until it hands over. Whoever follows, or is alone, has nothing better to do.
   */
  #paceLog(): void {
    this.#d.log.mayHoldTheLoop =
      this.#roles.current.role !== "leader" || this.#host.status().configuration.servers.length < 2;
  }

  /** Nobody is answered before the entries of earlier terms are applied: they were acknowledged by someone. */
  async #lead(term: number): Promise<void> {
    const { runtime, metrics } = this.#d;
    const startedMs = runtime.clock.nowMs();
    await this.#host.barrier();
    metrics.sample("leader.barrier", runtime.clock.nowMs() - startedMs);
    const { current } = this.#roles;
    if (current.term !== term || current.role !== "leader") return;
    this.#leadership.gained();
    await this.#duties.begin();
  }

  // What may be asked of it; the rules are in the classes behind.

  /** Proposes a command of our own making once this server leads. */
  async propose<T>(type: number, schema: Schema<T>, request: T): Promise<unknown> {
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    return this.#proposer.propose(type, schema, request);
  }

  /** Reads the state as it is here, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T {
    return this.#d.stateMachine.db.peek(read);
  }

  queueCoordinate(coordinate: Coordinate): void {
    this.#duties.queueCoordinate(coordinate);
  }

  /** See `ServerWrites.write`. */
  write(endpoint: Method, request: CallRequest): Promise<unknown> {
    return this.#writes.write(endpoint, request);
  }

  /** See `ServerCalls.mayAnswer`. */
  mayAnswer(answeredBy: AnsweredBy, request: CallRequest): boolean {
    return this.#calls.mayAnswer(answeredBy, request);
  }

  /** See `ServerCalls.call`. */
  call(endpoint: Method, request: CallRequest): Promise<unknown> {
    return this.#calls.call(endpoint, request);
  }

  /** See `ServerCalls.now`. */
  callNow(endpoint: Method, request: CallRequest): unknown {
    return this.#calls.now(endpoint, request);
  }

  /** See `ServerReads.freshness`. */
  freshness(): Freshness {
    return this.#reads.freshness();
  }

  /** See `ServerReads.now`. */
  readNow(read: ServerRead): ServerReadOutcome | undefined {
    return this.#reads.now(read);
  }

  /** See `ServerReads.later`. */
  readLater(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): Cancel {
    return this.#reads.later(read, deliver);
  }
}
