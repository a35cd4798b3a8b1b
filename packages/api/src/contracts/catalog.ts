/** `/v1/catalog`: registration, and the catalog without health. */
import { call, everyQuery, flag, inPath, inQuery, jsonBody, metaQuery, read, rpcRead, write } from "../contract.ts";
import { list, text } from "../schema.ts";
import {
  DatacentersRequest,
  DCSpecificRequest,
  DeregisterRequest,
  Deregistration,
  IndexedGatewayServices,
  IndexedNodeServiceList,
  IndexedNodeServices,
  IndexedNodes,
  IndexedServiceList,
  IndexedServiceNodes,
  IndexedServices,
  NodeServicesRequest,
  NodeSpecificRequest,
  RegisterRequest,
  ServiceSpecificRequest,
} from "../structs/catalog.ts";
import { nothing } from "../structs/common.ts";

const near = inQuery("Sort by round-trip time from this node; `_agent` is the agent's own");
const nodeMeta = metaQuery("Only on nodes with this metadata (`key:value`)", { name: "node-meta" });
const filter = inQuery("Filter expression over the rows");
const peer = inQuery("What was imported from this peer of the cluster: nothing, since there are no peers");
const mergeCentralConfig = flag("Proxies and gateways with what configuration entries say of them", {
  name: "merge-central-config",
});
const service = inPath("Name of the service", { missing: "Missing service name" });
const node = inPath("Name of the node, or the beginning of its id", { missing: "Missing node name" });
const decodeFailed = { invalid: "Request decode failed: %s", namespaceHint: true };

const discovery = { blocking: true, saysConsistency: true, acl: { by: "filter" } } as const;

export const catalogContracts = {
  catalogRegister: write({
    http: "PUT /v1/catalog/register",
    namespaced: true,
    rpc: "Catalog.Register",
    reply: nothing,
    parameters: { registration: jsonBody(RegisterRequest, "Node, and what to register on it", decodeFailed) },
    request: RegisterRequest,
    raftType: 0,
    acl: { by: "require", resource: "node", access: "write" },
    summary: "Register a node, a service on it, and checks",
    answers: "Boolean",
  }),
  catalogDeregister: write({
    http: "PUT /v1/catalog/deregister",
    namespaced: true,
    rpc: "Catalog.Deregister",
    reply: nothing,
    parameters: {
      deregistration: jsonBody(Deregistration, "Node, or one service or check on it", decodeFailed),
    },
    request: DeregisterRequest,
    raftType: 1,
    acl: { by: "require", resource: "node", access: "write" },
    summary: "Remove a service, a check or a whole node",
    answers: "Boolean",
  }),
  catalogDatacenters: call({
    http: "GET /v1/catalog/datacenters",
    rpc: "Catalog.ListDatacenters",
    request: DatacentersRequest,
    reply: list(text),
    answeredBy: "any",
    queryOptions: true,
    passesOverBlocking: true,
    plainRefusals: true,
    cacheable: true,
    parameters: {},
    acl: { by: "none" },
    summary: "List the known datacenters, nearest first",
    answers: "DatacenterNames",
  }),
  catalogNodes: read({
    http: "GET /v1/catalog/nodes",
    rpc: "Catalog.ListNodes",
    parameters: { near, nodeMeta, filter },
    request: DCSpecificRequest,
    reply: IndexedNodes,
    ...discovery,
    summary: "List nodes",
    answers: "Nodes",
  }),
  catalogServices: read({
    http: "GET /v1/catalog/services",
    namespaced: true,
    rpc: "Catalog.ListServices",
    parameters: { nodeMeta, filter },
    request: DCSpecificRequest,
    reply: IndexedServices,
    cacheable: true,
    ...discovery,
    summary: "List services with the tags of their instances",
    answers: "Services",
  }),
  catalogService: read({
    http: "GET /v1/catalog/service/*service",
    namespaced: true,
    rpc: "Catalog.ServiceNodes",
    parameters: {
      service,
      tag: everyQuery("Only instances with all of these tags"),
      near,
      nodeMeta,
      filter,
      mergeCentralConfig,
      peer,
    },
    request: ServiceSpecificRequest,
    reply: IndexedServiceNodes,
    cacheable: true,
    ...discovery,
    summary: "List the instances of a service",
    answers: "ServiceNodes",
  }),
  catalogConnect: read({
    http: "GET /v1/catalog/connect/*service",
    namespaced: true,
    rpc: "Catalog.ServiceNodes",
    parameters: {
      service,
      tag: everyQuery("Accepted without effect"),
      near,
      nodeMeta,
      filter,
      mergeCentralConfig,
      peer,
    },
    request: ServiceSpecificRequest,
    reply: IndexedServiceNodes,
    cacheable: true,
    ...discovery,
    summary: "List what reaches a service through the mesh: proxies and native instances",
    answers: "ServiceNodes",
  }),
  catalogNode: read({
    http: "GET /v1/catalog/node/*node",
    namespaced: true,
    rpc: "Catalog.NodeServices",
    parameters: { node, filter },
    request: NodeSpecificRequest,
    reply: IndexedNodeServices,
    ...discovery,
    summary: "Read a node and its services, by id",
    answers: "NodeServices",
  }),
  catalogNodeServices: read({
    http: "GET /v1/catalog/node-services/*node",
    namespaced: true,
    rpc: "Catalog.NodeServiceList",
    parameters: { node, filter, mergeCentralConfig },
    request: NodeServicesRequest,
    reply: IndexedNodeServiceList,
    ...discovery,
    summary: "Read a node and its services, as a list",
    answers: "NodeServiceList",
  }),
  catalogGatewayServices: read({
    http: "GET /v1/catalog/gateway-services/*gateway",
    namespaced: true,
    rpc: "Catalog.GatewayServices",
    parameters: { gateway: inPath("Name of the gateway's service", { missing: "Missing gateway name" }) },
    request: ServiceSpecificRequest,
    reply: IndexedGatewayServices,
    ...discovery,
    summary: "List the services behind a gateway",
    answers: "GatewayServices",
  }),
};

export const catalogRpcContracts = {
  catalogServiceList: rpcRead({
    rpc: "Catalog.ServiceList",
    request: DCSpecificRequest,
    reply: IndexedServiceList,
    blocking: true,
    summary: "Names of all services",
  }),
};
