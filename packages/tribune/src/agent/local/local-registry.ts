import type { HealthCheck, NodeService, ServiceConfigResponse } from "@tribune/api";
import type { AliasSource } from "../../checks/alias.ts";
import { CheckRunners } from "../../checks/check-runners.ts";
import { type CheckType, checkTypeProblem, isScript, kindOf } from "../../checks/check-type.ts";
import type { Probes } from "../../checks/probe.ts";
import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { localAliasSource, type RemoteChecks } from "./alias-source.ts";
import { StateSyncer } from "./anti-entropy/state-syncer.ts";
import { CentralConfig, type ServiceConfigPort } from "./central-config.ts";
import type { Configured } from "./configured.ts";
import { Definitions } from "./definitions.ts";
import { LocalState } from "./local-state.ts";
import {
  NODE_MAINTENANCE_ID,
  nodeMaintenanceCheck,
  serviceMaintenanceCheck,
  serviceMaintenanceId,
} from "./maintenance.ts";
import type { Change, PersistedCheckState } from "./persistence/records.ts";
import type { Persisted, RegistrationStore } from "./persistence/store.ts";
import { Reaper } from "./reaper.ts";
import { completeService, dnsProblem, serviceCheck, serviceCheckId, sidecarIdOf } from "./registration/complete.ts";
import type { AddCheckRequest, AddServiceRequest, AgentTokens, CatalogPort, NodeIdentity, Source } from "./types.ts";

const NS_PER_MS = 1e6;

export interface LocalRegistryOptions {
  readonly node: NodeIdentity;
  readonly checkUpdateIntervalMs: number;
  readonly discardCheckOutput: boolean;
  readonly maxCheckOutputBytes: number;
  readonly checkDeregisterIntervalMinMs: number;
  /** `enable_local_script_checks`: from the configuration. */
  readonly enableLocalScripts: boolean;
  /** `enable_script_checks`: from the API. */
  readonly enableRemoteScripts: boolean;
  readonly syncIntervalMs: number;
  /** LAN members, this agent included. */
  readonly clusterSize: () => number;
}

export interface LocalRegistryDeps {
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly catalog: CatalogPort;
  /** Checks of other nodes, for alias checks. */
  readonly remoteChecks: RemoteChecks;
  /** What configuration entries say of services; undefined where they have no say (`enable_central_service_config`). */
  readonly serviceConfig?: ServiceConfigPort | undefined;
  readonly tokens: AgentTokens;
  readonly probes: Probes;
  readonly store: RegistrationStore;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Everything registered on this agent: what it is (`state`), what runs to keep it true (check runners, the
 * reaper), what survives a restart (the store), and what brings it to the catalog (the syncer).
 *
 * Each change is made in one turn of the event loop, in memory and in the journal's queue, so that two requests
 * never interleave; what is awaited afterwards is only the disk.
 */
export class LocalRegistry {
  readonly state: LocalState;
  readonly syncer: StateSyncer;
  private readonly options: LocalRegistryOptions;
  private readonly deps: LocalRegistryDeps;
  private readonly runners: CheckRunners;
  private readonly reaper: Reaper;
  private readonly definitions: Definitions;
  private readonly central: CentralConfig | undefined;
  /** TTL states of an earlier run, each used by the first registration of its check. */
  private restored = new Map<string, PersistedCheckState>();

  constructor(options: LocalRegistryOptions, deps: LocalRegistryDeps) {
    const { runtime, logger } = deps;
    this.options = options;
    this.deps = deps;
    this.state = new LocalState(options, { runtime });
    const aliases: AliasSource = localAliasSource(this.state, deps.remoteChecks);
    this.runners = new CheckRunners(
      { maxOutputBytes: options.maxCheckOutputBytes },
      {
        runtime,
        probes: deps.probes,
        aliases,
        logger,
        onResult: (id, status, output) => this.state.updateCheck(id, status, output),
      },
    );
    this.reaper = new Reaper(
      {
        minGraceMs: options.checkDeregisterIntervalMinMs,
        onExpired: (serviceId, checkId) => this.reap(serviceId, checkId),
      },
      { runtime, state: this.state },
    );
    this.syncer = new StateSyncer(
      {
        intervalMs: options.syncIntervalMs,
        clusterSize: options.clusterSize,
        deferOutput: options.checkUpdateIntervalMs > 0,
      },
      { ...deps, state: this.state },
    );
    if (deps.serviceConfig !== undefined)
      this.central = new CentralConfig({
        port: deps.serviceConfig,
        runtime,
        logger,
        onMerged: (service, token) => this.state.putService(service, token),
      });
    this.definitions = new Definitions({
      addService: (request) => this.addServiceNow(request),
      addCheck: (request) => this.addCheckNow(request),
      removeService: (id) => this.removeServiceNow(id, false),
      removeCheck: (id) => this.removeCheckNow(id, false),
    });
  }

