import {
  type AutopilotConfig,
  AutopilotSetConfigRequest,
  type ConfigEntry,
  type Coordinate,
  make,
  type Schema,
  type Struct,
  type TxnOp,
  TxnRequest,
} from "@tribune/api";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import type { LeaderApi, OperatorApi, RaftPeer, ServerHealth, TxnApi, TxnOutcome } from "../endpoints/agent-api.ts";
import { type Endpoint, Settled } from "../endpoints/binding.ts";
import { prepareTxn } from "../endpoints/txn-rules.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import { RaftCore } from "../raft/raft-core.ts";
import { DEFAULT_RAFT_CONFIG, type ServerId } from "../raft/types.ts";
import { autopilotConfig } from "../state/autopilot.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { readTxn } from "../state/txn.ts";
import { hostPort, type ServerIdentity } from "./identity.ts";
import { LeaderDuties } from "./leader/leader-duties.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import { Leadership } from "./leadership.ts";
import { type Answered, type Compute, QueryEngine } from "./query-engine.ts";
import { raftConfigurationCodec } from "./raft-codec.ts";
import { RaftHost, type RoleChange } from "./raft-host.ts";
import { scanLog } from "./raft-storage.ts";
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
  /** Undefined in dev mode: nothing is kept. */
  readonly snapshots: SnapshotKeeper | undefined;
  readonly onFatal: (error: Error) => void;
}

