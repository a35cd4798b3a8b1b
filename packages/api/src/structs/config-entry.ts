/**
 * Configuration entries: what holds for a service, a gateway or the whole mesh, whoever registers. Fields are
 * Consul 1.10's, those marked `later` and all of `exported-services` 1.21's; their order is that of its JSON.
 *
 * On the RPC wire, in the log and in snapshots an entry stands behind the name of its kind (sheet consul-rpc §4),
 * which is what the `wire` marks are about.
 */
import {
  any,
  bool,
  duration,
  durationText,
  float32,
  hidden,
  type Infer,
  int,
  later,
  list,
  map,
  nullable,
  omitEmpty,
  struct,
  text,
  time,
  uint,
} from "../schema.ts";
import { queryMeta, raftIndex } from "./common.ts";
import { ExposeConfig, MeshGatewayConfig, TransparentProxyConfig } from "./service.ts";

const meta = { Meta: omitEmpty(map(text)) };

// ---- defaults of services and proxies ----

export const UpstreamLimits = struct("UpstreamLimits", {
  MaxConnections: omitEmpty(nullable(int)),
  MaxPendingRequests: omitEmpty(nullable(int)),
  MaxConcurrentRequests: omitEmpty(nullable(int)),
});
export type UpstreamLimits = Infer<typeof UpstreamLimits>;

export const PassiveHealthCheck = struct("PassiveHealthCheck", {
  Interval: omitEmpty(duration),
  MaxFailures: omitEmpty(uint),
});

export const UpstreamConfig = struct("UpstreamConfig", {
  Name: omitEmpty(text),
  EnvoyListenerJSON: omitEmpty(text),
  EnvoyClusterJSON: omitEmpty(text),
  Protocol: omitEmpty(text),
  ConnectTimeoutMs: omitEmpty(int),
  Limits: omitEmpty(nullable(UpstreamLimits)),
  PassiveHealthCheck: omitEmpty(nullable(PassiveHealthCheck)),
  MeshGateway: MeshGatewayConfig,
});
export type UpstreamConfig = Infer<typeof UpstreamConfig>;

export const UpstreamConfiguration = struct("UpstreamConfiguration", {
  Overrides: omitEmpty(list(nullable(UpstreamConfig))),
  Defaults: omitEmpty(nullable(UpstreamConfig)),
});

/** Where a service outside of the mesh is reached. */
export const DestinationConfig = struct("DestinationConfig", {
  Addresses: omitEmpty(list(text)),
  Port: omitEmpty(int),
});

/** What changes the settings that Envoy gets; what its arguments mean is the extension's. */
export const EnvoyExtension = struct("EnvoyExtension", {
  Name: text,
  Required: bool,
  Arguments: map(any),
  ConsulVersion: text,
  EnvoyVersion: text,
});
export type EnvoyExtension = Infer<typeof EnvoyExtension>;

export const ServiceConfigEntry = struct("ServiceConfigEntry", {
  Kind: text,
  Name: text,
  Protocol: text,
  Mode: omitEmpty(text),
  TransparentProxy: TransparentProxyConfig,
  MutualTLSMode: later(text),
  MeshGateway: MeshGatewayConfig,
  Expose: ExposeConfig,
  ExternalSNI: omitEmpty(text),
  UpstreamConfig: omitEmpty(nullable(UpstreamConfiguration)),
  Destination: later(nullable(DestinationConfig)),
  MaxInboundConnections: later(int),
  LocalConnectTimeoutMs: later(int),
  LocalRequestTimeoutMs: later(int),
  BalanceInboundConnections: later(text),
  EnvoyExtensions: later(list(EnvoyExtension)),
  ...meta,
  ...raftIndex,
});
export type ServiceConfigEntry = Infer<typeof ServiceConfigEntry>;