  // ---- lifecycle -----------------------------------------------------------------------------------------

  /**
   * Registers what the configuration defines and what an earlier run left, and starts to sync.
   * @throws TribuneError for a definition of the configuration that cannot be registered.
   */
  async start(configured: Configured): Promise<void> {
    const { store, runtime, logger } = this.deps;
    const persisted = await store.load();
    const nowS = Math.floor(runtime.clock.wallMs() / 1000);
    for (const [id, state] of persisted.checkStates) if (nowS < state.Expires) this.restored.set(id, state);
    this.reaper.start();
    this.definitions.apply(configured);
    const dropped = this.restore(persisted);
    this.restored.clear();
    this.syncer.start();
    logger.info("started state syncer");
    if (dropped.length > 0) await store.write(dropped, "durable");
  }

  async stop(): Promise<void> {
    this.central?.stop();
    this.runners.stopAll();
    this.reaper.stop();
    this.state.stop();
    await this.syncer.stop();
    await this.deps.store.close();
  }

  /**
   * Takes over a changed configuration. What is defined as before, and was not replaced or removed since, goes on
   * undisturbed; everything else is replaced, added or removed, and the catalog sees only the outcome.
   * @throws TribuneError for a definition that cannot be registered; those before it stay applied.
   */
  reload(configured: Configured): void {
    const resume = this.syncer.pause();
    try {
      this.definitions.apply(configured);
    } finally {
      resume();
    }
    this.forgetOvertaken(configured);
  }

  /** What was registered in place of a service or check of the configuration must not come back once that is gone there. */
  private forgetOvertaken({ services, checks }: Configured): void {
    const { store, logger } = this.deps;
    const checkIds = new Set(checks.map(({ check }) => check.CheckID));
    for (const { service, checkTypes } of services)
      for (const [at, type] of checkTypes.entries())
        checkIds.add(serviceCheckId(service.ID, type, at, checkTypes.length));
    const serviceIds = services.map(({ service }) => service.ID);
    const overtaken: readonly Change[] = [
      ...serviceIds.filter((id) => store.hasService(id)).map((id) => ({ kind: "serviceGone", id }) as const),
      ...[...checkIds].filter((id) => store.hasCheckDefinition(id)).map((id) => ({ kind: "checkGone", id }) as const),
    ];
    if (overtaken.length === 0) return;
    store
      .write(overtaken, "durable")
      .catch((error: unknown) => logger.error("cannot forget what the configuration defines", { error }));
  }

  /** What is registered and what runs for it, in numbers. */
  counts(): { readonly services: number; readonly checks: number; readonly scripts: number; readonly ttls: number } {
    return {
      services: [...this.state.liveServices()].length,
      checks: [...this.state.liveChecks()].length,
      ...this.runners.counts(),
    };
  }

  // ---- services ------------------------------------------------------------------------------------------

  /**
   * Registers a service with its checks. Checks it had before and that are defined again keep their status.
   * Resolves once it would survive a crash; the catalog follows on its own.
   * @throws TribuneError with Consul's text.
   */
  async addService(request: AddServiceRequest): Promise<void> {
    // Asked first, so that the catalog never sees the service without what entries say of it.
    const { service, token } = request;
    const known = await this.central?.ahead(service, token);
    const { changes, undo } = this.addServiceNow(request, known);
    await this.persist(changes, undo);
  }

  /** Removes a service, its checks and its own sidecar. An unknown ID is no error. */
  async removeService(id: string): Promise<void> {
    if (id === "") throw TribuneError.internal("ServiceID missing");
    await this.persist(this.removeServiceNow(id, true));
  }

