import { formatListenAddress } from "./addresses.ts";
import { checkPart, servicePart } from "./debug-definitions.ts";
import { parseIp } from "./ip.ts";
import { HIDDEN, hideCloudSecrets, hideCredentials, hideSecrets } from "./secrets.ts";
import type { ListenAddress, RuntimeConfig } from "./types.ts";
import { formatMs, TLS_CIPHER_SUITES } from "./values.ts";

/** What the agent knows besides its configuration when it describes itself. */
export interface AgentIdentity {
  readonly nodeId: string;
  readonly version: string;
  readonly revision: string;
}

/** Fields of `/v1/agent/self` under `Config`. */
export function selfConfig(config: RuntimeConfig, identity: AgentIdentity): Readonly<Record<string, unknown>> {
  return {
    Datacenter: config.datacenter,
    PrimaryDatacenter: config.primaryDatacenter,
    NodeName: config.nodeName,
    NodeID: identity.nodeId,
    Revision: identity.revision,
    Server: config.server,
    Version: identity.version,
  };
}

const NONE = {}; // Enterprise structs, which are empty in this edition

/**
 * `DebugConfig` of `/v1/agent/self`: every field under the name Go gives it, durations and addresses as text, and
 * `hidden` for whatever has key, token or secret in its name. Keys are sorted, as Go sorts them.
 */
export function debugConfig(config: RuntimeConfig, identity: AgentIdentity): Readonly<Record<string, unknown>> {
  return sortKeys({
    ...agentPart(config, identity),
    ...addressPart(config),
    ...gossipPart("GossipLAN", config.gossipLan),
    ...gossipPart("GossipWAN", config.gossipWan),
    ...dnsPart(config),
    ...httpPart(config),
    ...serverPart(config),
    ...securityPart(config),
    ...timingPart(config),
    Telemetry: telemetryPart(config),
    Checks: config.checks.map(checkPart),
    Services: config.services.map(servicePart),
    // As Consul's: what it has understood of a watch is gone from there, and it refuses what it does not understand.
    Watches: config.watches.map(() => ({})),
    ConfigEntryBootstrap: config.configEntryBootstrap,
  }) as Readonly<Record<string, unknown>>;
}

function agentPart(c: RuntimeConfig, identity: AgentIdentity) {
  return {
    Bootstrap: c.bootstrap,
    BootstrapExpect: c.bootstrapExpect,
    Cache: { EntryFetchMaxBurst: c.cache.entryFetchMaxBurst, EntryFetchRate: c.cache.entryFetchRate, Logger: null },
    CheckOutputMaxSize: c.checkOutputMaxBytes,
    DataDir: c.dataDir,
    Datacenter: c.datacenter,
    DevMode: c.devMode,
    DisableAnonymousSignature: c.disableAnonymousSignature,
    DisableCoordinates: c.disableCoordinates,
    DisableHTTPUnprintableCharFilter: c.disableHttpUnprintableCharFilter,
    DisableHostNodeID: c.disableHostNodeId,
    DisableKeyringFile: c.disableKeyringFile,
    DisableRemoteExec: c.disableRemoteExec,
    DisableUpdateCheck: c.disableUpdateCheck,
    DiscardCheckOutput: c.discardCheckOutput,
    EnableAgentTLSForChecks: c.enableAgentTlsForChecks,
    EnableCentralServiceConfig: c.enableCentralServiceConfig,
    EnableDebug: c.enableDebug,
    EnableLocalScriptChecks: c.enableLocalScriptChecks,
    EnableRemoteScriptChecks: c.enableScriptChecks,
    EnterpriseRuntimeConfig: NONE,
    LeaveOnTerm: c.leaveOnTerminate,
    Logging: {
      EnableSyslog: c.logging.syslog,
      LogFilePath: c.logging.file,
      LogJSON: c.logging.json,
      LogLevel: c.logging.level,
      LogRotateBytes: c.logging.rotateBytes,
      LogRotateDuration: formatMs(c.logging.rotateDurationMs),
      LogRotateMaxFiles: c.logging.rotateMaxFiles,
      Name: "",
      SyslogFacility: c.logging.syslogFacility,
    },
    NodeID: identity.nodeId,
    NodeMeta: hideSecrets(c.nodeMeta),
    NodeName: c.nodeName,
    PidFile: c.pidFile,
    PrimaryDatacenter: c.primaryDatacenter,
    ReadReplica: c.readReplica,
    RejoinAfterLeave: c.rejoinAfterLeave,
    Revision: identity.revision,
    SegmentLimit: 64,
    SegmentName: c.segmentName,
    SegmentNameLimit: 64,
    Segments: [],
    ServerMode: c.server,
    ServerName: c.serverName,
    SkipLeaveOnInt: c.skipLeaveOnInterrupt,
    TranslateWANAddrs: c.translateWanAddrs,
    UseStreamingBackend: c.useStreamingBackend,
    Version: identity.version,
    VersionPrerelease: "",
  };
}

