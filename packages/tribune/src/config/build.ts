import { AddressExpander, resolveAddresses } from "./addresses.ts";
import { dnsConfig, telemetryConfig, uiConfig } from "./build-doors.ts";
import { aclConfig, autoConfigConfig, connectConfig, ipSans } from "./build-security.ts";
import { tlsConfig } from "./build-tls.ts";
import { checkDefinition, serviceDefinition } from "./definitions.ts";
import type { ConfigPorts } from "./ports.ts";
import { ConfigError, listOfErrors, Problems } from "./problems.ts";
import type { Settings } from "./rows.ts";
import type { GossipConfig, JoinConfig, PortsConfig, RawObject, RuntimeConfig } from "./types.ts";
import { cidrList, SettingsReader } from "./values.ts";

/** Upper end of `performance.raft_multiplier`. */
const RAFT_MULTIPLIER_MAX = 10;

/**
 * Merged settings → the agent's configuration, every derived value worked out. What is wrong with a single value is
 * collected in `problems`; what makes the rest meaningless is thrown. @throws ConfigError
 */
export function buildConfig(
  settings: Settings,
  devMode: boolean,
  machine: ConfigPorts,
  problems: Problems,
): RuntimeConfig {
  const read = new SettingsReader(settings, problems);
  const ports = portsConfig(read);
  const addresses = resolveAddresses(read, ports, machine);
  const expander = new AddressExpander(problems, machine);
  const datacenter = read.string("datacenter").toLowerCase();
  const server = read.bool("server");
  const { primaryDatacenter, aclsEnabled } = primaryAndAcls(read, datacenter);
  const bootstrapExpect = read.number("bootstrap_expect");
  const expectsOne = bootstrapExpect === 1;
  const enableScriptChecks = read.bool("enable_script_checks");
  const raftMultiplier = raftTimeoutFactor(read);

  const config: RuntimeConfig = {
    devMode,
    datacenter,
    primaryDatacenter,
    nodeName: (read.string("node_name") || machine.hostname()).trim(),
    nodeId: read.string("node_id"),
    nodeMeta: read.stringMap("node_meta"),
    autoReloadConfig: read.bool("auto_reload_config"),
    dataDir: read.string("data_dir"),
    server,
    bootstrap: expectsOne || read.bool("bootstrap"),
    bootstrapExpect: expectsOne ? 0 : bootstrapExpect,
    readReplica: read.bool("read_replica"),
    serverName: read.string("server_name"),
    segmentName: read.string("segment"),

    ...addresses,
    translateWanAddrs: read.bool("translate_wan_addrs"),
    ports,
    join: joinConfig(read, expander),
    gossipLan: gossipConfig(read, "gossip_lan"),
    gossipWan: gossipConfig(read, "gossip_wan"),

    dns: dnsConfig(read, machine),
    http: {
      blockEndpoints: read.strings("http_config.block_endpoints"),
      responseHeaders: read.stringMap("http_config.response_headers"),
      allowWriteFrom: cidrList(problems, "allow_write_http_from", read.strings("http_config.allow_write_http_from")),
      useCache: read.bool("http_config.use_cache", true),
      maxHeaderBytes: read.number("http_config.max_header_bytes"),
    },
    limits: {
      httpMaxConnsPerClient: read.number("limits.http_max_conns_per_client"),
      httpsHandshakeTimeoutMs: read.durationMs("limits.https_handshake_timeout"),
      rpcClientTimeoutMs: read.durationMs("limits.rpc_client_timeout"),
      rpcHandshakeTimeoutMs: read.durationMs("limits.rpc_handshake_timeout"),
      rpcMaxConnsPerClient: read.number("limits.rpc_max_conns_per_client"),
      rpcRate: read.number("limits.rpc_rate"),
      rpcMaxBurst: read.number("limits.rpc_max_burst"),
      requests: {
        mode: requestMode(read.string("limits.request_limits.mode"), problems),
        readRate: read.number("limits.request_limits.read_rate"),
        writeRate: read.number("limits.request_limits.write_rate"),
      },
      kvMaxValueBytes: read.number("limits.kv_max_value_size"),
      txnMaxRequestBytes: read.number("limits.txn_max_req_len"),
    },
    unixSockets: {
      user: read.string("unix_sockets.user"),
      group: read.string("unix_sockets.group"),
      mode: read.string("unix_sockets.mode"),
    },
    ui: uiConfig(read),

    raft: {
      protocol: read.number("raft_protocol"),
      snapshotThreshold: read.number("raft_snapshot_threshold"),
      snapshotIntervalMs: read.durationMs("raft_snapshot_interval"),
      trailingLogs: read.number("raft_trailing_logs"),
      preVote: !read.bool("raft_prevote_disabled"),
      electionTimeoutMs: read.durationMs("consul.raft.election_timeout") * raftMultiplier,
      heartbeatTimeoutMs: read.durationMs("consul.raft.heartbeat_timeout") * raftMultiplier,
      leaderLeaseTimeoutMs: read.durationMs("consul.raft.leader_lease_timeout") * raftMultiplier,
    },
    autopilot: {
      cleanupDeadServers: read.bool("autopilot.cleanup_dead_servers"),
      lastContactThresholdMs: read.durationMs("autopilot.last_contact_threshold"),
      maxTrailingLogs: read.number("autopilot.max_trailing_logs"),
      minQuorum: read.number("autopilot.min_quorum"),
      serverStabilizationTimeMs: read.durationMs("autopilot.server_stabilization_time"),
      disableUpgradeMigration: read.bool("autopilot.disable_upgrade_migration"),
      redundancyZoneTag: read.string("autopilot.redundancy_zone_tag"),
      upgradeVersionTag: read.string("autopilot.upgrade_version_tag"),
      healthIntervalMs: read.durationMs("consul.server.health_interval"),
    },
    acl: aclConfig(read, aclsEnabled),
    tls: tlsConfig(read),
    connect: connectConfig(read),
    autoEncrypt: {
      tls: read.bool("auto_encrypt.tls"),
      allowTls: read.bool("auto_encrypt.allow_tls"),
      dnsSan: read.strings("auto_encrypt.dns_san"),
      ipSan: ipSans(read.strings("auto_encrypt.ip_san"), "AutoEncrypt.IPSAN", problems),
    },
    autoConfig: autoConfigConfig(read, machine, expander),
    encrypt: {
      key: read.string("encrypt"),
      verifyIncoming: read.bool("encrypt_verify_incoming"),
      verifyOutgoing: read.bool("encrypt_verify_outgoing"),
    },
    cache: {
      entryFetchRate: strictlyPositive(read, "cache.entry_fetch_rate"),
      entryFetchMaxBurst: strictlyPositive(read, "cache.entry_fetch_max_burst"),
    },
    rpc: { enableStreaming: read.bool("rpc.enable_streaming", server), protocol: read.number("protocol") },
    telemetry: telemetryConfig(read),
    logging: {
      level: read.string("log_level"),
      json: read.bool("log_json"),
      file: read.string("log_file"),
      rotateDurationMs: read.durationMs("log_rotate_duration"),
      rotateBytes: read.number("log_rotate_bytes"),
      rotateMaxFiles: read.number("log_rotate_max_files"),
      syslog: read.bool("enable_syslog"),
      syslogFacility: read.string("syslog_facility"),
    },

    checks: (settings.checks ?? []).map((check) => checkDefinition(check, problems)),
    services: (settings.services ?? []).map((service) => serviceDefinition(service, problems)),
    watches: settings.watches ?? [],
    configEntryBootstrap: bootstrapEntries(settings["config_entries.bootstrap"] ?? []),

    enableScriptChecks,
    enableLocalScriptChecks: read.bool("enable_local_script_checks", enableScriptChecks),
    enableAgentTlsForChecks: read.bool("enable_agent_tls_for_checks"),
    checkOutputMaxBytes: read.number("check_output_max_size"),
    checkUpdateIntervalMs: read.durationMs("check_update_interval"),
    checkDeregisterIntervalMinMs: read.durationMs("check_deregister_interval_min"),
    checkReapIntervalMs: read.durationMs("check_reap_interval"),
    discardCheckOutput: read.bool("discard_check_output"),
    aeIntervalMs: read.durationMs("ae_interval"),
    syncCoordinateIntervalMinMs: read.durationMs("sync_coordinate_interval_min"),
    syncCoordinateRateTarget: read.number("sync_coordinate_rate_target"),
    coordinateUpdatePeriodMs: read.durationMs("consul.coordinate.update_period"),
    coordinateUpdateBatchSize: read.number("consul.coordinate.update_batch_size"),
    coordinateUpdateMaxBatches: read.number("consul.coordinate.update_max_batches"),

    disableAnonymousSignature: read.bool("disable_anonymous_signature"),
    disableCoordinates: read.bool("disable_coordinates"),
    disableHostNodeId: read.bool("disable_host_node_id"),
    disableHttpUnprintableCharFilter: read.bool("disable_http_unprintable_char_filter"),
    disableKeyringFile: read.bool("disable_keyring_file"),
    disableRemoteExec: read.bool("disable_remote_exec"),
    disableUpdateCheck: read.bool("disable_update_check"),
    enableCentralServiceConfig: read.bool("enable_central_service_config"),
    enableDebug: read.bool("enable_debug"),
    useStreamingBackend: read.bool("use_streaming_backend", true),

    defaultQueryTimeMs: read.durationMs("default_query_time"),
    maxQueryTimeMs: read.durationMs("max_query_time"),
    discoveryMaxStaleMs: read.durationMs("discovery_max_stale"),
    sessionTtlMinMs: read.durationMs("session_ttl_min"),
    leaveDrainTimeMs: read.durationMs("performance.leave_drain_time"),
    rpcHoldTimeoutMs: read.durationMs("performance.rpc_hold_timeout"),
    leaveOnTerminate: read.bool("leave_on_terminate", !server),
    skipLeaveOnInterrupt: read.bool("skip_leave_on_interrupt", server),
    rejoinAfterLeave: read.bool("rejoin_after_leave"),
    pidFile: read.string("pid_file"),
  };
  if (expectsOne) problems.warn("BootstrapExpect is set to 1; this is the same as Bootstrap mode.");
  return config;
}