  // ---- checks --------------------------------------------------------------------------------------------

  /** Registers a check; one that existed keeps its status. @throws TribuneError with Consul's text. */
  async addCheck(request: AddCheckRequest): Promise<void> {
    const { changes, undo } = this.addCheckNow(request);
    await this.persist(changes, undo);
  }

  /** An unknown ID is no error. */
  async removeCheck(id: string): Promise<void> {
    if (id === "") throw TribuneError.internal("CheckID missing");
    await this.persist(this.removeCheckNow(id, true));
  }

  /**
   * A service's report on one of its TTL checks. Resolves once it would survive the death of this process.
   * @throws TribuneError where the check is not a TTL check.
   */
  async updateTtlCheck(id: string, status: string, output: string): Promise<void> {
    const ttl = this.runners.ttl(id);
    if (ttl === undefined) throw TribuneError.internal(`CheckID ${goQuote(id)} does not have associated TTL`);
    const kept = ttl.report(output);
    this.state.updateCheck(id, status, kept);
    const Expires = Math.floor((this.deps.runtime.clock.wallMs() + ttl.ttlMs) / 1000);
    const value: PersistedCheckState = { CheckID: id, Status: status, Output: kept, Expires };
    try {
      await this.deps.store.write([{ kind: "checkState", value }], "written");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw TribuneError.internal(`failed persisting state for check ${goQuote(id)}: ${reason}`, error);
    }
  }

  // ---- maintenance ---------------------------------------------------------------------------------------

  /** @throws TribuneError (notFound) */
  async enableServiceMaintenance(id: string, reason: string, token: string): Promise<void> {
    const service = this.requireService(id);
    if (this.state.check(serviceMaintenanceId(id)) !== undefined) return;
    await this.addMaintenance(serviceMaintenanceCheck(service, reason), token);
    this.deps.logger.info("Service entered maintenance mode", { service: id });
  }

  /** @throws TribuneError (notFound) */
  async disableServiceMaintenance(id: string): Promise<void> {
    this.requireService(id);
    if (this.state.check(serviceMaintenanceId(id)) === undefined) return;
    await this.removeCheck(serviceMaintenanceId(id));
    this.deps.logger.info("Service left maintenance mode", { service: id });
  }

  async enableNodeMaintenance(reason: string, token: string): Promise<void> {
    if (this.state.check(NODE_MAINTENANCE_ID) !== undefined) return;
    await this.addMaintenance(nodeMaintenanceCheck(reason), token);
    this.deps.logger.info("Node entered maintenance mode");
  }

  async disableNodeMaintenance(): Promise<void> {
    if (this.state.check(NODE_MAINTENANCE_ID) === undefined) return;
    await this.removeCheck(NODE_MAINTENANCE_ID);
    this.deps.logger.info("Node left maintenance mode");
  }

  // ---- within one turn -----------------------------------------------------------------------------------

  private addServiceNow(request: AddServiceRequest, known?: ServiceConfigResponse): Applied {
    const { checkTypes, token, source } = request;
    for (const type of checkTypes) this.vetCheckType(type, source);
    const service = completeService(request.service);
    this.warnAboutDns(service);
    const checks = checkTypes.map((type, at) =>
      this.withLastStatus(serviceCheck(service, type, at, checkTypes.length)),
    );
    const isNew = this.state.service(service.ID) === undefined;
    const newChecks = checks.filter((check) => this.state.check(check.CheckID) === undefined);

    const changes: Change[] = [];
    if (request.persist) {
      this.definitions.serviceChanged(service.ID);
      for (const { CheckID } of checks) this.definitions.checkChanged(CheckID);
    }
    this.state.putService(this.central?.follow(service, token, known) ?? service, token);
    if (request.persist) changes.push({ kind: "service", value: persistedService(service, token, source) });
    for (const [at, check] of checks.entries()) {
      const type = checkTypes[at]!;
      this.state.putCheck(check, token);
      this.run(check, type, token);
      if (request.persist)
        changes.push({ kind: "check", value: { Check: check, ChkType: type, Token: token, Source: source } });
    }
    if (request.replaceExistingChecks) {
      const kept = new Set(checks.map((check) => check.CheckID));
      for (const check of this.state.checksOf(service.ID, false))
        if (!kept.has(check.CheckID)) changes.push(...this.removeCheckNow(check.CheckID, request.persist));
    }
    const undo = (): void => {
      for (const check of newChecks) this.removeCheckNow(check.CheckID, false);
      if (isNew) this.removeServiceNow(service.ID, false);
    };
    return { changes, undo };
  }