function addressPart(c: RuntimeConfig) {
  const { listen, join, ports } = c;
  return {
    AdvertiseAddrLAN: c.advertiseAddrLan,
    AdvertiseAddrWAN: c.advertiseAddrWan,
    AdvertiseReconnectTimeout: formatMs(join.advertiseReconnectTimeoutMs),
    BindAddr: c.bindAddr,
    ClientAddrs: c.clientAddrs,
    ConnectSidecarMaxPort: ports.sidecarMax,
    ConnectSidecarMinPort: ports.sidecarMin,
    ExposeMaxPort: ports.exposeMax,
    ExposeMinPort: ports.exposeMin,
    GRPCAddrs: listen.grpc.map(url),
    GRPCPort: ports.grpc,
    PrimaryGateways: join.primaryGateways,
    PrimaryGatewaysInterval: formatMs(join.primaryGatewaysIntervalMs),
    ReconnectTimeoutLAN: formatMs(join.reconnectTimeoutLanMs),
    ReconnectTimeoutWAN: formatMs(join.reconnectTimeoutWanMs),
    RetryJoinIntervalLAN: formatMs(join.retryIntervalLanMs),
    RetryJoinIntervalWAN: formatMs(join.retryIntervalWanMs),
    RetryJoinLAN: join.retryLan.map(hideCloudSecrets),
    RetryJoinMaxAttemptsLAN: join.retryMaxLan,
    RetryJoinMaxAttemptsWAN: join.retryMaxWan,
    RetryJoinWAN: join.retryWan.map(hideCloudSecrets),
    RPCAdvertiseAddr: url(listen.rpcAdvertise),
    RPCBindAddr: url(listen.rpcBind),
    SerfAdvertiseAddrLAN: url(listen.serfAdvertiseLan),
    SerfAdvertiseAddrWAN: url(listen.serfAdvertiseWan),
    SerfAllowedCIDRsLAN: join.allowedCidrsLan,
    SerfAllowedCIDRsWAN: join.allowedCidrsWan,
    SerfBindAddrLAN: url(listen.serfBindLan),
    SerfBindAddrWAN: url(listen.serfBindWan),
    SerfPortLAN: ports.serfLan,
    SerfPortWAN: ports.serfWan,
    ServerPort: ports.server,
    StartJoinAddrsLAN: join.startLan,
    StartJoinAddrsWAN: join.startWan,
    TaggedAddresses: c.taggedAddresses,
    UnixSocketGroup: c.unixSockets.group,
    UnixSocketMode: c.unixSockets.mode,
    UnixSocketUser: c.unixSockets.user,
  };
}

function url(address: ListenAddress | undefined): string {
  return address === undefined ? "" : `${address.network}://${formatListenAddress(address)}`;
}

function gossipPart(prefix: string, gossip: RuntimeConfig["gossipLan"]) {
  return {
    [`${prefix}GossipInterval`]: formatMs(gossip.gossipIntervalMs),
    [`${prefix}GossipNodes`]: gossip.gossipNodes,
    [`${prefix}ProbeInterval`]: formatMs(gossip.probeIntervalMs),
    [`${prefix}ProbeTimeout`]: formatMs(gossip.probeTimeoutMs),
    [`${prefix}RetransmitMult`]: gossip.retransmitMult,
    [`${prefix}SuspicionMult`]: gossip.suspicionMult,
  };
}

