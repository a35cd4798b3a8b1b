import { EventFireRequest, eventRpcContracts, make } from "@tribune/api";
import type { Probes } from "../checks/probe.ts";
import type { ListenAddress, RuntimeConfig } from "../config/types.ts";
import { discover } from "../discover/discover.ts";
import { nodeWorld } from "../discover/node-world.ts";
import { DnsServer } from "../dns/server.ts";
import type { ReloadReport } from "../endpoints/agent-local-api.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import { askOver } from "../endpoints/methods.ts";
import { HttpServer } from "../http/http-server.ts";
import { StreamHub } from "../http/stream/stream-hub.ts";
import { compileRe2 } from "../lib/bexpr/re2.ts";
import type { Logger } from "../lib/log.ts";
import type { LogHub } from "../lib/logger/log-hub.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { Telemetry } from "../lib/telemetry/aggregator.ts";
import { clearSocketFile, ownSocketFile, type SocketOwner } from "../net/socket-file.ts";
import type { GossipPool, PoolEvent } from "../pool/types.ts";
import type { Environment, StartChild } from "../process/child.ts";
import { hostPort } from "../server/identity.ts";
import { ConfigWatches } from "../watch/config-watches.ts";
import { sendToHandler } from "../watch/http-handler.ts";
import { localApi } from "./api/local-api.ts";
import type { Asking } from "./asking.ts";
import { AgentCache, withCache } from "./cache/agent-cache.ts";
import { CallCache } from "./cache/call-cache.ts";
import { ClientMode } from "./client/client-mode.ts";
import { type AskCloud, Discovery } from "./discovery.ts";
import { dnsOptions, httpOptions } from "./door-options.ts";
import { Events } from "./events.ts";
import { httpsOptions } from "./https-options.ts";
import { joinAtStart } from "./join.ts";
import { type KeptTokens, readKeptTokens, withKeptTokens } from "./kept-tokens.ts";
import { LocalAgent } from "./local-agent.ts";
import type { AgentMode } from "./mode.ts";
import { nodeId } from "./node-id.ts";
import { lanPool } from "./pools.ts";
import { Rejoin } from "./rejoin.ts";
import { RemoteExec, spillScript } from "./remote-exec.ts";
import { remoteExecStore } from "./remote-exec-store.ts";
import { ServerMode } from "./server-mode.ts";
import { NEW_LEADER_EVENT } from "./server-peers.ts";
import { certificateFields } from "./tls-files.ts";
import { type OwnDoor, watchAsker } from "./watch-asker.ts";

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
  readonly reload?: () => Promise<ReloadReport>;
  /** How checks are carried out; on real sockets and processes when left out. */
  readonly probes?: Probes;
  /** The agent is where it is to be: the service manager may be told. */
  readonly onJoined?: () => void;
  /** How clouds are asked for addresses; over their APIs when left out. */
  readonly askCloud?: AskCloud;
  /** The agent has left and wants to end. */
  readonly onLeft?: () => void;
  /** Starts the programs that watches and remote jobs name; without it there are none of either. */
  readonly programs?: { readonly start: StartChild; readonly env: Environment };
}

/** Where an agent can be reached, with the ports that were chosen. */
export interface AgentAddresses {
  readonly http: readonly { readonly host: string; readonly port: number }[];
  readonly https: readonly { readonly host: string; readonly port: number }[];
  readonly dns: readonly { readonly host: string; readonly port: number }[];
}

/**
 * One agent: a member of the LAN pool with local services and checks, doors for HTTP and DNS, and behind them either a
 * server of its own (`ServerMode`) or the servers it finds in the pool (`ClientMode`).
 */
export class Agent {
  #config: RuntimeConfig;
  readonly #d: AgentDependencies;
  #mode!: AgentMode;
  #lan!: GossipPool;
  #asking!: Asking;
  #cache!: AgentCache;
  #events!: Events;
  /** There only once the pool is entered: whoever leaves before it is not in the catalog by its own doing. */
  #local!: LocalAgent;
  #watches: ConfigWatches | undefined;
  #http: HttpServer | undefined;
  #dns: DnsServer | undefined;
  #nodeId = "";
  #keptTokens: KeptTokens = {};
  #addresses: AgentAddresses = { http: [], https: [], dns: [] };
  #stopJoining: Cancel = () => {};
  #leaving: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #unlock: (() => void) | undefined;
  /** What has to end, in the order in which it began. */
  readonly #endings: (() => void | Promise<void>)[] = [];

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