  private addCheckNow({ check: given, checkType, token, source, persist }: AddCheckRequest): Applied {
    const service = given.ServiceID === "" ? undefined : this.state.service(given.ServiceID);
    if (given.ServiceID !== "" && service === undefined)
      throw TribuneError.internal(`ServiceID ${goQuote(given.ServiceID)} does not exist`);
    if (given.CheckID === "") throw TribuneError.internal("CheckID missing");
    if (checkType !== undefined) this.vetCheckType(checkType, source);
    if (persist) this.definitions.checkChanged(given.CheckID);
    const existing = this.state.check(given.CheckID);
    const owned = service === undefined ? given : { ...given, ServiceName: service.Service, ServiceTags: service.Tags };
    this.state.putCheck(this.withLastStatus(owned), token);
    // Counts the time it has been critical from now on, should it be so.
    if (existing !== undefined) this.state.updateCheck(given.CheckID, existing.Status, existing.Output);
    if (checkType === undefined) this.runners.stop(given.CheckID);
    else this.run(owned, checkType, token);
    const changes: Change[] = persist
      ? [{ kind: "check", value: { Check: owned, ChkType: checkType ?? null, Token: token, Source: source } }]
      : [];
    const undo = (): void => {
      if (existing === undefined) this.removeCheckNow(given.CheckID, false);
    };
    return { changes, undo };
  }

  private removeServiceNow(id: string, persist: boolean): Change[] {
    const { store, logger } = this.deps;
    const checks = this.state.checksOf(id, false);
    this.central?.forget(id);
    if (persist) this.definitions.serviceChanged(id);
    if (!this.state.removeService(id)) {
      logger.warn("Failed to deregister service", { service: id, error: `Service ${goQuote(id)} does not exist` });
      // A removal that the disk refused is asked for again: what is answered well now must not be there after a restart.
      if (!persist) return [];
      const sidecarId = sidecarIdOf(id);
      return [...store.dropOf(id), ...(this.state.service(sidecarId) === undefined ? store.dropOf(sidecarId) : [])];
    }
    const changes: Change[] = persist && store.hasService(id) ? [{ kind: "serviceGone", id }] : [];
    for (const check of checks) changes.push(...this.removeCheckNow(check.CheckID, persist));
    logger.debug("removed service", { service: id });
    const sidecar = this.state.service(sidecarIdOf(id));
    if (sidecar?.LocallyRegisteredAsSidecar) changes.push(...this.removeServiceNow(sidecar.ID, persist));
    return changes;
  }

  private removeCheckNow(id: string, persist: boolean): Change[] {
    this.runners.stop(id);
    this.reaper.watch(id, 0);
    if (persist) this.definitions.checkChanged(id);
    if (this.state.removeCheck(id)) this.deps.logger.debug("removed check", { check: id });
    return persist && this.deps.store.hasCheck(id) ? [{ kind: "checkGone", id }] : [];
  }

  private run(check: HealthCheck, type: CheckType, token: string): void {
    this.runners.start({ id: check.CheckID, type, token: token || this.deps.tokens.userToken() });
    this.reaper.watch(check.CheckID, type.DeregisterCriticalServiceAfter / NS_PER_MS);
  }

  /** A definition that comes again keeps the status it had, here or in an earlier run of this agent. */
  private withLastStatus(check: HealthCheck): HealthCheck {
    const last = this.state.check(check.CheckID) ?? this.restored.get(check.CheckID);
    return last === undefined ? check : { ...check, Status: last.Status, Output: last.Output };
  }