/** A read as the server sees it; the doors' calls have this shape. */
export interface ServerRead {
  readonly endpoint: Endpoint;
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
const TXN_TYPE = 8;
const AUTOPILOT_TYPE = 9;

/** Server mode: Raft, the state it replicates, and the answers read from it. */
export class Server implements OperatorApi, TxnApi {
  readonly engine: QueryEngine;
  readonly #options: ServerOptions;
  readonly #d: ServerDependencies;
  readonly #leadership: Leadership;
  readonly #duties: LeaderDuties;
  readonly #leader: LeaderApi;
  #host!: RaftHost;
  #snapshotter: Snapshotter | undefined;
  #snapshots!: SnapshotService;
  #role: RoleChange = { role: "follower", term: 0, leader: undefined, leaderAddress: undefined };
  #leaderSinceMs = 0;
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
    this.#duties = new LeaderDuties({
      identity: options.identity,
      autopilot: options.autopilot,
      bootstrapEntries: options.bootstrapEntries ?? [],
      db: stateMachine.db,
      runtime,
      logger,
      appliedIndex: () => this.#host.appliedIndex,
      propose: (type, schema, request) => this.#propose(type, schema, request),
    });
    this.#leader = {
      datacenter: options.identity.datacenter,
      rng: runtime.rng,
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
    const snapshot: StoredSnapshot | undefined = snapshots?.newest();
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
      },
      { rng: runtime.rng, codec: raftConfigurationCodec },
    );
    this.#host = new RaftHost({
      core,
      log: {
        append: (entries, state, truncateFrom) =>
          log.append({
            entries,
            ...(state === undefined ? {} : { hardState: state }),
            ...(truncateFrom === undefined ? {} : { truncateFrom }),
          }),
        read: (from, to, maxBytes) => log.read(from, to + 1, maxBytes),
      },
      stateMachine,
      runtime,
      logger: logger.named("raft"),
      metrics,
      onRole: (change) => this.#roleChanged(change),
      onConfiguration: () => {},
      onFatal,
    });
    if (snapshots !== undefined) {
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
    }
    this.#snapshots = new SnapshotService({
      host: this.#host,
      log,
      keeper: snapshots,
      stateMachine,
      leadership: this.#leadership,
      runtime,
      logger: logger.named("snapshot"),
      onRestoring: () => this.#duties.end(),
      onRestored: async (index) => {
        if (index !== undefined) this.engine.replaced(index);
        await this.#duties.begin();
      },
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
  }

  async stop(): Promise<void> {
    this.#stopped = true;
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
    this.#role = change;
    const leads = change.role === "leader";
    if (leads === led) return;
    const { logger, metrics, runtime } = this.#d;
    if (!leads) {
      this.#leadership.lost();
      this.#duties.end();
      logger.info("cluster leadership lost", { term: change.term });
      return;
    }
    this.#leaderSinceMs = runtime.clock.wallMs();
    metrics.count("raft.state.leader");
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

  #propose<T>(type: number, schema: Schema<T>, request: T): Promise<unknown> {
    return this.#host.propose(encodeStruct(schema, request, type));
  }

  /** Validates, completes and proposes a write. Rejects with the refusal's text as Consul words it. */
  async write(endpoint: Endpoint, request: { readonly Datacenter: string }): Promise<unknown> {
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

  async call(endpoint: Endpoint, request: { readonly Datacenter: string }): Promise<unknown> {
    this.#requireDatacenter(request.Datacenter);
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    return endpoint.binding.answer(request, this.#leader as never, undefined as never);
  }

  async apply(ops: readonly TxnOp[]): Promise<TxnOutcome> {
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    const { ops: prepared, errors } = prepareTxn(ops, this.#leader);
    if (errors.length > 0) return { Results: null, Errors: errors };
    const request = make(TxnRequest, { Datacenter: this.#options.identity.datacenter, Ops: prepared });
    return (await this.#propose(TXN_TYPE, TxnRequest, request)) as TxnOutcome;
  }

  async read(ops: readonly TxnOp[], mode: "leader" | "stale" | "consistent"): Promise<TxnOutcome> {
    if (mode !== "stale" && !this.#leadership.ready) await this.#leadership.waitReady();
    if (mode === "consistent") await this.#host.verifyLeader();
    const { ops: prepared, errors } = prepareTxn(ops, this.#leader);
    if (errors.length > 0) return { Results: null, Errors: errors };
    return this.#d.stateMachine.db.peek((tx) => readTxn(tx, prepared));
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
    if (read.consistency === "leader" && !this.#leadership.ready) return undefined;
    this.#requireDatacenter(read.datacenter);
    const answer = this.engine.askNow(read.key, this.#computeOf(read));
    return answer === undefined ? undefined : { answer, meta: this.#meta() };
  }

  /** Answers by callback, at once where that is possible. @returns cancel, after which nothing comes. */
  readLater(read: ServerRead, deliver: (outcome: ServerReadOutcome | Error) => void): () => void {
    const { consistency } = read;
    if (consistency === "stale" || (consistency === "leader" && this.#leadership.ready))
      return this.#ask(read, deliver);
    let cancelled = false;
    const ask = (): void => {
      if (!cancelled) cancel = this.#ask(read, deliver);
    };
    let cancel = this.#leadership.whenReady((refusal) => {
      if (cancelled) return;
      if (refusal !== undefined) deliver(refusal);
      else if (consistency === "leader") ask();
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
    return this.#role.role === "leader"
      ? LEADER_META
      : { knownLeader: this.#role.leader !== undefined, lastContactMs: 0 };
  }

  // ---- operator ----

  leaderAddress(): string {
    if (this.#role.role === "leader") return hostPort(this.#options.identity.address, this.#options.identity.rpcPort);
    return this.#role.leaderAddress ?? "";
  }

  peerAddresses(): readonly string[] {
    return this.#host.status().configuration.servers.map((server) => server.address);
  }

  raftPeers(): readonly RaftPeer[] {
    const { identity } = this.#options;
    return this.#host.status().configuration.servers.map((server) => ({
      id: server.id,
      node: server.id === identity.id ? identity.name : "(unknown)",
      address: server.address,
      leader: this.#role.leader === server.id,
      protocolVersion: server.id === identity.id ? "3" : "unknown",
      voter: server.suffrage === "voter",
    }));
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

  async setAutopilotConfig(config: AutopilotConfig, cas: boolean): Promise<boolean> {
    if (!this.#leadership.ready) await this.#leadership.waitReady();
    const request = make(AutopilotSetConfigRequest, {
      Datacenter: this.#options.identity.datacenter,
      Config: config,
      CAS: cas,
    });
    return (await this.#propose(AUTOPILOT_TYPE, AutopilotSetConfigRequest, request)) === true;
  }

  serverHealth(): {
    readonly healthy: boolean;
    readonly failureTolerance: number;
    readonly servers: readonly ServerHealth[];
  } {
    const status = this.#host.status();
    const { identity } = this.#options;
    const servers = status.configuration.servers.map((server): ServerHealth => {
      const self = server.id === identity.id;
      return {
        id: server.id,
        name: self ? identity.name : "(unknown)",
        address: server.address,
        version: self ? identity.version : "",
        leader: server.id === this.#role.leader,
        serfStatus: self ? "alive" : "none",
        lastContactNs: 0,
        lastTerm: self ? status.lastLogTerm : 0,
        lastIndex: self ? status.lastLogIndex : 0,
        healthy: self && this.#role.leader !== undefined,
        voter: server.suffrage === "voter",
        stableSinceMs: this.#leaderSinceMs,
        meta: {},
      };
    });
    const voters = servers.filter((server) => server.voter);
    const healthyVoters = voters.filter((server) => server.healthy).length;
    const quorum = Math.floor(voters.length / 2) + 1;
    return {
      healthy: servers.length > 0 && servers.every((server) => server.healthy),
      failureTolerance: Math.max(0, healthyVoters - quorum),
      servers,
    };
  }

  queryMeta(): { readonly index: number; readonly knownLeader: boolean; readonly lastContactMs: number } {
    return { index: Math.max(1, this.#host.appliedIndex), ...this.#meta() };
  }
}

const LEADER_META = { knownLeader: true, lastContactMs: 0 } as const;

function prefixed(prefix: string | undefined, error: unknown): unknown {
  if (prefix === undefined || !(error instanceof TribuneError) || error.code !== undefined) return error;
  return new TribuneError(error.kind, prefix + error.message, { cause: error });
}