function dnsPart({ dns, listen, ports }: RuntimeConfig) {
  const ttls = Object.entries(dns.serviceTtlMs).map(([name, ms]) => [name, formatMs(ms)] as const);
  return {
    DNSAddrs: listen.dns.map(url),
    DNSAllowStale: dns.allowStale,
    DNSAltDomain: dns.altDomain,
    DNSARecordLimit: dns.aRecordLimit,
    DNSCacheMaxAge: formatMs(dns.cacheMaxAgeMs),
    DNSDisableCompression: dns.disableCompression,
    DNSDomain: dns.domain,
    DNSEnableTruncate: dns.enableTruncate,
    DNSMaxStale: formatMs(dns.maxStaleMs),
    DNSNodeMetaTXT: dns.nodeMetaTxt,
    DNSNodeTTL: formatMs(dns.nodeTtlMs),
    DNSOnlyPassing: dns.onlyPassing,
    DNSPort: ports.dns,
    DNSRecursors: dns.recursors,
    DNSRecursorTimeout: formatMs(dns.recursorTimeoutMs),
    DNSServiceTTL: Object.fromEntries(ttls),
    DNSSOA: { Expire: dns.soa.expire, Minttl: dns.soa.minTtl, Refresh: dns.soa.refresh, Retry: dns.soa.retry },
    DNSUDPAnswerLimit: dns.udpAnswerLimit,
    DNSUseCache: dns.useCache,
  };
}

function httpPart({ http, limits, listen, ports, ui }: RuntimeConfig) {
  return {
    AllowWriteHTTPFrom: http.allowWriteFrom,
    HTTPAddrs: listen.http.map(url),
    HTTPBlockEndpoints: http.blockEndpoints,
    HTTPMaxConnsPerClient: limits.httpMaxConnsPerClient,
    HTTPMaxHeaderBytes: http.maxHeaderBytes,
    HTTPPort: ports.http,
    HTTPResponseHeaders: hideSecrets(http.responseHeaders),
    HTTPSAddrs: listen.https.map(url),
    HTTPSHandshakeTimeout: formatMs(limits.httpsHandshakeTimeoutMs),
    HTTPSPort: ports.https,
    HTTPUseCache: http.useCache,
    KVMaxValueSize: limits.kvMaxValueBytes,
    TxnMaxReqLen: limits.txnMaxRequestBytes,
    UIConfig: {
      ContentPath: ui.contentPath,
      DashboardURLTemplates: ui.dashboardUrlTemplates,
      Dir: ui.dir,
      Enabled: ui.enabled,
      MetricsProvider: ui.metricsProvider,
      MetricsProviderFiles: ui.metricsProviderFiles,
      MetricsProviderOptionsJSON: ui.metricsProviderOptionsJson,
      MetricsProxy: {
        AddHeaders: ui.metricsProxy.addHeaders.map(({ name }) => ({ Name: name, Value: HIDDEN })),
        BaseURL: ui.metricsProxy.baseUrl,
        PathAllowlist: ui.metricsProxy.pathAllowlist,
      },
    },
  };
}

function serverPart({ raft, rpc, limits, autopilot, ...c }: RuntimeConfig) {
  return {
    AutopilotCleanupDeadServers: autopilot.cleanupDeadServers,
    AutopilotDisableUpgradeMigration: autopilot.disableUpgradeMigration,
    AutopilotLastContactThreshold: formatMs(autopilot.lastContactThresholdMs),
    AutopilotMaxTrailingLogs: autopilot.maxTrailingLogs,
    AutopilotMinQuorum: autopilot.minQuorum,
    AutopilotRedundancyZoneTag: autopilot.redundancyZoneTag,
    AutopilotServerStabilizationTime: formatMs(autopilot.serverStabilizationTimeMs),
    AutopilotUpgradeVersionTag: autopilot.upgradeVersionTag,
    ConsulCoordinateUpdateBatchSize: c.coordinateUpdateBatchSize,
    ConsulCoordinateUpdateMaxBatches: c.coordinateUpdateMaxBatches,
    ConsulCoordinateUpdatePeriod: formatMs(c.coordinateUpdatePeriodMs),
    ConsulRaftElectionTimeout: formatMs(raft.electionTimeoutMs),
    ConsulRaftHeartbeatTimeout: formatMs(raft.heartbeatTimeoutMs),
    ConsulRaftLeaderLeaseTimeout: formatMs(raft.leaderLeaseTimeoutMs),
    ConsulServerHealthInterval: formatMs(autopilot.healthIntervalMs),
    RaftProtocol: raft.protocol,
    RaftSnapshotInterval: formatMs(raft.snapshotIntervalMs),
    RaftSnapshotThreshold: raft.snapshotThreshold,
    RaftTrailingLogs: raft.trailingLogs,
    RPCConfig: { EnableStreaming: rpc.enableStreaming },
    RPCHandshakeTimeout: formatMs(limits.rpcHandshakeTimeoutMs),
    RPCMaxBurst: limits.rpcMaxBurst,
    RPCMaxConnsPerClient: limits.rpcMaxConnsPerClient,
    RPCProtocol: rpc.protocol,
    RPCRateLimit: limits.rpcRate,
  };
}