  private vetCheckType(type: CheckType, source: Source): void {
    const problem = checkTypeProblem(type);
    if (problem !== undefined) throw TribuneError.internal(`Check is not valid: ${problem}`);
    if (kindOf(type) === "") throw TribuneError.internal("Check type is not valid");
    if (!isScript(type)) return;
    if (source === "local" && !this.options.enableLocalScripts)
      throw TribuneError.internal(
        "Scripts are disabled on this agent; to enable, configure 'enable_script_checks' or " +
          "'enable_local_script_checks' to true",
      );
    if (source === "remote" && !this.options.enableRemoteScripts)
      throw TribuneError.internal(
        "Scripts are disabled on this agent from remote calls; to enable, configure 'enable_script_checks' to true",
      );
  }

  // ---- the rest ------------------------------------------------------------------------------------------

  /** @returns what must leave the store: registrations that the configuration has taken over, or that fail. */
  private restore(persisted: Persisted): Change[] {
    const { logger } = this.deps;
    const dropped: Change[] = [];
    for (const [id, { Service, Token, Source: source }] of persisted.services) {
      if (this.state.service(id) !== undefined) {
        logger.debug("service exists, not restoring from file", { service: id });
        dropped.push({ kind: "serviceGone", id });
        continue;
      }
      const request = { service: Service, checkTypes: [], token: Token, source: sourceOf(source) };
      try {
        this.addServiceNow({ ...request, persist: false, replaceExistingChecks: false });
      } catch (error) {
        if (!(error instanceof TribuneError)) throw error;
        logger.error("failed adding service", { service: id, error: error.message });
      }
    }
    for (const [id, { Check, ChkType, Token, Source: source }] of persisted.checks) {
      if (this.state.check(id) !== undefined) {
        logger.debug("check exists, not restoring from file", { check: id });
        dropped.push({ kind: "checkGone", id });
        continue;
      }
      try {
        // Critical until it says otherwise: an unhealthy service must not come back as a healthy one.
        const check = { ...Check, Status: "critical", Output: "" };
        this.addCheckNow({
          check,
          checkType: ChkType ?? undefined,
          token: Token,
          source: sourceOf(source),
          persist: false,
        });
      } catch (error) {
        if (!(error instanceof TribuneError)) throw error;
        logger.warn("Failed to restore check", { check: id, error: error.message });
        dropped.push({ kind: "checkGone", id });
      }
    }
    return dropped;
  }

  private async addMaintenance(check: HealthCheck, token: string): Promise<void> {
    await this.addCheck({ check, checkType: undefined, token, source: "local", persist: true });
  }

  private requireService(id: string): NodeService {
    const service = this.state.service(id);
    if (service === undefined) throw new TribuneError("notFound", `No service registered with ID ${goQuote(id)}`);
    return service;
  }

  private reap(serviceId: string, checkId: string): void {
    const fields = { service: serviceId, check: checkId };
    this.removeService(serviceId).then(
      () => this.deps.logger.info("Check for service has been critical for too long; deregistered service", fields),
      (error: unknown) =>
        this.deps.logger.error("unable to deregister service after check has been critical for too long", {
          ...fields,
          error,
        }),
    );
  }

  private async persist(changes: readonly Change[], undo?: () => void): Promise<void> {
    if (changes.length === 0) return;
    try {
      await this.deps.store.write(changes, "durable");
    } catch (error) {
      undo?.();
      throw TribuneError.internal(error instanceof Error ? error.message : String(error), error);
    }
  }

  private warnAboutDns(service: NodeService): void {
    const problem = dnsProblem(service.Service);
    if (problem !== undefined)
      this.deps.logger.warn(`Service name will not be discoverable via DNS ${problem}`, { service: service.Service });
    for (const tag of service.Tags ?? []) {
      const tagProblem = dnsProblem(tag);
      if (tagProblem !== undefined)
        this.deps.logger.debug(`Service tag will not be discoverable via DNS ${tagProblem}`, { tag });
    }
  }
}

interface Applied {
  readonly changes: readonly Change[];
  /** Takes back what did not exist before. */
  readonly undo: () => void;
}

function persistedService(
  service: NodeService,
  token: string,
  source: Source,
): { Token: string; Service: NodeService; Source: string; LocallyRegisteredAsSidecar: boolean } {
  const { LocallyRegisteredAsSidecar } = service;
  return { Token: token, Service: service, Source: source, LocallyRegisteredAsSidecar };
}

function sourceOf(text: string): Source {
  return text === "local" ? "local" : "remote";
}
