/** Services summed up over their instances, as the web page lists them. */
import {
  type CheckServiceNode,
  type GatewayService,
  make,
  type ServiceInfo,
  ServiceListingSummary,
  ServiceSummary,
  toJson,
} from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { finished, type Steps } from "../lib/steps.ts";

/** Metadata that says who else keeps an instance here. */
const EXTERNAL_SOURCE = "external-source";

/** Each takes some microseconds, where it was not summed up before. */
const SUMMED_A_STEP = 64;

type Row = Pick<ServiceInfo, "Node" | "Service" | "Checks">;
/** All that is said of one service. */
interface Group {
  readonly name: string;
  readonly instances: Row[];
  /** Of its sidecar proxies: their checks count for the service. */
  readonly proxies: Row[];
  readonly addresses: Set<string>;
}

export interface Summaries {
  /** By name. */
  readonly services: readonly ServiceSummary[];
  /** Names of services that have a proxy. */
  readonly proxied: ReadonlySet<string>;
}

/** @param addressesOf where a gateway offers a service; undefined: addresses are not asked for */
export function summarize(
  rows: readonly (Row & Partial<Pick<ServiceInfo, "GatewayService">>)[],
  addressesOf?: (service: GatewayService) => readonly string[],
): Summaries {
  return finished(summarizeSteps(rows, addressesOf));
}

/** The same in steps. */
export function* summarizeSteps(
  rows: readonly (Row & Partial<Pick<ServiceInfo, "GatewayService">>)[],
  addressesOf?: (service: GatewayService) => readonly string[],
): Steps<Summaries> {
  const groups = new Map<string, Group>();
  const proxied = new Set<string>();
  const groupOf = (name: string): Group => {
    let group = groups.get(name);
    if (group === undefined) {
      group = { name, instances: [], proxies: [], addresses: new Set() };
      groups.set(name, group);
    }
    return group;
  };
  for (const [at, row] of rows.entries()) {
    if (at % SUMMED_A_STEP === 0 && at > 0) yield;
    if (row.GatewayService && addressesOf !== undefined) {
      const { addresses } = groupOf(row.GatewayService.Service.Name);
      for (const address of addressesOf(row.GatewayService)) addresses.add(address);
    }
    const { Service } = row;
    if (Service === null) continue; // only known to stand behind the gateway
    groupOf(Service.Service).instances.push(row);
    if (Service.Kind !== "connect-proxy") continue;
    const destination = groupOf(Service.Proxy.DestinationServiceName);
    proxied.add(destination.name);
    destination.proxies.push(row);
  }
  const sorted = [...groups.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  const services: ServiceSummary[] = [];
  for (const group of sorted) {
    if (services.length % SUMMED_A_STEP === 0 && services.length > 0) yield;
    services.push(keptSummary(group));
  }
  return { services, proxied };
}

/**
 * Summaries by the first of the rows that they were made of. Rows never change once they are stored: when one check of
 * ten thousand services turns, the summaries of the others are the same objects as before.
 */
const kept = new WeakMap<object, { readonly madeOf: readonly unknown[]; readonly summary: ServiceSummary }>();

function keptSummary(group: Group): ServiceSummary {
  const first = group.instances[0]?.Service ?? undefined;
  if (first === undefined || group.addresses.size > 0) return summaryOf(group);
  const madeOf: unknown[] = [];
  for (const rows of [group.instances, group.proxies]) {
    madeOf.push(rows.length);
    for (const { Node, Service, Checks } of rows) madeOf.push(Node, Service, ...(Checks ?? []));
  }
  const found = kept.get(first);
  if (found?.madeOf.length === madeOf.length && madeOf.every((part, at) => part === found.madeOf[at])) {
    return found.summary;
  }
  const summary = summaryOf(group);
  kept.set(first, { madeOf, summary });
  return summary;
}

/** What others may connect to: no proxies, and no gateways but those at the border. */
export function withoutSidecars(services: readonly ServiceSummary[]): readonly ServiceSummary[] {
  return services.filter(({ Kind }) => Kind === "" || Kind === "ingress-gateway");
}

export const instanceRow = ({ Node, Service, Checks }: CheckServiceNode): Row => ({ Node, Service, Checks });

function summaryOf({ name, instances, proxies, addresses }: Group): ServiceSummary {
  const last = instances.at(-1);
  const tags = new Set<string>();
  const sources = new Set<string>();
  // By node and check: one check counts once, however many instances it is about.
  const checks = new Map<string, string>();
  for (const { Service } of instances) {
    for (const tag of Service?.Tags ?? []) tags.add(tag);
    const source = Service?.Meta?.[EXTERNAL_SOURCE] ?? "";
    if (source !== "") sources.add(source);
  }
  for (const { Node, Checks } of [...instances, ...proxies])
    for (const check of Checks ?? []) if (check !== null) checks.set(`${Node?.Node}/${check.CheckID}`, check.Status);
  const statuses = [...checks.values()];
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  return make(ServiceSummary, {
    Kind: last?.Service?.Kind ?? "",
    Name: name,
    Datacenter: last?.Node?.Datacenter ?? "",
    Tags: listed([...tags].sort()),
    Nodes: listed(instances.map(({ Node }) => Node?.Node ?? "").toSorted()),
    ExternalSources: listed([...sources]),
    InstanceCount: instances.length,
    ChecksPassing: count("passing"),
    ChecksWarning: count("warning"),
    ChecksCritical: count("critical"),
    GatewayConfig: { AssociatedServiceCount: 0, Addresses: listed([...addresses]) },
    // One proxy that is not makes the service not: the page warns of it.
    TransparentProxy: proxies.length > 0 && proxies.every(({ Service }) => Service?.Proxy.Mode === "transparent"),
  });
}

/** Go's nil slice, where nothing was added. */
function listed(items: readonly string[]): readonly string[] | null {
  return items.length === 0 ? null : items;
}

/** What the list of services says of one beside its summary. */
export interface Listing {
  readonly summary: ServiceSummary;
  /** Services behind it, if it is a gateway. */
  readonly linked: number;
  readonly withProxy: boolean;
  readonly withGateway: boolean;
}

const keptTexts = new WeakMap<ServiceSummary, { readonly listing: Listing; readonly text: string }>();

/** A row of the list as JSON, kept as long as its summary. */
export function listingText(listing: Listing): string {
  const { summary, linked, withProxy, withGateway } = listing;
  const found = keptTexts.get(summary);
  const { linked: before, withProxy: proxyBefore, withGateway: gatewayBefore } = found?.listing ?? {};
  if (found !== undefined && before === linked && proxyBefore === withProxy && gatewayBefore === withGateway) {
    return found.text;
  }
  const row = {
    ...summary,
    GatewayConfig: { ...summary.GatewayConfig, AssociatedServiceCount: linked },
    ConnectedWithProxy: withProxy,
    ConnectedWithGateway: withGateway,
  };
  const text = stringifyGo(toJson(ServiceListingSummary, row));
  keptTexts.set(summary, { listing, text });
  return text;
}
