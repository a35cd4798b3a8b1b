/** Answers of `/v1/internal/ui`. */
import {
  CatalogSummary,
  type GatewayService,
  IndexedCatalogSummary,
  IndexedIntentions,
  IndexedNodeDump,
  IndexedNodesWithGateways,
  IndexedServiceDump,
  IndexedServiceList,
  IndexedServiceTopology,
  IntentionDecisionSummary as IntentionDecision,
  type IntentionDecisionSummary,
  internalContracts,
  internalRpcContracts,
  list,
  make,
  NodeInfo,
  ServiceListingSummary,
  ServiceSummary,
  ServiceTopologyJson,
  toJson,
} from "@tribune/api";
import { CHECK_SERVICE_NODE, NODE_INFO } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { dumpNodes, dumpServices, gatewayServiceDump, nodeInfo } from "../state/catalog/dumps.ts";
import { gatewayServices } from "../state/catalog/gateway-services.ts";
import { catalogSummary } from "../state/catalog/summary.ts";
import { intentionMatch } from "../state/intention.ts";
import { intentionUpstreams, type Kind, serviceTopology } from "../state/topology.ts";
import { type Answer, json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type RpcBindings } from "./binding.ts";
import { filterRows } from "./filter-rows.ts";
import { intentionsJson, requireMatchNamespace } from "./intention.ts";
import { requireConnect } from "./require-connect.ts";
import { instanceRow, summarize, withoutSidecars } from "./service-summaries.ts";

const NODE_INFOS = list(NodeInfo);
const SUMMARIES = list(ServiceSummary);
const LISTING = list(ServiceListingSummary);
/** Without ACLs everything is allowed that no intention forbids. */
const DEFAULT_ALLOW = true;

export const internalEndpoints = bind(internalContracts, {
  uiNodes: {
    request: (_values, _http, common) => common,
    query(tx, { Filter }) {
      const { index, nodes } = dumpNodes(tx);
      return make(IndexedNodeDump, { Index: index, Dump: filterRows(Filter, NODE_INFO, nodes) });
    },
    show: ({ Dump }) => json(toJson(NODE_INFOS, shownNodes(Dump))),
  },
  uiNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, { Node }) {
      const { index, nodes } = nodeInfo(tx, Node);
      return make(IndexedNodeDump, { Index: index, Dump: nodes });
    },
    show({ Dump }): Answer {
      const [node] = shownNodes(Dump);
      return node === undefined ? { kind: "empty", status: 404, withoutMeta: true } : json(toJson(NodeInfo, node));
    },
  },
  uiCatalogOverview: {
    request: (_values, _http, common) => common,
    query: (tx) => make(IndexedCatalogSummary, catalogSummary(tx)),
    show: ({ Summary }) => json(toJson(CatalogSummary, Summary)),
  },
  uiServices: {
    request: (_values, _http, common) => common,
    query(tx, { Filter, UseServiceKind, ServiceKind }) {
      const { index, instances, gateways } = dumpServices(tx, UseServiceKind ? ServiceKind : undefined);
      return make(IndexedNodesWithGateways, {
        Index: index,
        Nodes: filterRows(Filter, CHECK_SERVICE_NODE, instances),
        Gateways: gateways,
      });
    },
    show({ Nodes, Gateways }) {
      const { services, proxied } = summarize((Nodes ?? []).map(instanceRow));
      const links = (Gateways ?? []).filter((link) => link !== null);
      const known = new Set(services.map(({ Name }) => Name));
      const linked = new Set(links.filter(({ Gateway }) => known.has(Gateway.Name)).map(({ Service }) => Service.Name));
      const rows = services.map((service) => ({
        ...service,
        GatewayConfig: {
          ...service.GatewayConfig,
          AssociatedServiceCount: links.filter(({ Gateway }) => Gateway.Name === service.Name).length,
        },
        ConnectedWithProxy: proxied.has(service.Name),
        ConnectedWithGateway: linked.has(service.Name) && service.InstanceCount > 0,
      }));
      return json(toJson(LISTING, rows));
    },
  },
  uiGatewayServices: {
    request: ({ gateway }, _http, common) => ({ ...common, ServiceName: gateway }),
    query(tx, { ServiceName }) {
      if (ServiceName === "") throw TribuneError.internal("Must provide gateway name");
      const { index, rows } = gatewayServiceDump(tx, ServiceName);
      return make(IndexedServiceDump, { Index: index, Dump: rows.length === 0 ? null : rows });
    },
    show({ Dump }, _request, http) {
      const rows = (Dump ?? []).filter((row) => row !== null);
      return json(toJson(SUMMARIES, summarize(rows, (service) => addressesOf(service, http)).services));
    },
  },
  uiGatewayIntentions: {
    request: ({ gateway }, _http, common) => ({
      ...common,
      Match: { Type: "destination", Entries: [{ Namespace: "", Name: gateway }] },
    }),
    query(tx, { Match }) {
      const [gateway, ...more] = Match?.Entries ?? [];
      if (gateway === undefined || more.length > 0)
        throw TribuneError.internal(`Expected 1 gateway name, got ${(Match?.Entries ?? []).length}`);
      requireMatchNamespace(gateway.Namespace);
      const { index, services } = gatewayServices(tx, gateway.Name);
      const found = services.map(({ Service }) => intentionMatch(tx, "destination", Service.Name));
      // Consul tells intentions apart by an id here that most have not; what counts is what they are about.
      const unique = new Map(
        found.flatMap(({ intentions }) =>
          intentions.map((one) => [JSON.stringify([one.SourceName, one.DestinationName]), one] as const),
        ),
      );
      const Index = Math.max(index, ...found.map((one) => one.index));
      return make(IndexedIntentions, { Intentions: [...unique.values()], Index });
    },
    show: (reply) => json(intentionsJson(reply)),
  },
  uiServiceTopology: {
    request({ service, kind }, _http, common) {
      const [ServiceKind] = kind;
      if (ServiceKind === undefined) throw TribuneError.badRequest("Missing service kind");
      if (!isKind(ServiceKind)) throw TribuneError.badRequest(`Unsupported service kind ${goQuote(ServiceKind)}`);
      return { ...common, ServiceName: service, ServiceKind };
    },
    query(tx, { ServiceName, ServiceKind }, { datacenter }) {
      if (ServiceName === "") throw TribuneError.internal("Must provide a service name");
      if (!isKind(ServiceKind)) throw TribuneError.internal(`unsupported kind ${goQuote(ServiceKind)}`);
      const on = { datacenter, defaultAllow: DEFAULT_ALLOW };
      const { index, topology } = serviceTopology(tx, ServiceName, ServiceKind, on);
      return make(IndexedServiceTopology, { Index: index, ServiceTopology: topology });
    },
    show: (reply, _request, http) => json(topologyJson(reply, http)),
  },
  uiMetricsProxy: {
    answer: ({ path }, http, agent) => agent.metricsProxy.ask(path, http.query.encode(), http.header("accept")),
  },
} satisfies Bindings<typeof internalContracts>);

