/** `import { startAgent } from "tribune"`: agents inside your own process, for tests and tools. */
import type { AddressInfo } from "node:net";
import { Agent } from "./agent/agent.ts";
import { nodeMachine } from "./cli/node-machine.ts";
import { loadConfig } from "./config/load.ts";
import type { ListenAddress, RuntimeConfig } from "./config/types.ts";
import type { Logger } from "./lib/log.ts";
import { parseLogLevel } from "./lib/logger/levels.ts";
import { LogHub } from "./lib/logger/log-hub.ts";
import { noMetrics } from "./lib/metrics.ts";
import type { Runtime } from "./lib/runtime.ts";
import { Telemetry } from "./lib/telemetry/aggregator.ts";
import { lockDir } from "./net/dir-lock.ts";
import { nodeRuntime } from "./net/node-runtime.ts";
import { openTelemetrySink } from "./net/otel-sink.ts";

/** Keys and sections of the configuration file, as in JSON: `{ datacenter: "east", dns_config: { only_passing: true } }`. */
export type ConfigObject = Readonly<Record<string, unknown>>;

export interface AgentOptions {
  /** Keep everything in this directory and take up what is in it. Left out: dev mode, nothing is kept. */
  readonly dataDir?: string;
  /** Settings over the defaults. A port named here is used as it is; others are chosen by the system. */
  readonly config?: ConfigObject;
  /** IP address to listen on. Default 127.0.0.1. */
  readonly address?: string;
  /** Gets each finished log line, from `log_level` up (default INFO). Left out: no log. */
  readonly onLog?: (line: string) => void;
  /** The agent cannot go on, foremost because its disk failed. Default: the error is thrown, uncaught. */
  readonly onFatal?: (error: Error) => void;
}

export interface RunningAgent {
  /** Base URL of the HTTP API, such as `http://127.0.0.1:40123`. Undefined if the configuration closed that door. */
  readonly url: string | undefined;
  readonly httpAddress: Address | undefined;
  /** The same port for UDP and TCP. */
  readonly dnsAddress: Address | undefined;
  /** In the LAN pool: what other agents join. The same port for UDP and TCP. */
  readonly lanAddress: Address;
  /** The configuration it runs with. */
  readonly config: RuntimeConfig;
  /** Closes every socket, timer and file. The data directory can be used again once this resolves. */
  stop(): Promise<void>;
}

export type Address = Pick<AddressInfo, "port"> & { readonly host: string };

/**
 * Starts an agent, a server unless the configuration says otherwise, and waits until it leads and answers. Any number may run in one process, each with a data
 * directory of its own.
 *
 * Rejects when the configuration is refused, a port is taken, or the data directory cannot be read; nothing of the
 * agent is left then.
 */
export async function startAgent(options: AgentOptions = {}): Promise<RunningAgent> {
  const config = configFor(options);
  const runtime = nodeRuntime();
  const { onLog } = options;
  const log = new LogHub(
    { level: parseLogLevel(config.logging.level) ?? "INFO", json: config.logging.json },
    { clock: runtime.clock, outputs: onLog === undefined ? [] : [onLog] },
  );
  const agent = new Agent(config, {
    runtime,
    lockDir,
    logger: log.logger("agent"),
    logHub: log,
    ...measurements(config, runtime, log.logger("telemetry")),
    onFatal: options.onFatal ?? throwUncaught,
  });
  try {
    await agent.start();
    await agent.mode.ready();
  } catch (error) {
    await agent.stop();
    throw error;
  }
  const httpAddress = agent.addresses.http[0];
  return {
    url: httpAddress === undefined ? undefined : `http://${bracketed(httpAddress.host)}:${httpAddress.port}`,
    httpAddress,
    dnsAddress: agent.addresses.dns[0],
    lanAddress: { host: agent.lan.local.host, port: agent.lan.local.port },
    config,
    stop: () => agent.stop(),
  };
}

/** A program that has OpenTelemetry gets what its agents measure; for others nothing is measured. */
function measurements(config: RuntimeConfig, { clock }: Pick<Runtime, "clock">, log: Logger) {
  const sink = openTelemetrySink(config.telemetry.metricsPrefix, process.env, log);
  if (sink === undefined) return { metrics: noMetrics };
  const telemetry = new Telemetry({ prefix: config.telemetry.metricsPrefix, hostName: "" }, { clock, sinks: [sink] });
  return { metrics: telemetry, telemetry };
}

function configFor({ dataDir, address = "127.0.0.1", config = {} }: AgentOptions): RuntimeConfig {
  const alone = config.server === false ? {} : { server: true, bootstrap_expect: 1 };
  const own = dataDir === undefined ? {} : { ...alone, data_dir: dataDir, performance: { raft_multiplier: 1 } };
  const base = { bind_addr: address, client_addr: address, ...own };
  const loaded = loadConfig(
    { devMode: dataDir === undefined, hcl: [JSON.stringify(base), JSON.stringify(config)] },
    nodeMachine(process.env),
  ).config;
  const { listen } = loaded;
  const asked = (config.ports ?? {}) as Readonly<Record<string, unknown>>;
  const chosen = <T extends ListenAddress>(port: string, where: T): T =>
    asked[port] === undefined ? onAnyPort(where) : where;
  const maybe = (port: string, where: ListenAddress | undefined) => where && chosen(port, where);
  return Object.freeze({
    ...loaded,
    listen: {
      ...listen,
      http: listen.http.map((where) => chosen("http", where)),
      dns: listen.dns.map((where) => chosen("dns", where)),
      rpcBind: maybe("server", listen.rpcBind),
      serfBindLan: maybe("serf_lan", listen.serfBindLan),
      // Between datacenters an agent is found by its port: without a fixed one there is no use for the pool.
      serfBindWan: asked.serf_wan === undefined ? undefined : listen.serfBindWan,
    },
  });
}

function onAnyPort<T extends ListenAddress>(where: T): T {
  return where.network === "unix" ? where : { ...where, port: 0 };
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}

function throwUncaught(error: Error): void {
  queueMicrotask(() => {
    throw error;
  });
}
