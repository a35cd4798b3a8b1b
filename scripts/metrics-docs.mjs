// Writes docs/metrics.md from the declarations (built). With --check it only tells whether the page is current.
import { METRIC_AREAS } from "../packages/tribune/dist/lib/telemetry/metric-names.js";
import { generatedPage } from "./lib/generated-page.mjs";

generatedPage("docs/metrics.md", metricsPage(), { source: "declarations", script: "metrics-docs.mjs" });

function metricsPage() {
  return `${[
    "# Metrics",
    "",
    "Generated from `packages/tribune/src/lib/telemetry/metric-names.ts` by `node scripts/metrics-docs.mjs`. Names, types and",
    "units are Consul's, so that its dashboards and alerts go on working; `dashboards/tribune.json` is one for Grafana.",
    "",
    "| Where they go | How |",
    "| --- | --- |",
    "| JSON | `GET /v1/agent/metrics`: the last finished ten seconds; `GET /v1/agent/metrics/stream`: each as it ends |",
    '| Prometheus | `telemetry { prometheus_retention_time = "60s" }`, then `GET /v1/agent/metrics?format=prometheus` |',
    "| statsd, statsite, DogStatsD | `telemetry { statsd_address, statsite_address, dogstatsd_addr, dogstatsd_tags }` |",
    "| OpenTelemetry | a meter provider that is registered in the process, as below |",
    "",
    "`metrics_prefix` replaces `consul`; `prefix_filter` and `filter_default` choose; `disable_hostname` leaves the host out of",
    "gauges' names where they have it (with any sink but JSON); `disable_compat_1.9` leaves out `http.*`.",
    "",
    "`*` is a part that only the run knows: a peer's id, a path, a kind. S: servers only. O: Tribune's own.",
    "",
    "Not measured, for there is no such thing here: BoltDB and write-ahead log (`raft.boltdb.*`, `raft.wal.*`: the log is",
    "Tribune's own), Go's allocator (`runtime.malloc_count`, `free_count`, `heap_objects`), gRPC and xDS, ACL resolution,",
    "replication between datacenters, peering, Enterprise.",
    "",
    "## OpenTelemetry",
    "",
    "The agent measures for the meter provider that its process has when it starts, wherever the packages are installed:",
    "",
    "```sh shown",
    "npm install @opentelemetry/api @opentelemetry/sdk-metrics @opentelemetry/exporter-metrics-otlp-http",
    "export OTEL_EXPORTER_OTLP_ENDPOINT=http://collector:4318",
    "node --import ./telemetry.mjs $(which tribune) agent -config-dir=/etc/tribune.d",
    "```",
    "",
    "```js shown",
    "// telemetry.mjs",
    'import { metrics } from "@opentelemetry/api";',
    'import { OTLPMetricExporter } from "@opentelemetry/exporter-metrics-otlp-http";',
    'import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";',
    "",
    "const reader = new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() });",
    "metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));",
    "```",
    "",
    "Names are those below; counters are counters, gauges gauges, samples histograms; units are written as OpenTelemetry",
    "does (`By` for bytes, `{requests}` for what is counted). Where `OTEL_METRICS_EXPORTER` or `OTEL_EXPORTER_OTLP_ENDPOINT`",
    "is set and there is no provider, or one of another major version, the agent says so once in its log.",
    ...Object.entries(METRIC_AREAS).flatMap(([area, metrics]) => [
      "",
      `## ${area}`,
      "",
      "| Metric | Type | Unit | | Meaning |",
      "| --- | --- | --- | --- | --- |",
      ...metrics.map(row),
    ]),
  ].join("\n")}\n`;
}

function row({ name, kind, unit, help, labels = [], server, own }) {
  const marks = `${server ? "S" : ""}${own ? "O" : ""}`;
  const by = labels.length === 0 ? "" : `; labels ${labels.map((label) => `\`${label}\``).join(", ")}`;
  return `| \`consul.${name}\` | ${kind} | ${unit} | ${marks} | ${help}${by} |`;
}