export const ProxyConfigEntry = struct("ProxyConfigEntry", {
  Kind: text,
  Name: text,
  Config: map(any),
  Mode: omitEmpty(text),
  TransparentProxy: TransparentProxyConfig,
  MutualTLSMode: later(text),
  MeshGateway: MeshGatewayConfig,
  Expose: ExposeConfig,
  EnvoyExtensions: later(list(EnvoyExtension)),
  ...meta,
  ...raftIndex,
});
export type ProxyConfigEntry = Infer<typeof ProxyConfigEntry>;

// ---- the discovery chain: route, split, resolve ----

export const ServiceRouteHTTPMatchHeader = struct("ServiceRouteHTTPMatchHeader", {
  Name: text,
  Present: omitEmpty(bool),
  Exact: omitEmpty(text),
  Prefix: omitEmpty(text),
  Suffix: omitEmpty(text),
  Regex: omitEmpty(text),
  Invert: omitEmpty(bool),
});
export type ServiceRouteHTTPMatchHeader = Infer<typeof ServiceRouteHTTPMatchHeader>;

export const ServiceRouteHTTPMatchQueryParam = struct("ServiceRouteHTTPMatchQueryParam", {
  Name: text,
  Present: omitEmpty(bool),
  Exact: omitEmpty(text),
  Regex: omitEmpty(text),
});

export const ServiceRouteHTTPMatch = struct("ServiceRouteHTTPMatch", {
  PathExact: omitEmpty(text),
  PathPrefix: omitEmpty(text),
  PathRegex: omitEmpty(text),
  Header: omitEmpty(list(ServiceRouteHTTPMatchHeader)),
  QueryParam: omitEmpty(list(ServiceRouteHTTPMatchQueryParam)),
  Methods: omitEmpty(list(text)),
});
export type ServiceRouteHTTPMatch = Infer<typeof ServiceRouteHTTPMatch>;

export const ServiceRouteDestination = struct("ServiceRouteDestination", {
  RequestTimeout: durationText,
  Service: omitEmpty(text),
  ServiceSubset: omitEmpty(text),
  Namespace: omitEmpty(text),
  PrefixRewrite: omitEmpty(text),
  NumRetries: omitEmpty(uint),
  RetryOnConnectFailure: omitEmpty(bool),
  RetryOnStatusCodes: omitEmpty(list(uint)),
});

export const ServiceRoute = struct("ServiceRoute", {
  Match: omitEmpty(nullable(struct("ServiceRouteMatch", { HTTP: omitEmpty(nullable(ServiceRouteHTTPMatch)) }))),
  Destination: omitEmpty(nullable(ServiceRouteDestination)),
});
export type ServiceRoute = Infer<typeof ServiceRoute>;

export const ServiceRouterConfigEntry = struct("ServiceRouterConfigEntry", {
  Kind: text,
  Name: text,
  Routes: list(ServiceRoute),
  ...meta,
  ...raftIndex,
});
export type ServiceRouterConfigEntry = Infer<typeof ServiceRouterConfigEntry>;

export const ServiceSplit = struct("ServiceSplit", {
  /** Percent. */
  Weight: float32,
  Service: omitEmpty(text),
  ServiceSubset: omitEmpty(text),
  Namespace: omitEmpty(text),
});
export type ServiceSplit = Infer<typeof ServiceSplit>;

export const ServiceSplitterConfigEntry = struct("ServiceSplitterConfigEntry", {
  Kind: text,
  Name: text,
  Splits: list(ServiceSplit),
  ...meta,
  ...raftIndex,
});
export type ServiceSplitterConfigEntry = Infer<typeof ServiceSplitterConfigEntry>;

export const ServiceResolverSubset = struct("ServiceResolverSubset", {
  Filter: omitEmpty(text),
  OnlyPassing: omitEmpty(bool),
});

export const ServiceResolverRedirect = struct("ServiceResolverRedirect", {
  Service: omitEmpty(text),
  ServiceSubset: omitEmpty(text),
  Namespace: omitEmpty(text),
  Datacenter: omitEmpty(text),
});

export const ServiceResolverFailover = struct("ServiceResolverFailover", {
  Service: omitEmpty(text),
  ServiceSubset: omitEmpty(text),
  Namespace: omitEmpty(text),
  Datacenters: omitEmpty(list(text)),
});

