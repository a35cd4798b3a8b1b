/** Catalog rows, registrations and the queries over them. Fields and order are Consul 1.10's. */
import { aliased, bool, called, type Infer, int, list, map, nullable, omitEmpty, struct, text } from "../schema.ts";
import { HealthCheck } from "./check.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";
import { Coordinate } from "./coordinate.ts";
import { ConnectProxyConfig, NodeService, ServiceAddress, ServiceConnect, ServiceName, Weights } from "./service.ts";

export const Node = struct("Node", {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map(text),
  Meta: map(text),
  ...raftIndex,
});
export type Node = Infer<typeof Node>;

export const ServiceNode = struct("ServiceNode", {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map(text),
  NodeMeta: map(text),
  ServiceKind: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: list(text),
  ServiceAddress: text,
  ServiceTaggedAddresses: omitEmpty(map(ServiceAddress)),
  ServiceWeights: Weights,
  ServiceMeta: map(text),
  ServicePort: int,
  ServiceSocketPath: text,
  ServiceEnableTagOverride: bool,
  ServiceProxy: ConnectProxyConfig,
  ServiceConnect: ServiceConnect,
  ...raftIndex,
});
export type ServiceNode = Infer<typeof ServiceNode>;

export const NodeServices = struct("NodeServices", {
  Node: nullable(Node),
  Services: map(nullable(NodeService)),
});
export type NodeServices = Infer<typeof NodeServices>;

export const NodeServiceList = struct("NodeServiceList", {
  Node: nullable(Node),
  Services: list(nullable(NodeService)),
});
export type NodeServiceList = Infer<typeof NodeServiceList>;

export const CheckServiceNode = struct("CheckServiceNode", {
  Node: nullable(Node),
  Service: nullable(NodeService),
  Checks: list(nullable(HealthCheck)),
});
export type CheckServiceNode = Infer<typeof CheckServiceNode>;

export const RegisterRequest = struct("RegisterRequest", {
  Datacenter: text,
  ID: text,
  Node: text,
  Address: text,
  TaggedAddresses: map(text),
  NodeMeta: map(text),
  Service: nullable(NodeService),
  Check: nullable(HealthCheck),
  Checks: called("structs.HealthChecks", list(nullable(HealthCheck))),
  SkipNodeUpdate: bool,
  Token: text,
  ...raftIndex,
});
export type RegisterRequest = Infer<typeof RegisterRequest>;

export const DeregisterRequest = aliased(
  struct("DeregisterRequest", {
    Datacenter: text,
    Node: text,
    ServiceID: text,
    CheckID: called("types.CheckID", text),
    Token: text,
  }),
);
export type DeregisterRequest = Infer<typeof DeregisterRequest>;

/** The same as a body has it. */
export const Deregistration = aliased(
  struct("Deregistration", {
    /** Says nothing: old client libraries always send it. */
    Address: omitEmpty(text),
    Datacenter: text,
    Node: text,
    ServiceID: text,
    CheckID: called("types.CheckID", text),
    Token: text,
  }),
);

export const QuerySource = struct("QuerySource", {
  Datacenter: text,
  Segment: text,
  Node: text,
  Ip: text,
});
export type QuerySource = Infer<typeof QuerySource>;

export const ServiceSpecificRequest = struct("ServiceSpecificRequest", {
  Datacenter: text,
  NodeMetaFilters: map(text),
  ServiceName: text,
  ServiceKind: text,
  ServiceTag: text,
  ServiceTags: list(text),
  ServiceAddress: text,
  TagFilter: bool,
  Source: QuerySource,
  Connect: bool,
  Ingress: bool,
  MergeCentralConfig: bool,
  ...queryOptions,
});
export type ServiceSpecificRequest = Infer<typeof ServiceSpecificRequest>;

export const DCSpecificRequest = struct("DCSpecificRequest", {
  Datacenter: text,
  NodeMetaFilters: map(text),
  Source: QuerySource,
  ...queryOptions,
});
export type DCSpecificRequest = Infer<typeof DCSpecificRequest>;

export const NodeSpecificRequest = struct("NodeSpecificRequest", {
  Datacenter: text,
  Node: text,
  ...queryOptions,
});
export type NodeSpecificRequest = Infer<typeof NodeSpecificRequest>;

/** `Catalog.NodeServiceList` asks so since Consul 1.12. */
export const NodeServicesRequest = struct("NodeSpecificRequest", {
  Datacenter: text,
  Node: text,
  MergeCentralConfig: bool,
  ...queryOptions,
});

