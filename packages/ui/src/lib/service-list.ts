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
const made = new WeakMap<Summary, Listed>();

/** Sidecar proxies are part of the service they stand beside, and are left out. */
export function summarize(rows: readonly Summary[]): ServiceList {
  const services: ListedService[] = [];
  const health = { critical: 0, warning: 0, passing: 0, none: 0 };
  let instances = 0;
  for (const row of rows) {
    if (row.Kind === "connect-proxy") continue;
    let service = made.get(row);
    if (service === undefined) {
      service = new Listed(row);
      made.set(row, service);
    }
    services.push(service);
    health[service.health]++;
    instances += service.instances;
  }
  return { services, instances, health };
}

/** Of ten thousand rows sixty are drawn and none is searched at first: what only that needs is made when it is asked for. */
class Listed implements ListedService {
  readonly name: string;
  readonly health: Health;
  readonly instances: number;
  private readonly row: Summary;
  private searched: Searchable | undefined;

  constructor(row: Summary) {
    this.row = row;
    this.name = row.Name;
    this.instances = row.InstanceCount;
    this.health = worst(this.checks);
  }

  get checks(): CheckCounts {
    const { ChecksPassing, ChecksWarning, ChecksCritical } = this.row;
    return { passing: ChecksPassing, warning: ChecksWarning, critical: ChecksCritical };
  }
  get kind(): string {
    return kindWord(this.row.Kind);
  }
  get tags(): readonly string[] {
    return this.row.Tags ?? [];
  }
  get mesh(): string {
    return this.row.ConnectedWithProxy ? "in the mesh" : this.row.ConnectedWithGateway ? "behind a gateway" : "";
  }
  get text(): readonly string[] {
    return this.searchable.text;
  }
  get keys(): Searchable["keys"] {
    return this.searchable.keys;
  }

  private get searchable(): Searchable {
    const { row } = this;
    this.searched ??= {
      text: [this.name, ...this.tags],
      keys: {
        is: [...healthWords(this.health), ...(this.mesh === "" ? [] : ["mesh"])],
        name: [this.name],
        tag: this.tags,
        kind: [row.Kind ?? "", this.kind],
        node: row.Nodes ?? [],
        source: row.ExternalSources ?? [],
      },
    };
    return this.searched;
  }
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
  const order = orders[sort] ?? orders.status;
  // Servers answer in the order of names, and most services are well: what stands in order needs no sorting.
  if (order === orders.status && inOrder(found, byName)) {
    return ranked.flatMap((health) => found.filter((service) => service.health === health));
  }
  return inOrder(found, order) ? found : found.sort(order);
}

const ranked: readonly Health[] = (["critical", "warning", "none", "passing"] as const).toSorted(
  (a, b) => healthRank(a) - healthRank(b),
);

function inOrder(services: readonly ListedService[], order: (a: ListedService, b: ListedService) => number): boolean {
  for (let i = 1; i < services.length; i++) if (order(services[i - 1]!, services[i]!) > 0) return false;
  return true;
}
