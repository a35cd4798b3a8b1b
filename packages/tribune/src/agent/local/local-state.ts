import type { HealthCheck, NodeService } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { randomStagger } from "../../lib/random.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import { sameCheck, sameService } from "./same.ts";
import { Signal } from "./signal.ts";
import type { NodeIdentity } from "./types.ts";

/** A service of this agent, or one that the catalog still has and should not (`service` undefined). */
export interface ServiceEntry {
  readonly id: string;
  service: NodeService | undefined;
  token: string;
  /** The catalog is known to hold exactly this. */
  inSync: boolean;
  /** To be removed from the catalog; the entry stays, for its token, until that is done. */
  deleted: boolean;
  /** Grows with every change, so that an answer to an older push does not mark a newer state as synced. */
  revision: number;
  /** Like `revision`, but a finished push counts too: what was touched after a catalog read is newer than it. */
  touched: number;
  /** A write about it is under way. */
  pushing: boolean;
}

export interface CheckEntry {
  readonly id: string;
  check: HealthCheck | undefined;
  token: string;
  inSync: boolean;
  deleted: boolean;
  revision: number;
  touched: number;
  pushing: boolean;
  /** It was registered for another service before: the catalog may have it there. */
  moved: boolean;
  /**
   * When the check was found critical (monotonic ms); undefined while it is not. The status it was registered
   * with does not count: nobody has looked yet, and registering again is a sign of life.
   */
  criticalSinceMs: number | undefined;
  /** Pending write-back of an output that changed alone. */
  deferred: Cancel | undefined;
}

export interface LocalStateOptions {
  readonly node: NodeIdentity;
  /** How long a change of the output alone may wait before it is written to the catalog; 0 writes at once. */
  readonly checkUpdateIntervalMs: number;
  /** Keep no output at all. */
  readonly discardCheckOutput: boolean;
}

/** What became different, for whoever keeps the catalog, alias checks and reapers in step. */
export interface LocalStateListener {
  /** Something waits to be pushed: the node's row, a service with its checks, or a check of the node. */
  dirty(unit: SyncUnit): void;
  /** A check was added, removed or has a new status, or a service appeared or went ("" for the node). */
  healthChanged(serviceId: string): void;
  /** A check turned critical, or ceased to be so, or is gone. */
  criticalChanged(checkId: string): void;
}

/** What is pushed in order: everything about one service, or one check of the node. */
export type SyncUnit =
  | { readonly kind: "node" }
  | { readonly kind: "service"; readonly id: string }
  | { readonly kind: "check"; readonly id: string };

/**
 * The services and checks registered on this agent, and how far the catalog knows of them.
 *
 * In memory and synchronous: each call leaves a state that can be pushed. Rows are replaced, never changed,
 * so a reader may keep what it was given.
 */
export class LocalState {
  readonly services = new Map<string, ServiceEntry>();
  readonly checks = new Map<string, CheckEntry>();
  nodeInSync = false;
  private node: NodeIdentity;
  private revision = 0;
  private readonly options: LocalStateOptions;
  private discardOutput: boolean;
  private readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  private readonly listeners = new Set<Partial<LocalStateListener>>();
  /** Checks by service ("" for the node's), live and deleted, so that a service never scans all checks. */
  private readonly checksByService = new Map<string, Set<CheckEntry>>();
  private readonly serviceSignals = new Map<string, Signal>();
  /** Fires whenever a service is added, replaced or removed. */
  readonly servicesChanged = new Signal();

  constructor(options: LocalStateOptions, deps: { runtime: Pick<Runtime, "clock" | "timers" | "rng"> }) {
    this.options = options;
    this.node = options.node;
    this.discardOutput = options.discardCheckOutput;
    this.runtime = deps.runtime;
  }

