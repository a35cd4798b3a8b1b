/** What the web page is shown: nodes and services with their checks, summed up. */
import { bool, type Infer, int, list, map, nullable, omitEmpty, struct, text } from "../schema.ts";
import { CheckServiceNode, GatewayService, Node } from "./catalog.ts";
import { HealthCheck } from "./check.ts";
import { queryMeta } from "./common.ts";
import { IntentionDecisionSummary } from "./intention.ts";
import { NodeService } from "./service.ts";

/** An instance behind a gateway. Node and service are null for a service that has none. */
export const ServiceInfo = struct("ServiceInfo", {
  Node: nullable(Node),
  Service: nullable(NodeService),
  Checks: list(nullable(HealthCheck)),
  GatewayService: nullable(GatewayService),
});
export type ServiceInfo = Infer<typeof ServiceInfo>;

export const IndexedServiceDump = struct("IndexedServiceDump", { Dump: list(nullable(ServiceInfo)), ...queryMeta });
export type IndexedServiceDump = Infer<typeof IndexedServiceDump>;

/** Who a service talks to, and who talks to it. The maps are by the other service's name. */
export const ServiceTopology = struct("ServiceTopology", {
  Upstreams: list(CheckServiceNode),
  Downstreams: list(CheckServiceNode),
  UpstreamDecisions: map(IntentionDecisionSummary),
  DownstreamDecisions: map(IntentionDecisionSummary),
  MetricsProtocol: text,
  /** Whether all proxies of the service catch its traffic by themselves. */
  TransparentProxy: bool,
  /** How the two are known to belong together: `proxy-registration`, `specific-intention`, `wildcard-intention`, … */
  UpstreamSources: map(text),
  DownstreamSources: map(text),
});
export type ServiceTopology = Infer<typeof ServiceTopology>;

export const IndexedServiceTopology = struct("IndexedServiceTopology", {
  ServiceTopology: nullable(ServiceTopology),
  FilteredByACLs: bool,
  ...queryMeta,
});
export type IndexedServiceTopology = Infer<typeof IndexedServiceTopology>;

// ---- what HTTP makes of them ----

const summary = {
  Kind: omitEmpty(text),
  Name: text,
  Datacenter: text,
  Tags: list(text),
  Nodes: list(text),
  /** Where instances come from that something else keeps in the catalog: `kubernetes`, … */
  ExternalSources: list(text),
  InstanceCount: int,
  ChecksPassing: int,
  ChecksWarning: int,
  ChecksCritical: int,
  GatewayConfig: struct("GatewayConfig", {
    AssociatedServiceCount: omitEmpty(int),
    /** `host:port` under which the gateway offers the service. */
    Addresses: omitEmpty(list(text)),
  }),
  TransparentProxy: bool,
};
export const ServiceSummary = struct("ServiceSummary", summary);
export type ServiceSummary = Infer<typeof ServiceSummary>;

export const ServiceListingSummary = struct("ServiceListingSummary", {
  ...summary,
  ConnectedWithProxy: bool,
  ConnectedWithGateway: bool,
});
export type ServiceListingSummary = Infer<typeof ServiceListingSummary>;

export const ServiceTopologySummary = struct("ServiceTopologySummary", {
  ...summary,
  Source: text,
  Intention: IntentionDecisionSummary,
});
export const ServiceTopologyJson = struct("ServiceTopologyJson", {
  Protocol: text,
  TransparentProxy: bool,
  Upstreams: list(ServiceTopologySummary),
  Downstreams: list(ServiceTopologySummary),
  FilteredByACLs: bool,
});

/** Without a name: of all nodes. */
export const HealthSummary = struct("HealthSummary", {
  Name: omitEmpty(text),
  Total: int,
  Passing: int,
  Warning: int,
  Critical: int,
});
export type HealthSummary = Infer<typeof HealthSummary>;

/** Nodes, instances by service and checks by name, by how they are. */
export const CatalogSummary = struct("CatalogSummary", {
  Nodes: list(HealthSummary),
  Services: list(HealthSummary),
  Checks: list(HealthSummary),
});
export type CatalogSummary = Infer<typeof CatalogSummary>;

export const IndexedCatalogSummary = struct("IndexedCatalogSummary", { Summary: CatalogSummary, ...queryMeta });
export type IndexedCatalogSummary = Infer<typeof IndexedCatalogSummary>;
