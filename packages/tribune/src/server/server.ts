import type { AnsweredBy, AutopilotConfig, ConfigEntry, Coordinate, Schema, Struct } from "@tribune/api";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import type { LeaderApi, OperatorApi, PoolsApi, RaftPeer, ServerHealth } from "../endpoints/agent-api.ts";
import { type Method, Settled } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime, Stream } from "../lib/runtime.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { PoolEvent } from "../pool/types.ts";
import { RaftCore } from "../raft/raft-core.ts";
import { DEFAULT_RAFT_CONFIG, type RaftInput, type ServerId } from "../raft/types.ts";
import { autopilotConfig } from "../state/autopilot.ts";
import { getNodeById } from "../state/catalog/nodes.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { Bootstrap } from "./bootstrap.ts";
import { CHUNK_BYTES, commandPieces } from "./chunked-proposal.ts";
import { Contradictions, type StartOverPort } from "./contradictions.ts";
import { DiskWatch } from "./disk-watch.ts";
import { hostPort, type ServerIdentity } from "./identity.ts";
import { Autopilot, type AutopilotServer } from "./leader/autopilot.ts";
import { LeaderDuties } from "./leader/leader-duties.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import type { RaftStats } from "./leader/server-health.ts";
import { Leadership } from "./leadership.ts";
import { lonePools } from "./lone-pools.ts";
import { raftPeersOf, serverHealthOf } from "./operator-view.ts";
import type { PeersPort } from "./peers-port.ts";
import { type PeersRecovery, recoverPeers } from "./peers-recovery.ts";
import { type Answered, type Compute, QueryEngine } from "./query-engine.ts";
import { RaftPeers, sameSnapshot } from "./raft/peers.ts";
import { RaftTransport } from "./raft/raft-transport.ts";
import { SnapshotIntake } from "./raft/snapshot-intake.ts";
import { raftConfigurationCodec } from "./raft-codec.ts";
import { RaftHost, type RoleChange } from "./raft-host.ts";
import { scanLog } from "./raft-storage.ts";
import { ServerDirectory, splitHostPort } from "./server-directory.ts";
import { SnapshotService } from "./snapshot-service.ts";
import { Snapshotter } from "./snapshotter.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper, StoredSnapshot } from "./storage-port.ts";

