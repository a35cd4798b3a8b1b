import type { MetricLabels } from "../metrics.ts";
import type { Telemetry } from "./aggregator.ts";
import { declarationOf } from "./metric-names.ts";
import type { SeriesKind, Total } from "./series.ts";

export const PROMETHEUS_CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8";

const QUANTILES = [0.5, 0.9, 0.99];
const TYPES: Readonly<Record<SeriesKind, string>> = { gauge: "gauge", counter: "counter", sample: "summary" };

/** A metric that is shown from the start, at zero, and keeps being shown when nothing measures it. */
export interface MetricDefinition {
  readonly kind: SeriesKind;
  /** Full name as the aggregator makes it, with prefix and dots. */
  readonly name: string;
  readonly help: string;
  readonly labels?: MetricLabels;
}

interface Row {
  readonly labels: MetricLabels;
  readonly total: Total | undefined;
}

interface Family {
  readonly kind: SeriesKind;
  help: string;
  readonly rows: Map<string, Row>;
}

/**
 * Body of `GET /v1/agent/metrics?format=prometheus`. A series that nobody measured for `retentionMs` is left
 * out and starts from zero when it comes back, unless it is defined.
 */
export function prometheusText(
  telemetry: Telemetry,
  retentionMs: number,
  definitions: readonly MetricDefinition[] = [],
): string {
  const nowMs = telemetry.nowMs();
  const families = new Map<string, Family>();
  for (const { kind, name, help, labels = [] } of definitions) {
    addRow(families, kind, name, help, { labels, total: undefined });
  }
  for (const series of telemetry.totals()) {
    if (series.total.updatedMs + retentionMs < nowMs) {
      (series as { total: Total | undefined }).total = undefined;
      continue;
    }
    addRow(families, series.kind, series.name, declarationOf(series.baseName)?.help, series);
  }
  const names = [...families.keys()].sort();
  return names.map((name) => renderFamily(name, families.get(name) as Family, nowMs)).join("");
}

function addRow(families: Map<string, Family>, kind: SeriesKind, dotted: string, help: string | undefined, row: Row) {
  const name = dotted.replace(/[ .=\-/]/g, "_");
  let family = families.get(name);
  if (family === undefined) {
    family = { kind, help: help ?? name, rows: new Map() };
    families.set(name, family);
  }
  // One name has one type in this format; the first seen stands.
  if (family.kind === kind) family.rows.set(labelPairs(row.labels).join(","), row);
}

function renderFamily(name: string, { kind, help, rows }: Family, nowMs: number): string {
  let text = `# HELP ${name} ${help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n")}\n# TYPE ${name} ${TYPES[kind]}\n`;
  for (const [pairs, { total }] of [...rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const labels = pairs === "" ? "" : `{${pairs}}`;
    if (kind !== "sample") {
      text += `${name}${labels} ${formatValue((kind === "gauge" ? total?.last : total?.sum) ?? 0)}\n`;
      continue;
    }
    const recent = total?.recent?.sorted(nowMs) ?? new Float64Array();
    for (const quantile of QUANTILES) {
      const value = recent[Math.ceil(quantile * recent.length) - 1] ?? Number.NaN;
      text += `${name}{${pairs === "" ? "" : `${pairs},`}quantile="${quantile}"} ${formatValue(value)}\n`;
    }
    text += `${name}_sum${labels} ${formatValue(total?.sum ?? 0)}\n${name}_count${labels} ${total?.count ?? 0}\n`;
  }
  return text;
}

function labelPairs(labels: MetricLabels): string[] {
  return labels.map(([label, value]) => `${label.replace(/[^a-zA-Z0-9_]/g, "_")}="${escapeValue(value)}"`).sort();
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** Go's `%g` in its shortest form: an exponent below 1e-4 and from 1e+06 on, of two digits at least. */
export function formatValue(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "+Inf" : "-Inf";
  const magnitude = Math.abs(value);
  if (magnitude === 0 || (magnitude >= 1e-4 && magnitude < 1e6)) return String(value);
  const [mantissa, exponent = ""] = value.toExponential().split("e");
  return `${mantissa}e${exponent[0]}${exponent.slice(1).padStart(2, "0")}`;
}
