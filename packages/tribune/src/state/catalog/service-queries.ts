/** Queries for services and their instances. Each answers rows and the index X-Consul-Index shows. */
import type { Node, ServiceNode, Weights } from "@tribune/api";
import { invariant } from "../../lib/invariant.ts";
import { finished, ROWS_A_STEP, type Steps } from "../../lib/steps.ts";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { gatewaysOf } from "./gateway-services.ts";
import { connectIndex, serviceIndex, watchServiceHealth } from "./indexes.ts";
import { type MetaFilter, nodesWithMeta } from "./node-queries.ts";
import { fold, foldPrefix, NODES, SERVICE_NAMES, SERVICES, type ServiceRow } from "./tables.ts";

/** An answer depends on this many nodes one by one; with more, on what changes with any of them. */
const WATCHED_NODES_MAX = 64;

type Services = Record<string, readonly string[]>;

/** Names of all services with the tags of their instances. */
export function listServices(tx: ReadTx): { index: number; services: Services } {
  return finished(listServicesSteps(tx));
}

/** The same in steps. */
export function* listServicesSteps(tx: ReadTx): Steps<{ index: number; services: Services }> {
  const index = peekIndex(tx, "services");
  const services: Services = Object.create(null);
  let rows = 0;
  for (const { Name, Tags } of tx.scan(SERVICE_NAMES, "")) {
    services[Name] = Tags;
    if (++rows % ROWS_A_STEP === 0) yield;
  }
  return { index, services };
}

/** The same over the instances on nodes with the given metadata. */
export function* listServicesByNodeMetaSteps(
  tx: ReadTx,
  filter: MetaFilter,
): Steps<{ index: number; services: Services }> {
  const index = peekIndex(tx, "services", "nodes");
  const tagsByName = new Map<string, Set<string>>();
  const nodes = [...nodesWithMeta(tx, filter)];
  const areMany = nodes.length >= WATCHED_NODES_MAX;
  if (areMany) tx.scan(SERVICES, "");
  const moment = areMany ? tx.later() : tx;
  for (const [at, node] of nodes.entries()) {
    if (at % ROWS_A_STEP === 0 && at > 0) yield;
    const prefix = foldPrefix(node.Node);
    const rows = areMany ? moment.peekScan(SERVICES, prefix) : tx.scan(SERVICES, prefix);
    for (const { Service: service } of rows) {
      const tags = tagsByName.get(service.Service) ?? new Set();
      for (const tag of service.Tags ?? []) tags.add(tag);
      tagsByName.set(service.Service, tags);
    }
  }
  const services: Services = Object.create(null);
  for (const [name, tags] of tagsByName) services[name] = [...tags];
  return { index, services };
}

export const listServicesByNodeMeta = (tx: ReadTx, filter: MetaFilter) =>
  finished(listServicesByNodeMetaSteps(tx, filter));

/** Instances of a service, or those of them that bear every one of `tags` (case does not matter). */
export function serviceNodes(
  tx: ReadTx,
  name: string,
  tags: readonly string[] = [],
): { index: number; rows: ServiceNode[] } {
  return finished(serviceNodesSteps(tx, name, tags));
}

/** The same in steps. */
export function* serviceNodesSteps(
  tx: ReadTx,
  name: string,
  tags: readonly string[] = [],
): Steps<{ index: number; rows: ServiceNode[] }> {
  const all = [...tx.by(SERVICES, "name", foldPrefix(name))];
  const index = serviceIndex(tx, name, all.length > 0, ["nodes", "services"]);
  const chosen = withTags(all, tags);
  if (chosen.length <= ROWS_A_STEP) return { index, rows: withNodes(tx, name, chosen) };
  watchServiceHealth(tx, name); // which changes with each of their nodes
  return { index, rows: yield* joinedSteps(tx.later(), chosen) };
}

/** Instances of all services, those of one behind those of another. */
export function* allServiceNodesSteps(tx: ReadTx): Steps<{ index: number; rows: readonly ServiceNode[] }> {
  const index = peekIndex(tx, "services", "nodes");
  const rows = tx.by(SERVICES, "name", "");
  tx.scan(NODES, "");
  return { index, rows: yield* joinedSteps(tx.later(), rows) };
}