  listen(listener: Partial<LocalStateListener>): Cancel {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  // ---- the node ------------------------------------------------------------------------------------------

  identity(): NodeIdentity {
    return this.node;
  }

  /** Node metadata after a reload; pushed with the node's row. */
  setNodeMeta(meta: Readonly<Record<string, string>>): void {
    this.node = { ...this.node, Meta: meta };
    this.nodeInSync = false;
    this.markDirty({ kind: "node" });
  }

  setDiscardCheckOutput(discard: boolean): void {
    this.discardOutput = discard;
  }

  // ---- services ------------------------------------------------------------------------------------------

  /** The registered service, or undefined. */
  service(id: string): NodeService | undefined {
    const entry = this.services.get(id);
    return entry === undefined || entry.deleted ? undefined : entry.service;
  }

  /** All registered services, in the order of their registration. */
  *liveServices(): Iterable<NodeService> {
    for (const entry of this.services.values()) if (!entry.deleted && entry.service !== undefined) yield entry.service;
  }

  serviceToken(id: string): string {
    return this.services.get(id)?.token ?? "";
  }

  /** Calls `wake` once, when the service is added, replaced or removed, or gains or loses a check. */
  onServiceChange(id: string, wake: () => void): Cancel {
    let signal = this.serviceSignals.get(id);
    if (signal === undefined) {
      signal = new Signal(() => this.serviceSignals.delete(id));
      this.serviceSignals.set(id, signal);
    }
    return signal.next(wake);
  }

  /** Adds or replaces a service. One equal to what the catalog is known to hold stays in sync. */
  putService(service: NodeService, token: string): void {
    const old = this.services.get(service.ID);
    const known = old !== undefined && !old.deleted && old.service !== undefined;
    this.services.set(service.ID, {
      id: service.ID,
      service,
      token,
      inSync: known && old.inSync && sameService(service, old.service!),
      deleted: false,
      pushing: false,
      ...this.stamp(),
    });
    this.markDirty({ kind: "service", id: service.ID });
    if (!known) this.notifyHealth(service.ID);
    this.serviceSignals.get(service.ID)?.fire();
    this.servicesChanged.fire();
  }

  /**
   * Marks a service for removal; its checks are removed one by one by the caller.
   * @returns false where there is no such service.
   */
  removeService(id: string): boolean {
    const entry = this.services.get(id);
    if (entry === undefined || entry.deleted) return false;
    entry.deleted = true;
    entry.inSync = false;
    Object.assign(entry, this.stamp());
    this.markDirty({ kind: "service", id });
    this.notifyHealth(id);
    this.serviceSignals.get(id)?.fire();
    this.servicesChanged.fire();
    return true;
  }

  // ---- checks --------------------------------------------------------------------------------------------

  /** The registered check, or undefined. */
  check(id: string): HealthCheck | undefined {
    const entry = this.checks.get(id);
    return entry === undefined || entry.deleted ? undefined : entry.check;
  }

  *liveChecks(): Iterable<HealthCheck> {
    for (const entry of this.checks.values()) if (!entry.deleted && entry.check !== undefined) yield entry.check;
  }

  /** Checks of a service ("" for the node's own), and those of its node when asked for. */
  checksOf(serviceId: string, includeNodeChecks: boolean): HealthCheck[] {
    const found: HealthCheck[] = [];
    for (const id of includeNodeChecks && serviceId !== "" ? ["", serviceId] : [serviceId])
      for (const entry of this.checksByService.get(id) ?? [])
        if (!entry.deleted && entry.check !== undefined) found.push(entry.check);
    return found;
  }

  checkToken(id: string): string {
    return this.checks.get(id)?.token ?? "";
  }

  /** All entries, live and to be removed, that hang on a service. */
  checkEntriesOf(serviceId: string): Iterable<CheckEntry> {
    return this.checksByService.get(serviceId) ?? [];
  }

  /**
   * Adds or replaces a check.
   * @throws TribuneError where its service is not registered.
   */
  putCheck(given: HealthCheck, token: string): void {
    if (given.ServiceID !== "" && this.service(given.ServiceID) === undefined)
      throw TribuneError.internal(
        `Check ${JSON.stringify(given.CheckID)} refers to non-existent service ${JSON.stringify(given.ServiceID)}`,
      );
    const check = { ...given, Node: this.node.Node, Output: this.discardOutput ? "" : given.Output };
    const old = this.checks.get(check.CheckID);
    const known = old !== undefined && !old.deleted && old.check !== undefined;
    old?.deferred?.();
    if (old !== undefined) this.unlink(old);
    const entry: CheckEntry = {
      id: check.CheckID,
      check,
      token,
      // A deferred output is written now: the registration gave a reason to write anyway.
      inSync: known && old.inSync && old.deferred === undefined && sameCheck(check, old.check!),
      deleted: false,
      pushing: false,
      moved: old?.check !== undefined && (old.moved || old.check.ServiceID !== check.ServiceID),
      ...this.stamp(),
      criticalSinceMs: undefined,
      deferred: undefined,
    };
    this.checks.set(entry.id, entry);
    this.link(entry);
    if (known && old.check!.ServiceID !== check.ServiceID) this.serviceSignals.get(old.check!.ServiceID)?.fire();
    this.markDirty(unitOf(entry));
    this.notifyHealth(check.ServiceID);
    this.notifyCritical(entry.id);
    this.serviceSignals.get(check.ServiceID)?.fire();
  }

  /** @returns false where there is no such check. */
  removeCheck(id: string): boolean {
    const entry = this.checks.get(id);
    if (entry === undefined || entry.deleted || entry.check === undefined) return false;
    entry.deferred?.();
    entry.deferred = undefined;
    entry.deleted = true;
    entry.inSync = false;
    entry.criticalSinceMs = undefined;
    Object.assign(entry, this.stamp());
    this.markDirty(unitOf(entry));
    this.notifyHealth(entry.check.ServiceID);
    this.notifyCritical(id);
    this.serviceSignals.get(entry.check.ServiceID)?.fire();
    return true;
  }

  /**
   * A new verdict. A change of status is pushed at once; one of the output alone waits a random time in
   * [interval/2, 3/2 interval) and is then pushed as it stands. Unknown checks are ignored: their last run may
   * end after they are gone.
   */
  updateCheck(id: string, status: string, givenOutput: string): void {
    const entry = this.checks.get(id);
    if (entry === undefined || entry.deleted || entry.check === undefined) return;
    const output = this.discardOutput ? "" : givenOutput;
    const wasCritical = entry.criticalSinceMs !== undefined;
    if (status !== "critical") entry.criticalSinceMs = undefined;
    else if (!wasCritical) entry.criticalSinceMs = this.runtime.clock.nowMs();
    if (wasCritical !== (entry.criticalSinceMs !== undefined)) this.notifyCritical(id);

    const { check } = entry;
    if (check.Status === status && check.Output === output) return;
    entry.check = { ...check, Status: status, Output: output };
    if (check.Status === status && this.options.checkUpdateIntervalMs > 0) {
      this.deferOutput(entry);
      return;
    }
    entry.inSync = false;
    Object.assign(entry, this.stamp());
    this.markDirty(unitOf(entry));
    // Not for a bare output: two alias checks that follow each other would quote one another for ever.
    if (check.Status !== status) this.notifyHealth(check.ServiceID);
  }

  private deferOutput(entry: CheckEntry): void {
    if (entry.deferred !== undefined) return;
    const interval = this.options.checkUpdateIntervalMs;
    const delayMs = interval / 2 + randomStagger(this.runtime.rng, interval);
    entry.deferred = this.runtime.timers.after(delayMs, () => {
      entry.deferred = undefined;
      if (entry.deleted || this.checks.get(entry.id) !== entry) return;
      entry.inSync = false;
      Object.assign(entry, this.stamp());
      this.markDirty(unitOf(entry));
    });
  }

  // ---- for anti-entropy ----------------------------------------------------------------------------------

  /** A moment in the order of changes: what is touched later has a greater mark. */
  mark(): number {
    return this.revision;
  }

  /** The catalog now holds what `entry` was at `revision`. */
  markSynced(entry: ServiceEntry | CheckEntry, revision: number): void {
    entry.touched = ++this.revision;
    if (entry.revision === revision) entry.inSync = true;
  }

  /** Remembers that the catalog has a service or check which this agent does not, so that it is removed there. */
  addStranger(kind: "service" | "check", id: string): void {
    const common = { id, token: "", inSync: false, deleted: true, pushing: false, ...this.stamp() };
    if (kind === "service") this.services.set(id, { ...common, service: undefined });
    else {
      const unknown = { check: undefined, moved: false, criticalSinceMs: undefined, deferred: undefined };
      this.checks.set(id, { ...common, ...unknown });
    }
    this.markDirty(kind === "service" ? { kind, id } : { kind, id });
  }

  /**
   * A write about a check has landed that was meant for an earlier registration of its ID. Within one service that
   * cannot overtake the newer one, but the check may have moved to another, whose writes run beside: write it again.
   */
  checkOvertaken(landed: CheckEntry, revision: number, action: "registered" | "deregistered"): void {
    const now = this.checks.get(landed.id);
    if (now === undefined) {
      if (action === "registered") this.addStranger("check", landed.id);
      return;
    }
    if (now === landed && now.revision === revision) return;
    now.inSync = false;
    // A new revision: an answer that is still on its way must not count as this write.
    Object.assign(now, this.stamp());
    this.markDirty(unitOf(now));
  }

  /** Takes over tags that the catalog decides (`EnableTagOverride`). */
  overrideTags(entry: ServiceEntry, tags: readonly string[] | null): void {
    if (entry.service !== undefined) entry.service = { ...entry.service, Tags: tags };
  }

  /** The catalog has let go of a service or check: forget it, unless it was registered again meanwhile. */
  forget(kind: "service" | "check", id: string, revision: number): void {
    if (kind === "service") {
      const entry = this.services.get(id);
      if (entry?.deleted && entry.revision === revision) this.services.delete(id);
      return;
    }
    const entry = this.checks.get(id);
    if (!entry?.deleted || entry.revision !== revision) return;
    entry.deferred?.();
    this.unlink(entry);
    this.checks.delete(id);
  }

  private stamp(): { revision: number; touched: number } {
    const revision = ++this.revision;
    return { revision, touched: revision };
  }

  markDirty(unit: SyncUnit): void {
    for (const listener of this.listeners) listener.dirty?.(unit);
  }

  /** Stops the timers of deferred outputs. */
  stop(): void {
    for (const entry of this.checks.values()) {
      entry.deferred?.();
      entry.deferred = undefined;
    }
  }

  private link(entry: CheckEntry): void {
    const serviceId = entry.check?.ServiceID ?? "";
    let group = this.checksByService.get(serviceId);
    if (group === undefined) {
      group = new Set();
      this.checksByService.set(serviceId, group);
    }
    group.add(entry);
  }

  private unlink(entry: CheckEntry): void {
    const serviceId = entry.check?.ServiceID ?? "";
    const group = this.checksByService.get(serviceId);
    if (group === undefined) return;
    group.delete(entry);
    if (group.size === 0) this.checksByService.delete(serviceId);
  }

  private notifyHealth(serviceId: string): void {
    for (const listener of this.listeners) listener.healthChanged?.(serviceId);
  }

  private notifyCritical(checkId: string): void {
    for (const listener of this.listeners) listener.criticalChanged?.(checkId);
  }
}

/** A service's checks travel with it; a check of the node, or one only the catalog knows, on its own. */
function unitOf(entry: CheckEntry): SyncUnit {
  const serviceId = entry.check?.ServiceID ?? "";
  return serviceId === "" ? { kind: "check", id: entry.id } : { kind: "service", id: serviceId };
}
