/** Everything at once, as the web page's views and monitoring ask for it. */
import type { GatewayService, HealthCheck, Node, NodeInfo, ServiceInfo } from "@tribune/api";
import type { Steps } from "../../lib/steps.ts";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { GATEWAY_SERVICES, gatewayServices } from "./gateway-services.ts";
import { type Instance, serviceHealth, withHealthSteps } from "./health-queries.ts";
import { CHECKS, fold, foldPrefix, NODES, SERVICES, type ServiceRow } from "./tables.ts";

/** Each takes some microseconds to put together. */
const NODES_A_STEP = 128;

const indexOf = (tx: ReadTx): number => peekIndex(tx, "nodes", "services", "checks");

/** One node with its services and checks; no row for a name that is not registered. */
export function nodeInfo(tx: ReadTx, name: string): { index: number; nodes: NodeInfo[] } {
  const node = tx.get(NODES, fold(name));
  return {
    index: indexOf(tx),
    nodes:
      node === undefined ? [] : [infoOf(node, tx.scan(SERVICES, foldPrefix(name)), tx.scan(CHECKS, foldPrefix(name)))],
  };
}

export function* dumpNodes(tx: ReadTx): Steps<{ index: number; nodes: NodeInfo[] }> {
  const index = indexOf(tx);
  const nodes = tx.scan(NODES, "");
  // Those of a node are read unwatched below.
  tx.scan(SERVICES, "");
  tx.scan(CHECKS, "");
  const moment = tx.later();
  const found: NodeInfo[] = [];
  for (const node of nodes) {
    const prefix = foldPrefix(node.Node);
    found.push(infoOf(node, moment.peekScan(SERVICES, prefix), moment.peekScan(CHECKS, prefix)));
    if (found.length % NODES_A_STEP === 0) yield;
  }
  return { index, nodes: found };
}

function infoOf(node: Node, rows: Iterable<ServiceRow>, checksOfNode: Iterable<HealthCheck>): NodeInfo {
  const { ID, Node: name, Address, TaggedAddresses, Meta } = node;
  const services = Array.from(rows, (row) => row.Service);
  const checks = [...checksOfNode];
  return {
    ID,
    Node: name,
    Address,
    TaggedAddresses,
    Meta,
    Services: services.length === 0 ? null : services,
    Checks: checks.length === 0 ? null : checks,
  };
}

/** @param kind only instances of this kind; undefined: of all. */
export function* dumpServices(
  tx: ReadTx,
  kind: string | undefined,
): Steps<{ index: number; instances: Instance[]; gateways: GatewayService[] }> {
  const rows = [...tx.scan(SERVICES, "")];
  const wanted = kind === undefined ? rows : rows.filter((row) => row.Service.Kind === kind);
  // Their nodes and checks are read unwatched below.
  tx.scan(NODES, "");
  tx.scan(CHECKS, "");
  const gateways = [...tx.scan(GATEWAY_SERVICES, "")];
  const index = Math.max(indexOf(tx), peekIndex(tx, GATEWAY_SERVICES.name));
  return { index, instances: yield* withHealthSteps(tx, wanted), gateways };
}

/** Instances of the services behind a gateway; a service without any has a row that says so. */
export function gatewayServiceDump(tx: ReadTx, gateway: string): { index: number; rows: ServiceInfo[] } {
  const { index, services } = gatewayServices(tx, gateway);
  const found = services.map((link) => ({ link, ...serviceHealth(tx, link.Service.Name) }));
  const rows = found.flatMap(({ link, rows: instances }): ServiceInfo[] =>
    instances.length === 0
      ? [{ Node: null, Service: null, Checks: null, GatewayService: link }]
      : instances.map(({ Node: node, Service, Checks }) => ({ Node: node, Service, Checks, GatewayService: link })),
  );
  return { index: Math.max(index, ...found.map((one) => one.index)), rows };
}
