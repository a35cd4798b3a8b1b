import type { MetricLabels, Metrics } from "../metrics.ts";
import type { Clock } from "../runtime.ts";
import { admits, KEEP_ALL, type PrefixFilter } from "./prefix-filter.ts";
import { type Point, type Series, type SeriesKind, SeriesTable, type Total } from "./series.ts";
import { slidingWindow } from "./sliding-window.ts";

/** Length of an interval; the answers' rates are per second of it. */
export const INTERVAL_MS = 10_000;
/** Finished and current intervals kept: a minute's worth. */
export const INTERVALS_MAX = 6;
/** Series kept per kind. Labels come from catalog names, so the number has to have an end. */
export const SERIES_MAX = 65_536;
/** A full table forgets what was not measured for this long. */
const IDLE_INTERVALS = 6;

/** Receives every single measurement: statsd and its kin aggregate on their own side. */
export interface MetricSink {
  /** The part of a line that does not change from value to value. Called once per series. */
  head(kind: SeriesKind, name: string, labels: MetricLabels): string;
  write(kind: SeriesKind, head: string, value: number): void;
  /** False for a sink whose far side adds the host on its own: gauges come without it in the name. */
  readonly wantsHost: boolean;
}

export interface TelemetryOptions {
  /** `telemetry.metrics_prefix`: first part of every name. Empty for none. */
  readonly prefix: string;
  /**
   * Put between prefix and name of gauges; empty for `disable_hostname`. Consul also leaves it out when no
   * external sink is configured, which is the caller's to decide: `hostNameFor`.
   */
  readonly hostName: string;
  readonly filter?: PrefixFilter;
  /** Keep totals and recent values for the Prometheus text. */
  readonly prometheus?: boolean;
}

export interface Interval {
  /** Unix time divided by `INTERVAL_MS`. */
  readonly number: number;
  readonly gauges: Point[];
  readonly counters: Point[];
  readonly samples: Point[];
}

/** Host name for gauges by Consul's rule: only with an external sink, and unless disabled. */
export function hostNameFor(host: string, options: { disableHostname: boolean; externalSinks: number }): string {
  return options.disableHostname || options.externalSinks === 0 ? "" : host;
}

/**
 * Measurements, added up in intervals of ten seconds of wall time, as behind `/v1/agent/metrics`.
 *
 * A measurement costs two map reads and a few additions; names, keys and sinks' line heads are made when a
 * series is first seen.
 */
export class Telemetry implements Metrics {
  private readonly options: TelemetryOptions;
  private readonly clock: Clock;
  private readonly sinks: readonly MetricSink[];
  private filter: PrefixFilter;
  private readonly tables: Readonly<Record<SeriesKind, SeriesTable>>;
  private readonly intervals: Interval[] = [];
  private current: Interval;
  private sweptIn = 0;
  private readonly listeners = new Set<(finished: Interval) => void>();
  /** Measurements lost because a table was full. */
  dropped = 0;

  constructor(options: TelemetryOptions, dependencies: { clock: Clock; sinks?: readonly MetricSink[] }) {
    this.options = options;
    this.clock = dependencies.clock;
    this.sinks = dependencies.sinks ?? [];
    this.filter = options.filter ?? KEEP_ALL;
    const table = (kind: SeriesKind): SeriesTable =>
      new SeriesTable(SERIES_MAX, (name, labels) => this.createSeries(kind, name, labels));
    this.tables = { gauge: table("gauge"), counter: table("counter"), sample: table("sample") };
    this.current = this.openInterval(this.intervalNumber());
  }

  count(name: string, value = 1, labels?: MetricLabels): void {
    this.ingest("counter", name, value, labels);
  }

  gauge(name: string, value: number, labels?: MetricLabels): void {
    this.ingest("gauge", name, value, labels);
  }

  sample(name: string, value: number, labels?: MetricLabels): void {
    this.ingest("sample", name, value, labels);
  }

  /** Replaces the prefix filter, as a configuration reload does. */
  updateFilter(filter: PrefixFilter): void {
    this.filter = filter;
    for (const table of Object.values(this.tables)) {
      for (const series of table.all()) series.admitted = admits(filter, series.name);
    }
  }