const CONFIG_ENTRY_KINDS: ReadonlySet<unknown> = new Set(
  (
    "service-defaults proxy-defaults service-router service-splitter service-resolver ingress-gateway " +
    "terminating-gateway service-intentions mesh exported-services"
  ).split(" "),
);

/** Only the kind is looked at: what an entry may say is for the endpoint that takes it. */
function bootstrapEntries(entries: readonly RawObject[]): readonly RawObject[] {
  for (const [index, entry] of entries.entries()) {
    const kind = entry.kind ?? entry.Kind;
    const fault =
      kind === undefined
        ? "Payload does not contain a kind/Kind key at the top level"
        : typeof kind !== "string"
          ? "Kind value in payload is not a string"
          : CONFIG_ENTRY_KINDS.has(kind)
            ? undefined
            : `invalid config entry kind: ${kind}`;
    if (fault !== undefined) throw new ConfigError(`config_entries.bootstrap[${index}]: ${fault}`);
  }
  return entries;
}

function requestMode(mode: string, problems: Problems): "disabled" | "permissive" | "enforcing" {
  if (mode === "permissive" || mode === "enforcing") return mode;
  if (mode !== "" && mode !== "disabled")
    problems.error(`limits.request_limits.mode: invalid mode: ${JSON.stringify(mode)}`);
  return "disabled";
}

