import { formatGoDuration } from "@tribune/api";
import type { Logger } from "../lib/log.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import { type AliasSource, followLocal, followRemote } from "./alias.ts";
import { type CheckType, kindOf } from "./check-type.ts";
import type { Probe, ProbeResult, Probes } from "./probe.ts";
import { Schedule } from "./schedule.ts";
import type { CheckStatus } from "./status.ts";
import { StatusGate } from "./status-gate.ts";
import { TtlTimer } from "./ttl.ts";

/** Below this an interval is raised: checks of one agent must not become a load of their own. */
const MIN_INTERVAL_NS = 1e9;
const SOCKET_TIMEOUT_MS = 10_000;
const COMMAND_TIMEOUT_MS = 30_000;
const NS_PER_MS = 1e6;

export interface CheckRunnersOptions {
  /** `check_output_max_size`; a check may ask for less. */
  readonly maxOutputBytes: number;
}

export interface CheckRunnersDeps {
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly probes: Probes;
  readonly aliases: AliasSource;
  /** Where verdicts go. */
  readonly onResult: (checkId: string, status: CheckStatus, output: string) => void;
  readonly logger: Logger;
}

/** One check to run. */
export interface RunnableCheck {
  readonly id: string;
  readonly type: CheckType;
  /** For alias checks that ask the catalog. */
  readonly token: string;
}

/** All checks that run on this agent, by ID. Starting one again replaces it. */
export class CheckRunners {
  private readonly options: CheckRunnersOptions;
  private readonly deps: CheckRunnersDeps;
  private readonly schedule: Schedule;
  private readonly running = new Map<string, Cancel>();
  private readonly ttls = new Map<string, TtlTimer>();
  private readonly scripts = new Set<string>();

  constructor(options: CheckRunnersOptions, deps: CheckRunnersDeps) {
    this.options = options;
    this.deps = deps;
    this.schedule = new Schedule(deps);
  }

  /** The definition must have passed `checkTypeProblem` and have a kind. */
  start(check: RunnableCheck): void {
    this.stop(check.id);
    this.running.set(check.id, this.begin(check));
    if (kindOf(check.type) === "script") this.scripts.add(check.id);
  }

  /** Stops a check; its result, should a run be under way, is dropped. */
  stop(id: string): void {
    this.running.get(id)?.();
    this.running.delete(id);
    this.ttls.delete(id);
    this.scripts.delete(id);
  }

  stopAll(): void {
    for (const id of [...this.running.keys()]) this.stop(id);
  }

  /** The timer of a TTL check, or undefined for any other. */
  ttl(id: string): TtlTimer | undefined {
    return this.ttls.get(id);
  }

  /** How many run by a script and by a TTL: the two kinds that `info` counts. */
  counts(): { readonly scripts: number; readonly ttls: number } {
    return { scripts: this.scripts.size, ttls: this.ttls.size };
  }

  private begin(check: RunnableCheck): Cancel {
    const { type } = check;
    const { probes } = this.deps;
    const maxOutputBytes = this.maxOutputBytes(type);
    const tls = { skipVerify: type.TLSSkipVerify, serverName: type.TLSServerName };
    const socketTimeoutMs = type.Timeout > 0 ? type.Timeout / NS_PER_MS : SOCKET_TIMEOUT_MS;
    const commandTimeoutMs = type.Timeout > 0 ? type.Timeout / NS_PER_MS : COMMAND_TIMEOUT_MS;
    const args = type.ScriptArgs ?? [];
    switch (kindOf(type)) {
      case "http":
        return this.repeat(check, probes.http, {
          url: type.ProxyHTTP || type.HTTP,
          method: type.Method || "GET",
          headers: type.Header ?? {},
          body: type.Body,
          followRedirects: !type.DisableRedirects,
          tls,
          timeoutMs: socketTimeoutMs,
          maxOutputBytes,
        });
      case "tcp":
        return this.repeat(check, probes.tcp, {
          target: type.TCP,
          tls: type.TCPUseTLS ? tls : undefined,
          timeoutMs: socketTimeoutMs,
        });
      case "udp":
        return this.repeat(check, probes.udp, { target: type.UDP, timeoutMs: socketTimeoutMs });
      case "grpc": {
        const label = type.ProxyGRPC || type.GRPC;
        return this.repeat(check, probes.grpc, {
          target: beforeSlash(label),
          service: afterSlash(type.GRPC),
          label,
          tls: type.GRPCUseTLS ? tls : undefined,
          timeoutMs: socketTimeoutMs,
        });
      }
      case "h2ping":
        return this.repeat(check, probes.h2ping, { target: type.H2PING, tls, timeoutMs: socketTimeoutMs });
      case "script":
        return this.repeat(check, probes.script, { args, timeoutMs: commandTimeoutMs, maxOutputBytes });
      case "docker":
        return this.repeat(check, probes.docker, {
          container: type.DockerContainerID,
          args,
          timeoutMs: commandTimeoutMs,
          maxOutputBytes,
        });
      case "os_service":
        return this.repeat(check, probes.osService, { service: type.OSService, timeoutMs: commandTimeoutMs });
      case "alias":
        return this.follow(check);
      case "ttl":
        return this.startTtl(check, maxOutputBytes);
      case "":
        return () => {};
    }
  }

