/** What a metrics provider answers. The shapes are those of Consul's providers, so that a script made for its page serves. */

/** One figure: its name in a few letters, what it means, and its value as text. */
export interface Stat {
  readonly label: string;
  readonly desc: string;
  readonly value: string;
}

/** Figures over time. A point has its time in Unix milliseconds, and a number for each label but `Total`. */
export interface Series {
  readonly unitSuffix: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly data: readonly Readonly<Record<string, number>>[];
}

/** By `service.namespace.datacenter`. */
export type StatsByNeighbour = Readonly<Record<string, readonly Stat[]>>;

export interface MetricsProvider {
  /** Throws for options that it cannot work with. */
  init?(options: ProviderOptions): void;
  serviceRecentSummarySeries(
    service: string,
    dc: string,
    namespace: string,
    protocol: string,
    options: object,
  ): Promise<Series>;
  serviceRecentSummaryStats(
    service: string,
    dc: string,
    namespace: string,
    protocol: string,
    options: object,
  ): Promise<{ readonly stats: readonly Stat[] }>;
  upstreamRecentSummaryStats(
    service: string,
    dc: string,
    namespace: string,
    options: object,
  ): Promise<{ readonly stats: StatsByNeighbour }>;
  downstreamRecentSummaryStats(
    service: string,
    dc: string,
    namespace: string,
    options: object,
  ): Promise<{ readonly stats: StatsByNeighbour }>;
}

export interface ProviderOptions {
  readonly [option: string]: unknown;
  readonly metrics_proxy_enabled: boolean;
  /** As the browser's, for a path below the agent's proxy. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
}

const SCALE = ["", "k", "M", "G", "T"];

/** Two or three digits that say something: 0.02, 4.7, 230, 1.2 k. */
export function shortNumber(value: number, suffixOfUnit = ""): string {
  if (!Number.isFinite(value)) return "–";
  let scaled = value;
  let step = 0;
  while (Math.abs(scaled) >= 999.5 && step < SCALE.length - 1) {
    scaled /= 1000;
    step++;
  }
  const digits = Math.abs(scaled) >= 99.5 ? 0 : Math.abs(scaled) >= 9.95 ? 1 : 2;
  const text = String(Number(scaled.toFixed(digits)));
  const unit = `${SCALE[step]}${suffixOfUnit}`;
  return unit === "" ? text : `${text} ${unit}`;
}

/** Milliseconds as people say them. */
export function shortTime(ms: number): string {
  if (!Number.isFinite(ms)) return "–";
  if (ms < 999.5) return `${Number(ms.toFixed(ms < 10 ? 1 : 0))} ms`;
  if (ms < 59_950) return `${Number((ms / 1000).toFixed(1))} s`;
  return `${Number((ms / 60_000).toFixed(1))} min`;
}

/** A script of the operator's may answer anything: only what can be drawn is taken, and markup is text without it. */
export function readStats(answer: unknown): readonly Stat[] {
  if (!Array.isArray(answer)) return [];
  return answer.flatMap((each: Partial<Stat> | null) => {
    const { label, desc, value } = each ?? {};
    if (label === undefined || value === undefined || value === null || String(value) === "") return [];
    return [{ label: plain(label), desc: plain(desc ?? ""), value: plain(value) }];
  });
}

export function readSeries(answer: unknown): Series {
  const { unitSuffix, labels, data } = (answer ?? {}) as Partial<Series>;
  const described: Record<string, string> = {};
  for (const [label, desc] of Object.entries(labels ?? {})) described[plain(label)] = plain(desc);
  const points = Array.isArray(data) ? data.filter((point) => typeof point?.time === "number") : [];
  return { unitSuffix: plain(unitSuffix ?? ""), labels: described, data: points };
}

/** Consul's page shows descriptions as HTML; here they are text. */
function plain(value: unknown): string {
  return String(value)
    .replace(/<\/?[a-z][^<>]*>/gi, "")
    .replaceAll("&rarr;", "→")
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&");
}
