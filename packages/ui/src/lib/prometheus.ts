/**
 * Figures of a service and its neighbours by Prometheus' queries, from the metrics of Envoy with the labels that Consul
 * gives its proxies: those of inbound requests from the listener `public_listener`, of outbound ones from the
 * `upstream` filters, and of who calls from the clusters of the callers.
 */
import {
  type MetricsProvider,
  type ProviderOptions,
  type Series,
  type Stat,
  shortNumber,
  shortTime,
} from "./metrics.ts";

const WINDOW = "15m";
const WINDOW_SECONDS = 15 * 60;
const STEP_SECONDS = 10;
/** What the backend may take for a graph. */
const SERIES_TIMEOUT = "8s";

type Side = "service" | "upstream" | "downstream";

/** A figure: how it is asked for, and how it reads. */
interface Figure {
  readonly label: string;
  readonly desc: string;
  /** @param by grouping behind an aggregation, or "" */
  readonly query: (side: Side, selector: Selectors, by: readonly string[]) => string;
  readonly show: (value: number) => string;
}

interface Selectors {
  readonly http: string;
  readonly tcp: string;
}

const http = (side: Side): string => (side === "downstream" ? "envoy_cluster_upstream_rq" : "envoy_http_downstream_rq");
const tcp = (side: Side): string => (side === "downstream" ? "envoy_cluster_upstream_cx" : "envoy_tcp_downstream_cx");

const by = (labels: readonly string[]): string => (labels.length === 0 ? "" : ` by (${labels.join(",")})`);
const sumOfRate = (metric: string, selector: string, labels: readonly string[]): string =>
  `sum(rate(${metric}{${selector}}[${WINDOW}]))${by(labels)}`;

const percentile = (n: number): Figure => ({
  label: `P${n}`,
  desc: `${n} % of requests were answered within this time, by the last 15 minutes`,
  query: (side, { http: selector }, labels) =>
    `histogram_quantile(${n / 100},${sumOfRate(`${http(side)}_time_bucket`, selector, ["le", ...labels])})`,
  show: shortTime,
});

/** Of services that speak HTTP or gRPC. */
export const REQUEST_FIGURES: readonly Figure[] = [
  {
    label: "req/s",
    desc: "Requests a second, on the average of the last 15 minutes",
    query: (side, { http: selector }, labels) => sumOfRate(`${http(side)}_completed`, selector, labels),
    show: (value) => shortNumber(value),
  },
  {
    label: "errors",
    desc: "Part of the requests of the last 15 minutes that were answered by a 5xx status",
    query(side, { http: selector }, labels) {
      const all = sumOfRate(`${http(side)}_xx`, selector, labels);
      const bad = sumOfRate(`${http(side)}_xx`, `${selector},envoy_response_code_class="5"`, labels);
      return `100*(${bad} or 0*${all})/${all}`; // a class that never was has no series
    },
    show: (value) => `${shortNumber(value)} %`,
  },
  percentile(50),
  percentile(99),
];

/** Of all others. */
export const CONNECTION_FIGURES: readonly Figure[] = [
  {
    label: "conn/s",
    desc: "TCP connections opened a second, on the average of the last 15 minutes",
    query: (side, { tcp: selector }, labels) => sumOfRate(`${tcp(side)}_total`, selector, labels),
    show: (value) => shortNumber(value),
  },
  {
    label: "in",
    desc: "Bits received a second, on the average of the last 15 minutes",
    query: (side, { tcp: selector }, labels) => `8*${sumOfRate(`${tcp(side)}_rx_bytes_total`, selector, labels)}`,
    show: (value) => shortNumber(value, "bit/s"),
  },
  {
    label: "out",
    desc: "Bits sent a second, on the average of the last 15 minutes",
    query: (side, { tcp: selector }, labels) => `8*${sumOfRate(`${tcp(side)}_tx_bytes_total`, selector, labels)}`,
    show: (value) => shortNumber(value, "bit/s"),
  },
  {
    label: "failed/s",
    desc: "Connections a second that led nowhere, on the average of the last 15 minutes",
    query: (side, { tcp: selector }, labels) =>
      sumOfRate(`${tcp(side)}${side === "downstream" ? "_connect_fail" : "_no_route"}`, selector, labels),
    show: (value) => shortNumber(value),
  },
];

export const speaksHttp = (protocol: string): boolean => ["http", "http2", "grpc"].includes(protocol);

/** A label's value may hold anything that a name can. */
const quoted = (value: string): string => `"${value.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`;

function selectors(side: Side, service: string, dc: string, namespace: string): Selectors {
  const of = (end: "source" | "destination"): string =>
    `consul_${end}_service=${quoted(service)},consul_${end}_datacenter=${quoted(dc)},` +
    `consul_${end}_namespace=${quoted(namespace)}`;
  if (side === "downstream") return { http: of("destination"), tcp: of("destination") };
  const own = of("source");
  return side === "upstream"
    ? { http: `${own},envoy_http_conn_manager_prefix="upstream"`, tcp: `${own},envoy_tcp_prefix=~"upstream.*"` }
    : {
        http: `${own},envoy_http_conn_manager_prefix="public_listener"`,
        tcp: `${own},envoy_tcp_prefix="public_listener"`,
      };
}

/** By which labels the figures of neighbours are told apart. */
function grouping(side: Side): readonly string[] {
  if (side === "service") return [];
  const whose = side === "upstream" ? "upstream" : "source";
  return ["service", "namespace", "datacenter"].map((part) => `consul_${whose}_${part}`);
}

interface Sample {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [seconds: number, value: string];
  readonly values?: readonly (readonly [seconds: number, value: string])[];
}

/** Prometheus, behind the agent's proxy. */
export class Prometheus implements MetricsProvider {
  #options: ProviderOptions | undefined;