function portsConfig(read: SettingsReader): PortsConfig {
  const range = (what: "proxy" | "sidecar" | "expose"): { min: number; max: number } => {
    const min = read.port(`ports.${what}_min_port`);
    const max = read.port(`ports.${what}_max_port`);
    if (max < min) {
      throw new ConfigError(`${what}_min_port must be less than ${what}_max_port. To disable, set both to zero.`);
    }
    return { min, max };
  };
  const single = {
    dns: read.port("ports.dns"),
    http: read.port("ports.http"),
    https: read.port("ports.https"),
    server: read.port("ports.server"),
    grpc: read.port("ports.grpc"),
    serfLan: read.port("ports.serf_lan"),
    serfWan: read.port("ports.serf_wan"),
  };
  range("proxy");
  const sidecar = range("sidecar");
  const expose = range("expose");
  return { ...single, sidecarMin: sidecar.min, sidecarMax: sidecar.max, exposeMin: expose.min, exposeMax: expose.max };
}

function primaryAndAcls(
  read: SettingsReader,
  datacenter: string,
): { readonly primaryDatacenter: string; readonly aclsEnabled: boolean } {
  const legacy = read.settings.acl_datacenter;
  if (legacy !== undefined) {
    read.problems.warn("The 'acl_datacenter' field is deprecated. Use the 'primary_datacenter' field instead.");
  }
  const primary = read.string("primary_datacenter") || legacy || "";
  return {
    primaryDatacenter: primary.toLowerCase() || datacenter,
    // The old key used to be the switch for ACLs as a whole.
    aclsEnabled: read.bool("acl.enabled", legacy !== undefined),
  };
}

