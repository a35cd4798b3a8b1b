/** Answers of `/v1/catalog`. */
import {
  catalogContracts,
  catalogRpcContracts,
  GatewayService,
  IndexedGatewayServices,
  IndexedNodeServiceList,
  IndexedNodeServices,
  IndexedNodes,
  IndexedServiceList,
  IndexedServiceNodes,
  IndexedServices,
  list,
  make,
  NodeService,
  type NodeSpecificRequest,
  nullable,
  type ServiceNode,
  type ServiceSpecificRequest,
  toJson,
  zero,
} from "@tribune/api";
import { NODE, NODE_SERVICE, SERVICE_NODE } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { finished, type Steps } from "../lib/steps.ts";
import { gatewayServices } from "../state/catalog/gateway-services.ts";
import { listNodes, matchesMeta, nodeWithServices } from "../state/catalog/node-queries.ts";
import {
  allServiceNodesSteps,
  connectServiceNodes,
  listServices,
  listServicesByNodeMetaSteps,
  listServicesSteps,
  serviceNodesAtAddress,
  serviceNodesSteps,
  tagsByService,
} from "../state/catalog/service-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { withCentralConfig } from "../state/service-config.ts";
import { json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type QueryContext, type RpcBindings } from "./binding.ts";
import { prepareDeregistration, prepareRegistration } from "./catalog-rules.ts";
import { nodeServiceListBody, nodeServicesBody, nodesBody, serviceNodesBody, servicesBody } from "./catalog-shapes.ts";
import { filterRowsSteps } from "./filter-rows.ts";
import { nearestFirstLater } from "./near.ts";

export interface ServiceValues {
  readonly service: string;
  readonly tag: readonly string[];
  readonly mergeCentralConfig: boolean;
  readonly peer: string;
}

/**
 * What the URL of a service query says; `?tag=` asks for an empty tag, which no instance has.
 *
 * Nothing is imported from a peer. Servers of 1.10 would pass over its name in the request and answer with what is
 * here, so everybody is asked for what nobody has: a node without a name.
 *
 * @param nodeName the selector of a row's node.
 */
export function serviceRequest<Q extends ServiceSpecificRequest>(
  { service, tag, mergeCentralConfig, peer }: ServiceValues,
  http: HttpView,
  common: Q,
  nodeName: "Node" | "Node.Node",
): Q {
  const nobody = `${nodeName} == ""`;
  return {
    ...common,
    ...(peer ? { Filter: common.Filter === "" ? nobody : `(${common.Filter}) and ${nobody}` } : {}),
    ServiceName: service,
    ServiceTags: http.query.has("tag") ? tag : null,
    TagFilter: http.query.has("tag"),
    MergeCentralConfig: mergeCentralConfig,
  };
}

/** Tags of a request; agents before 1.3 send one, in a field of its own. */
export function tagsOf({ TagFilter, ServiceTag, ServiceTags }: ServiceSpecificRequest): readonly string[] {
  if (!TagFilter) return [];
  return ServiceTag === "" ? (ServiceTags ?? []) : [ServiceTag];
}

function* serviceNodesReply(
  tx: ReadTx,
  request: ServiceSpecificRequest,
  { datacenter }: QueryContext,
): Steps<IndexedServiceNodes> {
  const near = nearestFirstLater(tx, request.Source, datacenter);
  const finding = findServiceNodes(tx, request);
  // Few ask for what central configuration adds, and that is read in the first step.
  const { index, rows } = request.MergeCentralConfig ? mergedRows(tx, finished(finding)) : yield* finding;
  const matching = rows.filter((row) => matchesMeta(row.NodeMeta, request.NodeMetaFilters));
  const filtered = yield* filterRowsSteps(request.Filter, SERVICE_NODE, matching);
  const sorted = yield* near(filtered, (row) => row.Node);
  return make(IndexedServiceNodes, { ServiceNodes: sorted, Index: index });
}

function* findServiceNodes(
  tx: ReadTx,
  request: ServiceSpecificRequest,
): Steps<{ readonly index: number; readonly rows: readonly ServiceNode[] }> {
  const { ServiceName: name, ServiceAddress: address } = request;
  if (name === "" && address === "") throw TribuneError.internal("Must provide service name");
  if (request.Connect) return connectServiceNodes(tx, name);
  return address === "" ? yield* serviceNodesSteps(tx, name, tagsOf(request)) : serviceNodesAtAddress(tx, address);
}

function mergedRows(tx: ReadTx, found: { readonly index: number; readonly rows: readonly ServiceNode[] }) {
  let { index } = found;
  const rows = found.rows.map((row) => {
    if (row.ServiceKind === "") return row;
    const { ServiceKind: Kind, ServiceName: Service } = row;
    const merged = withCentralConfig(tx, { ...zero(NodeService), Kind, Service, Proxy: row.ServiceProxy });
    index = Math.max(index, merged.index);
    return { ...row, ServiceProxy: merged.service.Proxy };
  });
  return { index, rows };
}

