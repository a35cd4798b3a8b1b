import { AutopilotConfig, make } from "@tribune/api";
import type { ListenAddress, RuntimeConfig } from "../config/types.ts";
import { DnsServer } from "../dns/server.ts";
import type { AgentApi } from "../endpoints/agent-api.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import type { HttpBackend } from "../http/backend.ts";
import { HttpServer } from "../http/http-server.ts";
import { compileRe2 } from "../lib/bexpr/re2.ts";
import type { Logger } from "../lib/log.ts";
import type { LogHub } from "../lib/logger/log-hub.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { Telemetry } from "../lib/telemetry/aggregator.ts";
import { CONSUL_VERSION } from "../lib/version.ts";
import { Events } from "../server/events.ts";
import type { ServerIdentity } from "../server/identity.ts";
import { decodeBootstrapEntries } from "../server/leader/bootstrap-entries.ts";
import { LockDelays } from "../server/leader/lock-delay.ts";
import { ReplicatedState } from "../server/replicated-state.ts";
import { Server } from "../server/server.ts";
import { localApi } from "./api/local-api.ts";
import { StateDnsBackend } from "./dns-backend.ts";
import { dnsOptions, httpOptions } from "./door-options.ts";
import { httpsOptions } from "./https-options.ts";
import { LocalAgent } from "./local-agent.ts";
import { nodeId } from "./node-id.ts";
import { openServerStorage } from "./server-storage.ts";

export interface AgentDependencies {
  readonly runtime: Runtime;
  /** The log behind `logger`, for the monitor endpoint; without it monitoring is refused. */
  readonly logHub?: LogHub;
  /** The measurements behind `metrics`, for the metrics endpoint. */
  readonly telemetry?: Telemetry;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** The process must stop at once: the disk failed, or a rule of our own was broken. */
  readonly onFatal: (error: Error) => void;
  /** Takes the data directory for this agent alone; answers how to give it back. Left out: nobody else can come. */
  readonly lockDir?: (directory: string) => () => void;
  /** Reads the configuration again, where there is one to read; undefined for an embedded agent. */
  readonly reload?: () => Promise<void>;
  /** The agent has left and wants to end. */
  readonly onLeft?: () => void;
}

/** Consul's floor where `session_ttl_min` is not set. */
const SESSION_TTL_MIN_MS = 10_000;

/** Where an agent can be reached, with the ports that were chosen. */
export interface AgentAddresses {
  readonly http: readonly { readonly host: string; readonly port: number }[];
  readonly https: readonly { readonly host: string; readonly port: number }[];
  readonly dns: readonly { readonly host: string; readonly port: number }[];
}

/**
 * One agent in server mode: the server with its state, the local services and checks with their
 * anti-entropy, and the doors in front of both.
 */
export class Agent {
  #config: RuntimeConfig;
  readonly #d: AgentDependencies;
  #server!: Server;
  #local!: LocalAgent;
  #http!: HttpServer;
  #dns!: DnsServer;
  #nodeId = "";
  #addresses: AgentAddresses = { http: [], https: [], dns: [] };
  #stopping: Promise<void> | undefined;
  #unlock: (() => void) | undefined;

  constructor(config: RuntimeConfig, dependencies: AgentDependencies) {
    this.#config = config;
    this.#d = dependencies;
  }

  get config(): RuntimeConfig {
    return this.#config;
  }

  /** Known once `prepare` or `start` has resolved. */
  get nodeId(): string {
    return this.#nodeId;
  }

  get addresses(): AgentAddresses {
    return this.#addresses;
  }

  get server(): Server {
    return this.#server;
  }

  get local(): LocalAgent {
    return this.#local;
  }

  /** Gives the agent its identity; nothing is served yet. */
  async prepare(): Promise<void> {
    const { nodeId: configured, dataDir } = this.#config;
    if (dataDir !== "") {
      await this.#d.runtime.disk.makeDir(dataDir);
      this.#unlock ??= this.#d.lockDir?.(dataDir);
    }
    if (this.#nodeId === "")
      this.#nodeId = await nodeId(configured, dataDir, this.#d.runtime.disk, this.#d.runtime.rng);
  }

  /** Takes over what of a new configuration may change while the agent runs. @throws TribuneError */
  reload(config: RuntimeConfig): void {
    this.#config = config;
    this.#http.configure(httpOptions(config));
    this.#dns.reload(dnsOptions(config));
    this.#local.reload(config);
  }

  /** Resolves when every door is open. The server may still be on its way to leadership: requests wait for it. */
  async start(): Promise<void> {
    const { config } = this;
    const { runtime, logger, metrics, onFatal } = this.#d;
    await this.prepare();
    const id = this.#nodeId;
    const identity: ServerIdentity = {
      id,
      name: config.nodeName,
      datacenter: config.datacenter,
      address: config.advertiseAddrLan,
      rpcPort: config.ports.server,
      taggedAddresses: config.taggedAddresses,
      meta: { "consul-network-segment": "", ...config.nodeMeta },
      version: CONSUL_VERSION,
    };
    const lockDelays = new LockDelays(runtime.clock);
    const storage = await openServerStorage(config, { runtime, logger: logger.named("server") });
    const stateMachine = new ReplicatedState(lockDelays, runtime);
    this.#server = new Server(
      {
        identity,
        raft: config.raft,
        bootstrap: config.bootstrap || config.devMode,
        rpcHoldTimeoutMs: config.rpcHoldTimeoutMs,
        connectEnabled: config.connect.enabled,
        sessionTtlMinMs: config.sessionTtlMinMs || SESSION_TTL_MIN_MS,
        autopilot: autopilotOf(config),
        bootstrapEntries: decodeBootstrapEntries(config.configEntryBootstrap),
      },
      { runtime, logger: logger.named("server"), metrics, lockDelays, stateMachine, onFatal, ...storage },
    );
    await this.#server.start();
    this.#local = new LocalAgent(config, identity, { server: this.#server, runtime, logger, metrics });
    await this.#local.start();
    await this.#openDoors(identity);
  }

