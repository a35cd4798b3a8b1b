/**
 * The one configuration every part of the agent reads: frozen, validated, all defaults applied.
 *
 * Field groups follow the sections of the configuration file. Durations are milliseconds (`…Ms`, may be
 * fractional), sizes bytes (`…Bytes`), a disabled port is -1. Made by `loadConfig`, never by hand; tests
 * that need one use `testConfig` from `./config.test.support.ts`.
 */
export interface RuntimeConfig {
  readonly devMode: boolean;
  readonly datacenter: string;
  /** The datacenter that owns ACLs and intentions; equal to `datacenter` where none was configured. */
  readonly primaryDatacenter: string;
  readonly nodeName: string;
  /** As configured; empty means the agent takes or makes the one in its data directory. */
  readonly nodeId: string;
  readonly nodeMeta: Readonly<Record<string, string>>;
  /** Watch the files that were read, and reload when one changes. */
  readonly autoReloadConfig: boolean;
  /** Empty in dev mode only. */
  readonly dataDir: string;
  readonly server: boolean;
  readonly bootstrap: boolean;
  /** 0: not in use. A configured 1 arrives here as `bootstrap`. */
  readonly bootstrapExpect: number;
  readonly readReplica: boolean;
  readonly serverName: string;
  readonly segmentName: string;

  readonly bindAddr: string;
  readonly clientAddrs: readonly string[];
  readonly advertiseAddrLan: string;
  readonly advertiseAddrWan: string;
  /** `lan`, `wan`, `lan_ipv4`, … → IP address. */
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly translateWanAddrs: boolean;
  readonly ports: PortsConfig;
  readonly listen: ListenConfig;
  readonly join: JoinConfig;
  readonly gossipLan: GossipConfig;
  readonly gossipWan: GossipConfig;

  readonly dns: DnsConfig;
  readonly http: HttpConfig;
  readonly limits: LimitsConfig;
  readonly unixSockets: { readonly user: string; readonly group: string; readonly mode: string };
  readonly ui: UiConfig;

  readonly raft: RaftConfig;
  readonly autopilot: AutopilotConfig;
  readonly acl: AclConfig;
  readonly tls: TlsConfig;
  readonly connect: ConnectConfig;
  readonly autoEncrypt: AutoEncryptConfig;
  readonly autoConfig: AutoConfigConfig;
  readonly encrypt: { readonly key: string; readonly verifyIncoming: boolean; readonly verifyOutgoing: boolean };
  readonly cache: { readonly entryFetchRate: number; readonly entryFetchMaxBurst: number };
  readonly rpc: { readonly enableStreaming: boolean; readonly protocol: number };
  readonly telemetry: TelemetryConfig;
  readonly logging: LoggingConfig;

  readonly checks: readonly CheckDefinition[];
  readonly services: readonly ServiceDefinition[];
  /** Watch definitions, as written. */
  readonly watches: readonly RawObject[];
  /** `config_entries.bootstrap`, as written. */
  readonly configEntryBootstrap: readonly RawObject[];

  readonly enableScriptChecks: boolean;
  readonly enableLocalScriptChecks: boolean;
  readonly enableAgentTlsForChecks: boolean;
  readonly checkOutputMaxBytes: number;
  readonly checkUpdateIntervalMs: number;
  readonly checkDeregisterIntervalMinMs: number;
  readonly checkReapIntervalMs: number;
  readonly discardCheckOutput: boolean;
  readonly aeIntervalMs: number;
  readonly syncCoordinateIntervalMinMs: number;
  readonly syncCoordinateRateTarget: number;
  readonly coordinateUpdatePeriodMs: number;
  readonly coordinateUpdateBatchSize: number;
  readonly coordinateUpdateMaxBatches: number;

  readonly disableAnonymousSignature: boolean;
  readonly disableCoordinates: boolean;
  readonly disableHostNodeId: boolean;
  readonly disableHttpUnprintableCharFilter: boolean;
  readonly disableKeyringFile: boolean;
  readonly disableRemoteExec: boolean;
  readonly disableUpdateCheck: boolean;
  readonly enableCentralServiceConfig: boolean;
  readonly enableDebug: boolean;
  readonly useStreamingBackend: boolean;

  readonly defaultQueryTimeMs: number;
  readonly maxQueryTimeMs: number;
  readonly discoveryMaxStaleMs: number;
  readonly sessionTtlMinMs: number;
  readonly leaveDrainTimeMs: number;
  readonly rpcHoldTimeoutMs: number;
  readonly leaveOnTerminate: boolean;
  readonly skipLeaveOnInterrupt: boolean;
  readonly rejoinAfterLeave: boolean;
  readonly pidFile: string;
}

