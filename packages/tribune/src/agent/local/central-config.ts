/**
 * Keeps proxies and gateways of this agent as configuration entries want them: what was registered, with what the
 * entries say where it says nothing (Consul's service manager). Whenever the entries change, the service is put again.
 */
import type { NodeService, ServiceConfigRequest, ServiceConfigResponse } from "@tribune/api";
import { isCentrallyConfigured, mergeServiceConfig, serviceConfigQuery } from "../../connect/service-config.ts";
import type { Logger } from "../../lib/log.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";

/** After a question that failed. */
const RETRY_MS = 5000;

type Query = Pick<ServiceConfigRequest, "Name" | "MeshGateway" | "Mode" | "UpstreamIDs">;

/** The servers, as far as entries are asked for. */
export interface ServiceConfigPort {
  /**
   * @param minIndex answers at once when 0, else when the answer is newer or some minutes have passed
   * @param token the registration's; "" for the agent's own
   */
  resolve(query: Query, minIndex: number, token: string): Promise<ServiceConfigResponse>;
}

export interface CentralConfigDependencies {
  readonly port: ServiceConfigPort;
  readonly runtime: Pick<Runtime, "timers">;
  readonly logger: Logger;
  /** A followed service is to be another than it was. */
  readonly onMerged: (service: NodeService, token: string) => void;
}

interface Followed {
  readonly registered: NodeService;
  readonly token: string;
  readonly key: string;
  known: ServiceConfigResponse | undefined;
  cancelRetry: Cancel;
}

export class CentralConfig {
  readonly #d: CentralConfigDependencies;
  readonly #followed = new Map<string, Followed>();

  constructor(dependencies: CentralConfigDependencies) {
    this.#d = dependencies;
  }

  /** What entries say of a service that is about to be registered; undefined when nobody answers, or none can. */
  async ahead(service: NodeService, token: string): Promise<ServiceConfigResponse | undefined> {
    if (!isCentrallyConfigured(service)) return undefined;
    try {
      return await this.#d.port.resolve(serviceConfigQuery(service), 0, token);
    } catch (error) {
      this.#warn(service.ID, error);
      return undefined;
    }
  }

  /**
   * Follows the entries about a service from now on, in place of what was registered under its id before.
   * @param known what `ahead` found
   * @returns the service as it is to be now
   */
  follow(service: NodeService, token: string, known: ServiceConfigResponse | undefined): NodeService {
    const before = this.#followed.get(service.ID);
    this.forget(service.ID);
    if (!isCentrallyConfigured(service)) return service;
    const key = JSON.stringify([serviceConfigQuery(service), token]);
    // A service that is registered again is not for a moment without what is known.
    const kept = known ?? (before?.key === key ? before.known : undefined);
    const followed: Followed = { registered: service, token, key, known: kept, cancelRetry: () => {} };
    this.#followed.set(service.ID, followed);
    this.#ask(followed);
    return kept === undefined ? service : mergeServiceConfig(service, kept);
  }

  forget(id: string): void {
    this.#followed.get(id)?.cancelRetry();
    this.#followed.delete(id);
  }

  stop(): void {
    for (const id of [...this.#followed.keys()]) this.forget(id);
  }

  #ask(followed: Followed): void {
    const { registered, token, known } = followed;
    this.#d.port
      .resolve(serviceConfigQuery(registered), known === undefined ? 0 : Math.max(1, known.Index), token)
      .then(
        (config) => {
          if (!this.#isCurrent(followed)) return;
          const isNew = config.Index !== known?.Index;
          followed.known = config;
          if (isNew) this.#d.onMerged(mergeServiceConfig(registered, config), token);
          this.#ask(followed);
        },
        (error: unknown) => {
          if (!this.#isCurrent(followed)) return;
          this.#warn(registered.ID, error);
          followed.cancelRetry = this.#d.runtime.timers.after(RETRY_MS, () => this.#ask(followed));
        },
      );
  }

  #isCurrent(followed: Followed): boolean {
    return this.#followed.get(followed.registered.ID) === followed;
  }

  #warn(service: string, error: unknown): void {
    this.#d.logger.warn("could not read the configuration entries of a service; trying again", {
      service,
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