  /** @throws Error without a proxy: the page may ask nobody but the agent */
  init(options: ProviderOptions): void {
    if (!options.metrics_proxy_enabled)
      throw new Error("The provider `prometheus` needs ui_config.metrics_proxy in the agent's configuration.");
    this.#options = options;
  }

  async serviceRecentSummarySeries(service: string, dc: string, namespace: string, protocol: string): Promise<Series> {
    const selector = selectors("service", service, dc, namespace);
    const end = Date.now() / 1000;
    const asked = {
      start: String(end - WINDOW_SECONDS),
      end: String(end),
      step: `${STEP_SECONDS}s`,
      timeout: SERIES_TIMEOUT,
    };
    const ask = async (query: string): Promise<Sample | undefined> =>
      (await this.#ask("/api/v1/query_range", { query, ...asked }))[0];
    const rate = (metric: string, where: string): string => `sum(irate(${metric}{${where}}[10m]))`;
    if (speaksHttp(protocol)) {
      const metric = "envoy_listener_http_downstream_rq_xx";
      const [good, bad] = await Promise.all([
        ask(rate(metric, `${selector.http},envoy_response_code_class!="5"`)),
        ask(rate(metric, `${selector.http},envoy_response_code_class="5"`)),
      ]);
      const labels = {
        Successes: "Requests a second that were answered by another status than 5xx",
        Errors: "Requests a second that were answered by a 5xx status",
      };
      return { unitSuffix: "req/s", labels, data: joined({ Successes: good, Errors: bad }) };
    }
    const [received, sent] = await Promise.all([
      ask(`8*${rate("envoy_tcp_downstream_cx_rx_bytes_total", selector.tcp)}`),
      ask(`8*${rate("envoy_tcp_downstream_cx_tx_bytes_total", selector.tcp)}`),
    ]);
    const labels = { Received: "Bits received a second", Sent: "Bits sent a second" };
    return { unitSuffix: "bit/s", labels, data: joined({ Received: received, Sent: sent }) };
  }

  async serviceRecentSummaryStats(
    service: string,
    dc: string,
    namespace: string,
    protocol: string,
  ): Promise<{ readonly stats: readonly Stat[] }> {
    const figures = speaksHttp(protocol) ? REQUEST_FIGURES : CONNECTION_FIGURES;
    const selector = selectors("service", service, dc, namespace);
    const stats = await Promise.all(
      figures.map(async ({ label, desc, query, show }) => {
        const [found] = await this.#ask("/api/v1/query", { query: query("service", selector, []) });
        return found?.value === undefined ? undefined : { label, desc, value: show(Number(found.value[1])) };
      }),
    );
    return { stats: stats.filter((stat) => stat !== undefined) };
  }

  upstreamRecentSummaryStats(service: string, dc: string, namespace: string) {
    return this.#neighbours("upstream", service, dc, namespace);
  }

  downstreamRecentSummaryStats(service: string, dc: string, namespace: string) {
    return this.#neighbours("downstream", service, dc, namespace);
  }

  /** What neighbours speak is not known, so both kinds of figures are asked for; requests say more. */
  async #neighbours(
    side: Side,
    service: string,
    dc: string,
    namespace: string,
  ): Promise<{ readonly stats: Readonly<Record<string, readonly Stat[]>> }> {
    const labels = grouping(side);
    const selector = selectors(side, service, dc, namespace);
    const of = async (figures: readonly Figure[]): Promise<Map<string, Stat[]>> => {
      const found = new Map<string, Stat[]>();
      const answers = await Promise.all(
        figures.map(({ query }) => this.#ask("/api/v1/query", { query: query(side, selector, labels) })),
      );
      for (const [at, samples] of answers.entries()) {
        const { label, desc, show } = figures[at]!;
        for (const { metric, value } of samples) {
          const name = labels.map((each) => metric[each] ?? "").join(".");
          const stats = found.get(name) ?? [];
          found.set(name, stats);
          if (value !== undefined) stats.push({ label, desc, value: show(Number(value[1])) });
        }
      }
      return found;
    };
    const [requests, connections] = await Promise.all([of(REQUEST_FIGURES), of(CONNECTION_FIGURES)]);
    return { stats: Object.fromEntries([...connections, ...requests]) };
  }

  async #ask(path: string, parameters: Readonly<Record<string, string>>): Promise<readonly Sample[]> {
    if (this.#options === undefined) throw new Error("not initialized");
    const response = await this.#options.fetch(`${path}?${new URLSearchParams(parameters)}`);
    const text = await response.text();
    const { status, error, data } = parsed(text);
    if (!response.ok || status !== "success")
      throw new Error(error ?? (text.trim().slice(0, 200) || `status ${response.status}`));
    return data?.result ?? [];
  }
}

interface QueryAnswer {
  readonly status?: string;
  readonly error?: string;
  readonly data?: { readonly result?: readonly Sample[] };
}

function parsed(text: string): QueryAnswer {
  try {
    return JSON.parse(text) as QueryAnswer;
  } catch {
    return {}; // what is not JSON is an error's text
  }
}

/** Several series as one: a point for every time that any of them has. */
function joined(series: Readonly<Record<string, Sample | undefined>>): readonly Readonly<Record<string, number>>[] {
  const points = new Map<number, Record<string, number>>();
  for (const [label, sample] of Object.entries(series)) {
    for (const [seconds, value] of sample?.values ?? []) {
      const time = Math.round(seconds * 1000);
      const point = points.get(time) ?? { time };
      points.set(time, point);
      if (Number.isFinite(Number(value))) point[label] = Number(value);
    }
  }
  return [...points.values()].sort((a, b) => a.time! - b.time!);
}
