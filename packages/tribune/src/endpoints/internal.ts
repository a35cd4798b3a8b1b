/** Answers of `/v1/internal/ui`. */
import {
  type CatalogSummary,
  type GatewayService,
  HealthSummary,
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
  type NodeInfo,
  ServiceSummary,
  ServiceTopologyJson,
  toJson,
} from "@tribune/api";
import { CHECK_SERVICE_NODE, NODE_INFO } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { stringifyGo } from "../lib/go-json.ts";
import { goQuote } from "../lib/go-quote.ts";
import { dumpNodes, dumpServices, gatewayServiceDump, nodeInfo } from "../state/catalog/dumps.ts";
import { gatewayServices } from "../state/catalog/gateway-services.ts";
import { catalogSummary } from "../state/catalog/summary.ts";
import { intentionMatch } from "../state/intention.ts";
import { intentionUpstreams, type Kind, serviceTopology } from "../state/topology.ts";
import { type Answer, json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type RpcBindings } from "./binding.ts";
import { nodeInfoTexts } from "./catalog-shapes.ts";
import { filterRowsSteps } from "./filter-rows.ts";
import { intentionsBody, requireMatchNamespace } from "./intention.ts";
import { type JsonTexts, jsonTexts, listTexts } from "./json-texts.ts";
import { requireConnect } from "./require-connect.ts";
import { instanceRow, listingText, summarize, summarizeSteps, withoutSidecars } from "./service-summaries.ts";

const SUMMARIES = list(ServiceSummary);

export const internalEndpoints = bind(internalContracts, {
  uiNodes: {
    request: (_values, _http, common) => common,
    *query(tx, { Filter }) {
      const { index, nodes } = yield* dumpNodes(tx);
      return make(IndexedNodeDump, { Index: index, Dump: yield* filterRowsSteps(Filter, NODE_INFO, nodes) });
    },
    show: ({ Dump }) => jsonTexts(() => nodeInfosTexts(known(Dump))),
  },
  uiNode: {
    request: ({ node }, _http, common) => ({ ...common, Node: node }),
    query(tx, { Node }) {
      const { index, nodes } = nodeInfo(tx, Node);
      return make(IndexedNodeDump, { Index: index, Dump: nodes });
    },
    show({ Dump }, _request, { query }): Answer {
      const [node] = query.get("peer") === "" ? known(Dump) : [];
      if (node === undefined) return { kind: "empty", status: 404, withoutMeta: true };
      return jsonTexts(() => nodeInfoTexts(node));
    },
  },
  uiCatalogOverview: {
    request: (_values, _http, common) => common,
    *query(tx) {
      return make(IndexedCatalogSummary, yield* catalogSummary(tx));
    },
    show: ({ Summary }) => jsonTexts(() => summaryTexts(Summary)),
  },
  uiServices: {
    request: (_values, _http, common) => common,
    *query(tx, { Filter, UseServiceKind, ServiceKind }) {
      const { index, instances, gateways } = yield* dumpServices(tx, UseServiceKind ? ServiceKind : undefined);
      return make(IndexedNodesWithGateways, {
        Index: index,
        Nodes: yield* filterRowsSteps(Filter, CHECK_SERVICE_NODE, instances),
        Gateways: gateways,
      });
    },
    show: (reply, _request, { query }) =>
      jsonTexts(() => listingTexts(query.get("peer") === "" ? reply : { ...reply, Nodes: [], Gateways: [] })),
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
    show: (reply) => intentionsBody(reply),
  },
  uiServiceTopology: {
    request({ service, kind }, _http, common) {
      const [ServiceKind] = kind;
      if (ServiceKind === undefined) throw TribuneError.badRequest("Missing service kind");
      if (!isKind(ServiceKind)) throw TribuneError.badRequest(`Unsupported service kind ${goQuote(ServiceKind)}`);
      return { ...common, ServiceName: service, ServiceKind };
    },
    query(tx, { ServiceName, ServiceKind }, { datacenter, intentionsDefaultAllow }) {
      if (ServiceName === "") throw TribuneError.internal("Must provide a service name");
      if (!isKind(ServiceKind)) throw TribuneError.internal(`unsupported kind ${goQuote(ServiceKind)}`);
      const on = { datacenter, defaultAllow: intentionsDefaultAllow };
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
    query(tx, { ServiceName }, { connectEnabled, intentionsDefaultAllow }) {
      requireConnect(connectEnabled);
      if (ServiceName === "") throw TribuneError.internal("Must provide a service name");
      const { index, names } = intentionUpstreams(tx, ServiceName, intentionsDefaultAllow);
      return make(IndexedServiceList, { Index: index, Services: names.map((Name) => ({ Name })) });
    },
  },
} satisfies RpcBindings<typeof internalRpcContracts>);

function isKind(kind: string): kind is Kind {
  return kind === "" || kind === "ingress-gateway";
}

const known = <R>(rows: readonly (R | null)[] | null): R[] => (rows ?? []).filter((row) => row !== null);

function* nodeInfosTexts(nodes: readonly NodeInfo[]): JsonTexts {
  if (nodes.length === 0) return yield "[]";
  for (const [at, node] of nodes.entries()) {
    yield at === 0 ? "[" : ",";
    yield* nodeInfoTexts(node);
  }
  yield "]";
}

function* summaryTexts({ Nodes, Services, Checks }: CatalogSummary): JsonTexts {
  const rowText = (row: HealthSummary): string => stringifyGo(toJson(HealthSummary, row));
  yield '{"Nodes":';
  yield* Nodes === null ? ["null"] : listTexts(Nodes, rowText);
  yield ',"Services":';
  yield* Services === null ? ["null"] : listTexts(Services, rowText);
  yield ',"Checks":';
  yield* Checks === null ? ["null"] : listTexts(Checks, rowText);
  yield "}";
}

/** All services, each summed up over its instances. */
function* listingTexts({ Nodes, Gateways }: IndexedNodesWithGateways): JsonTexts {
  const summing = summarizeSteps((Nodes ?? []).map(instanceRow));
  let step = summing.next();
  for (; step.done !== true; step = summing.next()) yield "";
  const { services, proxied } = step.value;
  const links = known(Gateways);
  const names = new Set(services.map(({ Name }) => Name));
  const linked = new Set(links.filter(({ Gateway }) => names.has(Gateway.Name)).map(({ Service }) => Service.Name));
  const behind = new Map<string, number>();
  for (const { Gateway } of links) behind.set(Gateway.Name, (behind.get(Gateway.Name) ?? 0) + 1);
  const rows = services.map((summary) => ({
    summary,
    linked: behind.get(summary.Name) ?? 0,
    withProxy: proxied.has(summary.Name),
    withGateway: linked.has(summary.Name) && summary.InstanceCount > 0,
  }));
  yield* listTexts(rows, listingText);
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
