/** Queries for checks, and for instances with their checks. Each answers rows and the index X-Consul-Index shows. */
import type { CheckServiceNode, HealthCheck, Node } from "@tribune/api";
import { invariant } from "../../lib/invariant.ts";
import { finished, type Steps } from "../../lib/steps.ts";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { gatewaysOf } from "./gateway-services.ts";
import { serviceIndex, watchServiceHealth } from "./indexes.ts";
import { type MetaFilter, matchesMeta } from "./node-queries.ts";
import { connectServicesIndex, withTags } from "./service-queries.ts";
import { CHECKS, fold, foldPrefix, NODES, SERVICES, type ServiceRow } from "./tables.ts";

/** The node, instance and checks of one instance; none of them is null. */
export interface Instance extends CheckServiceNode {
  readonly Node: Node;
  readonly Service: NonNullable<CheckServiceNode["Service"]>;
}

/** What is common to the instances on a node. */
type OnNodes = Map<string, { readonly node: Node; readonly checks: readonly HealthCheck[] }>;

/** Each takes some microseconds to put together. */
const INSTANCES_A_STEP = 128;

const ALL_TABLES = ["nodes", "services", "checks"];

/** Instances of a service with their health, or those of them that bear every one of `tags`. */
export function serviceHealth(
  tx: ReadTx,
  name: string,
  tags: readonly string[] = [],
): { index: number; rows: Instance[] } {
  return finished(serviceHealthSteps(tx, name, tags));
}

/** The same in steps. */
export function* serviceHealthSteps(
  tx: ReadTx,
  name: string,
  tags: readonly string[] = [],
): Steps<{ index: number; rows: Instance[] }> {
  watchServiceHealth(tx, name);
  const all = [...tx.peekBy(SERVICES, "name", foldPrefix(name))];
  const index = serviceIndex(tx, name, all.length > 0, ALL_TABLES);
  return { index, rows: yield* withHealthSteps(tx, withTags(all, tags)) };
}

/** As `withHealth`, in steps. */
export function* withHealthSteps(tx: ReadTx, all: readonly ServiceRow[]): Steps<Instance[]> {
  if (all.length <= INSTANCES_A_STEP) return withHealth(tx, all);
  const moment = tx.later();
  const nodes: OnNodes = new Map();
  const rows: Instance[] = [];
  for (let from = 0; from < all.length; from += INSTANCES_A_STEP) {
    if (from > 0) yield;
    rows.push(...withHealth(moment, all.slice(from, from + INSTANCES_A_STEP), nodes));
  }
  return rows;
}

/** What reaches a service through the mesh, with its health: sidecar proxies, native instances, terminating gateways. */
export function connectHealth(tx: ReadTx, name: string): { index: number; rows: Instance[] } {
  const all = [...tx.by(SERVICES, "connect", foldPrefix(name))];
  for (const bearer of new Set(all.map((row) => row.Service.Service))) watchServiceHealth(tx, bearer);
  const own = { index: connectServicesIndex(tx, name, all, ALL_TABLES), rows: withHealth(tx, all) };
  const gateways = gatewayHealth(tx, name, "terminating-gateway");
  return { index: Math.max(own.index, gateways.index), rows: [...own.rows, ...gateways.rows] };
}

/** Instances of the ingress gateways that expose a service, with their health. */
export function ingressHealth(tx: ReadTx, name: string): { index: number; rows: Instance[] } {
  return gatewayHealth(tx, name, "ingress-gateway");
}

function gatewayHealth(
  tx: ReadTx,
  name: string,
  kind: "ingress-gateway" | "terminating-gateway",
): { index: number; rows: Instance[] } {
  const gateways = gatewaysOf(tx, name, kind);
  const found = gateways.names.map((gateway) => serviceHealth(tx, gateway));
  const index = Math.max(gateways.index, ...found.map((one) => one.index));
  return { index, rows: found.flatMap((one) => one.rows) };
}

/** Unwatched: callers watch the records of the services, which change with everything read here. */
export function withHealth(tx: ReadTx, rows: readonly ServiceRow[], nodes: OnNodes = new Map()): Instance[] {
  return rows.map((row) => {
    let on = nodes.get(row.Node);
    if (on === undefined) {
      const node = tx.peek(NODES, fold(row.Node));
      invariant(node !== undefined, `service ${row.Service.ID} is on node ${row.Node}, which is not registered`);
      on = { node, checks: [...tx.peekBy(CHECKS, "nodeService", foldPrefix(row.Node, ""))] };
      nodes.set(row.Node, on);
    }
    const own = tx.peekBy(CHECKS, "nodeService", foldPrefix(row.Node, row.Service.ID));
    return { Node: on.node, Service: row.Service, Checks: [...on.checks, ...own] };
  });
}

export function checksOfService(
  tx: ReadTx,
  name: string,
  filter: MetaFilter = null,
): { index: number; checks: HealthCheck[] } {
  const checks = [...tx.by(CHECKS, "service", foldPrefix(name))];
  if (filter === null) return { index: peekIndex(tx, "checks"), checks };
  return { index: serviceIndex(tx, name, true, ALL_TABLES), checks: onNodesWithMeta(tx, checks, filter) };
}

/** Checks with a status; `any` stands for all. */
export function checksInState(
  tx: ReadTx,
  state: string,
  filter: MetaFilter = null,
): { index: number; checks: HealthCheck[] } {
  const rows = state === "any" ? tx.scan(CHECKS, "") : tx.by(CHECKS, "status", foldPrefix(state));
  const index = peekIndex(tx, "checks");
  return { index, checks: filter === null ? [...rows] : onNodesWithMeta(tx, [...rows], filter) };
}

/** Depends on the checks' nodes, those passed over included: their metadata may change. */
function onNodesWithMeta(tx: ReadTx, checks: readonly HealthCheck[], filter: MetaFilter): HealthCheck[] {
  const matches = new Map<string, boolean>();
  for (const { Node: name } of checks) {
    if (!matches.has(name)) matches.set(name, matchesMeta(tx.get(NODES, fold(name))?.Meta ?? null, filter));
  }
  return checks.filter((check) => matches.get(check.Node));
}
