import type { MetricLabels } from "../metrics.ts";

export type SeriesKind = "gauge" | "counter" | "sample";

/** One measured thing: a kind, a name and its labels. Everything that costs a string is made here, once. */
export interface Series {
  readonly kind: SeriesKind;
  /** As the caller gave it. */
  readonly baseName: string;
  /** With the service prefix, and for gauges the host name: `consul.raft.commitTime`. */
  readonly name: string;
  readonly labels: MetricLabels;
  /** `name;label=value`, what Consul sorts its answers by. */
  readonly key: string;
  /** What each sink puts in front of a value, in the order of the sinks. */
  readonly heads: readonly string[];
  /** False when a prefix filter keeps it out; it is remembered so that the question is asked once. */
  admitted: boolean;
  /** Its numbers in the current interval; belongs to an older one until the first measurement of the new. */
  point: Point | undefined;
  /** Its numbers since it was first seen, kept only for Prometheus. */
  total: Total | undefined;
}

/** The numbers of one series in one interval. A gauge uses `last` alone. */
export interface Point {
  readonly series: Series;
  readonly interval: number;
  count: number;
  sum: number;
  sumSquares: number;
  min: number;
  max: number;
  last: number;
}

export interface Total {
  count: number;
  sum: number;
  last: number;
  updatedMs: number;
  readonly recent: RecentValues | undefined;
}

/** Values of the last ten seconds, for quantiles. */
export interface RecentValues {
  add(value: number, nowMs: number): void;
  /** Sorted; empty when nothing was measured lately. */
  sorted(nowMs: number): Float64Array;
}

interface Node {
  series: Series | undefined;
  children: Map<string, Map<string, Node>> | undefined;
  lastLabels: MetricLabels | undefined;
  lastSeries: Series | undefined;
}

/**
 * Finds the series of a name and labels without building a string: callers measure on hot paths. The labels
 * object seen last is recognised by identity (so it must not change after use), others by a walk through maps.
 */
export class SeriesTable {
  private byName = new Map<string, Node>();
  private count = 0;
  private readonly create: (name: string, labels: MetricLabels) => Series;
  private readonly seriesMax: number;

  constructor(seriesMax: number, create: (name: string, labels: MetricLabels) => Series) {
    this.seriesMax = seriesMax;
    this.create = create;
  }

  /** @returns undefined when the table is full. */
  find(name: string, labels: MetricLabels | undefined): Series | undefined {
    const known = this.byName.get(name);
    if (known !== undefined) {
      if (labels === undefined) {
        if (known.series !== undefined) return known.series;
      } else if (labels === known.lastLabels) {
        return known.lastSeries;
      }
    }
    return this.findSlow(name, labels ?? []);
  }

  /** Forgets every series for which `keep` is false. */
  retain(keep: (series: Series) => boolean): void {
    const kept = [...this.all()].filter(keep);
    this.byName = new Map();
    this.count = kept.length;
    for (const series of kept) this.node(series.baseName, series.labels).series = series;
  }

  *all(): Generator<Series> {
    for (const node of this.byName.values()) yield* below(node);
  }

  private findSlow(name: string, labels: MetricLabels): Series | undefined {
    const top = this.node(name, []);
    const node = labels.length === 0 ? top : this.node(name, labels);
    if (node.series === undefined) {
      if (this.count >= this.seriesMax) return undefined;
      this.count++;
      node.series = this.create(name, labels);
    }
    if (labels.length > 0) {
      top.lastLabels = labels;
      top.lastSeries = node.series;
    }
    return node.series;
  }

  private node(name: string, labels: MetricLabels): Node {
    let node = this.byName.get(name);
    if (node === undefined) {
      node = emptyNode();
      this.byName.set(name, node);
    }
    for (const [label, value] of labels) {
      node.children ??= new Map();
      let values = node.children.get(label);
      if (values === undefined) {
        values = new Map();
        node.children.set(label, values);
      }
      let child = values.get(value);
      if (child === undefined) {
        child = emptyNode();
        values.set(value, child);
      }
      node = child;
    }
    return node;
  }
}

function* below(node: Node): Generator<Series> {
  if (node.series !== undefined) yield node.series;
  for (const values of node.children?.values() ?? []) for (const child of values.values()) yield* below(child);
}

function emptyNode(): Node {
  return { series: undefined, children: undefined, lastLabels: undefined, lastSeries: undefined };
}
