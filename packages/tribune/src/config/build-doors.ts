import { parsePrefixFilter } from "../lib/telemetry/prefix-filter.ts";
import { fields } from "./addresses.ts";
import type { ConfigPorts } from "./ports.ts";
import { ConfigError } from "./problems.ts";
import { expandSockaddr, SockaddrError } from "./sockaddr.ts";
import type { DnsConfig, TelemetryConfig, UiConfig } from "./types.ts";
import type { SettingsReader } from "./values.ts";

export function dnsConfig(read: SettingsReader, machine: ConfigPorts): DnsConfig {
  const soa = read.settings["dns_config.soa"] ?? {};
  const ttls = Object.entries(read.stringMap("dns_config.service_ttl")).map(
    ([name, text]) => [name, read.namedDurationMs(`dns_config.service_ttl[${JSON.stringify(name)}]`, text)] as const,
  );
  return {
    domain: read.string("domain"),
    altDomain: read.string("alt_domain"),
    allowStale: read.bool("dns_config.allow_stale"),
    maxStaleMs: read.durationMs("dns_config.max_stale"),
    nodeTtlMs: read.durationMs("dns_config.node_ttl"),
    serviceTtlMs: Object.fromEntries(ttls),
    onlyPassing: read.bool("dns_config.only_passing"),
    aRecordLimit: read.number("dns_config.a_record_limit"),
    udpAnswerLimit: read.number("dns_config.udp_answer_limit"),
    disableCompression: read.bool("dns_config.disable_compression"),
    enableTruncate: read.bool("dns_config.enable_truncate"),
    nodeMetaTxt: read.bool("dns_config.enable_additional_node_meta_txt", true),
    recursors: recursors(read.strings("recursors"), machine),
    recursorStrategy: read.string("dns_config.recursor_strategy") === "random" ? "random" : "sequential",
    recursorTimeoutMs: read.namedDurationMs("recursor_timeout", read.settings["dns_config.recursor_timeout"]),
    useCache: read.bool("dns_config.use_cache"),
    cacheMaxAgeMs: read.durationMs("dns_config.cache_max_age"),
    soa: {
      refresh: soa.refresh ?? 3600,
      retry: soa.retry ?? 600,
      expire: soa.expire ?? 86400,
      minTtl: soa.min_ttl ?? 0,
    },
  };
}

function recursors(texts: readonly string[], machine: ConfigPorts): readonly string[] {
  const found = new Set<string>();
  for (const text of texts) {
    for (const address of fields(expandRecursor(text, machine))) {
      if (address.startsWith("unix://")) {
        throw new ConfigError(`DNS Recursors cannot be unix sockets: ${address}`);
      }
      found.add(address);
    }
  }
  return [...found];
}

function expandRecursor(text: string, machine: ConfigPorts): string {
  try {
    return expandSockaddr(text, () => machine.interfaces());
  } catch (error) {
    if (!(error instanceof SockaddrError)) throw error;
    throw new ConfigError(`Invalid DNS recursor template ${JSON.stringify(text)}: ${error.message}`);
  }
}

export function uiConfig(read: SettingsReader): UiConfig {
  const { settings } = read;
  const old = { ui: "enabled", ui_dir: "dir", ui_content_path: "content_path" } as const;
  for (const key of ["ui", "ui_dir", "ui_content_path"] as const) {
    if (settings[key] === undefined) continue;
    read.problems.warn(`The '${key}' field is deprecated. Use the 'ui_config.${old[key]}' field instead.`);
  }
  const metricsProvider = read.string("ui_config.metrics_provider");
  const allowlist = read.strings("ui_config.metrics_proxy.path_allowlist");
  const prometheusPaths = metricsProvider === "prometheus" && allowlist.length === 0;
  return {
    enabled: settings["ui_config.enabled"] ?? settings.ui ?? false,
    dir: settings["ui_config.dir"] ?? settings.ui_dir ?? "",
    contentPath: slashed(settings["ui_config.content_path"] ?? settings.ui_content_path ?? ""),
    metricsProvider,
    metricsProviderFiles: read.strings("ui_config.metrics_provider_files"),
    metricsProviderOptionsJson: read.string("ui_config.metrics_provider_options_json"),
    metricsProxy: {
      baseUrl: read.string("ui_config.metrics_proxy.base_url"),
      addHeaders: (settings["ui_config.metrics_proxy.add_headers"] ?? []).map((header) => ({
        name: header.name ?? "",
        value: header.value ?? "",
      })),
      pathAllowlist: prometheusPaths ? ["/api/v1/query", "/api/v1/query_range"] : allowlist,
    },
    dashboardUrlTemplates: read.stringMap("ui_config.dashboard_url_templates"),
  };
}

function slashed(path: string): string {
  return path === "" ? "/ui/" : `/${path.replace(/^\/+|\/+$/g, "")}/`;
}

export function telemetryConfig(read: SettingsReader): TelemetryConfig {
  const { allowed, blocked, warnings } = parsePrefixFilter(read.strings("telemetry.prefix_filter"));
  for (const warning of warnings) read.problems.warn(warning);
  const circonus = Object.entries(read.settings).filter(([key]) => key.startsWith("telemetry.circonus_"));
  return {
    metricsPrefix: read.string("telemetry.metrics_prefix"),
    filterDefault: read.bool("telemetry.filter_default"),
    allowedPrefixes: allowed,
    blockedPrefixes: blocked,
    disableHostname: read.bool("telemetry.disable_hostname"),
    enableHostMetrics: read.bool("telemetry.enable_host_metrics"),
    disableCompatOneNine: read.bool("telemetry.disable_compat_1.9"),
    prometheusRetentionMs: read.namedDurationMs(
      "prometheus_retention_time",
      read.settings["telemetry.prometheus_retention_time"],
    ),
    statsdAddress: read.string("telemetry.statsd_address"),
    statsiteAddress: read.string("telemetry.statsite_address"),
    dogstatsdAddress: read.string("telemetry.dogstatsd_addr"),
    dogstatsdTags: read.strings("telemetry.dogstatsd_tags"),
    circonus: Object.fromEntries(circonus.map(([key, value]) => [key.slice("telemetry.".length), String(value)])),
  };
}
