/** Service instances: one row per node and service id. */
import { NodeService, sharedZero, type Weights } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { metaProblem } from "../../lib/metadata.ts";
import { deepEqual } from "../deep-equal.ts";
import { catalogChanged } from "../effects.ts";
import { raiseIndex } from "../index-table.ts";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { deleteCheck } from "./checks.ts";
import { missingNode } from "./errors.ts";
import { wildcardsFollow } from "./gateway-services.ts";
import { connectTouched, dropExtinct, nodeTouched, serviceTouched } from "./indexes.ts";
import { serviceNameChanged } from "./service-names.ts";
import { CHECKS, fold, foldPrefix, NODES, SERVICES, type ServiceRow } from "./tables.ts";

export function getNodeService(tx: ReadTx, node: string, serviceId: string): NodeService | undefined {
  return tx.get(SERVICES, fold(node, serviceId))?.Service;
}

/**
 * Registers an instance or changes it; without effect when nothing differs.
 *
 * @param keepIndexes the row comes from a snapshot and keeps its own CreateIndex and ModifyIndex.
 * @throws TribuneError when the node is not there or the metadata breaks a rule.
 */
export function ensureService(
  tx: WriteTx,
  index: number,
  node: string,
  service: NodeService,
  keepIndexes = false,
): void {
  const problem = metaProblem(service.Kind, service.Meta);
  if (problem !== undefined) {
    throw TribuneError.internal(`Invalid Service Meta for node ${node} and serviceID ${service.ID}: ${problem}`);
  }
  if (tx.peek(NODES, fold(node)) === undefined) throw missingNode();

  const before = tx.peek(SERVICES, fold(node, service.ID));
  const indexes = keepIndexes
    ? { CreateIndex: service.CreateIndex, ModifyIndex: service.ModifyIndex }
    : { CreateIndex: before?.Service.CreateIndex ?? index, ModifyIndex: index };
  const after: ServiceRow = { Node: node, Service: stored(service, indexes) };
  if (before !== undefined && sameInstance(before, after)) return;

  tx.put(SERVICES, after);
  catalogChanged(tx, { kind: "service", node, before: before?.Service, after: after.Service });
  raiseIndex(tx, "services", indexes.ModifyIndex);
  serviceTouched(tx, indexes.ModifyIndex, after);
  connectTouched(tx, index, after);
  nodeTouched(tx, index, node);
  if (before !== undefined) left(tx, index, before, after);
  serviceNameChanged(tx, before, after);
  wildcardsFollow(tx, index, before, after);
}

/** An instance changed its name, kind or destination: those who watch the old ones must see it gone from there. */
function left(tx: WriteTx, index: number, before: ServiceRow, after: ServiceRow): void {
  if (before.Service.Service !== after.Service.Service || before.Service.Kind !== after.Service.Kind) {
    serviceTouched(tx, index, before);
  }
  connectTouched(tx, index, before);
  dropExtinct(tx, index, before);
}

// One object for all rows that hold the default: most instances differ in nothing but name and address.
const DEFAULT_WEIGHTS: Weights = { Passing: 1, Warning: 1 };
const NO_PROXY = sharedZero(NodeService).Proxy;
const NO_CONNECT = sharedZero(NodeService).Connect;

/** The row as it is kept: weights that DNS cannot use become the default, defaults are shared. */
function stored(service: NodeService, indexes: { CreateIndex: number; ModifyIndex: number }): NodeService {
  return {
    ...service,
    Weights: usable(service.Weights) ? service.Weights : DEFAULT_WEIGHTS,
    Proxy: deepEqual(service.Proxy, NO_PROXY) ? NO_PROXY : service.Proxy,
    Connect: deepEqual(service.Connect, NO_CONNECT) ? NO_CONNECT : service.Connect,
    LocallyRegisteredAsSidecar: false,
    ...indexes,
  };
}

function usable(weights: Weights | null): boolean {
  if (weights === null || (weights.Passing === 1 && weights.Warning === 1)) return false;
  return weights.Passing >= 1 && weights.Passing <= 65535 && weights.Warning >= 0 && weights.Warning <= 65535;
}

function sameInstance(a: ServiceRow, b: ServiceRow): boolean {
  if (a.Node !== b.Node) return false;
  const { CreateIndex, ModifyIndex } = a.Service;
  return deepEqual(a.Service, { ...b.Service, CreateIndex, ModifyIndex });
}

/**
 * Writes only when the row's ModifyIndex is that of `service`; 0: only when there is none.
 * @returns whether it was so.
 */
export function ensureServiceCas(tx: WriteTx, index: number, node: string, service: NodeService): boolean {
  const existing = tx.peek(SERVICES, fold(node, service.ID));
  if ((existing?.Service.ModifyIndex ?? 0) !== service.ModifyIndex) return false;
  ensureService(tx, index, node, service);
  return true;
}

/** Removes an instance with its checks. Without effect when there is none. */
export function deleteService(tx: WriteTx, index: number, node: string, serviceId: string): void {
  const row = tx.peek(SERVICES, fold(node, serviceId));
  if (row === undefined) return;
  for (const check of [...tx.peekBy(CHECKS, "nodeService", foldPrefix(node, row.Service.ID))]) {
    deleteCheck(tx, index, check.Node, check.CheckID);
  }
  raiseIndex(tx, "checks", index); // whether it had checks or not
  tx.delete(SERVICES, fold(node, serviceId));
  catalogChanged(tx, { kind: "service", node: row.Node, before: row.Service, after: undefined });
  raiseIndex(tx, "services", index);
  serviceTouched(tx, index, row);
  connectTouched(tx, index, row);
  nodeTouched(tx, index, node);
  dropExtinct(tx, index, row);
  wildcardsFollow(tx, index, row, undefined);
  serviceNameChanged(tx, row, undefined);
}

/** Removes the instance only when its ModifyIndex is `casIndex`. @returns whether it was so. */
export function deleteServiceCas(
  tx: WriteTx,
  index: number,
  casIndex: number,
  node: string,
  serviceId: string,
): boolean {
  const existing = tx.peek(SERVICES, fold(node, serviceId));
  if (existing === undefined || existing.Service.ModifyIndex !== casIndex) return false;
  deleteService(tx, index, node, serviceId);
  return true;
}