function securityPart({ acl, tls, connect, autoEncrypt, encrypt, ...c }: RuntimeConfig) {
  return {
    ACLDatacenter: c.primaryDatacenter,
    ACLDefaultPolicy: acl.defaultPolicy,
    ACLDisabledTTL: formatMs(acl.disabledTtlMs),
    ACLDownPolicy: acl.downPolicy,
    ACLEnableKeyListPolicy: acl.enableKeyListPolicy,
    ACLMasterToken: HIDDEN,
    ACLPolicyTTL: formatMs(acl.policyTtlMs),
    ACLRoleTTL: formatMs(acl.roleTtlMs),
    ACLsEnabled: acl.enabled,
    ACLTokenReplication: acl.tokenReplication,
    ACLTokens: {
      ACLAgentMasterToken: HIDDEN,
      ACLAgentToken: HIDDEN,
      ACLDefaultToken: HIDDEN,
      ACLReplicationToken: HIDDEN,
      DataDir: c.dataDir,
      EnablePersistence: acl.enableTokenPersistence,
      EnterpriseConfig: NONE,
    },
    ACLTokenTTL: formatMs(acl.tokenTtlMs),
    AutoConfig: autoConfigPart(c.autoConfig),
    AutoEncryptAllowTLS: autoEncrypt.allowTls,
    AutoEncryptDNSSAN: autoEncrypt.dnsSan,
    AutoEncryptIPSAN: autoEncrypt.ipSan.map(goIpBytes),
    AutoEncryptTLS: autoEncrypt.tls,
    CAFile: tls.caFile,
    CAPath: tls.caPath,
    CertFile: tls.certFile,
    ConnectCAConfig: hideCredentials(connect.caConfig),
    ConnectCAProvider: connect.caProvider,
    ConnectEnabled: connect.enabled,
    ConnectMeshGatewayWANFederationEnabled: connect.meshGatewayWanFederation,
    ConnectTestCALeafRootChangeSpread: "0s",
    EncryptKey: HIDDEN,
    EncryptVerifyIncoming: encrypt.verifyIncoming,
    EncryptVerifyOutgoing: encrypt.verifyOutgoing,
    KeyFile: HIDDEN,
    TLSCipherSuites: tls.cipherSuites.map((name) => TLS_CIPHER_SUITES[name]),
    TLSMinVersion: tls.minVersion,
    TLSPreferServerCipherSuites: tls.preferServerCipherSuites,
    VerifyIncoming: tls.verifyIncoming,
    VerifyIncomingHTTPS: tls.verifyIncomingHttps,
    VerifyIncomingRPC: tls.verifyIncomingRpc,
    VerifyOutgoing: tls.verifyOutgoing,
    VerifyServerHostname: tls.verifyServerHostname,
  };
}