export const HashPolicy = struct("HashPolicy", {
  Field: omitEmpty(text),
  FieldValue: omitEmpty(text),
  CookieConfig: omitEmpty(
    nullable(struct("CookieConfig", { Session: omitEmpty(bool), TTL: omitEmpty(duration), Path: omitEmpty(text) })),
  ),
  SourceIP: omitEmpty(bool),
  Terminal: omitEmpty(bool),
});

export const LoadBalancer = struct("LoadBalancer", {
  Policy: omitEmpty(text),
  RingHashConfig: omitEmpty(
    nullable(struct("RingHashConfig", { MinimumRingSize: omitEmpty(uint), MaximumRingSize: omitEmpty(uint) })),
  ),
  LeastRequestConfig: omitEmpty(nullable(struct("LeastRequestConfig", { ChoiceCount: omitEmpty(uint) }))),
  HashPolicies: omitEmpty(list(HashPolicy)),
});
export type LoadBalancer = Infer<typeof LoadBalancer>;

export const ServiceResolverConfigEntry = struct("ServiceResolverConfigEntry", {
  ConnectTimeout: durationText,
  RequestTimeout: later(durationText),
  Kind: text,
  Name: text,
  DefaultSubset: omitEmpty(text),
  Subsets: omitEmpty(map(ServiceResolverSubset)),
  Redirect: omitEmpty(nullable(ServiceResolverRedirect)),
  Failover: omitEmpty(map(ServiceResolverFailover)),
  LoadBalancer: omitEmpty(nullable(LoadBalancer)),
  ...meta,
  ...raftIndex,
});
export type ServiceResolverConfigEntry = Infer<typeof ServiceResolverConfigEntry>;

// ---- gateways ----

export const IngressService = struct("IngressService", {
  Name: text,
  Hosts: list(text),
  ...meta,
});

export const IngressListener = struct("IngressListener", {
  Port: int,
  Protocol: text,
  Services: list(IngressService),
});
export type IngressListener = Infer<typeof IngressListener>;

export const IngressGatewayConfigEntry = struct("IngressGatewayConfigEntry", {
  Kind: text,
  Name: text,
  TLS: struct("GatewayTLSConfig", { Enabled: bool }),
  Listeners: list(IngressListener),
  ...meta,
  ...raftIndex,
});
export type IngressGatewayConfigEntry = Infer<typeof IngressGatewayConfigEntry>;

export const LinkedService = struct("LinkedService", {
  Name: omitEmpty(text),
  CAFile: omitEmpty(text),
  CertFile: omitEmpty(text),
  KeyFile: omitEmpty(text),
  SNI: omitEmpty(text),
});

export const TerminatingGatewayConfigEntry = struct("TerminatingGatewayConfigEntry", {
  Kind: text,
  Name: text,
  Services: list(LinkedService),
  ...meta,
  ...raftIndex,
});
export type TerminatingGatewayConfigEntry = Infer<typeof TerminatingGatewayConfigEntry>;

// ---- intentions, the mesh ----

export const IntentionHTTPPermission = struct("IntentionHTTPPermission", {
  PathExact: omitEmpty(text),
  PathPrefix: omitEmpty(text),
  PathRegex: omitEmpty(text),
  Header: omitEmpty(list(ServiceRouteHTTPMatchHeader)),
  Methods: omitEmpty(list(text)),
});

export const IntentionPermission = struct("IntentionPermission", {
  Action: text,
  HTTP: omitEmpty(nullable(IntentionHTTPPermission)),
});
export type IntentionPermission = Infer<typeof IntentionPermission>;

export const SourceIntention = struct("SourceIntention", {
  Name: text,
  Action: omitEmpty(text),
  Permissions: omitEmpty(list(nullable(IntentionPermission))),
  /** Larger numbers come first; computed when the entry is stored. */
  Precedence: int,
  LegacyID: omitEmpty(text),
  Type: text,
  Description: omitEmpty(text),
  LegacyMeta: omitEmpty(map(text)),
  LegacyCreateTime: omitEmpty(nullable(time)),
  LegacyUpdateTime: omitEmpty(nullable(time)),
});
export type SourceIntention = Infer<typeof SourceIntention>;