  private repeat<Request>({ id, type }: RunnableCheck, probe: Probe<Request>, request: Request): Cancel {
    const gate = new StatusGate({
      successBeforePassing: type.SuccessBeforePassing,
      failuresBeforeWarning: type.FailuresBeforeWarning,
      failuresBeforeCritical: type.FailuresBeforeCritical,
    });
    const publish = (result: ProbeResult): void => {
      const status = gate.offer(result);
      logVerdict(this.deps.logger, id, result, status, gate);
      if (status !== undefined) this.deps.onResult(id, status, result.output);
    };
    if (type.Interval < MIN_INTERVAL_NS)
      this.deps.logger.warn("check has interval below minimum", {
        check: id,
        minimum_interval: formatGoDuration(MIN_INTERVAL_NS),
      });
    return this.schedule.every(Math.max(type.Interval, MIN_INTERVAL_NS) / NS_PER_MS, (done) =>
      probe.run(request, (result) => {
        done();
        publish(result);
      }),
    );
  }

  private follow({ id, type, token }: RunnableCheck): Cancel {
    const options = {
      checkId: id,
      node: type.AliasNode,
      serviceId: type.AliasService,
      token,
      onResult: (status: CheckStatus, output: string) => this.deps.onResult(id, status, output),
    };
    const deps = { source: this.deps.aliases, timers: this.deps.runtime.timers };
    return type.AliasNode === "" ? followLocal(options, deps) : followRemote(options, deps);
  }

  private startTtl({ id, type }: RunnableCheck, maxOutputBytes: number): Cancel {
    const onExpired = (output: string): void => {
      this.deps.logger.warn("Check missed TTL, is now critical", { check: id });
      this.deps.onResult(id, "critical", output);
    };
    const timer = new TtlTimer({ ttlMs: type.TTL / NS_PER_MS, maxOutputBytes, onExpired }, this.deps);
    this.ttls.set(id, timer);
    timer.start();
    return () => timer.stop();
  }

  private maxOutputBytes(type: CheckType): number {
    const { maxOutputBytes } = this.options;
    return type.OutputMaxSize > 0 ? Math.min(type.OutputMaxSize, maxOutputBytes) : maxOutputBytes;
  }
}

/** Consul's lines, word for word and as often, since alerts are made of them. */
function logVerdict(
  logger: Logger,
  check: string,
  { status: seen }: ProbeResult,
  published: CheckStatus | undefined,
  { thresholds, successes, failures }: StatusGate,
): void {
  if (published === "critical") logger.warn("Check is now critical", { check });
  else if (published !== undefined) {
    if (logger.isListenedTo?.("DEBUG") !== false) logger.debug("Check status updated", { check, status: published });
  } else if (seen === "critical")
    logger.warn("Check failed but has not reached failure threshold", {
      check,
      status: seen,
      failure_count: failures,
      failure_threshold: thresholds.failuresBeforeCritical,
    });
  else
    logger.warn("Check passed but has not reached success threshold", {
      check,
      status: seen,
      success_count: successes,
      success_threshold: thresholds.successBeforePassing,
    });
}

function beforeSlash(target: string): string {
  const slash = target.indexOf("/");
  return slash < 0 ? target : target.slice(0, slash);
}

function afterSlash(target: string): string {
  const slash = target.indexOf("/");
  return slash < 0 ? "" : target.slice(slash + 1);
}