function* findNode(tx: ReadTx, request: NodeSpecificRequest, merged = false) {
  if (request.Node === "") throw TribuneError.internal("Must provide node");
  const found = nodeWithServices(tx, request.Node);
  let { index } = found;
  const services = !merged
    ? found.services
    : found.services.map((service) => {
        const one = withCentralConfig(tx, service);
        index = Math.max(index, one.index);
        return one.service;
      });
  return { ...found, index, services: yield* filterRowsSteps(request.Filter, NODE_SERVICE, services) };
}

export const catalogEndpoints = bind(catalogContracts, {
  catalogRegister: {
    request: ({ registration }, http) => ({
      ...registration,
      Datacenter: registration.Datacenter || http.datacenter,
      Token: http.token,
    }),
    prepare: prepareRegistration,
    show: () => json(true),
  },
  catalogDeregister: {
    request: ({ deregistration: { Address: _, ...deregistration } }, http) => ({
      ...deregistration,
      Datacenter: deregistration.Datacenter || http.datacenter,
      Token: http.token,
    }),
    prepare: prepareDeregistration,
    show: () => json(true),
  },
  catalogDatacenters: {
    request: (_values, _http, common) => common,
    answer: (_request, server) => server.pools.datacenters(),
    show: (names) => json(names),
  },
  catalogNodes: {
    request: (_values, _http, common) => common,
    *query(tx, request, { datacenter }) {
      const near = nearestFirstLater(tx, request.Source, datacenter);
      const { index, nodes } = listNodes(tx, request.NodeMetaFilters);
      const filtered = yield* filterRowsSteps(request.Filter, NODE, nodes);
      const sorted = yield* near(filtered, (node) => node.Node);
      return make(IndexedNodes, { Nodes: sorted, Index: index });
    },
    show: (reply) => nodesBody(reply),
  },
  catalogServices: {
    request: (_values, _http, common) => common,
    *query(tx, { NodeMetaFilters: meta, Filter }) {
      const narrowed = meta !== null && Object.keys(meta).length > 0;
      if (Filter !== "") {
        const { index, rows } = yield* allServiceNodesSteps(tx);
        const wanted = narrowed ? rows.filter(({ NodeMeta }) => matchesMeta(NodeMeta, meta)) : rows;
        const filtered = yield* filterRowsSteps(Filter, SERVICE_NODE, wanted);
        return make(IndexedServices, { Services: tagsByService(filtered), Index: index });
      }
      const { index, services } = yield* narrowed ? listServicesByNodeMetaSteps(tx, meta) : listServicesSteps(tx);
      return make(IndexedServices, { Services: services, Index: index });
    },
    show: (reply) => servicesBody(reply),
  },
  catalogService: {
    request: (values, http, common) => serviceRequest(values, http, common, "Node"),
    query: serviceNodesReply,
    show: (reply) => serviceNodesBody(reply),
  },
  catalogConnect: {
    request: (values, http, common) => ({ ...serviceRequest(values, http, common, "Node"), Connect: true }),
    query: serviceNodesReply,
    show: (reply) => serviceNodesBody(reply),
  },
  catalogNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    *query(tx, request) {
      const { index, node, services } = yield* findNode(tx, request);
      const found = node === undefined ? null : { Node: node, Services: byId(services) };
      return make(IndexedNodeServices, { NodeServices: found, Index: index });
    },
    show: (reply) => nodeServicesBody(reply),
  },
  catalogNodeServices: {
    request: ({ node, mergeCentralConfig }, _http, common) => ({
      ...common,
      Node: node,
      MergeCentralConfig: mergeCentralConfig,
    }),
    *query(tx, request) {
      const { index, node, services } = yield* findNode(tx, request, request.MergeCentralConfig);
      // Without services the list is nil, unless a filter made it.
      const Services = services.length === 0 && request.Filter === "" ? null : services;
      const found = node === undefined ? { Node: null, Services: null } : { Node: node, Services };
      return make(IndexedNodeServiceList, { NodeServices: found, Index: index });
    },
    show: (reply) => nodeServiceListBody(reply),
  },
  catalogGatewayServices: {
    request: ({ gateway }, _http, common) => ({ ...common, ServiceName: gateway }),
    query(tx, { ServiceName: gateway }) {
      const { index, services } = gatewayServices(tx, gateway);
      return make(IndexedGatewayServices, { Index: index, Services: services.length === 0 ? null : services });
    },
    show: (reply) => json(toJson(list(nullable(GatewayService)), reply.Services)),
  },
} satisfies Bindings<typeof catalogContracts>);

export const catalogMethods = bindRpc(catalogRpcContracts, {
  catalogServiceList: {
    query(tx) {
      const { index, services } = listServices(tx);
      const Services = Object.keys(services).map((Name) => ({ Name }));
      return make(IndexedServiceList, { Index: index, Services });
    },
  },
} satisfies RpcBindings<typeof catalogRpcContracts>);

/** A map with a null prototype: an id may be `__proto__`. */
function byId<S extends { readonly ID: string }>(services: readonly S[]): Readonly<Record<string, S>> {
  const map: Record<string, S> = Object.create(null);
  for (const service of services) map[service.ID] = service;
  return map;
}
