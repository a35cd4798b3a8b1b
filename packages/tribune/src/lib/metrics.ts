/** Labels in the order they are printed. */
export type MetricLabels = readonly (readonly [name: string, value: string])[];

/**
 * Where measurements go. Names are Consul's without the `consul.` prefix, parts joined by dots
 * (`raft.commitTime`, `rpc.request`). Durations are milliseconds. Calls must be cheap: hot paths make them.
 */
export interface Metrics {
  count(name: string, value?: number, labels?: MetricLabels): void;
  gauge(name: string, value: number, labels?: MetricLabels): void;
  /** A sample with count, sum, min, max, mean and deviation for each interval. */
  sample(name: string, value: number, labels?: MetricLabels): void;
}

const ignore = (): void => {};
export const noMetrics: Metrics = { count: ignore, gauge: ignore, sample: ignore };