export const ChecksInStateRequest = struct("ChecksInStateRequest", {
  Datacenter: text,
  NodeMetaFilters: map(text),
  State: text,
  Source: QuerySource,
  ...queryOptions,
});
export type ChecksInStateRequest = Infer<typeof ChecksInStateRequest>;

export const DatacentersRequest = struct("DatacentersRequest", {
  ...queryOptions,
});
export type DatacentersRequest = Infer<typeof DatacentersRequest>;

export const DatacenterMap = struct("DatacenterMap", {
  Datacenter: text,
  AreaID: text,
  Coordinates: list(nullable(Coordinate)),
});
export type DatacenterMap = Infer<typeof DatacenterMap>;

export const IndexedNodes = struct("IndexedNodes", {
  Nodes: list(nullable(Node)),
  ...queryMeta,
});
export type IndexedNodes = Infer<typeof IndexedNodes>;

export const IndexedServices = struct("IndexedServices", {
  Services: map(list(text)),
  ...queryMeta,
});
export type IndexedServices = Infer<typeof IndexedServices>;

export const IndexedServiceNodes = struct("IndexedServiceNodes", {
  ServiceNodes: list(nullable(ServiceNode)),
  ...queryMeta,
});
export type IndexedServiceNodes = Infer<typeof IndexedServiceNodes>;

export const IndexedNodeServices = struct("IndexedNodeServices", {
  NodeServices: nullable(NodeServices),
  ...queryMeta,
});
export type IndexedNodeServices = Infer<typeof IndexedNodeServices>;

export const IndexedNodeServiceList = struct("IndexedNodeServiceList", {
  NodeServices: NodeServiceList,
  ...queryMeta,
});
export type IndexedNodeServiceList = Infer<typeof IndexedNodeServiceList>;

export const IndexedHealthChecks = struct("IndexedHealthChecks", {
  HealthChecks: list(nullable(HealthCheck)),
  ...queryMeta,
});
export type IndexedHealthChecks = Infer<typeof IndexedHealthChecks>;

export const IndexedCheckServiceNodes = struct("IndexedCheckServiceNodes", {
  Nodes: list(CheckServiceNode),
  ...queryMeta,
});
export type IndexedCheckServiceNodes = Infer<typeof IndexedCheckServiceNodes>;

/** A service that a gateway stands for. */
export const GatewayService = struct("GatewayService", {
  Gateway: ServiceName,
  Service: ServiceName,
  GatewayKind: text,
  Port: omitEmpty(int),
  Protocol: omitEmpty(text),
  Hosts: omitEmpty(list(text)),
  CAFile: omitEmpty(text),
  CertFile: omitEmpty(text),
  KeyFile: omitEmpty(text),
  SNI: omitEmpty(text),
  FromWildcard: omitEmpty(bool),
  ...raftIndex,
});
export type GatewayService = Infer<typeof GatewayService>;

export const IndexedGatewayServices = struct("IndexedGatewayServices", {
  Services: list(nullable(GatewayService)),
  ...queryMeta,
});
export type IndexedGatewayServices = Infer<typeof IndexedGatewayServices>;

export const IndexedServiceList = struct("IndexedServiceList", {
  Services: list(ServiceName),
  ...queryMeta,
});
export type IndexedServiceList = Infer<typeof IndexedServiceList>;

/** A node with everything on it. */
export const NodeInfo = struct("NodeInfo", {
  ID: text,
  Node: text,
  Address: text,
  TaggedAddresses: map(text),
  Meta: map(text),
  Services: list(nullable(NodeService)),
  Checks: list(nullable(HealthCheck)),
});
export type NodeInfo = Infer<typeof NodeInfo>;

export const IndexedNodeDump = struct("IndexedNodeDump", {
  Dump: list(nullable(NodeInfo)),
  ...queryMeta,
});
export type IndexedNodeDump = Infer<typeof IndexedNodeDump>;

export const ServiceDumpRequest = struct("ServiceDumpRequest", {
  Datacenter: text,
  ServiceKind: text,
  UseServiceKind: bool,
  Source: QuerySource,
  ...queryOptions,
});
export type ServiceDumpRequest = Infer<typeof ServiceDumpRequest>;

export const IndexedNodesWithGateways = struct("IndexedNodesWithGateways", {
  Nodes: list(CheckServiceNode),
  Gateways: list(nullable(GatewayService)),
  ...queryMeta,
});
export type IndexedNodesWithGateways = Infer<typeof IndexedNodesWithGateways>;
