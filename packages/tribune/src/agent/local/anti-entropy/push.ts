import { DeregisterRequest, type HealthCheck, make, type NodeService, RegisterRequest } from "@tribune/api";
import { TribuneError } from "../../../lib/errors.ts";
import type { Logger } from "../../../lib/log.ts";
import type { Metrics } from "../../../lib/metrics.ts";
import type { CheckEntry, LocalState, ServiceEntry, SyncUnit } from "../local-state.ts";
import type { AgentTokens, CatalogPort } from "../types.ts";

export interface PushDeps {
  readonly state: LocalState;
  readonly catalog: CatalogPort;
  readonly tokens: AgentTokens;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Brings one unit of the catalog in line with the local state, call by call in order. What is in sync
 * already costs nothing. A refusal by ACL counts as done until the next full sync, or every change on a
 * misconfigured agent would be retried without end.
 *
 * @throws whatever the catalog rejects with otherwise; the unit is then still out of sync.
 */
export async function pushUnit(unit: SyncUnit, deps: PushDeps): Promise<void> {
  switch (unit.kind) {
    case "node":
      return pushNode(deps);
    case "service":
      return pushServiceUnit(unit.id, deps);
    case "check":
      return pushNodeCheck(unit.id, deps);
  }
}

async function pushNode(deps: PushDeps): Promise<void> {
  const { state, logger } = deps;
  if (state.nodeInSync) return;
  const sent = state.identity();
  const token = deps.tokens.agentToken();
  const allowed = await attempt("node", "registration", { node: sent.Node }, [], deps, () =>
    deps.catalog.register(registration(deps, { token, service: null, checks: [] })),
  );
  // A reload may have changed the identity while the call was under way.
  if (state.identity() === sent) state.nodeInSync = true;
  if (allowed) logger.info("Synced node info");
}

async function pushServiceUnit(id: string, deps: PushDeps): Promise<void> {
  const { state } = deps;
  const entry = state.services.get(id);
  if (entry?.deleted) {
    await removeService(entry, deps);
    return;
  }
  if (entry?.service !== undefined && !entry.inSync) await pushService(entry, deps);
  await pushChecksOf(id, deps);
  for (const check of [...state.checkEntriesOf(id)]) if (check.deleted) await removeCheck(check, deps);
}

async function removeService(entry: ServiceEntry, deps: PushDeps): Promise<void> {
  const { state, tokens } = deps;
  const { revision } = entry;
  const checks = [...state.checkEntriesOf(entry.id)].filter((check) => check.deleted);
  const revisions = checks.map((check) => check.revision);
  const token = entry.token || tokens.agentToken();
  const allowed = await attempt("service", "deregistration", { service: entry.id }, [entry, ...checks], deps, () =>
    deps.catalog.deregister(deregistration(deps, { ServiceID: entry.id, Token: token })),
  );
  if (!allowed) return;
  state.forget("service", entry.id, revision);
  deps.logger.info("Deregistered service", { service: entry.id });
  // The catalog removes a service's checks with it, but only those it knows to be the service's.
  for (const [at, check] of checks.entries())
    if (check.moved) await removeCheck(check, deps);
    else state.forget("check", check.id, revisions[at]!);
}

/** Registers a service, and with it those of its checks that wait and use the same token. */
async function pushService(entry: ServiceEntry, deps: PushDeps): Promise<void> {
  const { state, tokens } = deps;
  const { revision } = entry;
  const token = entry.token || tokens.userToken();
  const checks = waiting(state.checkEntriesOf(entry.id)).filter(
    (check) => (check.token || tokens.userToken()) === token,
  );
  entry.pushing = true;
  try {
    await register(deps, { token, service: entry.service!, checks }, "service", { service: entry.id });
    state.markSynced(entry, revision);
  } finally {
    entry.pushing = false;
  }
}

/** Registers the checks that still wait: one call for each token among them, each naming the service as well. */
async function pushChecksOf(serviceId: string, deps: PushDeps): Promise<void> {
  const { state, tokens } = deps;
  const byToken = new Map<string, CheckEntry[]>();
  for (const entry of waiting(state.checkEntriesOf(serviceId))) {
    const token = entry.token || tokens.userToken();
    const group = byToken.get(token);
    if (group === undefined) byToken.set(token, [entry]);
    else group.push(entry);
  }
  for (const [token, checks] of byToken) {
    const service = state.service(serviceId) ?? null;
    await register(deps, { token, service, checks }, "check", { check: checks.map((check) => check.id).join(",") });
  }
}

async function pushNodeCheck(id: string, deps: PushDeps): Promise<void> {
  const entry = deps.state.checks.get(id);
  if (entry === undefined) return;
  if (entry.deleted) await removeCheck(entry, deps);
  else if (!entry.inSync) {
    const token = entry.token || deps.tokens.userToken();
    await register(deps, { token, service: null, checks: [entry] }, "check", { check: id });
  }
}

async function removeCheck(entry: CheckEntry, deps: PushDeps): Promise<void> {
  const { revision } = entry;
  const token = entry.token || deps.tokens.agentToken();
  const allowed = await attempt("check", "deregistration", { check: entry.id }, [entry], deps, () =>
    deps.catalog.deregister(deregistration(deps, { CheckID: entry.id, Token: token })),
  );
  if (!allowed) return;
  deps.state.checkOvertaken(entry, revision, "deregistered");
  deps.state.forget("check", entry.id, revision);
  deps.logger.info("Deregistered check", { check: entry.id });
}

interface Registration {
  readonly token: string;
  readonly service: NodeService | null;
  readonly checks: readonly CheckEntry[];
}

async function register(
  deps: PushDeps,
  what: Registration,
  kind: "service" | "check",
  fields: Record<string, string>,
): Promise<void> {
  const revisions = what.checks.map((check) => check.revision);
  // The write carries the output as it is now, so a write-back that waits has nothing left to bring.
  for (const check of what.checks) {
    check.deferred?.();
    check.deferred = undefined;
  }
  const allowed = await attempt(kind, "registration", fields, what.checks, deps, () =>
    deps.catalog.register(registration(deps, what)),
  );
  for (const [at, check] of what.checks.entries()) {
    deps.state.markSynced(check, revisions[at]!);
    deps.state.checkOvertaken(check, revisions[at]!, "registered");
  }
  if (allowed) deps.logger.info(`Synced ${kind}`, fields);
}

function registration(deps: PushDeps, { token, service, checks }: Registration): RegisterRequest {
  const node = deps.state.identity();
  const rows: readonly HealthCheck[] = checks.map((entry) => entry.check!);
  return make(RegisterRequest, {
    Datacenter: node.Datacenter,
    ID: node.ID,
    Node: node.Node,
    Address: node.Address,
    TaggedAddresses: node.TaggedAddresses,
    NodeMeta: node.Meta,
    Service: service,
    // One check goes into the older field, which every version reads.
    Check: rows.length === 1 ? rows[0]! : null,
    Checks: rows.length > 1 ? rows : null,
    SkipNodeUpdate: deps.state.nodeInSync,
    Token: token,
  });
}

function deregistration(deps: PushDeps, given: Partial<DeregisterRequest>): DeregisterRequest {
  const node = deps.state.identity();
  return make(DeregisterRequest, { Datacenter: node.Datacenter, Node: node.Node, ...given });
}

function waiting(entries: Iterable<CheckEntry>): CheckEntry[] {
  return [...entries].filter((entry) => !entry.inSync && !entry.deleted && entry.check !== undefined);
}

/** @returns false where the token may not. */
async function attempt(
  kind: "node" | "service" | "check",
  action: "registration" | "deregistration",
  fields: Record<string, string>,
  about: readonly { pushing: boolean }[],
  { logger, metrics }: PushDeps,
  call: () => Promise<void>,
): Promise<boolean> {
  for (const entry of about) entry.pushing = true;
  try {
    await call();
    return true;
  } catch (error) {
    if (!(error instanceof TribuneError) || error.kind !== "permissionDenied") throw error;
    metrics.count(`acl.blocked.${kind}.${action}`);
    logger.warn(`${capital(kind)} ${action} blocked by ACLs`, fields);
    return false;
  } finally {
    for (const entry of about) entry.pushing = false;
  }
}

function capital(word: string): string {
  return word.slice(0, 1).toUpperCase() + word.slice(1);
}
