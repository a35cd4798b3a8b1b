import { INTERVAL_MS, type Interval, type Telemetry } from "./aggregator.ts";
import type { Point } from "./series.ts";

/** Body of `GET /v1/agent/metrics`. */
export interface MetricsSummary {
  /** Start of the interval: `2026-01-02 15:04:10 +0000 UTC`. */
  readonly Timestamp: string;
  readonly Gauges: readonly GaugeValue[];
  readonly Points: readonly never[];
  readonly Counters: readonly SampledValue[];
  readonly Samples: readonly SampledValue[];
}

export interface GaugeValue {
  readonly Name: string;
  readonly Value: number;
  readonly Labels: Readonly<Record<string, string>>;
}

export interface SampledValue {
  readonly Name: string;
  readonly Count: number;
  /** Sum per second of the interval. */
  readonly Rate: number;
  readonly Sum: number;
  readonly Min: number;
  readonly Max: number;
  readonly Mean: number;
  /** Of the sample (n − 1); 0 for fewer than two values. */
  readonly Stddev: number;
  readonly Labels: Readonly<Record<string, string>>;
}

/** The last finished interval, or the current one while there is no other. */
export function metricsSummary(telemetry: Telemetry): MetricsSummary {
  const intervals = telemetry.recorded();
  return summarize((intervals.at(-2) ?? intervals.at(-1)) as Interval);
}

export function summarize(interval: Interval): MetricsSummary {
  const iso = new Date(interval.number * INTERVAL_MS).toISOString();
  return {
    Timestamp: `${iso.slice(0, 10)} ${iso.slice(11, 19)} +0000 UTC`,
    // Not a number: a follower's word on what only the leader knows. JSON has no such value.
    Gauges: sorted(interval.gauges.filter(({ last }) => !Number.isNaN(last))).map(({ series, last }) => ({
      Name: series.name,
      Value: last,
      Labels: Object.fromEntries(series.labels),
    })),
    Points: [],
    Counters: sorted(interval.counters).map(sampledValue),
    Samples: sorted(interval.samples).map(sampledValue),
  };
}

function sorted(points: readonly Point[]): Point[] {
  return [...points].sort((a, b) => (a.series.key < b.series.key ? -1 : a.series.key > b.series.key ? 1 : 0));
}

function sampledValue({ series, count, sum, sumSquares, min, max }: Point): SampledValue {
  // Cancellation can leave a tiny negative number where all values are equal.
  const variance = count < 2 ? 0 : Math.max(0, (count * sumSquares - sum * sum) / (count * (count - 1)));
  return {
    Name: series.name,
    Count: count,
    Rate: sum / (INTERVAL_MS / 1000),
    Sum: sum,
    Min: min,
    Max: max,
    Mean: sum / count,
    Stddev: Math.sqrt(variance),
    Labels: Object.fromEntries(series.labels),
  };
}
