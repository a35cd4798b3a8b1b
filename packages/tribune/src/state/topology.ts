/**
 * Who a service talks to and who talks to it: as proxies were registered with upstreams, as discovery chains lead, and,
 * for proxies that catch traffic by themselves, as intentions allow.
 */
import { type IntentionDecisionSummary, make, ServiceTopology } from "@tribune/api";
import { decide, WILDCARD } from "../connect/intention.ts";
import { isHttpLike } from "../connect/protocol.ts";
import { gatewayServices, gatewaysOf } from "./catalog/gateway-services.ts";
import { connectHealth, type Instance, serviceHealth } from "./catalog/health-queries.ts";
import { foldPrefix, SERVICES, type ServiceRow } from "./catalog/tables.ts";
import { CONFIG_ENTRIES, findEntry } from "./config-entry-table.ts";
import { protocolOfService } from "./config-protocol.ts";
import { chainSources } from "./discovery-chain.ts";
import { peekIndex } from "./index-table.ts";
import { intentionMatch } from "./intention.ts";
import type { ReadTx } from "./memdb/types.ts";

/** How two services are known to belong together. */
const SOURCE = {
  registration: "proxy-registration",
  allowed: "default-allow",
  wildcard: "wildcard-intention",
  exact: "specific-intention",
  routing: "routing-config",
} as const;
/** Servers register themselves under this name, which no intention is about. */
const SERVERS = "consul";
const ROUTING_KINDS = ["service-router", "service-splitter", "service-resolver"] as const;

export type Kind = "" | "ingress-gateway";

interface Neighbours {
  readonly names: string[];
  readonly sources: Record<string, string>;
}

/** @param defaultAllow what holds where no intention says anything */
export function serviceTopology(
  tx: ReadTx,
  service: string,
  kind: Kind,
  on: { readonly datacenter: string; readonly defaultAllow: boolean },
): { readonly index: number; readonly topology: ServiceTopology } {
  const proxies = kind === "" ? [...tx.by(SERVICES, "connect", foldPrefix(service))] : [];
  const transparent = proxies.filter(isTransparent).length;

  const up = registered(kind === "" ? upstreamsOf(proxies) : gatewayServices(tx, service).services.map(nameOf));
  if (transparent > 0) addAllowed(up, intentionNeighbours(tx, service, "upstreams", on.defaultAllow));
  const upstreams = up.names.flatMap((name) => instancesOf(tx, name));
  const present = new Set(upstreams.map(({ Service }) => Service.Service));
  for (const name of up.names) if (!present.has(name) && isRouted(tx, name)) up.sources[name] = SOURCE.routing;

  const down = registered(downstreamsOf(tx, service, on.datacenter));
  addAllowed(down, intentionNeighbours(tx, service, "downstreams", on.defaultAllow));
  const found = down.names.flatMap((name) => instancesOf(tx, name));
  // What only intentions tell of counts where a proxy would find its way by itself.
  const finding = new Set(found.filter(isTransparent).map(meantBy));
  const isDownstream = (name: string): boolean => finding.has(name) || down.sources[name] === SOURCE.registration;
  const shown = found.filter((instance) => isDownstream(meantBy(instance)));
  const gone = new Set(found.map(meantBy).filter((name) => !isDownstream(name)));
  const downNames = down.names.filter((name) => !gone.has(name));

  const topology = make(ServiceTopology, {
    Upstreams: nullIfEmpty(upstreams),
    Downstreams: nullIfEmpty(shown),
    UpstreamDecisions: decisions(tx, service, "source", up.names, on.defaultAllow),
    DownstreamDecisions: decisions(tx, service, "destination", downNames, on.defaultAllow),
    UpstreamSources: up.sources,
    DownstreamSources: Object.fromEntries(downNames.map((name) => [name, down.sources[name] ?? ""])),
    MetricsProtocol: kind === "" ? protocolOfService(tx, service).protocol : protocolOfGateway(tx, service),
    TransparentProxy: proxies.length > 0 && transparent === proxies.length,
  });
  return { index: topologyIndex(tx), topology };
}

/** Services that intentions let a service talk to. */
export function intentionUpstreams(
  tx: ReadTx,
  service: string,
  defaultAllow: boolean,
): { readonly index: number; readonly names: readonly string[] } {
  const names = [...intentionNeighbours(tx, service, "upstreams", defaultAllow).keys()];
  return { index: Math.max(peekIndex(tx, CONFIG_ENTRIES), peekIndex(tx, "services")), names };
}

