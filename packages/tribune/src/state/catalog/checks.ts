/** Health checks: one row per node and check id, of the whole node or of one of its services. */
import { HealthCheck, sharedZero } from "@tribune/api";
import { deepEqual } from "../deep-equal.ts";
import { catalogChanged } from "../effects.ts";
import { raiseIndex } from "../index-table.ts";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { invalidateSessionsOfCheck } from "../session.ts";
import { missingNode, missingService } from "./errors.ts";
import { healthOfCheckTouched, nodeChecksTouched } from "./indexes.ts";
import { CHECKS, fold, NODES, SERVICES } from "./tables.ts";

export function getNodeCheck(tx: ReadTx, node: string, checkId: string): HealthCheck | undefined {
  return tx.get(CHECKS, fold(node, checkId));
}

/**
 * Registers a check or changes it; without effect when nothing differs. The status is critical unless given;
 * the check of a service takes the service's name and tags over. A critical status ends the sessions that
 * rely on the check, even when it was critical before.
 *
 * @param keepIndexes the row comes from a snapshot and keeps its own CreateIndex and ModifyIndex.
 * @throws TribuneError when the node or the service is not there.
 */
export function ensureCheck(tx: WriteTx, index: number, check: HealthCheck, keepIndexes = false): void {
  requireOwner(tx, check);
  const before = tx.peek(CHECKS, fold(check.Node, check.CheckID));
  const indexes = keepIndexes
    ? { CreateIndex: before?.CreateIndex ?? check.CreateIndex, ModifyIndex: check.ModifyIndex }
    : { CreateIndex: before?.CreateIndex ?? index, ModifyIndex: index };
  const after = { ...stored(tx, check, keepIndexes), ...indexes };

  const changed = before === undefined || !sameCheck(before, after);
  if (changed) {
    if (before !== undefined && before.ServiceID !== after.ServiceID) healthOfCheckTouched(tx, index, before);
    healthOfCheckTouched(tx, index, after);
  }
  if (after.Status === "critical") invalidateSessionsOfCheck(tx, index, after.Node, after.CheckID);
  if (!changed) return;
  tx.put(CHECKS, after);
  if (before?.Status !== after.Status) catalogChanged(tx, { kind: "check", before, after });
  raiseIndex(tx, "checks", index);
  nodeChecksTouched(tx, index, after.Node);
}

/** @throws TribuneError when the check's node or service is not there. */
export function requireOwner(tx: ReadTx, check: HealthCheck): void {
  if (tx.peek(NODES, fold(check.Node)) === undefined) throw missingNode();
  if (check.ServiceID !== "" && tx.peek(SERVICES, fold(check.Node, check.ServiceID)) === undefined)
    throw missingService();
}

const NO_DEFINITION = sharedZero(HealthCheck).Definition;

/**
 * @param isRestored the row keeps the service's tags that it had taken over. A service's change does not change its
 * checks, so the tags may have been others since; a server that took the new ones would differ from those that never
 * started again.
 * @throws TribuneError when the check's service is not there.
 */
function stored(tx: WriteTx, check: HealthCheck, isRestored: boolean): HealthCheck {
  let { ServiceName, ServiceTags } = check;
  if (check.ServiceID !== "") {
    const service = tx.peek(SERVICES, fold(check.Node, check.ServiceID))?.Service;
    if (service === undefined) throw missingService();
    if (!isRestored) {
      ServiceName = service.Service;
      ServiceTags = service.Tags;
    }
  }
  return {
    ...check,
    Status: check.Status === "" ? "critical" : check.Status,
    ServiceName,
    ServiceTags,
    Definition: deepEqual(check.Definition, NO_DEFINITION) ? NO_DEFINITION : check.Definition,
  };
}

/** What makes an update worth writing; `Type`, `Interval`, `Timeout` and `ExposedPort` alone do not. */
function sameCheck(a: HealthCheck, b: HealthCheck): boolean {
  return (
    a.Node === b.Node &&
    a.CheckID === b.CheckID &&
    a.Name === b.Name &&
    a.Status === b.Status &&
    a.Notes === b.Notes &&
    a.Output === b.Output &&
    a.ServiceID === b.ServiceID &&
    a.ServiceName === b.ServiceName &&
    deepEqual(a.ServiceTags, b.ServiceTags) &&
    deepEqual(a.Definition, b.Definition)
  );
}

/**
 * Writes only when the row's ModifyIndex is that of `check`; 0: only when there is none.
 * @returns whether it was so.
 */
export function ensureCheckCas(tx: WriteTx, index: number, check: HealthCheck): boolean {
  const existing = tx.peek(CHECKS, fold(check.Node, check.CheckID));
  if ((existing?.ModifyIndex ?? 0) !== check.ModifyIndex) return false;
  ensureCheck(tx, index, check);
  return true;
}

/** Removes a check and ends the sessions that rely on it. Without effect when there is none. */
export function deleteCheck(tx: WriteTx, index: number, node: string, checkId: string): void {
  const check = tx.peek(CHECKS, fold(node, checkId));
  if (check === undefined) return;
  healthOfCheckTouched(tx, index, check);
  if (check.ServiceID === "") raiseIndex(tx, "services", index);
  tx.delete(CHECKS, fold(node, checkId));
  catalogChanged(tx, { kind: "check", before: check, after: undefined });
  raiseIndex(tx, "checks", index);
  nodeChecksTouched(tx, index, node);
  invalidateSessionsOfCheck(tx, index, check.Node, check.CheckID);
}

/** Removes the check only when its ModifyIndex is `casIndex`. @returns whether it was so. */
export function deleteCheckCas(tx: WriteTx, index: number, casIndex: number, node: string, checkId: string): boolean {
  const existing = tx.peek(CHECKS, fold(node, checkId));
  if (existing === undefined || existing.ModifyIndex !== casIndex) return false;
  deleteCheck(tx, index, node, checkId);
  return true;
}
