/**
 * Which indexes a change of the catalog raises, and which index an answer carries.
 *
 * The records are Consul's: `nodes`, `services`, `checks`, `coordinates`, `service.NAME`, `service_kind.KIND`
 * and `service_last_extinction`. `service.NAME` rises with everything that shows in the health of a service:
 * its instances, their nodes, their checks and their nodes' checks. Watching that one record is therefore an
 * exact watch of a health answer, whatever the number of instances.
 *
 * Four kinds are Tribune's own. Consul keeps them when it restores a snapshot of ours and does not look at them.
 *  - `node.NAME`: the node's row or one of its services changed; there for every node;
 *  - `node_checks.NAME`: one of its checks changed; there for every node;
 *  - `service.NAME` in lower case beside the name as registered, where they differ: one record stands for all
 *    spellings, as queries do;
 *  - `connect.NAME`: an instance that makes NAME reachable through the mesh changed.
 */
import type { HealthCheck } from "@tribune/api";
import { dropIndex, hasIndex, INDEXES, peekIndex, raiseIndex } from "../index-table.ts";
import type { ReadTx, WriteTx } from "../memdb/types.ts";
import { connectName, fold, foldPrefix, SERVICES, type ServiceRow } from "./tables.ts";

const SERVICE_LAST_EXTINCTION = "service_last_extinction";

const serviceRecord = (name: string) => `service.${name}`;
const connectRecord = (name: string) => `connect.${name.toLowerCase()}`;
const kindRecord = (kind: string) => `service_kind.${kind === "" ? "typical" : kind}`;
const nodeRecord = (node: string) => `node.${node.toLowerCase()}`;
const nodeChecksRecord = (node: string) => `node_checks.${node.toLowerCase()}`;

// ---- raising ----

/** The health of an instance's service changed. */
export function serviceTouched(tx: WriteTx, index: number, row: ServiceRow): void {
  const name = row.Service.Service;
  raiseIndex(tx, serviceRecord(name), index);
  const folded = name.toLowerCase();
  if (folded !== name) raiseIndex(tx, serviceRecord(folded), index);
  raiseIndex(tx, kindRecord(row.Service.Kind), index);
}

/** A node or one of its own checks changed, which shows in the health of all its services. */
export function servicesOfNodeTouched(tx: WriteTx, index: number, node: string): void {
  for (const row of tx.peekScan(SERVICES, foldPrefix(node))) serviceTouched(tx, index, row);
}

/** Whose health a check shows in: one service of its node, or all of them. */
export function healthOfCheckTouched(tx: WriteTx, index: number, check: HealthCheck): void {
  if (check.ServiceID === "") {
    servicesOfNodeTouched(tx, index, check.Node);
    return;
  }
  const row = tx.peek(SERVICES, fold(check.Node, check.ServiceID));
  if (row !== undefined) serviceTouched(tx, index, row);
}

export function nodeTouched(tx: WriteTx, index: number, node: string): void {
  raiseIndex(tx, nodeRecord(node), index);
}

export function nodeChecksTouched(tx: WriteTx, index: number, node: string): void {
  raiseIndex(tx, nodeChecksRecord(node), index);
}

export function nodeForgotten(tx: WriteTx, node: string): void {
  dropIndex(tx, nodeRecord(node));
  dropIndex(tx, nodeChecksRecord(node));
}

/** An instance came, changed or went: what it was and is makes its services reachable through the mesh. */
export function connectTouched(tx: WriteTx, index: number, row: ServiceRow): void {
  const name = connectName(row.Service);
  if (name !== undefined) raiseIndex(tx, connectRecord(name), index);
}

/**
 * Forgets the records of names that the removed instance was the last one to bear. Queries for absent
 * services answer the index of the last such extinction, so that theirs does not go back.
 */
export function dropExtinct(tx: WriteTx, index: number, removed: ServiceRow): void {
  const name = removed.Service.Service;
  if (isEmpty(tx.peekBy(SERVICES, "name", foldPrefix(name)))) {
    dropIndex(tx, serviceRecord(name));
    dropIndex(tx, serviceRecord(name.toLowerCase()));
    raiseIndex(tx, SERVICE_LAST_EXTINCTION, index);
  }
  const connect = connectName(removed.Service);
  if (connect !== undefined && isEmpty(tx.peekBy(SERVICES, "connect", foldPrefix(connect)))) {
    dropIndex(tx, connectRecord(connect));
    raiseIndex(tx, SERVICE_LAST_EXTINCTION, index);
  }
}

function isEmpty(rows: Iterable<unknown>): boolean {
  for (const _ of rows) return false;
  return true;
}

// ---- reading ----

/** Makes the read depend on all that shows in the health of a service. */
export function watchServiceHealth(tx: ReadTx, name: string): void {
  serviceHealthMark(tx, name);
}

/**
 * The same, with the record it depends on: another object after each change of what shows in the service's health, and
 * after the state was replaced. Undefined for a service that there never was.
 */
export function serviceHealthMark(tx: ReadTx, name: string): object | undefined {
  return tx.get(INDEXES, serviceRecord(name.toLowerCase()));
}

/** Index of an answer about one service. Unwatched. */
export function serviceIndex(tx: ReadTx, name: string, exists: boolean, tables: readonly string[]): number {
  if (!exists && hasIndex(tx, SERVICE_LAST_EXTINCTION)) return peekIndex(tx, SERVICE_LAST_EXTINCTION);
  const record = serviceRecord(name.toLowerCase());
  return hasIndex(tx, record) ? peekIndex(tx, record) : peekIndex(tx, ...tables);
}

/** Index of an answer about what makes a service reachable through the mesh; `rows` is not empty. Unwatched. */
export function connectIndex(tx: ReadTx, name: string, rows: readonly ServiceRow[]): number {
  let highest = peekIndex(tx, connectRecord(name));
  for (const bearer of new Set(rows.map((row) => row.Service.Service.toLowerCase()))) {
    highest = Math.max(highest, peekIndex(tx, serviceRecord(bearer)));
  }
  return highest;
}

/**
 * Index of an answer about one node and its services. A node that is not there answers the tables' index: its
 * own record went with it, and the tables' is at least as high. Unwatched.
 */
export function nodeIndex(tx: ReadTx, node: string): number {
  const record = nodeRecord(node);
  return hasIndex(tx, record) ? peekIndex(tx, record) : peekIndex(tx, "nodes", "services");
}

/** Index of an answer about the checks of one node. Unwatched. */
export function nodeChecksIndex(tx: ReadTx, node: string): number {
  const record = nodeChecksRecord(node);
  return hasIndex(tx, record) ? peekIndex(tx, record) : peekIndex(tx, "nodes", "services", "checks");
}
