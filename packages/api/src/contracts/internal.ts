/** `/v1/internal/ui`: what the web page shows. Consul promises nothing of it to others. */
import { everyQuery, inPath, inQuery, local, read, rpcRead } from "../contract.ts";
import {
  DCSpecificRequest,
  IndexedNodeDump,
  IndexedNodesWithGateways,
  IndexedServiceList,
  NodeSpecificRequest,
  ServiceDumpRequest,
  ServiceSpecificRequest,
} from "../structs/catalog.ts";
import { IndexedIntentions, IntentionQueryRequest } from "../structs/intention.ts";
import { IndexedCatalogSummary, IndexedServiceDump, IndexedServiceTopology } from "../structs/internal.ts";

const filter = inQuery("Filter expression over the rows");
const peer = inQuery("What was imported from this peer of the cluster: nothing, since there are no peers");
const gateway = inPath("Name of the gateway's service", { missing: "Missing gateway name" });
const shown = { blocking: true, acl: { by: "filter" } } as const;

export const internalContracts = {
  uiNodes: read({
    ...shown,
    http: "GET /v1/internal/ui/nodes",
    namespaced: true,
    rpc: "Internal.NodeDump",
    parameters: { filter },
    request: DCSpecificRequest,
    reply: IndexedNodeDump,
    summary: "List nodes with their services and checks",
    answers: "NodeInfos",
  }),
  uiNode: read({
    ...shown,
    http: "GET /v1/internal/ui/node/*node",
    namespaced: true,
    rpc: "Internal.NodeInfo",
    parameters: { node: inPath("Name of the node", { missing: "Missing node name" }), peer },
    request: NodeSpecificRequest,
    reply: IndexedNodeDump,
    summary: "Read a node with its services and checks",
    answers: "NodeInfo",
    statuses: { 404: "There is no such node" },
  }),
  uiCatalogOverview: read({
    http: "GET /v1/internal/ui/catalog-overview",
    rpc: "Internal.CatalogSummary",
    parameters: {},
    request: DCSpecificRequest,
    reply: IndexedCatalogSummary,
    blocking: true,
    acl: { by: "require", resource: "operator", access: "read" },
    summary: "Count nodes, instances and checks by how they are",
    answers: "CatalogSummary",
  }),
  uiServices: read({
    ...shown,
    http: "GET /v1/internal/ui/services",
    namespaced: true,
    rpc: "Internal.ServiceDump",
    parameters: { filter, peer },
    request: ServiceDumpRequest,
    reply: IndexedNodesWithGateways,
    summary: "List services, summed up over their instances",
    answers: "ServiceListing",
  }),
  uiGatewayServices: read({
    ...shown,
    http: "GET /v1/internal/ui/gateway-services-nodes/*gateway",
    namespaced: true,
    rpc: "Internal.GatewayServiceDump",
    parameters: { gateway },
    request: ServiceSpecificRequest,
    reply: IndexedServiceDump,
    summary: "List the services behind a gateway, summed up over their instances",
    answers: "ServiceSummaries",
  }),
  uiGatewayIntentions: read({
    ...shown,
    http: "GET /v1/internal/ui/gateway-intentions/*gateway",
    namespaced: true,
    rpc: "Internal.GatewayIntentions",
    parameters: { gateway },
    request: IntentionQueryRequest,
    reply: IndexedIntentions,
    summary: "List the intentions for the services behind a gateway",
    answers: "Intentions",
  }),
  uiServiceTopology: read({
    ...shown,
    http: "GET /v1/internal/ui/service-topology/*service",
    namespaced: true,
    rpc: "Internal.ServiceTopology",
    parameters: {
      service: inPath("Name of the service", { missing: "Missing service name" }),
      kind: everyQuery("Kind of the service: empty, or `ingress-gateway`"),
    },
    request: ServiceSpecificRequest,
    reply: IndexedServiceTopology,
    summary: "Show who a service talks to, who talks to it, and what intentions say of it",
    answers: "ServiceTopology",
  }),
  uiMetricsProxy: local({
    http: "GET /v1/internal/ui/metrics-proxy/*path",
    parameters: { path: inPath("What is asked of the metrics' backend") },
    // Of all nodes, and of all services: what is measured tells of every one of them.
    acl: { by: "require", resource: "node", access: "read" },
    summary: "Ask the metrics' backend that is configured for the web page",
    answers: "Nothing",
  }),
};

export const internalRpcContracts = {
  internalIntentionUpstreams: rpcRead({
    rpc: "Internal.IntentionUpstreams",
    request: ServiceSpecificRequest,
    reply: IndexedServiceList,
    blocking: true,
    summary: "Services that intentions let a service talk to",
  }),
};
