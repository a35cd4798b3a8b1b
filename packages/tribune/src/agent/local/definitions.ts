import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import type { Configured, ConfiguredCheck, ConfiguredService } from "./configured.ts";
import { serviceCheckId } from "./registration/complete.ts";
import type { AddCheckRequest, AddServiceRequest } from "./types.ts";

interface Registrar {
  addService(request: AddServiceRequest): void;
  addCheck(request: AddCheckRequest): void;
  removeService(id: string): void;
  removeCheck(id: string): void;
}

interface RegisteredService {
  /** The definition as text, to compare with. */
  readonly written: string;
  readonly checkIds: readonly string[];
}

/** What the configuration defines, and which of it is registered: a reload only touches what became different. */
export class Definitions {
  private readonly registrar: Registrar;
  private readonly services = new Map<string, RegisteredService>();
  private readonly checks = new Map<string, string>();
  /** Checks of services that somebody else has replaced since: they stand, and go with the next reload that lacks them. */
  private readonly leftChecks = new Set<string>();

  constructor(registrar: Registrar) {
    this.registrar = registrar;
  }

  /** @throws TribuneError for the first definition that is refused; those before it are registered. */
  apply(configured: Configured): void {
    const services = new Map(configured.services.map((service) => [service.service.ID, service]));
    const checks = new Map(configured.checks.map((check) => [check.check.CheckID, check]));
    for (const id of [...this.checks.keys()]) if (!checks.has(id)) this.dropCheck(id);
    for (const id of [...this.services.keys()]) if (!services.has(id)) this.dropService(id);
    for (const [id, service] of services) this.applyService(id, service);
    for (const [id, check] of checks) this.applyCheck(id, check);
    this.dropLeftChecks();
  }

  /**
   * Somebody else has replaced or removed a service that may be one of these. A reload defines it again; where the
   * configuration does not any more, it is theirs.
   */
  serviceChanged(id: string): void {
    for (const checkId of this.services.get(id)?.checkIds ?? []) this.leftChecks.add(checkId);
    this.services.delete(id);
  }

  /** The same of a check, which may have come with a service. */
  checkChanged(id: string): void {
    this.leftChecks.delete(id);
    this.checks.delete(id);
    for (const [serviceId, service] of this.services)
      if (service.checkIds.includes(id)) this.services.set(serviceId, { ...service, written: "" });
  }

  private applyService(id: string, { service, checkTypes, token }: ConfiguredService): void {
    const written = JSON.stringify([service, checkTypes, token]);
    const old = this.services.get(id);
    if (old?.written === written) return;
    const request = {
      service,
      checkTypes,
      token,
      source: "local",
      persist: false,
      replaceExistingChecks: false,
    } as const;
    try {
      this.registrar.addService(request);
    } catch (error) {
      if (!(error instanceof TribuneError)) throw error;
      throw TribuneError.internal(`Failed to register service ${goQuote(service.Service)}: ${error.message}`, error);
    }
    const checkIds = checkTypes.map((type, at) => serviceCheckId(id, type, at, checkTypes.length));
    for (const gone of old?.checkIds ?? []) if (!checkIds.includes(gone)) this.registrar.removeCheck(gone);
    this.services.set(id, { written, checkIds });
  }

  private applyCheck(id: string, { check, checkType, token }: ConfiguredCheck): void {
    const written = JSON.stringify([check, checkType, token]);
    if (this.checks.get(id) === written) return;
    try {
      this.registrar.addCheck({ check, checkType, token, source: "local", persist: false });
    } catch (error) {
      if (!(error instanceof TribuneError)) throw error;
      throw TribuneError.internal(`Failed to register check '${check.Name}': ${error.message}`, error);
    }
    this.checks.set(id, written);
  }

  private dropLeftChecks(): void {
    if (this.leftChecks.size === 0) return;
    for (const { checkIds } of this.services.values()) for (const id of checkIds) this.leftChecks.delete(id);
    for (const id of this.leftChecks) if (!this.checks.has(id)) this.registrar.removeCheck(id);
    this.leftChecks.clear();
  }

  private dropService(id: string): void {
    this.registrar.removeService(id);
    this.services.delete(id);
  }

  private dropCheck(id: string): void {
    this.registrar.removeCheck(id);
    this.checks.delete(id);
  }
}