/** Of everything that is read here: higher after each change of it. */
function topologyIndex(tx: ReadTx): number {
  return peekIndex(tx, "nodes", "services", "checks", "gateway-services", CONFIG_ENTRIES);
}

function registered(names: readonly string[]): Neighbours {
  const unique = [...new Set(names)];
  return { names: unique, sources: Object.fromEntries(unique.map((name) => [name, SOURCE.registration])) };
}

function addAllowed({ names, sources }: Neighbours, allowed: ReadonlyMap<string, IntentionDecisionSummary>): void {
  for (const [name, { HasExact, DefaultAllow }] of allowed) {
    if (sources[name] !== undefined) continue;
    names.push(name);
    sources[name] = HasExact ? SOURCE.exact : DefaultAllow ? SOURCE.allowed : SOURCE.wildcard;
  }
}

/** Ordinary services that intentions allow on the other side, with what decided. */
function intentionNeighbours(
  tx: ReadTx,
  service: string,
  which: "upstreams" | "downstreams",
  defaultAllow: boolean,
): Map<string, IntentionDecisionSummary> {
  const up = which === "upstreams";
  const { intentions } = intentionMatch(tx, up ? "source" : "destination", service);
  const last = intentions.at(-1);
  const forAll = last?.SourceName === WILDCARD && last.DestinationName === WILDCARD ? last : undefined;
  const given = { defaultAllow: forAll === undefined ? defaultAllow : forAll.Action !== "deny", permitted: true };
  const allowed = new Map<string, IntentionDecisionSummary>();
  for (const { Service } of tx.scan(SERVICES, "")) {
    const { Service: name, Kind } = Service;
    const isCandidate = Kind === "" || (!up && Kind === "ingress-gateway");
    if (!isCandidate || name === SERVERS || name === service || allowed.has(name)) continue;
    const decision = decide(intentions, up ? "destination" : "source", name, given);
    if (decision.Allowed) allowed.set(name, decision);
  }
  return new Map([...allowed].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function decisions(
  tx: ReadTx,
  service: string,
  side: "source" | "destination",
  others: readonly string[],
  defaultAllow: boolean,
): Record<string, IntentionDecisionSummary> {
  const { intentions } = intentionMatch(tx, side, service);
  const other = side === "source" ? "destination" : "source";
  const given = { defaultAllow, permitted: false };
  return Object.fromEntries(others.map((name) => [name, decide(intentions, other, name, given)]));
}

function upstreamsOf(rows: readonly ServiceRow[]): string[] {
  return rows.flatMap(({ Service }) =>
    (Service.Proxy.Upstreams ?? [])
      .filter(({ DestinationType }) => DestinationType !== "prepared_query")
      .map(({ DestinationName }) => DestinationName),
  );
}

/** Whose proxies have an upstream that leads to the service, and gateways that offer one. */
function downstreamsOf(tx: ReadTx, service: string, datacenter: string): string[] {
  return chainSources(tx, service, datacenter).flatMap((source) => [
    ...Array.from(
      tx.by(SERVICES, "upstream", foldPrefix(source)),
      ({ Service }) => Service.Proxy.DestinationServiceName,
    ),
    ...gatewaysOf(tx, source, "ingress-gateway").names,
  ]);
}

/** Ordinary instances and what reaches them through the mesh: a service's health is that of both. */
function instancesOf(tx: ReadTx, name: string): Instance[] {
  return [...serviceHealth(tx, name).rows, ...connectHealth(tx, name).rows];
}

function isRouted(tx: ReadTx, name: string): boolean {
  return ROUTING_KINDS.filter((kind) => findEntry(tx, kind, name) !== undefined).length > 0;
}

/** The service that an instance is about. */
function meantBy({ Service }: Pick<Instance, "Service">): string {
  return Service.Kind === "connect-proxy" ? Service.Proxy.DestinationServiceName : Service.Service;
}

function isTransparent({ Service }: Pick<Instance, "Service">): boolean {
  return Service.Proxy.Mode === "transparent";
}

const nameOf = ({ Service }: { readonly Service: { readonly Name: string } }): string => Service.Name;

function protocolOfGateway(tx: ReadTx, gateway: string): string {
  const entry = findEntry(tx, "ingress-gateway", gateway);
  if (entry === undefined) return "";
  const listeners = entry.Listeners ?? [];
  return listeners.length > 0 && listeners.every(({ Protocol }) => isHttpLike(Protocol)) ? "http" : "tcp";
}

function nullIfEmpty<T>(rows: readonly T[]): readonly T[] | null {
  return rows.length === 0 ? null : rows;
}
