import { type CheckCounts, type Health, healthRank, healthWords, worst } from "./health.ts";
import { matches, parseSearch, type Searchable } from "./search.ts";

/** One service of the list, ready to be searched and drawn. */
export interface ListedService extends Searchable {
  readonly name: string;
  readonly health: Health;
  readonly checks: CheckCounts;
  readonly instances: number;
  /** Words for what is no ordinary service: `mesh gateway`. */
  readonly kind: string;
  readonly tags: readonly string[];
  /** How it takes part in the mesh; empty if it does not. */
  readonly mesh: string;
}

/** The fields of `/v1/internal/ui/services` that count here. */
export interface Summary {
  readonly Name: string;
  readonly Kind?: string;
  readonly Tags: readonly string[] | null;
  readonly Nodes: readonly string[] | null;
  readonly ExternalSources?: readonly string[] | null;
  readonly InstanceCount: number;
  readonly ChecksPassing: number;
  readonly ChecksWarning: number;
  readonly ChecksCritical: number;
  readonly ConnectedWithProxy?: boolean;
  readonly ConnectedWithGateway?: boolean;
}

export interface ServiceList {
  readonly services: readonly ListedService[];
  readonly instances: number;
  readonly health: Readonly<Record<Health, number>>;
}

const kinds: Readonly<Record<string, string>> = {
  "connect-proxy": "proxy",
  "mesh-gateway": "mesh gateway",
  "ingress-gateway": "ingress gateway",
  "terminating-gateway": "terminating gateway",
  "api-gateway": "API gateway",
};
export const kindWord = (kind: string | undefined): string => (kind ? (kinds[kind] ?? kind) : "");

/** Rows by the summary they were made of: after a change of one service the others are the same rows. */
const made = new WeakMap<Summary, ListedService>();

/** Sidecar proxies are part of the service they stand beside, and are left out. */
export function summarize(rows: readonly Summary[]): ServiceList {
  const services: ListedService[] = [];
  const health = { critical: 0, warning: 0, passing: 0, none: 0 };
  let instances = 0;
  for (const row of rows) {
    if (row.Kind === "connect-proxy") continue;
    let service = made.get(row);
    if (service === undefined) {
      service = listed(row);
      made.set(row, service);
    }
    services.push(service);
    health[service.health]++;
    instances += service.instances;
  }
  return { services, instances, health };
}

function listed(row: Summary): ListedService {
  const checks = { passing: row.ChecksPassing, warning: row.ChecksWarning, critical: row.ChecksCritical };
  const health = worst(checks);
  const kind = kindWord(row.Kind);
  const mesh = row.ConnectedWithProxy ? "in the mesh" : row.ConnectedWithGateway ? "behind a gateway" : "";
  const tags = row.Tags ?? [];
  return {
    name: row.Name,
    health,
    checks,
    instances: row.InstanceCount,
    kind,
    tags,
    mesh,
    text: [row.Name, ...tags],
    keys: {
      is: [...healthWords(health), ...(mesh === "" ? [] : ["mesh"])],
      name: [row.Name],
      tag: tags,
      kind: [row.Kind ?? "", kind],
      node: row.Nodes ?? [],
      source: row.ExternalSources ?? [],
    },
  };
}

export type ServiceSort = "status" | "name" | "instances";

const byName = (a: ListedService, b: ListedService): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
const orders: Record<ServiceSort, (a: ListedService, b: ListedService) => number> = {
  status: (a, b) => healthRank(a.health) - healthRank(b.health) || byName(a, b),
  name: byName,
  instances: (a, b) => b.instances - a.instances || byName(a, b),
};

export function searchServices(services: readonly ListedService[], text: string, sort: ServiceSort): ListedService[] {
  const terms = parseSearch(text);
  const found = terms.length === 0 ? services.slice() : services.filter((service) => matches(terms, service));
  return found.sort(orders[sort] ?? orders.status);
}
