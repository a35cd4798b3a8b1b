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
  type NodeSpecificRequest,
  nullable,
  type ServiceSpecificRequest,
  toJson,
} from "@tribune/api";
import { NODE, NODE_SERVICE, SERVICE_NODE } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { gatewayServices } from "../state/catalog/gateway-services.ts";
import { listNodes, matchesMeta, nodeWithServices } from "../state/catalog/node-queries.ts";
import {
  allServiceNodes,
  connectServiceNodes,
  listServices,
  listServicesByNodeMeta,
  serviceNodes,
  serviceNodesAtAddress,
  tagsByService,
} from "../state/catalog/service-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type QueryContext, type RpcBindings } from "./binding.ts";
import { prepareDeregistration, prepareRegistration } from "./catalog-rules.ts";
import { nodeServiceListBody, nodeServicesBody, nodesBody, serviceNodesBody, servicesBody } from "./catalog-shapes.ts";
import { filterRows } from "./filter-rows.ts";
import { nearestFirst } from "./near.ts";

interface ServiceValues {
  readonly service: string;
  readonly tag: readonly string[];
}

/** What the URL of a service query says; `?tag=` asks for an empty tag, which no instance has. */
export function serviceRequest<Q extends ServiceSpecificRequest>(
  { service, tag }: ServiceValues,
  http: HttpView,
  common: Q,
): Q {
  return {
    ...common,
    ServiceName: service,
    ServiceTags: http.query.has("tag") ? tag : null,
    TagFilter: http.query.has("tag"),
  };
}

/** Tags of a request; agents before 1.3 send one, in a field of its own. */
export function tagsOf({ TagFilter, ServiceTag, ServiceTags }: ServiceSpecificRequest): readonly string[] {
  if (!TagFilter) return [];
  return ServiceTag === "" ? (ServiceTags ?? []) : [ServiceTag];
}

function serviceNodesReply(tx: ReadTx, request: ServiceSpecificRequest, { datacenter }: QueryContext) {
  const { index, rows } = findServiceNodes(tx, request);
  const matching = rows.filter((row) => matchesMeta(row.NodeMeta, request.NodeMetaFilters));
  const filtered = filterRows(request.Filter, SERVICE_NODE, matching);
  const sorted = nearestFirst(tx, request.Source, datacenter, filtered, (row) => row.Node);
  return make(IndexedServiceNodes, { ServiceNodes: sorted, Index: index });
}

function findServiceNodes(tx: ReadTx, request: ServiceSpecificRequest) {
  const { ServiceName: name, ServiceAddress: address } = request;
  if (name === "" && address === "") throw TribuneError.internal("Must provide service name");
  if (request.Connect) return connectServiceNodes(tx, name);
  return address === "" ? serviceNodes(tx, name, tagsOf(request)) : serviceNodesAtAddress(tx, address);
}

function findNode(tx: ReadTx, request: NodeSpecificRequest) {
  if (request.Node === "") throw TribuneError.internal("Must provide node");
  const found = nodeWithServices(tx, request.Node);
  return { ...found, services: filterRows(request.Filter, NODE_SERVICE, found.services) };
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
    request: ({ deregistration }, http) => ({
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
    query(tx, request, { datacenter }) {
      const { index, nodes } = listNodes(tx, request.NodeMetaFilters);
      const filtered = filterRows(request.Filter, NODE, nodes);
      const sorted = nearestFirst(tx, request.Source, datacenter, filtered, (node) => node.Node);
      return make(IndexedNodes, { Nodes: sorted, Index: index });
    },
    show: (reply) => nodesBody(reply),
  },
  catalogServices: {
    request: (_values, _http, common) => common,
    query(tx, { NodeMetaFilters: meta, Filter }) {
      const narrowed = meta !== null && Object.keys(meta).length > 0;
      if (Filter !== "") {
        const { index, rows } = allServiceNodes(tx);
        const wanted = narrowed ? rows.filter(({ NodeMeta }) => matchesMeta(NodeMeta, meta)) : rows;
        return make(IndexedServices, {
          Services: tagsByService(filterRows(Filter, SERVICE_NODE, wanted)),
          Index: index,
        });
      }
      const { index, services } = narrowed ? listServicesByNodeMeta(tx, meta) : listServices(tx);
      return make(IndexedServices, { Services: services, Index: index });
    },
    show: (reply) => json(servicesBody(reply)),
  },
  catalogService: {
    request: serviceRequest,
    query: serviceNodesReply,
    show: (reply) => serviceNodesBody(reply),
  },
  catalogConnect: {
    request: (values, http, common) => ({ ...serviceRequest(values, http, common), Connect: true }),
    query: serviceNodesReply,
    show: (reply) => serviceNodesBody(reply),
  },
  catalogNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, request) {
      const { index, node, services } = findNode(tx, request);
      const found = node === undefined ? null : { Node: node, Services: byId(services) };
      return make(IndexedNodeServices, { NodeServices: found, Index: index });
    },
    show: (reply) => json(nodeServicesBody(reply)),
  },
  catalogNodeServices: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, request) {
      const { index, node, services } = findNode(tx, request);
      // Without services the list is nil, unless a filter made it.
      const Services = services.length === 0 && request.Filter === "" ? null : services;
      const found = node === undefined ? { Node: null, Services: null } : { Node: node, Services };
      return make(IndexedNodeServiceList, { NodeServices: found, Index: index });
    },
    show: (reply) => json(nodeServiceListBody(reply)),
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
