/**
 * What configuration entries say of a service and its upstreams, and what that makes of a registration. The servers work
 * out the first, the agent that registers merges it in: what was registered counts more.
 */
import {
  type MeshGatewayConfig,
  make,
  type NodeService,
  type ServiceConfigEntry,
  type ServiceConfigRequest,
  ServiceConfigResponse,
  Upstream,
  type UpstreamConfig,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { WILDCARD } from "./intention.ts";
import type { Lookup } from "./protocol.ts";

type Opaque = Readonly<Record<string, unknown>>;

/** @throws TribuneError for a global protocol that is no text */
export function resolveServiceConfig(lookup: Lookup, request: ServiceConfigRequest): ServiceConfigResponse {
  const proxies = lookup("proxy-defaults", "global");
  const service = lookup("service-defaults", request.Name);
  const reply = make(ServiceConfigResponse, {
    ...(proxies === undefined ? {} : pick(proxies, "Mode", "TransparentProxy", "MeshGateway", "Expose")),
    ProxyConfig: proxies?.Config ?? null,
  });
  const resolved = service === undefined ? reply : withDefaults(reply, service);

  const explicit = (request.UpstreamIDs ?? []).map(({ ID }) => ID);
  const legacy = explicit.length === 0 ? (request.Upstreams ?? []) : [];
  const transparent = request.Mode === "transparent" || resolved.Mode === "transparent";
  // A proxy without upstreams that does not find them by itself is told of none.
  if (explicit.length === 0 && legacy.length === 0 && !transparent) return resolved;

  const configs = upstreamConfigs(lookup, service, request.MeshGateway, [...explicit, ...legacy]);
  if (configs.size === 0) return resolved;
  if (legacy.length > 0) return { ...resolved, UpstreamConfigs: Object.fromEntries(configs) };
  const UpstreamIDConfigs = [...configs].map(([ID, Config]) => ({ Upstream: { ID }, Config }));
  return { ...resolved, UpstreamIDConfigs };
}

function withDefaults(reply: ServiceConfigResponse, service: ServiceConfigEntry): ServiceConfigResponse {
  const { Expose, MeshGateway, Protocol, TransparentProxy, Mode } = service;
  return {
    ...reply,
    Expose: {
      Checks: Expose.Checks || reply.Expose.Checks,
      Paths: (Expose.Paths ?? []).length > 0 ? Expose.Paths : reply.Expose.Paths,
    },
    MeshGateway: MeshGateway.Mode === "" ? reply.MeshGateway : MeshGateway,
    ProxyConfig: Protocol === "" ? reply.ProxyConfig : { ...reply.ProxyConfig, protocol: Protocol },
    TransparentProxy: {
      OutboundListenerPort: TransparentProxy.OutboundListenerPort || reply.TransparentProxy.OutboundListenerPort,
      DialedDirectly: TransparentProxy.DialedDirectly || reply.TransparentProxy.DialedDirectly,
    },
    Mode: Mode || reply.Mode,
  };
}

/** By upstream; what holds for those that only intentions tell of stands under `*`. */
function upstreamConfigs(
  lookup: Lookup,
  service: ServiceConfigEntry | undefined,
  ownGateway: MeshGatewayConfig,
  asked: readonly string[],
): Map<string, Opaque> {
  const overrides = new Map<string, UpstreamConfig>();
  for (const override of service?.UpstreamConfig?.Overrides ?? [])
    if (override !== null && override.Name !== "") overrides.set(override.Name, override);
  const defaults = service?.UpstreamConfig?.Defaults ?? null;
  const configs = new Map<string, Opaque>();
  if (defaults !== null) configs.set(WILDCARD, opaque(defaults));
  const everyones = globalProtocol(lookup);
  for (const name of new Set([...asked, ...overrides.keys()])) {
    const protocol = lookup("service-defaults", name)?.Protocol || everyones;
    const override = overrides.get(name);
    const config: Opaque = {
      ...(protocol === "" ? {} : { protocol }),
      ...(defaults === null ? {} : opaque(defaults)),
      ...(ownGateway.Mode === "" ? {} : { mesh_gateway: { Mode: ownGateway.Mode } }),
      ...(override === undefined ? {} : opaque(override)),
    };
    if (Object.keys(config).length > 0) configs.set(name, config);
  }
  return configs;
}

function globalProtocol(lookup: Lookup): string {
  const protocol: unknown = lookup("proxy-defaults", "global")?.Config?.protocol ?? "";
  if (typeof protocol !== "string") throw TribuneError.internal(`invalid protocol type ${typeof protocol}`);
  return protocol;
}

/** Only what says something: an empty value would override. */
function opaque(config: UpstreamConfig): Opaque {
  const { EnvoyListenerJSON, EnvoyClusterJSON, Protocol, ConnectTimeoutMs, MeshGateway, Limits } = config;
  const { PassiveHealthCheck } = config;
  return {
    ...(EnvoyListenerJSON === "" ? {} : { envoy_listener_json: EnvoyListenerJSON }),
    ...(EnvoyClusterJSON === "" ? {} : { envoy_cluster_json: EnvoyClusterJSON }),
    ...(Protocol === "" ? {} : { protocol: Protocol }),
    ...(ConnectTimeoutMs === 0 ? {} : { connect_timeout_ms: ConnectTimeoutMs }),
    ...(MeshGateway.Mode === "" ? {} : { mesh_gateway: { Mode: MeshGateway.Mode } }),
    ...(Limits === null ? {} : { limits: { ...Limits } }),
    ...(PassiveHealthCheck === null ? {} : { passive_health_check: { ...PassiveHealthCheck } }),
  };
}

function pick<T, K extends keyof T>(value: T, ...names: readonly K[]): Pick<T, K> {
  return Object.fromEntries(names.map((name) => [name, value[name]])) as Pick<T, K>;
}

// ---- for the agent ----

/** What an agent asks for a service that it registers. */
export function serviceConfigQuery(
  service: NodeService,
): Pick<ServiceConfigRequest, "Name" | "MeshGateway" | "Mode" | "UpstreamIDs"> {
  const { Kind, Service, Proxy: proxy } = service;
  const sidecar = Kind === "connect-proxy";
  const upstreams = sidecar ? (proxy.Upstreams ?? []).filter(isService) : [];
  return {
    Name: sidecar ? proxy.DestinationServiceName : Service,
    MeshGateway: proxy.MeshGateway,
    Mode: proxy.Mode,
    UpstreamIDs: upstreams.length === 0 ? null : upstreams.map(({ DestinationName }) => ({ ID: DestinationName })),
  };
}

/** Whether entries have a say in a service: proxies and gateways; others have nothing that they could change. */
export function isCentrallyConfigured({ Kind }: NodeService): boolean {
  return Kind !== "";
}

const isService = ({ DestinationType }: Upstream): boolean => DestinationType === "" || DestinationType === "service";

/** The registration with what entries say where it says nothing itself. */
export function mergeServiceConfig(service: NodeService, defaults: ServiceConfigResponse): NodeService {
  const { Proxy: own } = service;
  const Mode = own.Mode || defaults.Mode;
  return {
    ...service,
    Proxy: {
      ...own,
      Config: filled(own.Config, defaults.ProxyConfig),
      Expose: {
        Checks: own.Expose.Checks || defaults.Expose.Checks,
        Paths: (own.Expose.Paths ?? []).length > 0 ? own.Expose.Paths : defaults.Expose.Paths,
      },
      MeshGateway: own.MeshGateway.Mode === "" ? defaults.MeshGateway : own.MeshGateway,
      Mode,
      TransparentProxy: {
        OutboundListenerPort:
          own.TransparentProxy.OutboundListenerPort || defaults.TransparentProxy.OutboundListenerPort,
        DialedDirectly: own.TransparentProxy.DialedDirectly || defaults.TransparentProxy.DialedDirectly,
      },
      Upstreams: mergedUpstreams(own.Upstreams, defaults, Mode === "transparent"),
    },
  };
}

function mergedUpstreams(
  own: readonly Upstream[] | null,
  { UpstreamIDConfigs }: ServiceConfigResponse,
  transparent: boolean,
): readonly Upstream[] | null {
  const configs = new Map((UpstreamIDConfigs ?? []).map(({ Upstream: { ID }, Config }) => [ID, Config ?? {}]));
  const merged = (own ?? []).map((upstream) => {
    const config = isService(upstream) ? configs.get(upstream.DestinationName) : undefined;
    if (config === undefined) return upstream;
    const { mesh_gateway: _, ...Config } = filled(upstream.Config, config) ?? {};
    return {
      ...upstream,
      MeshGateway: upstream.MeshGateway.Mode === "" ? { Mode: gatewayMode(config) } : upstream.MeshGateway,
      Config,
    };
  });
  if (!transparent) return own === null ? null : merged;
  // A transparent proxy has upstreams that nobody registered.
  const named = new Set((own ?? []).filter(isService).map(({ DestinationName }) => DestinationName));
  const added = [...configs]
    .filter(([name]) => !named.has(name))
    .map(([DestinationName, Config]) =>
      make(Upstream, {
        DestinationNamespace: "default",
        DestinationName,
        Config,
        MeshGateway: { Mode: gatewayMode(Config) },
        CentrallyConfigured: true,
      }),
    );
  return own === null && added.length === 0 ? null : [...merged, ...added];
}

function gatewayMode(config: Opaque): string {
  const gateway = config.mesh_gateway;
  const mode: unknown = typeof gateway === "object" && gateway !== null ? (gateway as Opaque).Mode : undefined;
  return typeof mode === "string" ? mode : "";
}

/** As Go's mergo: empty values are filled in, maps inside of maps as well. */
function filled(own: Opaque | null, defaults: Opaque | null): Opaque | null {
  if (defaults === null || Object.keys(defaults).length === 0) return own;
  const merged: Record<string, unknown> = { ...own };
  for (const [name, value] of Object.entries(defaults)) {
    const present = merged[name];
    if (isMap(present) && isMap(value)) merged[name] = filled(present, value);
    else if (isEmpty(present)) merged[name] = value;
  }
  return merged;
}

function isMap(value: unknown): value is Opaque {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  return isMap(value) && Object.keys(value).length === 0;
}