  get mode(): AgentMode {
    return this.#mode;
  }

  /** What stands behind the doors: the mode, with the agent's cache in front of it. */
  get asking(): Asking {
    return this.#asking;
  }

  get lan(): GossipPool {
    return this.#lan;
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
    if (this.#nodeId !== "") return;
    this.#nodeId = await nodeId(configured, dataDir, this.#d.runtime.disk, this.#d.runtime.rng);
    this.#keptTokens = await readKeptTokens(this.#config, this.#d.runtime.disk, this.#d.logger);
    this.#config = withKeptTokens(this.#config, this.#keptTokens);
  }

  /** Resolves when every door is open. The servers may still be electing a leader: requests wait for it. */
  async start(): Promise<void> {
    await this.prepare();
    await this.#enterPool();
    await this.#startLocal();
    await this.#openDoors();
    this.#startWatches();
    await this.#join();
  }

  /** The mode, and the LAN pool it lives in. */
  async #enterPool(): Promise<void> {
    const { config } = this;
    const { runtime, metrics, onFatal } = this.#d;
    const logger = this.#d.logger.named(config.server ? "server" : "client");
    const dependencies = { runtime, logger, metrics, onFatal };
    this.#mode = config.server
      ? new ServerMode(config, this.#nodeId, dependencies)
      : new ClientMode(config, this.#nodeId, dependencies);
    this.#endings.push(() => this.#mode.stop());
    await this.#mode.open();
    this.#lan = lanPool(config, { nodeId: this.#nodeId, tags: this.#mode.lanTags }, { runtime, logger, metrics });
    this.#endings.push(() => this.#lan.stop());
    await this.#lan.start();
    await this.#mode.start(this.#lan);
    this.#cache = new AgentCache(config.cache, {
      ...{ runtime, logger, metrics },
      source: this.#mode.refreshing ?? this.#mode.asking,
    });
    this.#cache.start();
    this.#endings.push(() => this.#cache.stop());
    const calls = new CallCache({
      call: (method, request) => this.#mode.asking.call(method, request),
      clock: runtime.clock,
      metrics,
    });
    this.#asking = withCache(this.#mode.asking, this.#cache, calls);
  }

  async #startLocal(): Promise<void> {
    const { runtime, logger, metrics } = this.#d;
    const lan = this.#lan;
    const asking = this.#asking;
    const { probes } = this.#d;
    const local = new LocalAgent(this.#config, this.#nodeId, { asking, lan, runtime, logger, metrics, probes });
    if (this.#leaving !== undefined) local.registry.syncer.pause();
    this.#local = local;
    this.#events = new Events({
      target: { nodeName: this.#config.nodeName, services: () => this.#local.serviceNames() },
      compile: compileRe2,
      send: async (Name, Payload, { datacenter, token }) => {
        const fired = { Datacenter: datacenter, Token: token, Name, Payload, AllowStale: true };
        await askOver(asking)(eventRpcContracts.internalEventFire, make(EventFireRequest, fired));
      },
      ...this.#remoteExec(),
      runtime,
      logger,
    });
    this.#endings.push(
      lan.subscribe((event) => this.#poolEvent(event)),
      this.#mode.onServerUp(() => this.#local.registry.syncer.requestFullSync("staggered")),
    );
    this.#endings.push(() => this.#local.stop());
    await this.#local.start();
  }

