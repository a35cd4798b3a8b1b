/** How long a server takes for what it is asked, and what is asked how often, under Consul's names. */
import type { Method } from "../endpoints/binding.ts";
import { type MetricLabels, type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/runtime.ts";

const TIMED: Readonly<Record<string, string>> = {
  "KVS.Apply": "kvs.apply",
  "Txn.Apply": "txn.apply",
  "Txn.Read": "txn.read",
  "Catalog.Register": "catalog.register",
  "Catalog.Deregister": "catalog.deregister",
  "Session.Apply": "session.apply",
  "Session.Renew": "session.renew",
  "PreparedQuery.Apply": "prepared-query.apply",
  "PreparedQuery.Execute": "prepared-query.execute",
  "PreparedQuery.Explain": "prepared-query.explain",
  "Intention.Apply": "intention.apply",
  "ConfigEntry.Apply": "config_entry.apply",
  "ConfigEntry.Delete": "config_entry.delete",
};

/** The name of the sample for a write or call; undefined where Consul has none. */
export function timeOf({ contract }: Method): string | undefined {
  return "rpc" in contract ? TIMED[contract.rpc] : undefined;
}

const TIMED_READS: Readonly<Record<string, string>> = {
  "ConfigEntry.Get": "config_entry.get",
  "ConfigEntry.List": "config_entry.list",
  "ConfigEntry.ResolveServiceConfig": "config_entry.resolve_service_config",
};
const timesOfReads = new WeakMap<Method, string>();

/** The name of the sample for a read; undefined where Consul has none. Asked for every read. */
export function timeOfRead(method: Method): string | undefined {
  let name = timesOfReads.get(method);
  if (name === undefined) {
    name = "rpc" in method.contract ? (TIMED_READS[method.contract.rpc] ?? "") : "";
    timesOfReads.set(method, name);
  }
  return name === "" ? undefined : name;
}

/** Samples of how long answers took, in milliseconds. */
export class CallTimes {
  readonly #clock: Clock;
  readonly #metrics: Metrics;

  constructor(clock: Clock, metrics: Metrics) {
    this.#clock = clock;
    this.#metrics = metrics;
  }

  /** @returns what ends the measurement; undefined where there is none to be taken. */
  begin(name: string | undefined): (() => void) | undefined {
    if (name === undefined) return undefined;
    const startedMs = this.#clock.nowMs();
    return () => this.#metrics.sample(name, this.#clock.nowMs() - startedMs);
  }

  /** Measures how long `work` takes, whatever comes of it. @returns `work` */
  timed(name: string | undefined, work: Promise<unknown>): Promise<unknown> {
    const done = this.begin(name);
    if (done !== undefined) work.then(done, done);
    return work;
  }
}

const COUNTED: Readonly<Record<string, string>> = {
  "Catalog.ServiceNodes": "catalog",
  "Health.ServiceNodes": "health",
};

interface ServiceQuestion {
  readonly ServiceName?: string;
  readonly ServiceTag?: string;
  readonly ServiceTags?: readonly string[] | null;
  readonly Connect?: boolean;
  readonly Ingress?: boolean;
}

interface Tally {
  readonly area: string;
  readonly request: ServiceQuestion;
  asked: number;
  foundNothing: number;
}

/** Different questions counted between two reports; clients choose the names in them. */
export const QUESTIONS_COUNTED_MAX = 4_096;

/**
 * Counts questions for services with a plain addition each, and reports the sums now and then: names and labels cost
 * too much to be made for every answer.
 */
export class QuestionCounts {
  readonly #metrics: Metrics;
  readonly #areas = new Map<Method, string | undefined>();
  #tallies = new Map<string, Tally>();
  #reads = 0;

  constructor(metrics: Metrics) {
    this.#metrics = metrics;
  }

  answered(endpoint: Method, key: string, request: unknown, reply: object): void {
    if (this.#metrics === noMetrics) return;
    this.#reads++;
    let area = this.#areas.get(endpoint);
    if (area === undefined) {
      if (this.#areas.has(endpoint)) return;
      const { contract } = endpoint;
      area = "rpc" in contract ? COUNTED[contract.rpc] : undefined;
      this.#areas.set(endpoint, area);
      if (area === undefined) return;
    }
    let tally = this.#tallies.get(key);
    if (tally === undefined) {
      if (this.#tallies.size >= QUESTIONS_COUNTED_MAX) this.report();
      tally = { area, request: request as ServiceQuestion, asked: 0, foundNothing: 0 };
      this.#tallies.set(key, tally);
    }
    tally.asked++;
    const rows = (reply as { readonly Nodes?: readonly unknown[] | null }).Nodes;
    const list = rows ?? (reply as { readonly ServiceNodes?: readonly unknown[] | null }).ServiceNodes;
    if (list === null || list?.length === 0) tally.foundNothing++;
  }

  report(): void {
    if (this.#reads > 0) this.#metrics.count("rpc.query", this.#reads);
    this.#reads = 0;
    const tallies = this.#tallies;
    this.#tallies = new Map();
    for (const { area, request, asked, foundNothing } of tallies.values()) {
      const service: MetricLabels[number] = ["service", request.ServiceName ?? ""];
      const kind = request.Connect === true ? "connect" : request.Ingress === true ? "ingress" : "service";
      const name = `${area}.${kind}`;
      this.#metrics.count(`${name}.query`, asked, [service]);
      const { ServiceTag: tag = "", ServiceTags } = request;
      const tags = ServiceTags ?? [];
      if (tag !== "") this.#metrics.count(`${name}.query-tag`, asked, [service, ["tag", tag]]);
      if (tags.length > 0) {
        const labels: MetricLabels = [service, ...tags.toSorted().map((tag) => ["tag", tag] as const)];
        this.#metrics.count(`${name}.query-tags`, asked, labels);
      }
      if (foundNothing > 0) this.#metrics.count(`${name}.not-found`, foundNothing, [service]);
    }
  }
}
