/** Everything at once, as the web page's views and monitoring ask for it. */
import type { GatewayService, Node, NodeInfo, ServiceInfo } from "@tribune/api";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { GATEWAY_SERVICES, gatewayServices } from "./gateway-services.ts";
import { type Instance, serviceHealth, withHealth } from "./health-queries.ts";
import { CHECKS, fold, foldPrefix, NODES, SERVICES } from "./tables.ts";

const indexOf = (tx: ReadTx): number => peekIndex(tx, "nodes", "services", "checks");

/** One node with its services and checks; no row for a name that is not registered. */
export function nodeInfo(tx: ReadTx, name: string): { index: number; nodes: NodeInfo[] } {
  const node = tx.get(NODES, fold(name));
  return { index: indexOf(tx), nodes: node === undefined ? [] : [infoOf(tx, node)] };
}

export function dumpNodes(tx: ReadTx): { index: number; nodes: NodeInfo[] } {
  return { index: indexOf(tx), nodes: Array.from(tx.scan(NODES, ""), (node) => infoOf(tx, node)) };
}

function infoOf(tx: ReadTx, node: Node): NodeInfo {
  const { ID, Node: name, Address, TaggedAddresses, Meta } = node;
  const services = Array.from(tx.scan(SERVICES, foldPrefix(name)), (row) => row.Service);
  const checks = [...tx.scan(CHECKS, foldPrefix(name))];
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
export function dumpServices(
  tx: ReadTx,
  kind: string | undefined,
): { index: number; instances: Instance[]; gateways: GatewayService[] } {
  const rows = [...tx.scan(SERVICES, "")];
  const wanted = kind === undefined ? rows : rows.filter((row) => row.Service.Kind === kind);
  // Their nodes and checks are read unwatched below.
  tx.scan(NODES, "");
  tx.scan(CHECKS, "");
  const gateways = [...tx.scan(GATEWAY_SERVICES, "")];
  const index = Math.max(indexOf(tx), peekIndex(tx, GATEWAY_SERVICES.name));
  return { index, instances: withHealth(tx, wanted), gateways };
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