export const internalMethods = bindRpc(internalRpcContracts, {
  internalIntentionUpstreams: {
    query(tx, { ServiceName }, { connectEnabled }) {
      requireConnect(connectEnabled);
      if (ServiceName === "") throw TribuneError.internal("Must provide a service name");
      const { index, names } = intentionUpstreams(tx, ServiceName, DEFAULT_ALLOW);
      return make(IndexedServiceList, { Index: index, Services: names.map((Name) => ({ Name })) });
    },
  },
} satisfies RpcBindings<typeof internalRpcContracts>);

function isKind(kind: string): kind is Kind {
  return kind === "" || kind === "ingress-gateway";
}

/** The page expects lists where there is nothing. */
function shownNodes(nodes: IndexedNodeDump["Dump"]): NodeInfo[] {
  return (nodes ?? []).flatMap((node) =>
    node === null ? [] : [{ ...node, Services: node.Services ?? [], Checks: node.Checks ?? [] }],
  );
}

/** A gateway's hosts, or the names under which DNS answers for the service behind it. */
function addressesOf({ Service, Hosts, Port }: GatewayService, http: HttpView): readonly string[] {
  if (Port === 0) return [];
  const named = http.dnsDomains.map((domain) => `${Service.Name}.ingress.${http.datacenter}.${domain}`);
  const hosts = (Hosts ?? []).length > 0 ? (Hosts ?? []) : named;
  return hosts.map((host) => `${host.replace(/\.+$/, "")}:${Port}`);
}

function topologyJson({ ServiceTopology: found, FilteredByACLs }: IndexedServiceTopology, http: HttpView): unknown {
  if (found === null) throw TribuneError.internal("a topology without content");
  const { UpstreamDecisions, UpstreamSources, DownstreamDecisions, DownstreamSources } = found;
  const rowsOf = (
    instances: typeof found.Upstreams,
    intentions: Readonly<Record<string, IntentionDecisionSummary>> | null,
    sources: Readonly<Record<string, string>> | null,
  ) =>
    withoutSidecars(summarize((instances ?? []).map(instanceRow)).services).map((service) => ({
      ...service,
      Source: sources?.[service.Name] ?? "",
      Intention: intentions?.[service.Name] ?? make(IntentionDecision),
    }));
  // An upstream that is only a way to others has no instances of its own.
  const routed = Object.entries(UpstreamSources ?? {}).filter(([, source]) => source === "routing-config");
  const routes = routed.map(([Name, Source]) => ({
    ...make(ServiceSummary, { Name, Datacenter: http.datacenter }),
    Source,
    Intention: UpstreamDecisions?.[Name] ?? make(IntentionDecision),
  }));
  return toJson(ServiceTopologyJson, {
    Protocol: found.MetricsProtocol,
    TransparentProxy: found.TransparentProxy,
    Upstreams: [...rowsOf(found.Upstreams, UpstreamDecisions, UpstreamSources), ...routes],
    Downstreams: rowsOf(found.Downstreams, DownstreamDecisions, DownstreamSources),
    FilteredByACLs,
  });
}