function autoConfigPart({ authorizer, ...c }: RuntimeConfig["autoConfig"]) {
  const raw = authorizer.static;
  const orNull = (key: string): unknown => raw[key] ?? null;
  const orEmpty = (key: string): unknown => raw[key] ?? "";
  return {
    Authorizer: {
      AllowReuse: authorizer.allowReuse,
      AuthMethod: {
        ACLAuthMethodEnterpriseFields: NONE,
        Config: {
          BoundAudiences: orNull("bound_audiences"),
          BoundIssuer: orEmpty("bound_issuer"),
          ClaimMappings: orNull("claim_mappings"),
          ClockSkewLeeway: 0,
          ExpirationLeeway: 0,
          JWKSCACert: orEmpty("jwks_ca_cert"),
          JWKSURL: orEmpty("jwks_url"),
          JWTSupportedAlgs: orNull("jwt_supported_algs"),
          JWTValidationPubKeys: raw.jwt_validation_pub_keys === undefined ? null : HIDDEN,
          ListClaimMappings: orNull("list_claim_mappings"),
          NotBeforeLeeway: 0,
          OIDCDiscoveryCACert: orEmpty("oidc_discovery_ca_cert"),
          OIDCDiscoveryURL: orEmpty("oidc_discovery_url"),
        },
        Description: "",
        DisplayName: "",
        EnterpriseMeta: NONE,
        MaxTokenTTL: "0s",
        Name: "Auto Config Authorizer",
        RaftIndex: { CreateIndex: 0, ModifyIndex: 0 },
        TokenLocality: "",
        Type: "jwt",
      },
      ClaimAssertions: authorizer.claimAssertions,
      Enabled: authorizer.enabled,
    },
    DNSSANs: c.dnsSans,
    Enabled: c.enabled,
    IPSANs: c.ipSans.map(goIpBytes),
    IntroToken: HIDDEN,
    IntroTokenFile: c.introTokenFile,
    ServerAddresses: c.serverAddresses,
  };
}

function timingPart(c: RuntimeConfig) {
  return {
    AEInterval: formatMs(c.aeIntervalMs),
    CheckDeregisterIntervalMin: formatMs(c.checkDeregisterIntervalMinMs),
    CheckReapInterval: formatMs(c.checkReapIntervalMs),
    CheckUpdateInterval: formatMs(c.checkUpdateIntervalMs),
    DefaultQueryTime: formatMs(c.defaultQueryTimeMs),
    DiscoveryMaxStale: formatMs(c.discoveryMaxStaleMs),
    LeaveDrainTime: formatMs(c.leaveDrainTimeMs),
    MaxQueryTime: formatMs(c.maxQueryTimeMs),
    RPCHoldTimeout: formatMs(c.rpcHoldTimeoutMs),
    SessionTTLMin: formatMs(c.sessionTtlMinMs),
    SyncCoordinateIntervalMin: formatMs(c.syncCoordinateIntervalMinMs),
    SyncCoordinateRateTarget: c.syncCoordinateRateTarget,
  };
}

function telemetryPart({ telemetry: t }: RuntimeConfig) {
  const circonus = (key: string): string => t.circonus[`circonus_${key}`] ?? "";
  return {
    AllowedPrefixes: t.allowedPrefixes,
    BlockedPrefixes: t.blockedPrefixes,
    CirconusAPIApp: circonus("api_app"),
    CirconusAPIToken: HIDDEN,
    CirconusAPIURL: circonus("api_url"),
    CirconusBrokerID: circonus("broker_id"),
    CirconusBrokerSelectTag: circonus("broker_select_tag"),
    CirconusCheckDisplayName: circonus("check_display_name"),
    CirconusCheckForceMetricActivation: circonus("check_force_metric_activation"),
    CirconusCheckID: circonus("check_id"),
    CirconusCheckInstanceID: circonus("check_instance_id"),
    CirconusCheckSearchTag: circonus("check_search_tag"),
    CirconusCheckTags: circonus("check_tags"),
    CirconusSubmissionInterval: circonus("submission_interval"),
    CirconusSubmissionURL: circonus("submission_url"),
    Disable: false,
    DisableCompatOneNine: t.disableCompatOneNine,
    DisableHostname: t.disableHostname,
    DogstatsdAddr: t.dogstatsdAddress,
    DogstatsdTags: t.dogstatsdTags,
    FilterDefault: t.filterDefault,
    MetricsPrefix: t.metricsPrefix,
    PrometheusOpts: {
      CounterDefinitions: [],
      Expiration: formatMs(t.prometheusRetentionMs),
      GaugeDefinitions: [],
      Name: t.metricsPrefix,
      Registerer: null,
      SummaryDefinitions: [],
    },
    StatsdAddr: t.statsdAddress,
    StatsiteAddr: t.statsiteAddress,
  };
}

/** Go prints an IP address in a list as its 16 bytes. */
function goIpBytes(text: string): readonly number[] {
  const ip = parseIp(text);
  if (ip === undefined) return [];
  const bits = ip.family === 4 ? (0xffffn << 32n) | ip.bits : ip.bits;
  return Array.from({ length: 16 }, (_, index) => Number((bits >> BigInt(120 - 8 * index)) & 255n));
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sortKeys((value as Record<string, unknown>)[key])]));
}