/** An object of the configuration file whose keys the config room does not interpret. */
export type RawObject = Readonly<Record<string, unknown>>;

/** Where to listen. IPv6 hosts carry no brackets. */
export type ListenAddress =
  | { readonly network: "tcp" | "udp"; readonly host: string; readonly port: number }
  | { readonly network: "unix"; readonly path: string };

export interface PortsConfig {
  readonly dns: number;
  readonly http: number;
  readonly https: number;
  readonly grpc: number;
  readonly serfLan: number;
  readonly serfWan: number;
  readonly server: number;
  readonly sidecarMin: number;
  readonly sidecarMax: number;
  readonly exposeMin: number;
  readonly exposeMax: number;
}

/** Addresses with their ports, ready to bind or to advertise. Empty or undefined: that door stays closed. */
export interface ListenConfig {
  /** TCP first, then the same addresses for UDP. */
  readonly dns: readonly ListenAddress[];
  readonly http: readonly ListenAddress[];
  readonly https: readonly ListenAddress[];
  readonly grpc: readonly ListenAddress[];
  readonly rpcBind: ListenAddress | undefined;
  readonly rpcAdvertise: ListenAddress;
  readonly serfBindLan: ListenAddress | undefined;
  readonly serfBindWan: ListenAddress | undefined;
  readonly serfAdvertiseLan: ListenAddress;
  readonly serfAdvertiseWan: ListenAddress | undefined;
}

export interface JoinConfig {
  readonly startLan: readonly string[];
  readonly startWan: readonly string[];
  readonly retryLan: readonly string[];
  readonly retryWan: readonly string[];
  readonly retryIntervalLanMs: number;
  readonly retryIntervalWanMs: number;
  /** 0: for ever. */
  readonly retryMaxLan: number;
  readonly retryMaxWan: number;
  readonly primaryGateways: readonly string[];
  readonly primaryGatewaysIntervalMs: number;
  /** 0: the gossip layer's own default (72 h). */
  readonly reconnectTimeoutLanMs: number;
  readonly reconnectTimeoutWanMs: number;
  readonly advertiseReconnectTimeoutMs: number;
  /** CIDR blocks members may come from; empty means any. */
  readonly allowedCidrsLan: readonly string[];
  readonly allowedCidrsWan: readonly string[];
}

export interface GossipConfig {
  readonly gossipIntervalMs: number;
  readonly gossipNodes: number;
  readonly probeIntervalMs: number;
  readonly probeTimeoutMs: number;
  readonly suspicionMult: number;
  readonly retransmitMult: number;
}

export interface DnsConfig {
  /** With a final dot as Consul keeps it, e.g. `consul.`. */
  readonly domain: string;
  readonly altDomain: string;
  readonly allowStale: boolean;
  readonly maxStaleMs: number;
  readonly nodeTtlMs: number;
  /** Service name, or a prefix ending in `*`, → TTL. */
  readonly serviceTtlMs: Readonly<Record<string, number>>;
  readonly onlyPassing: boolean;
  readonly aRecordLimit: number;
  readonly udpAnswerLimit: number;
  readonly disableCompression: boolean;
  readonly enableTruncate: boolean;
  readonly nodeMetaTxt: boolean;
  readonly recursors: readonly string[];
  /** What is neither counts as `sequential`. */
  readonly recursorStrategy: "sequential" | "random";
  readonly recursorTimeoutMs: number;
  readonly useCache: boolean;
  readonly cacheMaxAgeMs: number;
  /** Seconds, as they go on the wire. */
  readonly soa: { readonly refresh: number; readonly retry: number; readonly expire: number; readonly minTtl: number };
}

export interface HttpConfig {
  /** Path prefixes that answer 403. */
  readonly blockEndpoints: readonly string[];
  readonly responseHeaders: Readonly<Record<string, string>>;
  /** CIDR blocks that may change agent state; empty means any. */
  readonly allowWriteFrom: readonly string[];
  readonly useCache: boolean;
  /** 0: the server's default. */
  readonly maxHeaderBytes: number;
}

