import { debugConfig, selfConfig } from "../../config/debug-config.ts";
import type { RuntimeConfig } from "../../config/types.ts";
import type {
  AgentInfoApi,
  AgentLocalApi,
  LifecycleApi,
  MetricsApi,
  MonitorApi,
  ReloadReport,
  TokensApi,
} from "../../endpoints/agent-local-api.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { LogHub } from "../../lib/logger/log-hub.ts";
import type { Runtime } from "../../lib/runtime.ts";
import type { Telemetry } from "../../lib/telemetry/aggregator.ts";
import { shownMetrics } from "../../lib/telemetry/metric-names.ts";
import { metricsSummary, summarize } from "../../lib/telemetry/metrics-summary.ts";
import { PROMETHEUS_CONTENT_TYPE, prometheusText } from "../../lib/telemetry/prometheus.ts";
import { CONSUL_VERSION } from "../../lib/version.ts";
import { hostInfo } from "../../net/host-info.ts";
import type { GossipPool } from "../../pool/types.ts";
import { networkCoordinate } from "../coordinates.ts";
import { joinTold } from "../join.ts";
import { NODE_MAINTENANCE_ID } from "../local/maintenance.ts";
import type { LocalAgent } from "../local-agent.ts";
import type { AgentMode } from "../mode.ts";
import { shownMember } from "./members.ts";
import { metricsProxy } from "./metrics-proxy.ts";
import { RegisteredChecks, RegisteredServices } from "./registered.ts";
import { agentStats } from "./stats.ts";

export interface LocalApiSources {
  /** The configuration as of now: it changes with a reload. */
  readonly config: () => RuntimeConfig;
  readonly nodeId: string;
  readonly mode: AgentMode;
  readonly lan: GossipPool;
  readonly local: LocalAgent;
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly logHub: LogHub | undefined;
  readonly telemetry: Telemetry | undefined;
  readonly reload: (() => Promise<ReloadReport>) | undefined;
  readonly leave: () => Promise<void>;
}

/** What stands behind `/v1/agent`, put together from the parts of an agent. */
export function localApi(sources: LocalApiSources): AgentLocalApi {
  const { registry } = sources.local;
  const { ports } = sources.config();
  const sidecarPorts = { min: ports.sidecarMin, max: ports.sidecarMax };
  return {
    info: infoApi(sources),
    metrics: metricsApi(sources),
    monitor: monitorApi(sources),
    lifecycle: lifecycleApi(sources),
    services: new RegisteredServices(registry, sidecarPorts, sources.runtime),
    checks: new RegisteredChecks(registry),
    tokens: tokensApi(),
    metricsProxy: metricsProxy({
      config: () => sources.config().ui,
      timers: sources.runtime.timers,
      logger: sources.logger.named("ui_metrics_proxy"),
    }),
  };
}

function infoApi({ config, nodeId, mode, lan, local, runtime }: LocalApiSources): AgentInfoApi {
  return {
    self() {
      const current = config();
      const identity = { nodeId, version: CONSUL_VERSION, revision: "" };
      return {
        config: selfConfig(current, identity),
        debugConfig: debugConfig(current, identity),
        coordinate: current.disableCoordinates ? undefined : networkCoordinate(lan.coordinate()),
        member: shownMember(lan.local),
        stats: agentStats({ mode: mode.stats(), lan, wan: mode.wan, registered: local.registry.counts() }),
        meta: local.registry.state.identity().Meta,
      };
    },
    lanMembers: () => lan.members().map(shownMember),
    wanMembers: () => mode.wan?.members().map(shownMember) ?? (config().server ? [] : undefined),
    noSegment: (segment) =>
      config().server
        ? "Network segments are not supported in this version of Consul"
        : `segment "${segment}" not found`,
    host: () => hostInfo(runtime.clock.wallMs()),
  };
}

function metricsApi({ config, telemetry }: LocalApiSources): MetricsApi {
  const kept = (): Telemetry => {
    if (telemetry === undefined) throw TribuneError.internal("this agent runs inside a program that keeps no metrics");
    return telemetry;
  };
  const { telemetry: settings, server } = config();
  const definitions = shownMetrics(settings.metricsPrefix, { server });
  return {
    summary: () => metricsSummary(kept()),
    follow: (listener) => kept().onFinished((interval) => listener(summarize(interval))),
    prometheus() {
      const { prometheusRetentionMs } = config().telemetry;
      if (prometheusRetentionMs <= 0) return undefined;
      return { contentType: PROMETHEUS_CONTENT_TYPE, text: prometheusText(kept(), prometheusRetentionMs, definitions) };
    },
  };
}

function monitorApi({ logHub, logger }: LocalApiSources): MonitorApi {
  return {
    subscribe(level, json) {
      if (logHub === undefined) throw TribuneError.internal("this agent runs inside a program that has its own log");
      const subscription = logHub.subscribe(level, json);
      // Also the first line of whoever listens closely: it sees at once that the stream works.
      logger.debug("Log monitor started", { level });
      return subscription;
    },
    dropped: (lines) => logger.warn("Dropped logs during monitor request", { dropped_count: lines }),
  };
}

function lifecycleApi({ mode, lan, local, logger, reload, leave }: LocalApiSources): LifecycleApi {
  const synced = () => local.registry.syncer.pushed({ kind: "check", id: NODE_MAINTENANCE_ID });
  return {
    reload() {
      if (reload === undefined)
        throw TribuneError.internal("this agent was given its configuration by a program and cannot read it again");
      return reload();
    },
    leave,
    async join(address, wan) {
      const pool = wan ? mode.wan : lan;
      if (pool === undefined) throw TribuneError.internal("Must be a server to join WAN cluster");
      await joinTold(wan ? "WAN" : "LAN", pool, [address], logger);
    },
    forceLeave(node, prune) {
      logger.info("Force leaving node", { node });
      if (lan.member(node) === undefined)
        return Promise.reject(TribuneError.internal(`agent: No node found with name '${node}'`));
      lan.forceLeave(node, prune);
      // A server is a member of the WAN pool as well, under its longer name.
      const wanName = `${node}.${lan.local.tags.get("dc")}`;
      if (mode.wan?.member(wanName) !== undefined) mode.wan.forceLeave(wanName, prune);
      return Promise.resolve();
    },
    async enableMaintenance(reason, token) {
      await local.registry.enableNodeMaintenance(reason, token);
      await synced();
    },
    async disableMaintenance() {
      await local.registry.disableNodeMaintenance();
      await synced();
    },
  };
}

/** Access control is not part of this build, so the agent has no use for tokens of its own. */
function tokensApi(): TokensApi {
  return { enabled: false, update: () => Promise.reject(TribuneError.of("ACL_DISABLED")) };
}
