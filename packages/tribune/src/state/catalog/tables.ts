/**
 * The catalog's tables. Names of nodes, services and checks are compared without regard to case, so every key
 * holds them in lower case; the rows keep them as they were registered.
 */
import type { Coordinate, HealthCheck, Node, NodeService } from "@tribune/api";
import { parseIp } from "../../codec/ip-address.ts";
import { key, keyPrefix } from "../memdb/key.ts";
import type { TableSchema } from "../memdb/types.ts";

/** A service instance and the node it is on. `Service` is what health answers hand out as it is. */
export interface ServiceRow {
  readonly Node: string;
  readonly Service: NodeService;
}

/** A service name with the tags of all its instances, sorted: what lists of services are read from. */
export interface ServiceNameRow {
  readonly Name: string;
  readonly Tags: readonly string[];
}

/** Key of a row under case-insensitive names. */
export function fold(...names: readonly string[]): string {
  return key(...names).toLowerCase();
}

/** Prefix of the rows whose first names are these. */
export function foldPrefix(...names: readonly string[]): string {
  return keyPrefix(...names).toLowerCase();
}

export const NODES: TableSchema<Node> = {
  name: "nodes",
  key: (node) => fold(node.Node),
  indexes: {
    /** 32 hex digits. */
    uuid: (node) => (node.ID === "" ? undefined : node.ID.replaceAll("-", "").toLowerCase()),
    /** The address as bytes, for one address has many texts; nodes whose address is a name are not in it. */
    address: (node) => addressKey(node.Address),
    /** One entry per metadata pair, so that a query by node-meta depends on the nodes that have the pair. */
    meta: (node) =>
      node.Meta === null ? undefined : Object.entries(node.Meta).map(([name, value]) => key(name, value)),
  },
};

export function addressKey(address: string): string | undefined {
  return parseIp(address)?.join(".");
}

export const SERVICES: TableSchema<ServiceRow> = {
  name: "services",
  key: (row) => fold(row.Node, row.Service.ID),
  indexes: {
    name: (row) => row.Service.Service.toLowerCase(),
    connect: (row) => connectName(row.Service)?.toLowerCase(),
    /** Services that a proxy sends traffic to. */
    upstream: (row) => upstreamNames(row.Service),
    address: (row) => addressesOf(row.Service),
  },
};

export const CHECKS: TableSchema<HealthCheck> = {
  name: "checks",
  key: (check) => fold(check.Node, check.CheckID),
  indexes: {
    /** With an empty service: the node's own checks. */
    nodeService: (check) => fold(check.Node, check.ServiceID),
    service: (check) => (check.ServiceName === "" ? undefined : check.ServiceName.toLowerCase()),
    status: (check) => check.Status.toLowerCase(),
  },
};

export const COORDINATES: TableSchema<Coordinate> = {
  name: "coordinates",
  key: (coordinate) => fold(coordinate.Node, coordinate.Segment),
};

/** Derived from SERVICES by `service-names.ts`; not part of snapshots. */
export const SERVICE_NAMES: TableSchema<ServiceNameRow> = {
  name: "service-names",
  key: (row) => row.Name,
};

/** The service that an instance makes reachable through the mesh: its own if native, its proxy's destination. */
export function connectName(service: NodeService): string | undefined {
  if (service.Kind === "connect-proxy") return service.Proxy.DestinationServiceName;
  return service.Connect.Native ? service.Service : undefined;
}

function upstreamNames({ Kind, Proxy: { Upstreams } }: NodeService): readonly string[] | undefined {
  if (Kind !== "connect-proxy" || Upstreams === null) return undefined;
  return Upstreams.filter(({ DestinationType }) => DestinationType !== "prepared_query").map(({ DestinationName }) =>
    DestinationName.toLowerCase(),
  );
}

function addressesOf(service: NodeService): readonly string[] | undefined {
  const { Address: own, TaggedAddresses: tagged } = service;
  if (tagged === null) return own === "" ? undefined : [own];
  const all = new Set(own === "" ? [] : [own]);
  for (const { Address: address } of Object.values(tagged)) if (address !== "") all.add(address);
  return [...all];
}