export interface LimitsConfig {
  readonly httpMaxConnsPerClient: number;
  readonly httpsHandshakeTimeoutMs: number;
  readonly rpcClientTimeoutMs: number;
  readonly rpcHandshakeTimeoutMs: number;
  readonly rpcMaxConnsPerClient: number;
  /** Requests a second; negative or Infinity means no limit. */
  readonly rpcRate: number;
  readonly rpcMaxBurst: number;
  readonly requests: {
    readonly mode: "disabled" | "permissive" | "enforcing";
    /** Requests a second; negative means no limit. */
    readonly readRate: number;
    readonly writeRate: number;
  };
  readonly kvMaxValueBytes: number;
  readonly txnMaxRequestBytes: number;
}

export interface UiConfig {
  readonly enabled: boolean;
  readonly dir: string;
  /** Begins and ends with a slash. */
  readonly contentPath: string;
  readonly metricsProvider: string;
  readonly metricsProviderFiles: readonly string[];
  readonly metricsProviderOptionsJson: string;
  readonly metricsProxy: {
    readonly baseUrl: string;
    readonly addHeaders: readonly { readonly name: string; readonly value: string }[];
    readonly pathAllowlist: readonly string[];
  };
  readonly dashboardUrlTemplates: Readonly<Record<string, string>>;
}

export interface RaftConfig {
  readonly protocol: number;
  readonly snapshotThreshold: number;
  readonly snapshotIntervalMs: number;
  readonly trailingLogs: number;
  /** Ask the others before campaigning. */
  readonly preVote: boolean;
  /** Already multiplied by `performance.raft_multiplier`. */
  readonly electionTimeoutMs: number;
  readonly heartbeatTimeoutMs: number;
  readonly leaderLeaseTimeoutMs: number;
}

export interface AutopilotConfig {
  readonly cleanupDeadServers: boolean;
  readonly lastContactThresholdMs: number;
  readonly maxTrailingLogs: number;
  readonly minQuorum: number;
  readonly serverStabilizationTimeMs: number;
  readonly disableUpgradeMigration: boolean;
  readonly redundancyZoneTag: string;
  readonly upgradeVersionTag: string;
  /** How often servers' health is looked at. */
  readonly healthIntervalMs: number;
}

export interface AclConfig {
  readonly enabled: boolean;
  readonly defaultPolicy: string;
  readonly downPolicy: string;
  readonly enableKeyListPolicy: boolean;
  readonly tokenReplication: boolean;
  readonly tokenTtlMs: number;
  readonly policyTtlMs: number;
  readonly roleTtlMs: number;
  readonly disabledTtlMs: number;
  readonly enableTokenPersistence: boolean;
  readonly tokens: {
    /** Of services and checks in files that bring none. */
    readonly configFileRegistration: string;
    /** Of DNS; empty: the default one. */
    readonly dns: string;
    readonly master: string;
    readonly default: string;
    readonly agent: string;
    readonly agentMaster: string;
    readonly replication: string;
  };
}

/** TLS of one kind of connection. */
export interface TlsProtocolConfig {
  readonly caFile: string;
  readonly caPath: string;
  readonly certFile: string;
  readonly keyFile: string;
  readonly verifyIncoming: boolean;
  /** `tls10` to `tls13`. */
  readonly minVersion: string;
  /** IANA names; empty means the platform's default. */
  readonly cipherSuites: readonly string[];
}

/** What holds for all kinds of connections (`tls.defaults` and the older keys), and what each of them has. */
export interface TlsConfig extends TlsProtocolConfig {
  readonly verifyIncomingRpc: boolean;
  readonly verifyIncomingHttps: boolean;
  readonly verifyOutgoing: boolean;
  readonly verifyServerHostname: boolean;
  readonly preferServerCipherSuites: boolean;
  readonly internalRpc: TlsProtocolConfig;
  readonly https: TlsProtocolConfig;
}

export interface ConnectConfig {
  readonly enabled: boolean;
  readonly caProvider: string;
  /** Keys in Consul's CamelCase form (`LeafCertTTL`), whatever the file wrote. */
  readonly caConfig: RawObject;
  /** Whether services may talk of whom no intention speaks. */
  readonly intentionsDefaultAllow: boolean;
  readonly meshGatewayWanFederation: boolean;
}

export interface AutoEncryptConfig {
  readonly tls: boolean;
  readonly allowTls: boolean;
  readonly dnsSan: readonly string[];
  readonly ipSan: readonly string[];
}

