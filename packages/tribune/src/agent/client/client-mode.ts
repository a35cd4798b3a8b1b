import type { RuntimeConfig } from "../../config/types.ts";
import type { DnsBackend } from "../../dns/backend.ts";
import type { SnapshotApi } from "../../endpoints/agent-api.ts";
import { RateLimit } from "../../lib/rate-limit.ts";
import type { Cancel } from "../../lib/runtime.ts";
import { serverOf } from "../../pool/server-tags.ts";
import type { GossipPool, PoolEvent } from "../../pool/types.ts";
import { NodeRpcPool } from "../../rpc/rpc-pool.ts";
import type { TlsPort } from "../../rpc/types.ts";
import { AskedDnsBackend } from "../asked-dns.ts";
import type { Asking } from "../asking.ts";
import type { CacheSource } from "../cache/agent-cache.ts";
import { dnsToken } from "../door-options.ts";
import { clientTags } from "../member-tags.ts";
import type { AgentMode, ModeDependencies, StatsGroup } from "../mode.ts";
import { reloadRpcTls, rpcTls } from "../rpc-tls.ts";
import { ClientBackend } from "./backend.ts";
import { HealthViews } from "./health-views.ts";
import { leaderContactMs } from "./leader-contact.ts";
import { ServerCalls, type ServerCallsOptions, targetOf } from "./server-calls.ts";
import { ServerList } from "./server-list.ts";
import { ClientSnapshots } from "./snapshots.ts";

/** Consul's `clientRPCConnMaxIdle`. */
const IDLE_MS = 127_000;
/** A server that does not answer a ping within this is passed over when the order is drawn anew. */
const PING_TIMEOUT_MS = 10_000;
const NOTHING = new Uint8Array([0x80]);

/** An agent without state of the datacenter: it finds the servers in the LAN pool and asks them. */
export class ClientMode implements AgentMode {
  readonly #config: RuntimeConfig;
  readonly #nodeId: string;
  readonly #d: ModeDependencies;
  readonly #limit: RateLimit;
  readonly #rpc: NodeRpcPool;
  readonly #servers: ServerList;
  readonly #calls: ServerCalls;
  readonly asking: Asking;
  readonly refreshing: CacheSource;
  readonly #views: HealthViews | undefined;
  readonly wan = undefined;
  readonly snapshots: SnapshotApi;
  #tls: TlsPort | undefined;
  #lan: GossipPool | undefined;

  constructor(config: RuntimeConfig, nodeId: string, dependencies: ModeDependencies) {
    this.#config = config;
    this.#nodeId = nodeId;
    this.#d = dependencies;
    const { runtime, logger, metrics } = dependencies;
    this.#limit = new RateLimit(config.limits.rpcRate, config.limits.rpcMaxBurst, runtime.clock);
    this.#rpc = new NodeRpcPool({ runtime, tls: () => this.#tls, datacenter: config.datacenter, idleMs: IDLE_MS });
    this.#servers = new ServerList({
      datacenter: config.datacenter,
      runtime,
      logger,
      nodes: () => this.#lan?.members().length ?? 1,
      ping: (server) =>
        this.#rpc
          .call(targetOf(server), "Status.Ping", NOTHING, { timeoutMs: PING_TIMEOUT_MS })
          .then(() => true)
          .catch((error: unknown) => {
            logger.debug("pinging server failed", { server: server.name, error });
            return false;
          }),
    });
    const servers = this.#servers;
    this.#calls = new ServerCalls(callOptions(config), {
      servers,
      pool: this.#rpc,
      runtime,
      limit: this.#limit,
      logger,
      metrics,
    });
    this.snapshots = new ClientSnapshots(servers, this.#rpc);
    const backend = new ClientBackend(this.#calls, runtime);
    this.asking = backend;
    if (config.useStreamingBackend)
      this.#views = new HealthViews({
        ...{ datacenter: config.datacenter, source: backend, servers, runtime, logger },
        dial: (server) => this.#rpc.dial(targetOf(server), "grpc"),
        leaderContactMs: (server) => leaderContactMs(this.#rpc, server),
        outdated: (answer) => backend.forget(answer),
      });
    this.refreshing = this.#views ?? backend;
  }

  async open(): Promise<void> {
    const { tls, datacenter, dns } = this.#config;
    this.#tls = await rpcTls({ tls, datacenter, domain: dns.domain }, this.#d.runtime.disk);
  }

  get lanTags(): ReadonlyMap<string, string> {
    return clientTags(this.#config, this.#nodeId);
  }

  start(lan: GossipPool): Promise<void> {
    this.#lan = lan;
    this.#servers.follow(lan);
    return Promise.resolve();
  }

  dns(asking: Asking): DnsBackend {
    return new AskedDnsBackend(
      { datacenter: this.#config.datacenter, nodeName: this.#config.nodeName },
      { asking, token: () => dnsToken(this.#config) },
    );
  }

  /** Nothing to wait for: there may never be a server. */
  ready(): Promise<void> {
    return Promise.resolve();
  }

  onServerUp(run: () => void): Cancel {
    return this.#servers.onAdded(run);
  }

  stats(): Readonly<Record<string, StatsGroup>> {
    return {
      consul: { acl: "disabled", known_servers: String(this.#servers.servers.length), server: "false" },
    };
  }

  /** Calls to a lost server fail now: their callers turn to another one, instead of waiting for a dead connection. */
  poolEvent(event: PoolEvent): void {
    if (event.type !== "failed") return;
    for (const member of event.members) {
      const server = serverOf(member, "lan");
      if (server === undefined) continue;
      this.#rpc.forget(targetOf(server));
      this.#views?.serverFailed(server);
    }
  }

  reload(config: RuntimeConfig): void {
    const { limits, tls, datacenter, dns } = config;
    this.#calls.configure(callOptions(config));
    this.#limit.set(limits.rpcRate, limits.rpcMaxBurst);
    const { runtime, logger } = this.#d;
    const use = (port: TlsPort | undefined): void => {
      this.#tls = port;
    };
    void reloadRpcTls({ tls, datacenter, domain: dns.domain }, { disk: runtime.disk, logger, use });
  }

  async leave(lan: GossipPool): Promise<void> {
    this.#d.logger.info("client starting leave");
    await lan.leave();
  }

  stop(): Promise<void> {
    this.#servers.stop();
    this.#views?.close();
    this.#rpc.close();
    return Promise.resolve();
  }
}

function callOptions({
  rpcHoldTimeoutMs,
  limits,
  defaultQueryTimeMs,
  maxQueryTimeMs,
}: RuntimeConfig): ServerCallsOptions {
  return {
    holdMs: rpcHoldTimeoutMs,
    answerMs: limits.rpcClientTimeoutMs,
    waitDefaultMs: defaultQueryTimeMs,
    waitMaxMs: maxQueryTimeMs,
  };
}