/** @param moment the nodes' as of the first step; whoever asks watches them. */
function* joinedSteps(moment: ReadTx, rows: Iterable<ServiceRow>): Steps<ServiceNode[]> {
  const found: ServiceNode[] = [];
  for (const row of rows) {
    const node = moment.peek(NODES, fold(row.Node));
    invariant(node !== undefined, `service ${row.Service.ID} is on node ${row.Node}, which is not registered`);
    found.push(joined(node, row));
    if (found.length % ROWS_A_STEP === 0) yield;
  }
  return found;
}

export function tagsByService(rows: readonly ServiceNode[]): Services {
  const tags = new Map<string, Set<string>>();
  for (const { ServiceName, ServiceTags } of rows) {
    const known = tags.get(ServiceName) ?? new Set();
    for (const tag of ServiceTags ?? []) known.add(tag);
    tags.set(ServiceName, known);
  }
  const services: Services = Object.create(null);
  for (const [name, known] of tags) services[name] = [...known];
  return services;
}

/** What a mesh client may connect to in order to reach the service: proxies, native instances, terminating gateways. */
export function connectServiceNodes(tx: ReadTx, name: string): { index: number; rows: ServiceNode[] } {
  const all = [...tx.by(SERVICES, "connect", foldPrefix(name))];
  const own = { index: connectServicesIndex(tx, name, all, ["nodes", "services"]), rows: withNodes(tx, name, all) };
  const gateways = gatewaysOf(tx, name, "terminating-gateway");
  const found = gateways.names.map((gateway) => serviceNodes(tx, gateway));
  return {
    index: Math.max(own.index, gateways.index, ...found.map((one) => one.index)),
    rows: [...own.rows, ...found.flatMap((one) => one.rows)],
  };
}

export function connectServicesIndex(
  tx: ReadTx,
  name: string,
  rows: readonly ServiceRow[],
  tables: readonly string[],
): number {
  return rows.length > 0 ? connectIndex(tx, name, rows) : serviceIndex(tx, name, false, tables);
}

/** Instances that are reached at an address, their own or a tagged one. Consul gives this query no index. */
export function serviceNodesAtAddress(tx: ReadTx, address: string): { index: number; rows: ServiceNode[] } {
  const all = [...tx.by(SERVICES, "address", `${address}\0`)];
  return { index: 0, rows: withNodes(tx, undefined, all) };
}

export function withTags(rows: readonly ServiceRow[], tags: readonly string[]): readonly ServiceRow[] {
  if (tags.length === 0) return rows;
  const wanted = tags.map((tag) => tag.toLowerCase());
  return rows.filter(({ Service: { Tags } }) => wanted.every((tag) => Tags?.some((own) => own.toLowerCase() === tag)));
}

/** Joins instances with their nodes. Depends on each node, or on the service's health if there are many. */
function withNodes(tx: ReadTx, service: string | undefined, rows: readonly ServiceRow[]): ServiceNode[] {
  const nodes = new Map<string, Node>();
  for (const row of rows) {
    if (nodes.has(row.Node)) continue;
    const node = nodes.size < WATCHED_NODES_MAX ? tx.get(NODES, fold(row.Node)) : tx.peek(NODES, fold(row.Node));
    invariant(node !== undefined, `service ${row.Service.ID} is on node ${row.Node}, which is not registered`);
    nodes.set(row.Node, node);
  }
  if (nodes.size > WATCHED_NODES_MAX) {
    const names = new Set(rows.map((row) => row.Service.Service));
    for (const name of service === undefined ? names : names.add(service)) watchServiceHealth(tx, name);
  }
  return rows.map((row) => joined(nodes.get(row.Node) as Node, row));
}

function joined(node: Node, { Node: name, Service: service }: ServiceRow): ServiceNode {
  return {
    ID: node.ID,
    Node: name,
    Address: node.Address,
    Datacenter: node.Datacenter,
    TaggedAddresses: node.TaggedAddresses,
    NodeMeta: node.Meta,
    ServiceKind: service.Kind,
    ServiceID: service.ID,
    ServiceName: service.Service,
    ServiceTags: service.Tags ?? [],
    ServiceAddress: service.Address,
    ServiceTaggedAddresses: service.TaggedAddresses,
    ServiceWeights: service.Weights as Weights, // set whenever a row is stored
    ServiceMeta: service.Meta ?? {},
    ServicePort: service.Port,
    ServiceSocketPath: service.SocketPath,
    ServiceEnableTagOverride: service.EnableTagOverride,
    ServiceProxy: service.Proxy,
    ServiceConnect: service.Connect,
    CreateIndex: service.CreateIndex,
    ModifyIndex: service.ModifyIndex,
  };
}