export interface AutoConfigConfig {
  readonly enabled: boolean;
  readonly introToken: string;
  readonly introTokenFile: string;
  readonly serverAddresses: readonly string[];
  readonly dnsSans: readonly string[];
  readonly ipSans: readonly string[];
  readonly authorizer: {
    readonly enabled: boolean;
    readonly allowReuse: boolean;
    readonly claimAssertions: readonly string[];
    /** The `static` section, as written. */
    readonly static: RawObject;
  };
}

export interface TelemetryConfig {
  readonly metricsPrefix: string;
  readonly filterDefault: boolean;
  readonly allowedPrefixes: readonly string[];
  readonly blockedPrefixes: readonly string[];
  readonly disableHostname: boolean;
  readonly enableHostMetrics: boolean;
  readonly disableCompatOneNine: boolean;
  readonly prometheusRetentionMs: number;
  readonly statsdAddress: string;
  readonly statsiteAddress: string;
  readonly dogstatsdAddress: string;
  readonly dogstatsdTags: readonly string[];
  /** `circonus_…` settings by their file key; accepted, no sink acts on them. */
  readonly circonus: Readonly<Record<string, string>>;
}

export interface LoggingConfig {
  /** As configured; `parseLogLevel` is the reader's business, since a bad level is refused at start only. */
  readonly level: string;
  readonly json: boolean;
  readonly file: string;
  readonly rotateDurationMs: number;
  readonly rotateBytes: number;
  /** 0 keeps all, negative none. */
  readonly rotateMaxFiles: number;
  readonly syslog: boolean;
  readonly syslogFacility: string;
}

/** A check of the configuration file. Exactly one kind should be set; the agent refuses what does not fit. */
export interface CheckDefinition {
  readonly id: string;
  readonly name: string;
  readonly notes: string;
  readonly serviceId: string;
  readonly token: string;
  readonly status: string;
  readonly args: readonly string[];
  readonly http: string;
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly method: string;
  readonly body: string;
  readonly disableRedirects: boolean;
  readonly outputMaxBytes: number;
  readonly tcp: string;
  readonly tcpUseTls: boolean;
  readonly udp: string;
  readonly osService: string;
  readonly intervalMs: number;
  readonly dockerContainerId: string;
  readonly shell: string;
  readonly grpc: string;
  readonly grpcUseTls: boolean;
  readonly h2ping: string;
  readonly tlsServerName: string;
  readonly tlsSkipVerify: boolean;
  readonly aliasNode: string;
  readonly aliasService: string;
  readonly timeoutMs: number;
  readonly ttlMs: number;
  readonly successBeforePassing: number;
  readonly failuresBeforeWarning: number;
  readonly failuresBeforeCritical: number;
  readonly deregisterCriticalServiceAfterMs: number;
}

export type ServiceKind = "" | "connect-proxy" | "mesh-gateway" | "terminating-gateway" | "ingress-gateway";

export interface ServiceDefinition {
  readonly kind: ServiceKind;
  /** Empty: the name is the ID. */
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  readonly address: string;
  readonly port: number;
  readonly socketPath: string;
  readonly taggedAddresses: Readonly<Record<string, { readonly address: string; readonly port: number }>>;
  readonly meta: Readonly<Record<string, string>>;
  readonly token: string;
  readonly enableTagOverride: boolean;
  readonly weights: { readonly passing: number; readonly warning: number };
  readonly checks: readonly CheckDefinition[];
  readonly proxy: ProxyDefinition | undefined;
  readonly connect: { readonly native: boolean; readonly sidecarService: ServiceDefinition | undefined } | undefined;
}

export interface ProxyDefinition {
  readonly destinationServiceName: string;
  readonly destinationServiceId: string;
  readonly localServiceAddress: string;
  readonly localServicePort: number;
  readonly localServiceSocketPath: string;
  readonly mode: string;
  readonly transparentProxy: { readonly outboundListenerPort: number; readonly dialedDirectly: boolean };
  readonly meshGatewayMode: string;
  readonly config: RawObject;
  readonly upstreams: readonly UpstreamDefinition[];
  readonly expose: {
    readonly checks: boolean;
    readonly paths: readonly {
      readonly listenerPort: number;
      readonly path: string;
      readonly localPathPort: number;
      readonly protocol: string;
    }[];
  };
}

export interface UpstreamDefinition {
  readonly destinationType: string;
  readonly destinationNamespace: string;
  readonly destinationName: string;
  readonly datacenter: string;
  readonly localBindAddress: string;
  readonly localBindPort: number;
  readonly localBindSocketPath: string;
  readonly localBindSocketMode: string;
  readonly config: RawObject;
  readonly meshGatewayMode: string;
}
