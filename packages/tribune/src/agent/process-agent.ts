import { rm, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import type { LoadedConfig } from "../config/load.ts";
import type { ConfigPorts } from "../config/ports.ts";
import { applyReload, diffReload } from "../config/reload.ts";
import type { RuntimeConfig } from "../config/types.ts";
import type { ReloadReport } from "../endpoints/agent-local-api.ts";
import type { Logger } from "../lib/log.ts";
import { invalidLogLevel, parseLogLevel } from "../lib/logger/levels.ts";
import { LogHub, type LogOutput } from "../lib/logger/log-hub.ts";
import type { Runtime } from "../lib/runtime.ts";
import { hostNameFor, Telemetry } from "../lib/telemetry/aggregator.ts";
import { lockDir } from "../net/dir-lock.ts";
import { fileOutput, type OpenLogOutput } from "../net/log-output.ts";
import { type MetricSinks, openMetricSinks } from "../net/metric-sinks.ts";
import { nodeRuntime } from "../net/node-runtime.ts";
import { openTelemetrySink } from "../net/otel-sink.ts";
import { startChild } from "../process/child.ts";
import { Agent } from "./agent.ts";
import { adviceFor } from "./fatal-advice.ts";
import { HostGauges } from "./host-gauges.ts";
import { ProcessGauges } from "./process-gauges.ts";
import { tellReady } from "./systemd.ts";
import { WatchedFiles } from "./watched-files.ts";

/** What the process around the agent offers it. */
export interface ProcessHost {
  writeLog(text: string): void;
  /** Loads the configuration afresh, from the same files and flags. */
  loadConfig(): LoadedConfig;
  readonly machine: ConfigPorts;
}

/** An agent with everything a process of its own has: a log with outputs, metrics with sinks, reload and end. */
export class ProcessAgent {
  readonly agent: Agent;
  readonly logger: Logger;
  /** Resolves when the agent ends by itself: told to leave over the API, or unable to go on. */
  readonly ended: Promise<"left" | "failed">;
  readonly #host: ProcessHost;
  readonly #hub: LogHub;
  readonly #telemetry: Telemetry;
  readonly #sinks: MetricSinks;
  readonly #gauges: ProcessGauges;
  readonly #hostGauges: HostGauges | undefined;
  readonly #files: WatchedFiles | undefined;
  readonly #file: OpenLogOutput | undefined;
  #loaded: LoadedConfig;
  #end!: (how: "left" | "failed") => void;

  /** @throws Error with the text the operator is to read. */
  static async create(loaded: LoadedConfig, host: ProcessHost): Promise<ProcessAgent> {
    const { logging } = loaded.config;
    const level = parseLogLevel(logging.level);
    if (level === undefined) throw new Error(invalidLogLevel(logging.level));
    if (logging.syslog)
      throw new Error(
        "enable_syslog: syslog cannot be written to; leave it out and let the service manager take the output",
      );
    const runtime = nodeRuntime();
    const outputs: LogOutput[] = [(line) => host.writeLog(line)];
    const file =
      logging.file === ""
        ? undefined
        : await fileOutput({
            path: logging.file,
            rotateBytes: logging.rotateBytes,
            rotateDurationMs: logging.rotateDurationMs,
            maxFiles: logging.rotateMaxFiles,
          });
    if (file !== undefined) outputs.push(file.write);
    const hub = new LogHub({ level, json: logging.json }, { clock: runtime.clock, outputs });
    const created = new ProcessAgent(loaded, host, runtime, hub, file);
    await created.agent.prepare();
    return created;
  }

  private constructor(
    loaded: LoadedConfig,
    host: ProcessHost,
    runtime: Runtime,
    hub: LogHub,
    file: OpenLogOutput | undefined,
  ) {
    this.#loaded = loaded;
    this.#host = host;
    this.#hub = hub;
    this.#file = file;
    this.logger = hub.logger("agent");
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    const { telemetry } = loaded.config;
    this.#sinks = openMetricSinks(
      {
        statsd: telemetry.statsdAddress,
        statsite: telemetry.statsiteAddress,
        dogstatsd: telemetry.dogstatsdAddress,
        dogstatsdTags: telemetry.dogstatsdTags,
      },
      runtime,
      this.logger,
    );
    const { sinks } = this.#sinks;
    const otel = openTelemetrySink(telemetry.metricsPrefix, process.env, this.logger);
    this.#telemetry = new Telemetry(
      {
        prefix: telemetry.metricsPrefix,
        hostName: hostNameFor(hostname(), {
          disableHostname: telemetry.disableHostname,
          externalSinks: sinks.length + (telemetry.prometheusRetentionMs > 0 ? 1 : 0),
        }),
        filter: filterOf(loaded.config),
        prometheus: telemetry.prometheusRetentionMs > 0,
      },
      { clock: runtime.clock, sinks: otel === undefined ? sinks : [...sinks, otel] },
    );
    const { timers } = runtime;
    this.#gauges = new ProcessGauges(this.#telemetry, timers);
    const { dataDir, autoReloadConfig } = loaded.config;
    if (telemetry.enableHostMetrics) this.#hostGauges = new HostGauges(this.#telemetry, { timers, dataDir });
    if (autoReloadConfig)
      this.#files = new WatchedFiles({
        timers,
        paths: () => [...this.#loaded.paths, ...certificateFiles(this.#loaded.config)],
        stamp: fileStamp,
        onChange: () => this.#reloadChanged(),
      });
    this.agent = new Agent(loaded.config, {
      runtime,
      lockDir,
      logger: this.logger,
      logHub: hub,
      telemetry: this.#telemetry,
      metrics: this.#telemetry,
      onFatal: (error) => {
        const advice = adviceFor(error);
        this.logger.error("cannot go on; what was acknowledged is safe on disk", {
          error: error.message,
          ...(advice === undefined ? {} : { advice }),
        });
        this.#end("failed");
      },
      reload: () => this.reload(),
      onLeft: () => this.#end("left"),
      onJoined: () => {
        const uid = process.getuid?.() ?? 0;
        void tellReady({ start: startChild, env: process.env, uid, logger: this.logger });
      },
      programs: { start: startChild, env: process.env },
    });
  }

  get nodeId(): string {
    return this.agent.nodeId;
  }

  async start(): Promise<void> {
    this.#checkGossipKey();
    const { pidFile } = this.#loaded.config;
    if (pidFile !== "") await writePidFile(pidFile);
    this.#gauges.start();
    this.#hostGauges?.start();
    await this.#files?.start();
    await this.agent.start();
  }

  /** Reads the configuration again and applies what may change. @throws ConfigError; nothing is changed then. */
  reload(): Promise<ReloadReport> {
    const fresh = this.#withKnownLogLevel(this.#host.loadConfig());
    const { applied, needsRestart, unchanged } = diffReload(this.#loaded, fresh);
    const next = applyReload(this.#loaded, fresh, this.#host.machine);
    const level = parseLogLevel(next.config.logging.level);
    if (level !== undefined) this.#hub.setLevel(level);
    this.#telemetry.updateFilter(filterOf(next.config));
    this.agent.reload(next.config);
    this.#loaded = next;
    for (const warning of next.warnings) this.logger.warn(warning);
    this.logger.info("Configuration reloaded", { applied: applied.join(" ") || "none", unchanged: unchanged.length });
    if (needsRestart.length > 0)
      this.logger.warn("Changes to these keys wait for a restart", { keys: needsRestart.join(" ") });
    return Promise.resolve({ applied, needsRestart, unchanged: unchanged.length });
  }

  /** What cannot be used changes nothing; the next change of a file is another attempt. */
  async #reloadChanged(): Promise<void> {
    this.logger.info("A file of the configuration has changed");
    try {
      await this.reload();
    } catch (error) {
      this.logger.error("The changed configuration is not taken", { error: (error as Error).message });
    }
  }

  /** A level that is none changes nothing, as in Consul; it is the one setting that a reload takes by halves. */
  #withKnownLogLevel(fresh: LoadedConfig): LoadedConfig {
    const { level } = fresh.config.logging;
    if (parseLogLevel(level) !== undefined) return fresh;
    this.logger.warn("Invalid log level in new configuration", { level });
    const { log_level: _, ...others } = fresh.settings;
    const kept = this.#loaded.settings.log_level;
    return { ...fresh, settings: kept === undefined ? others : { ...others, log_level: kept } };
  }

  leave(): Promise<void> {
    return this.agent.leave();
  }

  async shutdown(): Promise<void> {
    this.#gauges.stop();
    this.#hostGauges?.stop();
    this.#files?.stop();
    await this.agent.stop();
    this.#sinks.stop();
    await this.#file?.close();
    const { pidFile } = this.#loaded.config;
    if (pidFile !== "") await rm(pidFile, { force: true });
  }

  /** A key that no gossip pool could use is refused now, not when the pool is there. */
  #checkGossipKey(): void {
    const { key } = this.#loaded.config.encrypt;
    if (key === "") return;
    const bytes = Buffer.from(key, "base64").length;
    if (bytes !== 16 && bytes !== 24 && bytes !== 32)
      throw new Error(`Invalid encryption key: key size must be 16, 24 or 32 bytes, and this one has ${bytes}`);
  }
}

async function writePidFile(path: string): Promise<void> {
  try {
    await writeFile(path, `${process.pid}`);
  } catch (error) {
    throw new Error(`Could not open pid file: ${error instanceof Error ? error.message : String(error)}`);
  }
}

/** Changes with the file itself, its text and what a symbolic link points to; empty where there is no file. */
async function fileStamp(path: string): Promise<string> {
  try {
    const { ino, size, mtimeNs } = await stat(path, { bigint: true });
    return `${ino} ${size} ${mtimeNs}`;
  } catch {
    return ""; // whoever reads it says why it cannot be
  }
}

function certificateFiles({ tls }: RuntimeConfig): readonly string[] {
  const files = [tls.internalRpc, tls.https].flatMap(({ caFile, caPath, certFile, keyFile }) => [
    ...[caFile, caPath, certFile, keyFile],
  ]);
  return [...new Set(files)].filter((path) => path !== "");
}

function filterOf({ telemetry }: RuntimeConfig) {
  return {
    allowed: telemetry.allowedPrefixes,
    blocked: telemetry.blockedPrefixes,
    byDefault: telemetry.filterDefault,
  };
}
