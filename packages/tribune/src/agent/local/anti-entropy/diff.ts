import type { HealthCheck, Node, NodeService } from "@tribune/api";
import type { LocalState } from "../local-state.ts";
import { sameCheck, sameService, sameValue } from "../same.ts";

/** The catalog's view of this node, as read. */
export interface RemoteState {
  readonly node: Node | null;
  readonly services: readonly NodeService[];
  readonly checks: readonly HealthCheck[];
}

/** Kept by the servers themselves; an agent never removes them. */
const SERVER_SERVICE_ID = "consul";
const SERF_CHECK_ID = "serfHealth";

/**
 * Compares the whole local state with the catalog and marks every difference dirty: what is missing or
 * different there is pushed, what is unknown here is removed there.
 *
 * @param since the state's mark when the catalog read began. What was touched after it, or is being pushed, is
 *   skipped: the answer may be older, and the push brings what is newer.
 */
export function markDifferences(
  local: LocalState,
  remote: RemoteState,
  since: number,
  options: { readonly deferOutput: boolean },
): void {
  compareNode(local, remote.node);
  compareServices(local, remote.services, since);
  compareChecks(local, remote.checks, since, options.deferOutput);
}

function compareNode(local: LocalState, node: Node | null): void {
  const own = local.identity();
  const same =
    node !== null &&
    node.ID === own.ID &&
    node.Address === own.Address &&
    sameValue(node.TaggedAddresses, own.TaggedAddresses) &&
    sameValue(node.Meta, own.Meta);
  if (same) return;
  local.nodeInSync = false;
  local.markDirty({ kind: "node" });
}

function compareServices(local: LocalState, services: readonly NodeService[], since: number): void {
  const remote = new Map(services.map((service) => [service.ID, service]));
  for (const entry of local.services.values()) {
    if (entry.pushing || entry.touched > since) continue;
    const theirs = remote.get(entry.id);
    if (!entry.deleted && entry.service !== undefined) {
      if (theirs !== undefined && entry.service.EnableTagOverride) local.overrideTags(entry, theirs.Tags);
      entry.inSync = theirs !== undefined && sameService(entry.service, theirs);
    }
    if (!entry.inSync || entry.deleted) local.markDirty({ kind: "service", id: entry.id });
  }
  for (const id of remote.keys())
    if (!local.services.has(id) && id !== SERVER_SERVICE_ID) local.addStranger("service", id);
}

function compareChecks(local: LocalState, checks: readonly HealthCheck[], since: number, deferOutput: boolean): void {
  const remote = new Map(checks.map((check) => [check.CheckID, check]));
  for (const entry of local.checks.values()) {
    if (entry.pushing || entry.touched > since) continue;
    const theirs = remote.get(entry.id);
    if (!entry.deleted && entry.check !== undefined) {
      // A pending write-back will bring the output; otherwise it is due now, or it would never be written.
      const ignoreOutput = deferOutput && entry.deferred !== undefined;
      entry.inSync = theirs !== undefined && sameCheck(entry.check, theirs, { ignoreOutput });
    }
    if (entry.inSync && !entry.deleted) continue;
    const serviceId = entry.check?.ServiceID ?? "";
    local.markDirty(serviceId === "" ? { kind: "check", id: entry.id } : { kind: "service", id: serviceId });
  }
  for (const id of remote.keys()) if (!local.checks.has(id) && id !== SERF_CHECK_ID) local.addStranger("check", id);
}