export const ServiceIntentionsConfigEntry = struct("ServiceIntentionsConfigEntry", {
  Kind: text,
  Name: text,
  Sources: list(nullable(SourceIntention)),
  ...meta,
  ...raftIndex,
});
export type ServiceIntentionsConfigEntry = Infer<typeof ServiceIntentionsConfigEntry>;

const MeshDirectionalTLSConfig = struct("MeshDirectionalTLSConfig", {
  TLSMinVersion: omitEmpty(text),
  TLSMaxVersion: omitEmpty(text),
  CipherSuites: omitEmpty(list(text)),
});
export type MeshDirectionalTLSConfig = Infer<typeof MeshDirectionalTLSConfig>;

const RequestNormalizationMeshConfig = struct("RequestNormalizationMeshConfig", {
  InsecureDisablePathNormalization: bool,
  MergeSlashes: bool,
  PathWithEscapedSlashesAction: text,
  HeadersWithUnderscoresAction: text,
});

const MeshHTTPConfig = struct("MeshHTTPConfig", {
  SanitizeXForwardedClientCert: bool,
  Incoming: omitEmpty(
    nullable(
      struct("MeshDirectionalHTTPConfig", {
        RequestNormalization: omitEmpty(nullable(RequestNormalizationMeshConfig)),
      }),
    ),
  ),
});

/** The one kind that has neither `Kind` nor `Name` on the wire, and no `Name` in JSON. */
export const MeshConfigEntry = struct("MeshConfigEntry", {
  Kind: text,
  Name: hidden(text),
  TransparentProxy: struct("TransparentProxyMeshConfig", { MeshDestinationsOnly: bool }),
  AllowEnablingPermissiveMutualTLS: later(bool),
  ValidateClusters: later(bool),
  TLS: later(
    nullable(
      struct("MeshTLSConfig", {
        Incoming: omitEmpty(nullable(MeshDirectionalTLSConfig)),
        Outgoing: omitEmpty(nullable(MeshDirectionalTLSConfig)),
      }),
    ),
  ),
  HTTP: later(nullable(MeshHTTPConfig)),
  Peering: later(nullable(struct("PeeringMeshConfig", { PeerThroughMeshGateways: bool }))),
  ...meta,
  ...raftIndex,
});
export type MeshConfigEntry = Infer<typeof MeshConfigEntry>;

// ---- what goes to other clusters ----

/** At most one of them is said. */
export const ServiceConsumer = struct("ServiceConsumer", {
  Partition: omitEmpty(text),
  Peer: omitEmpty(text),
  SamenessGroup: omitEmpty(text),
});

export const ExportedService = struct("ExportedService", {
  Name: text,
  Namespace: omitEmpty(text),
  Consumers: omitEmpty(list(ServiceConsumer)),
});
export type ExportedService = Infer<typeof ExportedService>;

/** Of Consul 1.13 and later. It has no `Kind` on the wire. */
export const ExportedServicesConfigEntry = struct("ExportedServicesConfigEntry", {
  Kind: text,
  Name: text,
  Services: omitEmpty(list(ExportedService)),
  ...meta,
  ...raftIndex,
});
export type ExportedServicesConfigEntry = Infer<typeof ExportedServicesConfigEntry>;

/** One service that is exported, by whom it is seen: wildcards are resolved. */
export const ResolvedExportedService = struct("ResolvedExportedService", {
  Service: text,
  Consumers: struct("ResolvedConsumers", { Peers: omitEmpty(list(text)), Partitions: omitEmpty(list(text)) }),
});
export type ResolvedExportedService = Infer<typeof ResolvedExportedService>;

export const IndexedExportedServices = struct("IndexedExportedServices", {
  Services: list(ResolvedExportedService),
  ...queryMeta,
});
export type IndexedExportedServices = Infer<typeof IndexedExportedServices>;
