import type { HealthCheck, NodeService } from "@tribune/api";
import type { Hashed, HashQuery, LocalChecksApi, LocalServicesApi } from "../../endpoints/agent-local-api.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Runtime } from "../../lib/runtime.ts";
import { localBlockingQuery } from "../local/blocking.ts";
import type { LocalRegistry } from "../local/local-registry.ts";
import type { SyncUnit } from "../local/local-state.ts";
import {
  readCheckRegistration,
  readCheckUpdate,
  readServiceRegistration,
} from "../local/registration/read-registration.ts";
import { type SidecarPorts, sidecarOf } from "../local/registration/sidecar.ts";

/**
 * Each change waits until the catalog has it as well, or a push failed: a client that registers and then asks the
 * catalog finds what it registered, as with Consul.
 */
class Synced {
  readonly registry: LocalRegistry;

  constructor(registry: LocalRegistry) {
    this.registry = registry;
  }

  service(id: string): Promise<void> {
    return this.registry.syncer.pushed({ kind: "service", id });
  }

  /** Taken before the change: a check that is gone does not tell any more whose it was. */
  unitOfCheck(id: string): SyncUnit {
    const serviceId = this.registry.state.check(id)?.ServiceID ?? "";
    return serviceId === "" ? { kind: "check", id } : { kind: "service", id: serviceId };
  }

  unit(unit: SyncUnit): Promise<void> {
    return this.registry.syncer.pushed(unit);
  }
}

export class RegisteredServices implements LocalServicesApi {
  readonly #registry: LocalRegistry;
  readonly #runtime: Pick<Runtime, "timers" | "rng">;
  readonly #sidecarPorts: SidecarPorts;
  readonly #synced: Synced;
  /** Sidecars whose own service is being registered first: their ports are taken. */
  readonly #coming = new Set<NodeService>();

  constructor(registry: LocalRegistry, sidecarPorts: SidecarPorts, runtime: Pick<Runtime, "timers" | "rng">) {
    this.#registry = registry;
    this.#runtime = runtime;
    this.#sidecarPorts = sidecarPorts;
    this.#synced = new Synced(registry);
  }

  all(): Iterable<NodeService> {
    return this.#registry.state.liveServices();
  }

  find(id: string): NodeService | undefined {
    return this.#registry.state.service(id);
  }

  checksOf(id: string): readonly HealthCheck[] {
    return this.#registry.state.checksOf(id, true);
  }

  async waitFor<T>(id: string, { hash, waitMs, read, onGone }: HashQuery<T>): Promise<Hashed<T>> {
    if (hash === "") return read();
    const gone = new AbortController();
    const stopListening = onGone(() => gone.abort());
    try {
      const onChange = (wake: () => void) => this.#registry.state.onServiceChange(id, wake);
      return await localBlockingQuery(
        { hash, waitMs, read, onChange, signal: gone.signal },
        { runtime: this.#runtime },
      );
    } finally {
      stopListening();
    }
  }

  async register(
    definition: string,
    { token, replaceExistingChecks }: { readonly token: string; readonly replaceExistingChecks: boolean },
  ): Promise<void> {
    const { service, checkTypes } = readServiceRegistration(definition);
    const sidecar = sidecarOf(service, this.#sidecarPorts, this.#withPorts());
    const common = { source: "remote", persist: true, replaceExistingChecks } as const;
    const Connect = { ...service.Connect, SidecarService: null };
    const own = { ...common, service: { ...service, Connect }, checkTypes, token };
    if (sidecar === undefined) await this.#registry.addService(own);
    else {
      this.#coming.add(sidecar.service);
      try {
        await this.#registry.addService(own);
        await this.#registry.addService({ ...common, ...sidecar, token: sidecar.token || token });
      } finally {
        this.#coming.delete(sidecar.service);
      }
      await this.#synced.service(sidecar.service.ID);
    }
    await this.#synced.service(service.ID);
  }

  /** Walked only where a sidecar is to be given a port. */
  *#withPorts(): Generator<NodeService> {
    yield* this.all();
    yield* this.#coming;
  }

  async deregister(id: string): Promise<void> {
    await this.#registry.removeService(id);
    await this.#synced.service(id);
  }

  async enableMaintenance(id: string, reason: string, token: string): Promise<void> {
    await this.#registry.enableServiceMaintenance(id, reason, token);
    await this.#synced.service(id);
  }

  async disableMaintenance(id: string): Promise<void> {
    await this.#registry.disableServiceMaintenance(id);
    await this.#synced.service(id);
  }
}

export class RegisteredChecks implements LocalChecksApi {
  readonly #registry: LocalRegistry;
  readonly #synced: Synced;

  constructor(registry: LocalRegistry) {
    this.#registry = registry;
    this.#synced = new Synced(registry);
  }

  all(): Iterable<HealthCheck> {
    return this.#registry.state.liveChecks();
  }

  async register(definition: string, token: string): Promise<void> {
    const { check, checkType } = readCheckRegistration(definition);
    await this.#registry.addCheck({ check, checkType, token, source: "remote", persist: true });
    await this.#synced.unit(this.#synced.unitOfCheck(check.CheckID));
  }

  async deregister(id: string): Promise<void> {
    const unit = this.#synced.unitOfCheck(id);
    await this.#registry.removeCheck(id);
    await this.#synced.unit(unit);
  }

  async report(id: string, status: "passing" | "warning" | "critical", output: string): Promise<void> {
    await this.#registry.updateTtlCheck(id, status, output);
    await this.#synced.unit(this.#synced.unitOfCheck(id));
  }

  async reportJson(id: string, report: string): Promise<void> {
    const { status, output } = readCheckUpdate(report);
    if (status !== "passing" && status !== "warning" && status !== "critical")
      throw TribuneError.badRequest(`Invalid check status: '${status}'`);
    await this.report(id, status, output);
  }
}