export interface ServerOptions {
  readonly identity: ServerIdentity;
  readonly raft: {
    readonly heartbeatTimeoutMs: number;
    readonly electionTimeoutMs: number;
    readonly leaderLeaseTimeoutMs: number;
    readonly snapshotIntervalMs: number;
    readonly snapshotThreshold: number;
    readonly trailingLogs: number;
  };
  /** Make this server the first of its datacenter if it holds no state (`bootstrap`, `bootstrap_expect` 1). */
  readonly bootstrap: boolean;
  /** `bootstrap_expect` above 1: begin once so many servers have found each other. 0 or absent: wait to be added. */
  readonly bootstrapExpect?: number;
  readonly rpcHoldTimeoutMs: number;
  /** The mesh is switched on. */
  readonly connectEnabled: boolean;
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

/** A read as the server sees it; the doors' calls have this shape. */
export interface ServerRead {
  readonly endpoint: Method;
  readonly key: string;
  readonly request: unknown;
  readonly minIndex: number;
  readonly waitMs: number;
  readonly consistency: "leader" | "stale" | "consistent";
  readonly datacenter: string;
}

export interface ServerReadOutcome {
  readonly answer: Answered;
  readonly meta: { readonly knownLeader: boolean; readonly lastContactMs: number };
}

const QUESTIONS_MAX = 8192;
const SHOWN_BYTES_MAX = 48 << 20;
const WAKE_SLICE_MS = 4;
/** A flush that takes as many election timeouts costs this server its leadership: others have disks that work. */
const STALLED_DISK_TIMEOUTS = 2;

/** Server mode: Raft, the state it replicates, and the answers read from it. */
export class Server implements OperatorApi {
  readonly engine: QueryEngine;
  readonly #options: ServerOptions;
  readonly #d: ServerDependencies;
  readonly #leadership: Leadership;
  readonly #duties: LeaderDuties;
  readonly #leader: LeaderApi;
  readonly #directory: ServerDirectory;
  readonly #autopilot: Autopilot;
  #host!: RaftHost;
  #peers!: RaftPeers;
  #bootstrap: Bootstrap | undefined;
  #diskWatch: DiskWatch | undefined;
  #snapshotter: Snapshotter | undefined;
  #snapshots!: SnapshotService;
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
    this.#directory = new ServerDirectory(() => peers?.members() ?? [], identity.datacenter);
    this.#autopilot = new Autopilot({
      self: identity.id as ServerId,
      runtime,
      logger: logger.named("autopilot"),
      metrics,
      status: () => this.#host.status(),
      rules: () => this.autopilotConfig() ?? options.autopilot,
      servers: () => [...this.#knownServers().values()],
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
      propose: (type, schema, request) => this.#propose(type, schema, request),
    });
    this.#leader = {
      datacenter: options.identity.datacenter,
      nodeName: options.identity.name,
      connectEnabled: options.connectEnabled,
      rng: runtime.rng,
      operator: this,
      pools: dependencies.pools ?? lonePools(options.identity),
      sessionTtlMinNs: options.sessionTtlMinMs * 1e6,
      wallMs: () => runtime.clock.wallMs(),
      peek: (read) => stateMachine.db.peek(read),
      lockDelayMs: (key) => lockDelays.leftMs(key),
      resetSessionTimer: (id, ttl) => this.#duties.resetSession(id, ttl),
      clearSessionTimer: (id) => this.#duties.clearSession(id),
      queueCoordinate: (coordinate) => this.#duties.queueCoordinate(coordinate),
    };
  }

  /** Restores the newest snapshot, reads the log and starts Raft. A sole voter leads right after. */
  async start(): Promise<void> {
    const { stateMachine, snapshots, log, hardState, runtime, logger, metrics, onFatal } = this.#d;
    const { identity, raft } = this.#options;
    if (this.#d.recovery !== undefined) await recoverPeers(this.#d.recovery, { log, keeper: snapshots, stateMachine });
    const snapshot: StoredSnapshot | undefined = snapshots.newest();
    if (snapshot !== undefined) (await stateMachine.prepareRestore(snapshot.read())).commit(snapshot.meta.index);
    const core = new RaftCore(
      {
        id: identity.id as ServerId,
        config: {
          ...DEFAULT_RAFT_CONFIG,
          heartbeatTimeoutMs: raft.heartbeatTimeoutMs,
          electionTimeoutMs: raft.electionTimeoutMs,
          leaderLeaseTimeoutMs: raft.leaderLeaseTimeoutMs,
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
      onConfiguration: (configuration) => this.#directory.follow(configuration),
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
      logger: logger.named("snapshot"),
      onRestoring: () => this.#duties.end(),
      onReplaced: (index) => this.engine.replaced(index),
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
      onInstalled: (index) => {
        logger.info("installed a snapshot of the leader", { index });
        metrics.count("raft.restore");
        this.engine.replaced(index);
      },
    });
  }

  /** Takes over a connection on which a peer speaks Raft, behind its first byte. */
  acceptRaft(stream: Stream): void {
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

  /** Runs once, when this server is ready to lead; at once if it is. @returns cancel */
  onLeading(run: () => void): () => void {
    return this.#leadership.whenReady((refusal) => {
      if (refusal === undefined) run();
    });
  }

  /** Whether this server may answer now: the leader everything, the others what is theirs or may be stale. */
  mayAnswer(answeredBy: AnsweredBy, { AllowStale }: CallRequest): boolean {
    if (this.#leadership.ready || answeredBy === "any") return true;
    return answeredBy === "asked" && AllowStale === true && this.#host.lastContactMs !== undefined;
  }

  /** Resolves once a quorum confirmed that this server leads. */
  async verifyLeader(): Promise<void> {
    await this.#host.verifyLeader();
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
    if (change.role === "candidate") this.#d.metrics.count("raft.transition.heartbeat_timeout");
    this.#role = change;
    const leads = change.role === "leader";
    if (leads === led) return;
    const { logger } = this.#d;
    if (!leads) {
      this.#leadership.lost();
      this.#duties.end();
      logger.info("cluster leadership lost", { term: change.term });
      return;
    }
    logger.info("cluster leadership acquired", { term: change.term });
    this.#lead(change.term).catch((error: unknown) => {
      if (!this.#stopped) logger.error("could not take up leadership", { error: String(error) });
    });
  }

  /** Nobody is answered before the entries of earlier terms are applied: they were acknowledged by someone. */
  async #lead(term: number): Promise<void> {
    await this.#host.barrier();
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
    if (data.length <= CHUNK_BYTES) return this.#host.propose(data);
    const opNum = BigInt(`0x${Buffer.from(this.#d.runtime.rng.bytes(8)).toString("hex")}`);
    // Proposed in one turn, they enter the log together, in one term.
    const pieces = commandPieces(data, opNum);
    return (await Promise.all(pieces.map((piece) => this.#host.propose(piece.data, piece.extensions)))).at(-1);
  }

  /** Validates, completes and proposes a write. Rejects with the refusal's text as Consul words it. */
  async write(endpoint: Method, request: { readonly Datacenter: string }): Promise<unknown> {
    const { contract, binding } = endpoint;
    if (contract.kind !== "write") throw TribuneError.internal(`${endpoint.name} is no write`);
    this.#requireDatacenter(request.Datacenter);
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
  async call(endpoint: Method, request: CallRequest): Promise<unknown> {
    const { contract, binding } = endpoint;
    if (contract.kind !== "call") throw TribuneError.internal(`${endpoint.name} is no call`);
    this.#requireDatacenter(request.Datacenter ?? "");
    const asked = contract.answeredBy === "asked";
    if (contract.answeredBy === "leader" || (asked && request.AllowStale !== true)) {
      if (!this.#leadership.ready) await this.#leadership.waitReady();
      if (asked && (request.RequireConsistent === true || !this.#mayReadAsLeader())) await this.#host.verifyLeader();
    }
    return binding.answer(request, this.#leader as never, undefined as never);
  }

  // ---- reads ----

  #requireDatacenter(asked: string): void {
    // Only the own datacenter can be reached without a WAN pool.
    if (asked !== this.#options.identity.datacenter && asked !== "") throw TribuneError.of("NO_DC_PATH");
  }

  #computeOf({ endpoint, request }: ServerRead): Compute {
    const { identity, connectEnabled } = this.#options;
    const context = { datacenter: identity.datacenter, nodeName: identity.name, connectEnabled };
    return (tx) => endpoint.binding.query(tx, request, context);
  }

  /** The answer if the mode asked for lets it be had at once. Throws what the query refuses. */
  readNow(read: ServerRead): ServerReadOutcome | undefined {
    if (read.consistency === "consistent") return undefined;
    if (read.consistency === "leader" && !this.#mayReadAsLeader()) return undefined;
    this.#requireDatacenter(read.datacenter);
    const answer = this.engine.askNow(read.key, this.#computeOf(read));
    return answer === undefined ? undefined : { answer, meta: this.#meta() };
  }

  /** Answers by callback, at once where that is possible. @returns cancel, after which nothing comes. */
  readLater(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    const { consistency } = read;
    if (consistency === "stale") return this.#ask(read, deliver);
    let cancelled = false;
    const show =
      read.minIndex === 0
        ? deliver
        : (outcome: ServerReadOutcome | Error) =>
            this.#showAsLeader(outcome, (checked) => {
              if (!cancelled) deliver(checked);
            });
    const ask = (): void => {
      if (!cancelled) cancel = this.#ask(read, show);
    };
    let cancel = (): void => {};
    if (consistency === "leader" && this.#mayReadAsLeader()) ask();
    else
      cancel = this.#leadership.whenReady((refusal) => {
        if (cancelled) return;
        if (refusal !== undefined) deliver(refusal);
        else if (consistency === "leader" && this.#mayReadAsLeader()) ask();
        else
          this.#host.verifyLeader().then(ask, (error: unknown) => {
            if (!cancelled) deliver(error as Error);
          });
      });
    return () => {
      cancelled = true;
      cancel();
    };
  }

  /**
   * A leader that stood still, or was cut off, may have been replaced without knowing: only its lease says that it was
   * not. Without one a quorum is asked.
   */
  #mayReadAsLeader(): boolean {
    return this.#leadership.ready && this.#host.mayReadByLease();
  }

  /** An answer that was waited for may come from a leader that is none any more: then its time is not worth much. */
  #showAsLeader(outcome: ServerReadOutcome | Error, deliver: (outcome: ServerReadOutcome | Error) => void): void {
    if (outcome instanceof Error || this.#mayReadAsLeader()) deliver(outcome);
    // It was made by what this server holds, which may lack what another leader has acknowledged since.
    else if (!this.#leadership.ready) deliver(TribuneError.of("NO_LEADER"));
    else
      this.#host.verifyLeader().then(
        () => deliver(outcome),
        (error: unknown) => deliver(error as Error),
      );
  }

  #ask(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    try {
      this.#requireDatacenter(read.datacenter);
      const compute = this.#computeOf(read);
      const show = (answer: Answered): void => deliver({ answer, meta: this.#meta() });
      return read.minIndex === 0
        ? this.engine.askLater(read.key, compute, show, deliver)
        : this.engine.wait(read.key, compute, read.minIndex, read.waitMs, show, deliver);
    } catch (error) {
      deliver(error as Error);
      return () => {};
    }
  }

  #meta(): { readonly knownLeader: boolean; readonly lastContactMs: number } {
    if (this.#role.role === "leader") return LEADER_META;
    const lastContactMs = Math.floor(this.#host.lastContactMs ?? NEVER_MS);
    return { knownLeader: this.#role.leader !== undefined, lastContactMs };
  }

  // ---- operator ----

  /** `host:port` of the leader as far as this server knows; "" when it knows none. */
  leaderAddress(): string {
    const { leader, leaderAddress } = this.#role;
    if (leader === undefined) return "";
    if (leader === this.#options.identity.id)
      return hostPort(this.#options.identity.address, this.#options.identity.rpcPort);
    return this.#directory.addressOf(leader) ?? leaderAddress ?? "";
  }

  /** Node id of the leader, as far as this server knows. */
  get leaderId(): string | undefined {
    return this.#role.leader;
  }

  /** The leader as the members describe it; undefined for none, for ourselves, and for one they do not know yet. */
  leaderMember(): ServerMember | undefined {
    return this.#role.leader === undefined ? undefined : this.#directory.byId(this.#role.leader);
  }

  /** What this server says to `Status.RaftStats`. */
  raftStats(): RaftStats {
    const { lastLogTerm, lastLogIndex } = this.#host.status();
    const lastContactMs = this.#role.role === "leader" ? 0 : this.#host.lastContactMs;
    return { lastContactMs, lastTerm: lastLogTerm, lastIndex: lastLogIndex };
  }

  peerAddresses(): readonly string[] {
    return this.#host.status().configuration.servers.map((server) => server.address);
  }

  raftPeers(): readonly RaftPeer[] {
    return raftPeersOf(this.#host.status(), this.#knownServers());
  }

  /** Servers that the members name, ourselves always. */
  #knownServers(): ReadonlyMap<string, AutopilotServer> {
    const { identity } = this.#options;
    const self: AutopilotServer = {
      id: identity.id,
      name: identity.name,
      address: hostPort(identity.address, identity.rpcPort),
      alive: true,
      left: false,
      serfStatus: "alive",
      version: identity.version,
      raftVersion: 3,
      replica: false,
    };
    const known = new Map<string, AutopilotServer>();
    for (const server of this.#directory.servers()) {
      if (server.id === "") continue;
      // One that is leaving is still there: taking it out early would cost its vote.
      const serfStatus = server.status === "leaving" ? "alive" : server.status;
      known.set(server.id, {
        id: server.id,
        name: server.shortName,
        address: hostPort(server.host, server.port),
        alive: serfStatus === "alive",
        left: serfStatus === "left",
        serfStatus,
        version: server.version,
        raftVersion: server.raftVersion,
        replica: server.nonVoter,
      });
    }
    known.set(identity.id, self);
    return known;
  }

  /**
   * Before this server leaves the pool: hands leadership over, so that the rest elects nobody; without a taker it
   * takes itself out of the peer set.
   */
  async prepareLeave(): Promise<void> {
    const { servers } = this.#host.status().configuration;
    const voters = servers.filter(({ suffrage }) => suffrage !== "nonvoter").length;
    if (this.#role.role !== "leader" || voters <= 1) return;
    try {
      await this.transferLeadership();
    } catch (error) {
      this.#d.logger.warn("failed to transfer leadership, removing the server", { error: String(error) });
      await this.#host.changeConfiguration({ type: "removeServer", id: this.#options.identity.id as ServerId });
    }
  }

  /** Whether this server is in the peer set: behind a leave it waits until it is not. */
  get isPeer(): boolean {
    return this.#host.status().configuration.servers.some(({ id }) => id === this.#options.identity.id);
  }

  /** Hands leadership to a voter, or to the one most up to date. Rejects when it did not take over in time. */
  async transferLeadership(id?: string): Promise<void> {
    await this.#host.transferLeadership(id as ServerId | undefined);
  }

  async removePeer(by: { readonly id: string } | { readonly address: string }): Promise<void> {
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    const { servers } = this.#host.status().configuration;
    const found =
      "id" in by
        ? servers.find((server) => server.id === by.id)
        : servers.find((server) => server.address === by.address);
    if (found === undefined) {
      const what = "id" in by ? `id ${JSON.stringify(by.id)}` : `address ${JSON.stringify(by.address)}`;
      throw TribuneError.internal(`${what} was not found in the Raft configuration`);
    }
    await this.#host.changeConfiguration({ type: "removeServer", id: found.id });
  }

  autopilotConfig(): AutopilotConfig | undefined {
    return this.#d.stateMachine.db.peek((tx) => autopilotConfig(tx).config);
  }

  serverHealth(): {
    readonly healthy: boolean;
    readonly failureTolerance: number;
    readonly servers: readonly ServerHealth[];
  } {
    const { stateMachine } = this.#d;
    const metaOf = (id: string): Readonly<Record<string, string>> =>
      (this.#d.peers === undefined ? undefined : stateMachine.db.peek((tx) => nodeMeta(tx, id))) ?? {};
    return serverHealthOf(this.#host.status(), this.#knownServers(), this.#autopilot.health(), metaOf);
  }

  queryMeta(): { readonly index: number; readonly knownLeader: boolean; readonly lastContactMs: number } {
    return { index: Math.max(1, this.#host.appliedIndex), ...this.#meta() };
  }
}

const LEADER_META = { knownLeader: true, lastContactMs: 0 } as const;
/** Go's longest duration: what Consul says while it never heard from a leader. */
const NEVER_MS = 9_223_372_036_854;

function nodeMeta(tx: ReadTx, id: string): Readonly<Record<string, string>> | null | undefined {
  try {
    return getNodeById(tx, id)?.Meta;
  } catch (error) {
    // An id that is no UUID belongs to no node.
    if (error instanceof TribuneError) return undefined;
    throw error;
  }
}

function prefixed(prefix: string | undefined, error: unknown): unknown {
  if (prefix === undefined || !(error instanceof TribuneError) || error.code !== undefined) return error;
  return new TribuneError(error.kind, prefix + error.message, { cause: error });
}