  /** Intervals with measurements, oldest first; the last is the current one and still grows. */
  recorded(): readonly Interval[] {
    this.roll(this.intervalNumber());
    return this.intervals;
  }

  /** Runs for each interval with measurements when it is over. @returns cancel */
  onFinished(listener: (finished: Interval) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Series with totals, for the Prometheus text. */
  *totals(): Generator<Series & { total: Total }> {
    for (const table of Object.values(this.tables)) {
      for (const series of table.all()) if (series.total !== undefined) yield series as Series & { total: Total };
    }
  }

  nowMs(): number {
    return this.clock.wallMs();
  }

  private ingest(kind: SeriesKind, name: string, value: number, labels: MetricLabels | undefined): void {
    const series = this.tables[kind].find(name, labels) ?? this.findAfterSweep(kind, name, labels);
    if (series === undefined) {
      this.dropped++;
      return;
    }
    if (!series.admitted) return;
    const nowMs = this.clock.wallMs();
    const number = Math.floor(nowMs / INTERVAL_MS);
    if (number !== this.current.number) this.roll(number);
    let point = series.point;
    if (point === undefined || point.interval !== number) point = this.openPoint(series, number);
    point.count++;
    point.sum += value;
    point.sumSquares += value * value;
    if (value < point.min) point.min = value;
    if (value > point.max) point.max = value;
    point.last = value;
    if (this.options.prometheus === true) addToTotal(series, value, nowMs);
    for (let index = 0; index < this.sinks.length; index++) {
      this.sinks[index]?.write(kind, series.heads[index] ?? "", value);
    }
  }

  private intervalNumber(): number {
    return Math.floor(this.clock.wallMs() / INTERVAL_MS);
  }

  private roll(number: number): void {
    if (number === this.current.number) return;
    const finished = this.current;
    this.current = this.openInterval(number);
    for (const listener of [...this.listeners]) listener(finished);
  }

  private openInterval(number: number): Interval {
    const interval: Interval = { number, gauges: [], counters: [], samples: [] };
    this.intervals.push(interval);
    if (this.intervals.length > INTERVALS_MAX) this.intervals.shift();
    return interval;
  }

  private openPoint(series: Series, interval: number): Point {
    const point: Point = {
      series,
      interval,
      count: 0,
      sum: 0,
      sumSquares: 0,
      min: Number.POSITIVE_INFINITY,
      max: Number.NEGATIVE_INFINITY,
      last: 0,
    };
    series.point = point;
    this.current[`${series.kind}s`].push(point);
    return point;
  }

  private createSeries(kind: SeriesKind, baseName: string, labels: MetricLabels): Series {
    const { prefix, hostName } = this.options;
    const parts = [prefix, kind === "gauge" ? hostName : "", baseName].filter((part) => part !== "");
    const fullName = parts.join(".");
    const name = fullName.replaceAll(" ", "_");
    const withoutHost = kind === "gauge" && hostName !== "" ? [prefix, baseName].filter(Boolean).join(".") : fullName;
    const key = name + labels.map(([label, value]) => `;${label}=${value}`.replaceAll(" ", "_")).join("");
    const heads = this.sinks.map((sink) => sink.head(kind, sink.wantsHost ? fullName : withoutHost, labels));
    const admitted = admits(this.filter, fullName);
    return { kind, baseName, name, labels: [...labels], key, heads, admitted, point: undefined, total: undefined };
  }

  private findAfterSweep(kind: SeriesKind, name: string, labels: MetricLabels | undefined): Series | undefined {
    const number = this.intervalNumber();
    if (this.sweptIn === number) return undefined;
    this.sweptIn = number;
    this.tables[kind].retain(({ point }) => point !== undefined && point.interval > number - IDLE_INTERVALS);
    return this.tables[kind].find(name, labels);
  }
}

function addToTotal(series: Series, value: number, nowMs: number): void {
  let total = series.total;
  if (total === undefined) {
    const recent = series.kind === "sample" ? slidingWindow() : undefined;
    total = { count: 0, sum: 0, last: 0, updatedMs: nowMs, recent };
    series.total = total;
  }
  total.count++;
  total.sum += value;
  total.last = value;
  total.updatedMs = nowMs;
  total.recent?.add(value, nowMs);
}
