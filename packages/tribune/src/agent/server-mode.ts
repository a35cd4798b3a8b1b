import { AutopilotConfig, make } from "@tribune/api";
import type { RuntimeConfig } from "../config/types.ts";
import type { DnsBackend } from "../dns/backend.ts";
import type { SnapshotApi } from "../endpoints/agent-api.ts";
import type { Cancel } from "../lib/runtime.ts";
import { CONSUL_VERSION } from "../lib/version.ts";
import { serverOf, serverText } from "../pool/server-tags.ts";
import type { GossipPool, PoolEvent, PoolMember } from "../pool/types.ts";
import { EarlyStreams } from "../rpc/early-streams.ts";
import { NodeRpcPool } from "../rpc/rpc-pool.ts";
import { NodeServerPort } from "../rpc/server-port.ts";
import type { TlsPort } from "../rpc/types.ts";
import type { ServerIdentity } from "../server/identity.ts";
import { decodeBootstrapEntries } from "../server/leader/bootstrap-entries.ts";
import { LockDelays } from "../server/leader/lock-delay.ts";
import { ReplicatedState } from "../server/replicated-state.ts";
import { Server } from "../server/server.ts";
import { ServerRpc } from "../server/server-rpc.ts";
import { raftStats } from "./api/stats.ts";
import { AskedDnsBackend } from "./asked-dns.ts";
import type { Asking } from "./asking.ts";
import { targetOf } from "./client/server-calls.ts";
import { ServerDnsBackend, StateDnsBackend } from "./dns-backend.ts";
import { dnsToken } from "./door-options.ts";
import { flood } from "./flood.ts";
import { nodeMeta } from "./local-agent.ts";
import { serverTags } from "./member-tags.ts";
import type { AgentMode, ModeDependencies, StatsGroup } from "./mode.ts";
import { wanPool } from "./pools.ts";
import { reloadRpcTls, rpcTls } from "./rpc-tls.ts";
import { serverPeers } from "./server-peers.ts";
import { ServerPools } from "./server-pools.ts";
import { openServerStorage, refuseConsulsLog } from "./server-storage.ts";

/** Consul's floor where `session_ttl_min` is not set. */
const SESSION_TTL_MIN_MS = 10_000;
/** How long a server that leaves waits to be taken out of the peer set (Consul's `raftRemoveGracePeriod`). */
const REMOVED_WAIT_MS = 5_000;
const REMOVED_POLL_MS = 50;
/** Consul's `serverRPCConnMaxIdle`. */
const IDLE_MS = 120_000;

/** An agent that is one of the servers: it holds the state and answers others on its RPC port. */
export class ServerMode implements AgentMode {
  readonly #config: RuntimeConfig;
  readonly #nodeId: string;
  readonly #d: ModeDependencies;
  readonly #port: NodeServerPort;
  readonly #rpc: NodeRpcPool;
  readonly #early = new EarlyStreams();
  readonly #serverUp = new Set<() => void>();
  #tls: TlsPort | undefined;
  #rpcPort: number;
  #wan: GossipPool | undefined;
  #pools!: ServerPools;
  #server!: Server;
  #serverRpc!: ServerRpc;
  #cancelFlood: Cancel = () => {};

