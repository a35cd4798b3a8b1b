import { type Coordinate, DeregisterRequest, make, RegisterRequest } from "@tribune/api";
import { nodeProbes } from "../checks/probes/index.ts";
import type { RuntimeConfig } from "../config/types.ts";
import { prepareDeregistration, prepareRegistration } from "../endpoints/catalog-rules.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { randomStagger } from "../lib/random.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { ServerIdentity } from "../server/identity.ts";
import type { Server } from "../server/server.ts";
import { checksOfNode, nodeWithServices } from "../state/catalog/node-queries.ts";
import type { RemoteChecks } from "./local/alias-source.ts";
import { configuredOf } from "./local/configured.ts";
import { LocalRegistry } from "./local/local-registry.ts";
import { JournalStore, noStore } from "./local/persistence/store.ts";
import type { AgentTokens, CatalogPort } from "./local/types.ts";

export interface LocalAgentDependencies {
  readonly server: Server;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const REGISTER_TYPE = 0;
const DEREGISTER_TYPE = 1;
/** An agent alone has nobody to measure its distance to: it stands at the origin, as uncertain as can be. */
const COORDINATE_AT_START = { Vec: [0, 0, 0, 0, 0, 0, 0, 0], Error: 1.5, Adjustment: 0, Height: 1e-5 };

/** The half of an agent that every agent has: its own services and checks, kept in step with the catalog. */
export class LocalAgent {
  readonly registry: LocalRegistry;
  readonly tokens: AgentTokens & { setUserToken(token: string): void };
  readonly #config: RuntimeConfig;
  readonly #identity: ServerIdentity;
  readonly #d: LocalAgentDependencies;
  #cancelCoordinate: Cancel = () => {};

  constructor(config: RuntimeConfig, identity: ServerIdentity, dependencies: LocalAgentDependencies) {
    this.#config = config;
    this.#identity = identity;
    this.#d = dependencies;
    const { runtime, logger, metrics, server } = dependencies;
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
          ID: identity.id,
          Node: identity.name,
          Address: identity.address,
          Datacenter: identity.datacenter,
          TaggedAddresses: identity.taggedAddresses,
          Meta: identity.meta,
        },
        checkUpdateIntervalMs: config.checkUpdateIntervalMs,
        discardCheckOutput: config.discardCheckOutput,
        maxCheckOutputBytes: config.checkOutputMaxBytes,
        checkDeregisterIntervalMinMs: config.checkDeregisterIntervalMinMs,
        enableLocalScripts: config.enableLocalScriptChecks,
        enableRemoteScripts: config.enableScriptChecks,
        syncIntervalMs: config.aeIntervalMs,
        clusterSize: () => 1,
      },
      {
        runtime,
        catalog: serverCatalog(server),
        remoteChecks: serverChecks(server),
        tokens: this.tokens,
        probes: nodeProbes({ timers: runtime.timers }),
        store: config.dataDir === "" ? noStore : new JournalStore({ dataDir: config.dataDir }, { ...runtime, logger }),
        logger,
        metrics,
      },
    );
  }

  async start(): Promise<void> {
    await this.registry.start(configuredOf(this.#config, []));
    if (!this.#config.disableCoordinates) this.#sendCoordinateLater();
  }

  /** @throws TribuneError for a definition that cannot be registered. */
  reload(config: RuntimeConfig): void {
    this.registry.state.setNodeMeta({ "consul-network-segment": "", ...config.nodeMeta });
    this.registry.state.setDiscardCheckOutput(config.discardCheckOutput);
    this.registry.reload(configuredOf(config, this.registry.state.liveServices()));
  }

  async stop(): Promise<void> {
    this.#cancelCoordinate();
    await this.registry.stop();
  }

  coordinate(): Coordinate {
    return { Node: this.#identity.name, Segment: "", Coord: COORDINATE_AT_START };
  }

  /** Local services with their tags, for the filters of events. */
  *serviceNames(): Iterable<{ readonly name: string; readonly tags: readonly string[] }> {
    for (const { Service, Tags } of this.registry.state.liveServices()) yield { name: Service, tags: Tags ?? [] };
  }

  #sendCoordinateLater(): void {
    const { runtime, server } = this.#d;
    const intervalMs = this.#config.syncCoordinateIntervalMinMs;
    this.#cancelCoordinate = runtime.timers.after(intervalMs + randomStagger(runtime.rng, intervalMs), () => {
      server.queueCoordinate(this.coordinate());
      this.#sendCoordinateLater();
    });
  }
}

/** The catalog as an agent in server mode reaches it: in its own process. */
function serverCatalog(server: Server): CatalogPort {
  return {
    register: async (request) =>
      void (await server.propose(REGISTER_TYPE, RegisterRequest, prepareRegistration(request))),
    deregister: async (request) =>
      void (await server.propose(
        DEREGISTER_TYPE,
        DeregisterRequest,
        prepareDeregistration(make(DeregisterRequest, request)),
      )),
    nodeServices: async ({ node }) => {
      await server.waitForLeader();
      const found = server.peek((tx) => nodeWithServices(tx, node));
      return { node: found.node ?? null, services: found.services };
    },
    nodeChecks: async ({ node }) => {
      await server.waitForLeader();
      return server.peek((tx) => checksOfNode(tx, node).checks);
    },
  };
}

/** Checks of other nodes, for alias checks. */
function serverChecks(server: Server): RemoteChecks {
  return {
    remoteChecks: ({ node, minIndex }) =>
      new Promise((resolve, reject) => {
        server.engine.wait(
          `alias ${node}`,
          (tx) => {
            const { index, checks } = checksOfNode(tx, node);
            return { Index: index, checks };
          },
          minIndex,
          60_000,
          ({ index, reply }) => resolve({ index, checks: reply.checks }),
          reject,
        );
      }),
    remoteServiceExists: ({ node, serviceId }) =>
      Promise.resolve(
        server.peek((tx) => nodeWithServices(tx, node).services.some((service) => service.ID === serviceId)),
      ),
  };
}