  async #openDoors(_identity: ServerIdentity): Promise<void> {
    const { config } = this;
    const { runtime, logger, metrics } = this.#d;
    const events = new Events(
      { nodeName: config.nodeName, services: () => this.#local.serviceNames() },
      compileRe2,
      runtime,
    );
    const api: AgentApi = {
      datacenter: config.datacenter,
      nodeName: config.nodeName,
      connectEnabled: config.connect.enabled,
      operator: this.#server,
      events,
      snapshots: this.#server.snapshots,
      txn: this.#server,
      rng: runtime.rng,
      peek: (read) => this.#server.peek(read),
      datacenterMaps: () => [
        {
          Datacenter: config.datacenter,
          AreaID: "wan",
          Coordinates: [this.#local.coordinate()],
        },
      ],
      ...localApi({
        config: () => this.#config,
        nodeId: this.#nodeId,
        server: this.#server,
        local: this.#local,
        runtime,
        logger,
        logHub: this.#d.logHub,
        telemetry: this.#d.telemetry,
        reload: this.#d.reload,
        leave: () => this.leave(),
      }),
    };
    const backend: HttpBackend = {
      readNow: (call) => this.#server.readNow(call),
      read: (call, deliver) => this.#server.readLater(call, deliver),
      write: (endpoint, request) => this.#server.write(endpoint, request),
      call: (endpoint, request) => this.#server.call(endpoint, request),
      keep: (answer, variant, encoded, bytes) => this.#server.engine.keep(answer, variant, encoded, bytes),
      agent: api,
    };
    this.#http = new HttpServer(httpOptions(config), {
      endpoints: ENDPOINTS,
      backend,
      logger: logger.named("http"),
      metrics,
      clock: runtime.clock,
    });
    const http: { host: string; port: number }[] = [];
    for (const where of config.listen.http) {
      const bound = await this.#http.listen(where.network === "unix" ? { path: where.path } : where);
      if (typeof bound !== "string") http.push({ host: bound.address, port: bound.port });
    }
    const https: { host: string; port: number }[] = [];
    if (config.listen.https.length > 0) {
      const tls = await httpsOptions(config.tls, runtime.disk);
      for (const where of config.listen.https) {
        const bound = await this.#http.listen(where.network === "unix" ? { path: where.path } : where, tls);
        if (typeof bound !== "string") https.push({ host: bound.address, port: bound.port });
      }
    }
    const dnsBackend = new StateDnsBackend(config, {
      engine: this.#server.engine,
      rng: runtime.rng,
      hasLeader: () => this.#server.isLeader,
    });
    this.#dns = new DnsServer(dnsOptions(config), { runtime, backend: dnsBackend, log: logger.named("dns"), metrics });
    const dns = await this.#dns.start(dnsAddresses(config.listen.dns));
    this.#addresses = { http, https, dns };
  }

  /**
   * Leaves the cluster. A server alone has nobody to say good-bye to: its data stay as they are, and a server that
   * starts from them leads again.
   */
  leave(): Promise<void> {
    this.#d.logger.info("server starting leave");
    this.#d.onLeft?.();
    return Promise.resolve();
  }

  /** Closes the doors first, so that nothing half done is acknowledged; then the rest from the outside in. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      await Promise.all([this.#http?.close(), this.#dns?.stop()]);
      await this.#local?.stop();
      await this.#server?.stop();
      this.#unlock?.();
    })();
    return this.#stopping;
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

/** Each address once: the configuration names it for TCP and for UDP. */
function dnsAddresses(listen: readonly ListenAddress[]): { host: string; port: number }[] {
  const found: { host: string; port: number }[] = [];
  for (const each of listen) if (each.network === "tcp") found.push({ host: each.host, port: each.port });
  return found;
}
