/** Services summed up over their instances, as the web page lists them. */
import { type CheckServiceNode, type GatewayService, make, type ServiceInfo, ServiceSummary } from "@tribune/api";

/** Metadata that says who else keeps an instance here. */
const EXTERNAL_SOURCE = "external-source";

type Row = Pick<ServiceInfo, "Node" | "Service" | "Checks">;
interface Sum {
  readonly name: string;
  kind: string;
  datacenter: string;
  instances: number;
  readonly nodes: string[];
  readonly tags: Set<string>;
  readonly externalSources: Set<string>;
  /** Status by node and check: one check counts once, however many instances it is about. */
  readonly checks: Map<string, string>;
  readonly addresses: Set<string>;
  /** Undefined while no proxy was seen. */
  transparent: boolean | undefined;
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
  const sums = new Map<string, Sum>();
  const proxied = new Set<string>();
  const sumOf = (name: string): Sum => {
    let sum = sums.get(name);
    if (sum === undefined) {
      sum = emptySum(name);
      sums.set(name, sum);
    }
    return sum;
  };
  for (const row of rows) {
    if (row.GatewayService && addressesOf !== undefined) {
      const { addresses } = sumOf(row.GatewayService.Service.Name);
      for (const address of addressesOf(row.GatewayService)) addresses.add(address);
    }
    const { Service } = row;
    if (Service === null) continue; // only known to stand behind the gateway
    add(sumOf(Service.Service), row);
    if (Service.Kind !== "connect-proxy") continue;
    const destination = sumOf(Service.Proxy.DestinationServiceName);
    proxied.add(destination.name);
    addChecks(destination, row);
    // One proxy that is not makes the service not: the page warns of it.
    destination.transparent = (destination.transparent ?? true) && Service.Proxy.Mode === "transparent";
  }
  const sorted = [...sums.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  return { services: sorted.map(summaryOf), proxied };
}

/** What others may connect to: no proxies, and no gateways but those at the border. */
export function withoutSidecars(services: readonly ServiceSummary[]): readonly ServiceSummary[] {
  return services.filter(({ Kind }) => Kind === "" || Kind === "ingress-gateway");
}

export const instanceRow = ({ Node, Service, Checks }: CheckServiceNode): Row => ({ Node, Service, Checks });

function emptySum(name: string): Sum {
  return {
    name,
    kind: "",
    datacenter: "",
    instances: 0,
    nodes: [],
    tags: new Set(),
    externalSources: new Set(),
    checks: new Map(),
    addresses: new Set(),
    transparent: undefined,
  };
}

function add(sum: Sum, row: Row): void {
  const { Node, Service } = row;
  sum.instances++;
  sum.kind = Service?.Kind ?? "";
  sum.datacenter = Node?.Datacenter ?? "";
  sum.nodes.push(Node?.Node ?? "");
  for (const tag of Service?.Tags ?? []) sum.tags.add(tag);
  const source = Service?.Meta?.[EXTERNAL_SOURCE] ?? "";
  if (source !== "") sum.externalSources.add(source);
  addChecks(sum, row);
}

function addChecks({ checks }: Sum, { Node, Checks }: Row): void {
  for (const check of Checks ?? []) if (check !== null) checks.set(`${Node?.Node}/${check.CheckID}`, check.Status);
}

function summaryOf(sum: Sum): ServiceSummary {
  const statuses = [...sum.checks.values()];
  const count = (wanted: string): number => statuses.filter((status) => status === wanted).length;
  return make(ServiceSummary, {
    Kind: sum.kind,
    Name: sum.name,
    Datacenter: sum.datacenter,
    Tags: listed([...sum.tags].sort()),
    Nodes: listed(sum.nodes.toSorted()),
    ExternalSources: listed([...sum.externalSources]),
    InstanceCount: sum.instances,
    ChecksPassing: count("passing"),
    ChecksWarning: count("warning"),
    ChecksCritical: count("critical"),
    GatewayConfig: { AssociatedServiceCount: 0, Addresses: listed([...sum.addresses]) },
    TransparentProxy: sum.transparent ?? false,
  });
}

/** Go's nil slice, where nothing was added. */
function listed(items: readonly string[]): readonly string[] | null {
  return items.length === 0 ? null : items;
}