  #remoteExec(): Pick<ConstructorParameters<typeof Events>[0], "remoteExec"> {
    const { programs, logger, runtime } = this.#d;
    if (programs === undefined || this.#config.disableRemoteExec) return {};
    const { nodeName, datacenter } = this.#config;
    const token = (): string => this.#local.tokens.agentToken();
    const store = remoteExecStore(this.#asking, { datacenter, token });
    const { timers } = runtime;
    const exec = new RemoteExec({ nodeName, ...programs, ...store, spill: spillScript, timers, logger });
    return { remoteExec: (event) => void exec.handle(event) };
  }

  /** The watches of the configuration. @throws WatchError for one that cannot be */
  #startWatches(): void {
    const { programs, logger, runtime } = this.#d;
    if (programs === undefined) return;
    const door = (): OwnDoor | undefined => {
      const unix = this.#config.listen.http.find((where) => where.network === "unix");
      return this.#addresses.http[0] ?? (unix === undefined || !("path" in unix) ? undefined : { path: unix.path });
    };
    const ask = watchAsker(door, () => this.#local.tokens.userToken());
    const { timers } = runtime;
    this.#watches = new ConfigWatches({ ask, ...programs, send: sendToHandler, timers, logger });
    const watches = this.#watches;
    this.#endings.push(() => watches.stop());
    watches.set(this.#config.watches);
  }

  #poolEvent(event: PoolEvent): void {
    this.#mode.poolEvent(event);
    this.#events.poolEvent(event);
    if (event.type !== "user" || event.name !== NEW_LEADER_EVENT) return;
    // The catalog may have missed something of ours when the old one went.
    const logger = this.#d.logger.named(this.#config.server ? "server" : "client");
    logger.info("New leader elected", { payload: Buffer.from(event.payload).toString() });
    this.#local.registry.syncer.requestFullSync("staggered");
  }

  async #openDoors(): Promise<void> {
    const { config } = this;
    const asking = this.#asking;
    const { runtime, logger, metrics } = this.#d;
    const streams = new StreamHub({
      endpoints: ENDPOINTS,
      backend: asking,
      options: () => httpOptions(this.#config),
      runtime,
      metrics,
    });
    this.#endings.push(() => streams.stop());
    const agent = {
      streams,
      datacenter: config.datacenter,
      nodeName: config.nodeName,
      connectEnabled: config.connect.enabled,
      events: this.#events,
      snapshots: this.#mode.snapshots,
      ask: askOver(asking),
      ...localApi({
        config: () => this.#config,
        nodeId: this.#nodeId,
        mode: this.#mode,
        lan: this.#lan,
        local: this.#local,
        runtime,
        logger,
        logHub: this.#d.logHub,
        telemetry: this.#d.telemetry,
        reload: this.#d.reload,
        leave: () => this.leave(),
      }),
    };
    this.#http = new HttpServer(httpOptions(config), {
      endpoints: ENDPOINTS,
      backend: { ...asking, agent },
      logger: logger.named("http"),
      metrics,
      clock: runtime.clock,
    });
    const listening = { owner: config.unixSockets, logger };
    const http = await listenAll(config.listen.http, listening, (where) => this.#http!.listen(where));
    const tls = config.listen.https.length > 0 ? await httpsOptions(config.tls.https, runtime.disk) : undefined;
    const https = await listenAll(config.listen.https, listening, (where) => this.#http!.listen(where, tls));
    this.#dns = new DnsServer(dnsOptions(config), {
      runtime,
      backend: this.#mode.dns(asking),
      log: logger.named("dns"),
      metrics,
    });
    const dns = await this.#dns.start(dnsAddresses(config.listen.dns));
    this.#addresses = { http, https, dns };
    this.#tellDoors();
  }

  /** A line for each door, in Consul's words. */
  #tellDoors(): void {
    const { logger } = this.#d;
    const { listen } = this.#config;
    for (const { host, port } of this.#addresses.dns)
      for (const network of ["udp", "tcp"])
        logger.info("Started DNS server", { address: hostPort(host, port), network });
    for (const protocol of ["http", "https"] as const) {
      for (const { host, port } of this.#addresses[protocol])
        logger.info("Starting server", { address: hostPort(host, port), network: "tcp", protocol });
      for (const where of listen[protocol])
        if (where.network === "unix")
          logger.info("Starting server", { address: where.path, network: "unix", protocol });
    }
  }

  /** Failing to join at start ends the agent; `retry_join` does not give up so easily. */
  async #join(): Promise<void> {
    const { timers, rng } = this.#d.runtime;
    const { logger } = this.#d;
    const { nodeName, datacenter, server, join } = this.#config;
    const askCloud: AskCloud = this.#d.askCloud ?? ((text, log) => discover(text, nodeWorld, log));
    const discovery = new Discovery(askCloud, logger);
    const cancel: Cancel = await joinAtStart(join, {
      lan: this.#lan,
      wan: this.#mode.wan,
      discovery,
      timers,
      logger,
      onGivenUp: this.#d.onFatal,
      onJoined: this.#d.onJoined,
    });
    const configured = (): readonly string[] => [...this.#config.join.retryLan, ...this.#config.join.startLan];
    const rejoin = new Rejoin(
      { nodeName, datacenter, server, configured, retryIntervalMs: join.retryIntervalLanMs },
      { lan: this.#lan, discovery, timers, rng, logger },
    );
    this.#stopJoining = () => {
      rejoin.stop();
      cancel();
    };
    this.#endings.push(() => this.#stopJoining());
    if (this.#leaving === undefined) rejoin.start();
  }

  /** Takes over what of a new configuration may change while the agent runs. @throws TribuneError */
  reload(loaded: RuntimeConfig): void {
    const config = withKeptTokens(loaded, this.#keptTokens);
    this.#config = config;
    this.#http?.configure(httpOptions(config));
    if (this.#addresses.https.length > 0) void this.#renewCertificates(config);
    this.#dns?.reload(dnsOptions(config));
    this.#cache.configure(config.cache);
    this.#mode.reload(config);
    this.#local.reload(config);
    this.#watches?.set(config.watches);
  }

  /** New HTTPS connections get what is in the files now; where that cannot be used, what there was. */
  async #renewCertificates({ tls }: RuntimeConfig): Promise<void> {
    const { logger } = this.#d;
    try {
      const options = await httpsOptions(tls.https, this.#d.runtime.disk);
      this.#http?.renewCertificates(options);
      logger.info("HTTPS certificates read again", certificateFields(options.cert));
    } catch (error) {
      logger.error("HTTPS goes on with the certificates it has", { error: (error as Error).message });
    }
  }

  /** Leaves the datacenter in good order; others know then that this agent was not lost. */
  leave(): Promise<void> {
    this.#stopJoining();
    // The leader takes this node out of the catalog: it must not bring itself in again before it ends.
    this.#pauseSync();
    // Whoever asked over HTTP hears of it first: scripts go on with this agent's directory or port when it has left.
    const { timers } = this.#d.runtime;
    this.#leaving ??= this.#mode.leave(this.#lan).finally(() => timers.soon(() => this.#d.onLeft?.()));
    return this.#leaving;
  }

  #pauseSync(): void {
    const local: LocalAgent | undefined = this.#local;
    if (this.#leaving === undefined) local?.registry.syncer.pause();
  }

  /** Closes the doors first, so that nothing half done is acknowledged; then the rest from the outside in. */
  stop(): Promise<void> {
    this.#stopping ??= (async () => {
      const { logger } = this.#d;
      logger.info("Requesting shutdown");
      await Promise.all([this.#http?.close(), this.#dns?.stop()]);
      logger.info("Endpoints down");
      for (const end of this.#endings.toReversed()) await end();
      this.#unlock?.();
      logger.info("shutdown complete");
    })();
    return this.#stopping;
  }
}

type Bound = { readonly host: string; readonly port: number };

/** Opens each address; those of Unix sockets have no port to tell. */
async function listenAll(
  addresses: readonly ListenAddress[],
  { owner, logger }: { readonly owner: SocketOwner; readonly logger: Logger },
  listen: (where: Bound | { readonly path: string }) => ReturnType<HttpServer["listen"]>,
): Promise<readonly Bound[]> {
  const found: Bound[] = [];
  for (const where of addresses) {
    if (where.network === "unix") {
      await clearSocketFile(where.path, logger);
      await listen({ path: where.path });
      await ownSocketFile(where.path, owner);
      continue;
    }
    const bound = await listen(where);
    if (typeof bound !== "string") found.push({ host: bound.address, port: bound.port });
  }
  return found;
}

/** Each address once: the configuration names it for TCP and for UDP. */
function dnsAddresses(listen: readonly ListenAddress[]): readonly Bound[] {
  return listen.flatMap((each) => (each.network === "tcp" ? [{ host: each.host, port: each.port }] : []));
}