  constructor(config: RuntimeConfig, nodeId: string, dependencies: ModeDependencies) {
    this.#config = config;
    this.#nodeId = nodeId;
    this.#d = dependencies;
    this.#rpcPort = config.ports.server;
    const { runtime, logger, metrics } = dependencies;
    const { limits, datacenter } = config;
    const tls = (): TlsPort | undefined => this.#tls;
    this.#port = new NodeServerPort(
      { handshakeTimeoutMs: limits.rpcHandshakeTimeoutMs, connectionsPerClientMax: limits.rpcMaxConnsPerClient },
      { runtime, logger, metrics, tls },
    );
    this.#rpc = new NodeRpcPool({ runtime, tls, datacenter, idleMs: IDLE_MS });
  }

  get server(): Server {
    return this.#server;
  }

  get wan(): GossipPool | undefined {
    return this.#wan;
  }

  /** The tags name the ports of RPC and of the WAN pool, so these are opened first. */
  async open(): Promise<void> {
    const { tls, datacenter, dns, listen } = this.#config;
    await refuseConsulsLog(this.#config, this.#d.runtime);
    this.#tls = await rpcTls({ tls, datacenter, domain: dns.domain }, this.#d.runtime.disk);
    // Peers dial a server that was restarted at once, and until its log is read it has no Raft to give them.
    this.#port.handle("raft", (stream) => this.#early.accept(stream));
    // Until the state is there, callers are to turn to another server.
    this.#port.handle("rpc", (_call, reply) => {
      reply.fail("No cluster leader");
      return () => {};
    });
    if (listen.rpcBind?.network === "tcp") {
      const { address } = await this.#port.listen(listen.rpcBind.host, listen.rpcBind.port);
      this.#rpcPort = address.port;
    }
    this.#wan = wanPool(this.#config, this.#tags("wan"), this.#d);
    await this.#wan?.start();
  }

  get lanTags(): ReadonlyMap<string, string> {
    return this.#tags("lan");
  }

  #tags(pool: "lan" | "wan"): ReadonlyMap<string, string> {
    const serfWan = this.#wan?.local.port ?? -1;
    return serverTags(this.#config, this.#nodeId, pool, { server: this.#rpcPort, serfWan });
  }

  async start(lan: GossipPool): Promise<void> {
    this.#tellServers(lan);
    this.#pools = new ServerPools(this.#config.datacenter, { lan, wan: this.#wan });
    const config = this.#config;
    const { runtime, logger, metrics, onFatal } = this.#d;
    const identity: ServerIdentity = {
      id: this.#nodeId,
      name: config.nodeName,
      datacenter: config.datacenter,
      address: config.advertiseAddrLan,
      rpcPort: this.#rpcPort,
      taggedAddresses: config.taggedAddresses,
      meta: nodeMeta(config),
      version: CONSUL_VERSION,
    };
    const lockDelays = new LockDelays(runtime.clock);
    const storage = await openServerStorage(config, { runtime, logger, metrics });
    const stateMachine = new ReplicatedState(lockDelays, runtime, metrics);
    this.#server = new Server(
      {
        identity,
        raft: config.raft,
        bootstrap: config.bootstrap || config.devMode,
        bootstrapExpect: config.bootstrapExpect,
        rpcHoldTimeoutMs: config.rpcHoldTimeoutMs,
        connectEnabled: config.connect.enabled,
        intentionsDefaultAllow: config.connect.intentionsDefaultAllow,
        sessionTtlMinMs: config.sessionTtlMinMs || SESSION_TTL_MIN_MS,
        autopilot: autopilotOf(config),
        bootstrapEntries: decodeBootstrapEntries(config.configEntryBootstrap),
      },
      {
        ...{ runtime, logger, metrics, lockDelays, stateMachine, onFatal, ...storage },
        peers: serverPeers(config.nodeName, { lan, rpc: this.#rpc, logger }),
        pools: this.#pools,
      },
    );
    this.#serverRpc = new ServerRpc({
      ...{ server: this.#server, identity, pool: this.#rpc, runtime, logger, metrics },
      holdMs: config.rpcHoldTimeoutMs,
      requestLimits: config.limits.requests,
    });
    await this.#server.start();
    this.#serverRpc.serve(this.#port);
    this.#early.handOver((stream) => this.#server.acceptRaft(stream));
    if (this.#wan !== undefined)
      this.#cancelFlood = flood(config.datacenter, { lan, wan: this.#wan, timers: runtime.timers, logger });
  }

  get asking(): Asking {
    return this.#serverRpc.backend;
  }

  get snapshots(): SnapshotApi {
    return this.#serverRpc.snapshots;
  }

  dns(asking: Asking): DnsBackend {
    const { datacenter, nodeName } = this.#config;
    const server = this.#server;
    const own = new StateDnsBackend({ datacenter, nodeName }, { engine: server.engine, rng: this.#d.runtime.rng });
    const asked = new AskedDnsBackend({ datacenter, nodeName }, { asking, token: () => dnsToken(this.#config) });
    return new ServerDnsBackend(own, asked, server, this.#d.metrics, this.#serverRpc.limits);
  }

  ready(): Promise<void> {
    return this.#server.waitForLeader();
  }

  stats(): Readonly<Record<string, StatsGroup>> {
    const { isLeader } = this.#server;
    return {
      consul: {
        acl: "disabled",
        bootstrap: String(this.#config.bootstrap),
        known_datacenters: String(this.#pools.datacenters().length),
        leader: String(isLeader),
        leader_addr: this.#server.operator.leaderAddress(),
        server: "true",
      },
      raft: raftStats({
        raft: this.#server.raftStatus(),
        isLeader,
        lastContactMs: this.#server.operator.raftStats().lastContactMs,
        protocolVersion: this.#config.raft.protocol,
      }),
    };
  }

  onServerUp(run: () => void): Cancel {
    this.#serverUp.add(run);
    return () => this.#serverUp.delete(run);
  }

  poolEvent(event: PoolEvent): void {
    this.#server.memberEvent(event);
    if (event.type === "failed") {
      for (const member of event.members) {
        const server = serverOf(member, "lan");
        if (server !== undefined) this.#rpc.forget(targetOf(server));
      }
    }
    if (event.type === "join" && event.members.some((member) => serverOf(member, "lan") !== undefined))
      for (const run of [...this.#serverUp]) run();
  }

  /** Consul's lines about servers that come and go, this one among them. */
  #tellServers(lan: GossipPool): void {
    const tell = (what: "Adding" | "Removing", members: readonly PoolMember[]): void => {
      for (const member of members) {
        const server = serverOf(member, "lan");
        if (server !== undefined) this.#d.logger.info(`${what} LAN server`, { server: serverText(server) });
      }
    };
    tell(
      "Adding",
      lan.members().filter(({ status }) => status === "alive"),
    );
    lan.subscribe((event) => {
      if (event.type === "join") tell("Adding", event.members);
      else if (event.type === "failed" || event.type === "leave") tell("Removing", event.members);
    });
  }

  reload({ limits, tls, datacenter, dns }: RuntimeConfig): void {
    this.#port.configure({
      handshakeTimeoutMs: limits.rpcHandshakeTimeoutMs,
      connectionsPerClientMax: limits.rpcMaxConnsPerClient,
    });
    this.#serverRpc.limits.configure(limits.requests);
    const { runtime, logger } = this.#d;
    const use = (port: TlsPort | undefined): void => {
      this.#tls = port;
    };
    void reloadRpcTls({ tls, datacenter, domain: dns.domain }, { disk: runtime.disk, logger, use });
  }

  /**
   * Hands leadership over, leaves the pools, and waits until the others took this server out of the peer set, so that
   * its end costs them no majority (Consul's `Server.Leave`).
   */
  async leave(lan: GossipPool): Promise<void> {
    const { logger } = this.#d;
    logger.info("server starting leave");
    const alone = lan.members().every(({ name, status }) => name === lan.local.name || status !== "alive");
    if (!alone) await this.#server.operator.prepareLeave();
    await this.#leavePool(this.#wan, "WAN");
    await this.#leavePool(lan, "LAN");
    if (alone) return; // a server alone keeps what it holds, and leads again when it is started
    logger.info("Waiting to drain RPC traffic", { drain_time: `${this.#config.leaveDrainTimeMs / 1000}s` });
    this.#serverRpc.leave();
    await this.#pause(this.#config.leaveDrainTimeMs);
    if (this.#server.isLeader) return;
    for (let waitedMs = 0; this.#server.operator.isPeer; waitedMs += REMOVED_POLL_MS) {
      if (waitedMs >= REMOVED_WAIT_MS) {
        logger.warn("failed to leave raft configuration gracefully, timeout");
        return;
      }
      await this.#pause(REMOVED_POLL_MS);
    }
  }

  async #leavePool(pool: GossipPool | undefined, name: string): Promise<void> {
    try {
      await pool?.leave();
    } catch (error) {
      this.#d.logger.error(`failed to leave ${name} Serf cluster`, { error });
    }
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => void this.#d.runtime.timers.after(ms, resolve));
  }

  async stop(): Promise<void> {
    this.#cancelFlood();
    await this.#wan?.stop();
    this.#serverRpc?.stop();
    await this.#port.close();
    this.#rpc.close();
    await this.#server?.stop();
  }
}

function autopilotOf({ autopilot }: RuntimeConfig): AutopilotConfig {
  return make(AutopilotConfig, {
    CleanupDeadServers: autopilot.cleanupDeadServers,
    LastContactThreshold: autopilot.lastContactThresholdMs * 1e6,
    MaxTrailingLogs: autopilot.maxTrailingLogs,
    MinQuorum: autopilot.minQuorum,
    ServerStabilizationTime: autopilot.serverStabilizationTimeMs * 1e6,
    RedundancyZoneTag: autopilot.redundancyZoneTag,
    DisableUpgradeMigration: autopilot.disableUpgradeMigration,
    UpgradeVersionTag: autopilot.upgradeVersionTag,
  });
}