function raftTimeoutFactor(read: SettingsReader): number {
  const factor = read.number("performance.raft_multiplier");
  if (factor >= 1 && factor <= RAFT_MULTIPLIER_MAX) return factor;
  throw new ConfigError(
    `performance.raft_multiplier cannot be ${factor}. Must be between 1 and ${RAFT_MULTIPLIER_MAX}`,
  );
}

function strictlyPositive(read: SettingsReader, key: "cache.entry_fetch_rate" | "cache.entry_fetch_max_burst"): number {
  const value = read.number(key);
  if (value <= 0) throw new ConfigError(`${key} must be strictly positive, was: ${value}`);
  return value;
}

function joinConfig(read: SettingsReader, expander: AddressExpander): JoinConfig {
  const addresses = (key: "start_join" | "start_join_wan" | "retry_join" | "retry_join_wan" | "primary_gateways") =>
    expander.optional(key, read.strings(key));
  return {
    startLan: addresses("start_join"),
    startWan: addresses("start_join_wan"),
    retryLan: addresses("retry_join"),
    retryWan: addresses("retry_join_wan"),
    retryIntervalLanMs: read.durationMs("retry_interval"),
    retryIntervalWanMs: read.durationMs("retry_interval_wan"),
    retryMaxLan: read.number("retry_max"),
    retryMaxWan: read.number("retry_max_wan"),
    primaryGateways: addresses("primary_gateways"),
    primaryGatewaysIntervalMs: read.durationMs("primary_gateways_interval"),
    reconnectTimeoutLanMs: read.durationMs("reconnect_timeout"),
    reconnectTimeoutWanMs: read.durationMs("reconnect_timeout_wan"),
    advertiseReconnectTimeoutMs: read.durationMs("advertise_reconnect_timeout"),
    allowedCidrsLan: allowedCidrs(read, "serf_lan_allowed_cidrs"),
    allowedCidrsWan: allowedCidrs(read, "serf_wan_allowed_cidrs"),
  };
}

function allowedCidrs(
  read: SettingsReader,
  key: "serf_lan_allowed_cidrs" | "serf_wan_allowed_cidrs",
): readonly string[] {
  const own = new Problems();
  const blocks = cidrList(own, key, read.strings(key));
  if (own.errors.length === 0) return blocks;
  const texts = own.errors.map((text) => text.slice(`${key}: `.length));
  throw new ConfigError(`${key}: ${listOfErrors(texts)}`);
}

function gossipConfig(read: SettingsReader, part: "gossip_lan" | "gossip_wan"): GossipConfig {
  return {
    gossipIntervalMs: read.durationMs(`${part}.gossip_interval`),
    gossipNodes: read.number(`${part}.gossip_nodes`),
    probeIntervalMs: read.durationMs(`${part}.probe_interval`),
    probeTimeoutMs: read.durationMs(`${part}.probe_timeout`),
    suspicionMult: read.number(`${part}.suspicion_mult`),
    retransmitMult: read.number(`${part}.retransmit_mult`),
  };
}
