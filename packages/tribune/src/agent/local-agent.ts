import type { Probes } from "../checks/probe.ts";
import { nodeProbes } from "../checks/probes/index.ts";
import type { RuntimeConfig } from "../config/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { GossipPool } from "../pool/types.ts";
import { askedCatalog, askedChecks, askedServiceConfig } from "./asked-catalog.ts";
import type { Asking } from "./asking.ts";
import { sendCoordinates } from "./coordinates.ts";
import { configuredOf } from "./local/configured.ts";
import { LocalRegistry } from "./local/local-registry.ts";
import { JournalStore, noStore } from "./local/persistence/store.ts";
import type { AgentTokens } from "./local/types.ts";

export interface LocalAgentDependencies {
  readonly asking: Asking;
  readonly lan: GossipPool;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** How checks are carried out; on real sockets and processes when left out. */
  readonly probes?: Probes | undefined;
}

/** The half of an agent that every agent has: its own services and checks, kept in step with the catalog. */
export class LocalAgent {
  readonly registry: LocalRegistry;
  readonly tokens: AgentTokens & { setUserToken(token: string): void };
  readonly #config: RuntimeConfig;
  readonly #d: LocalAgentDependencies;
  #cancelCoordinates: Cancel = () => {};

  constructor(config: RuntimeConfig, nodeId: string, dependencies: LocalAgentDependencies) {
    this.#config = config;
    this.#d = dependencies;
    const { runtime, logger, metrics, asking, lan } = dependencies;
    let userToken = config.acl.tokens.default;
    this.tokens = {
      userToken: () => userToken,
      agentToken: () => config.acl.tokens.agent || userToken,
      setUserToken: (token) => {
        userToken = token;
      },
    };
    this.registry = new LocalRegistry(
      {
        node: {
          ID: nodeId,
          Node: config.nodeName,
          Address: config.advertiseAddrLan,
          Datacenter: config.datacenter,
          TaggedAddresses: config.taggedAddresses,
          Meta: nodeMeta(config),
        },
        checkUpdateIntervalMs: config.checkUpdateIntervalMs,
        discardCheckOutput: config.discardCheckOutput,
        maxCheckOutputBytes: config.checkOutputMaxBytes,
        checkDeregisterIntervalMinMs: config.checkDeregisterIntervalMinMs,
        enableLocalScripts: config.enableLocalScriptChecks,
        enableRemoteScripts: config.enableScriptChecks,
        syncIntervalMs: config.aeIntervalMs,
        clusterSize: () => lan.members().length,
      },
      {
        runtime,
        // A server that just started may not have caught up yet: it asks the leader, as it would ask itself.
        catalog: askedCatalog(asking, config.datacenter, { stale: !config.server }, { timers: runtime.timers }),
        remoteChecks: askedChecks(asking, config.datacenter, () => this.tokens.userToken()),
        serviceConfig: config.enableCentralServiceConfig
          ? askedServiceConfig(asking, config.datacenter, () => this.tokens.agentToken())
          : undefined,
        tokens: this.tokens,
        probes: dependencies.probes ?? nodeProbes({ timers: runtime.timers }),
        store: config.dataDir === "" ? noStore : new JournalStore({ dataDir: config.dataDir }, { ...runtime, logger }),
        logger,
        metrics,
      },
    );
  }

  async start(): Promise<void> {
    const { asking, lan, runtime, logger } = this.#d;
    await this.registry.start(configuredOf(this.#config, []));
    if (this.#config.disableCoordinates) return;
    this.#cancelCoordinates = sendCoordinates(
      {
        datacenter: this.#config.datacenter,
        nodeName: this.#config.nodeName,
        intervalMinMs: this.#config.syncCoordinateIntervalMinMs,
        ratePerSecond: this.#config.syncCoordinateRateTarget,
      },
      {
        asking,
        coordinate: () => lan.coordinate(),
        members: () => lan.members().length,
        token: () => this.tokens.agentToken(),
        runtime,
        logger,
      },
    );
  }

  /** @throws TribuneError for a definition that cannot be registered. */
  reload(config: RuntimeConfig): void {
    this.registry.state.setNodeMeta(nodeMeta(config));
    this.registry.state.setDiscardCheckOutput(config.discardCheckOutput);
    this.registry.reload(configuredOf(config, this.registry.state.liveServices()));
  }

  async stop(): Promise<void> {
    this.#cancelCoordinates();
    await this.registry.stop();
  }

  /** Local services with their tags, for the filters of events. */
  *serviceNames(): Iterable<{ readonly name: string; readonly tags: readonly string[] }> {
    for (const { Service, Tags } of this.registry.state.liveServices()) yield { name: Service, tags: Tags ?? [] };
  }
}

/** What the node's catalog row says besides what the operator chose. */
export function nodeMeta(config: RuntimeConfig): Readonly<Record<string, string>> {
  return { "consul-network-segment": config.segmentName, ...config.nodeMeta };
}
