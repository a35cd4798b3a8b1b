// VictoriaMetrics, which speaks Prometheus' API, with what Envoy's proxies of the mesh in `world.mjs` would have measured.
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "../e2e/agent-process.mjs";

const program = process.env.VICTORIA_BIN ?? "victoria-metrics";

/** Why there is no backend to test with, or false. */
export const noVictoria =
  spawnSync(program, ["-version"]).error === undefined
    ? false
    : "no victoria-metrics on PATH: install it or set VICTORIA_BIN";

/** @returns {Promise<{url: string, stop: () => Promise<void>}>} */
export async function startVictoria(address) {
  const directory = mkdtempSync(join(tmpdir(), "tribune-victoria-"));
  const url = `http://${address}:${await freePort(address)}`;
  const child = spawn(
    program,
    [
      `-httpListenAddr=${url.slice("http://".length)}`,
      `-storageDataPath=${directory}`,
      // What was imported a moment ago is to be found.
      ...["-search.latencyOffset=0s", "-search.disableCache", "-memory.allowedBytes=64MB", "-loggerLevel=ERROR"],
    ],
    { stdio: ["ignore", "ignore", "inherit"] },
  );
  const ended = new Promise((resolve) => child.once("close", resolve));
  await until(
    async () => (await fetch(`${url}/health`)).ok,
    () => `nothing answers at ${url}`,
  );
  return {
    url,
    async stop() {
      child.kill();
      await ended;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function freePort(address) {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, address, resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const buckets = [5, 10, 25, 50, 100, 250, 500, 1000, "+Inf"];
const everySeconds = 15;
/** Longer than the windows that are asked for. */
const seconds = 30 * 60;

/**
 * Imports counters as the proxies of web, its upstreams and its callers have them: web gets 118 good requests a second
 * and 2 bad ones, in waves; calls checkout by HTTP and postgres by TCP; and is called by shipping.
 */
export async function importMesh(url) {
  const of = (end, name) =>
    `consul_${end}_service="${name}",consul_${end}_namespace="default",consul_${end}_datacenter="dc1"`;
  const inbound = `${of("source", "web")},envoy_http_conn_manager_prefix="public_listener"`;
  const outbound = (to) => `${of("source", "web")},${of("upstream", to)}`;
  const toCheckout = `${outbound("checkout")},envoy_http_conn_manager_prefix="upstream"`;
  const toPostgres = `${outbound("postgres")},envoy_tcp_prefix="upstream.postgres.default.dc1"`;
  const fromShipping = `${of("source", "shipping")},${of("destination", "web")}`;
  const lines = [];
  const start = Date.now() - seconds * 1000;
  const counter = (name, labels, perSecond, waves = 0) => {
    let total = 0;
    for (let at = 0; at <= seconds; at += everySeconds) {
      total += perSecond * everySeconds * (1 + waves * Math.sin(at / 90) + (waves / 3) * Math.sin(at / 31));
      lines.push(`${name}{${labels}} ${total} ${start + at * 1000}`);
    }
  };
  const http = (prefix, labels, good, bad, slower = 1) => {
    counter(`${prefix}_completed`, labels, good + bad);
    counter(`${prefix}_xx`, `${labels},envoy_response_code_class="2"`, good);
    counter(`${prefix}_xx`, `${labels},envoy_response_code_class="5"`, bad);
    for (const le of buckets) {
      const within = le === "+Inf" ? 1 : 1 - Math.exp(-Number(le) / (18 * slower));
      counter(`${prefix}_time_bucket`, `${labels},le="${le}"`, (good + bad) * within);
    }
  };
  http("envoy_http_downstream_rq", inbound, 118, 2);
  counter("envoy_listener_http_downstream_rq_xx", `${inbound},envoy_response_code_class="2"`, 118, 0.35);
  counter("envoy_listener_http_downstream_rq_xx", `${inbound},envoy_response_code_class="5"`, 2, 0.9);
  http("envoy_http_downstream_rq", toCheckout, 40, 0, 3);
  counter("envoy_tcp_downstream_cx_total", toPostgres, 0.5);
  counter("envoy_tcp_downstream_cx_rx_bytes_total", toPostgres, 30_000);
  counter("envoy_tcp_downstream_cx_tx_bytes_total", toPostgres, 900_000);
  counter("envoy_tcp_downstream_cx_no_route", toPostgres, 0);
  http("envoy_cluster_upstream_rq", fromShipping, 12, 0);
  const response = await fetch(`${url}/api/v1/import/prometheus`, { method: "POST", body: lines.join("\n") });
  if (!response.ok) throw new Error(`import: ${response.status} ${await response.text()}`);
  await fetch(`${url}/internal/force_flush`);
}

/** What an agent must be told, as arguments. */
export const metricsSettings = (url, more = {}) => [
  `-hcl=${JSON.stringify({
    ui_config: {
      metrics_provider: "prometheus",
      metrics_proxy: { base_url: url },
      dashboard_url_templates: {
        service: "https://grafana.example/d/mesh?var-service={{Service.Name}}&var-dc={{Datacenter}}",
      },
      ...more,
    },
  })}`,
];
