import { ConnectProxyConfig, type HealthCheck, make, type NodeService, Upstream } from "@tribune/api";
import { type CheckType, makeCheckType } from "../../checks/check-type.ts";
import type { CheckDefinition, ProxyDefinition, ServiceDefinition, UpstreamDefinition } from "../../config/types.ts";
import { TribuneError } from "../../lib/errors.ts";
import { goQuote } from "../../lib/go-quote.ts";
import { EMPTY_SERVICE } from "./empty-rows.ts";
import { healthCheckOf } from "./registration/read-registration.ts";
import { type SidecarPorts, sidecarFor } from "./registration/sidecar.ts";

const NS_PER_MS = 1e6;

/** Services and checks that the agent's configuration defines. */
export interface Configured {
  readonly services: readonly ConfiguredService[];
  readonly checks: readonly ConfiguredCheck[];
}

export interface ConfiguredService {
  readonly service: NodeService;
  readonly checkTypes: readonly CheckType[];
  readonly token: string;
}

export interface ConfiguredCheck {
  readonly check: HealthCheck;
  readonly checkType: CheckType;
  readonly token: string;
}

/** What of the configuration counts here. */
export interface ConfiguredSource {
  readonly services: readonly ServiceDefinition[];
  readonly checks: readonly CheckDefinition[];
  readonly ports: { readonly sidecarMin: number; readonly sidecarMax: number };
  /** Of what brings none; empty: what the agent uses otherwise. */
  readonly acl: { readonly tokens: { readonly configFileRegistration: string } };
}

/**
 * Turns the configuration's own shapes into those of the registry; a sidecar follows its service.
 *
 * @param registered what there is already: sidecars keep their ports over a reload.
 * @throws TribuneError where a sidecar cannot be.
 */
export function configuredOf(config: ConfiguredSource, registered: Iterable<NodeService>): Configured {
  const ports = { min: config.ports.sidecarMin, max: config.ports.sidecarMax };
  const taken = [...registered];
  const services: ConfiguredService[] = [];
  for (const definition of config.services) {
    const own = configuredService(definition);
    const sidecar = configuredSidecar(definition, own, ports, taken);
    for (const each of sidecar === undefined ? [own] : [own, sidecar]) {
      services.push(each);
      taken.push(each.service);
    }
  }
  const token = config.acl.tokens.configFileRegistration;
  return {
    services: services.map((service) => ({ ...service, token: service.token || token })),
    checks: config.checks.map(configuredCheck).map((check) => ({ ...check, token: check.token || token })),
  };
}

function configuredSidecar(
  { name, connect }: ServiceDefinition,
  { service, token }: ConfiguredService,
  ports: SidecarPorts,
  taken: readonly NodeService[],
): ConfiguredService | undefined {
  if (connect?.sidecarService === undefined) return undefined;
  try {
    const sidecar = sidecarFor(service, configuredService(connect.sidecarService), ports, taken);
    return { ...sidecar, token: sidecar.token || token };
  } catch (error) {
    if (!(error instanceof TribuneError)) throw error;
    throw TribuneError.internal(`Failed to validate sidecar for service ${goQuote(name)}: ${error.message}`, error);
  }
}

function configuredService(definition: ServiceDefinition): ConfiguredService {
  const service: NodeService = {
    ...EMPTY_SERVICE,
    Kind: definition.kind,
    ID: definition.id || definition.name,
    Service: definition.name,
    Tags: definition.tags,
    Address: definition.address,
    TaggedAddresses: Object.fromEntries(
      Object.entries(definition.taggedAddresses).map(([tag, { address, port }]) => [
        tag,
        { Address: address, Port: port },
      ]),
    ),
    Meta: definition.meta,
    Port: definition.port,
    SocketPath: definition.socketPath,
    Weights: { Passing: definition.weights.passing, Warning: definition.weights.warning },
    EnableTagOverride: definition.enableTagOverride,
    ...(definition.proxy === undefined ? {} : { Proxy: proxyOf(definition.proxy) }),
    // A nested sidecar becomes a service of its own.
    Connect: { Native: definition.connect?.native ?? false, SidecarService: null },
  };
  return { service, checkTypes: definition.checks.map(checkTypeOf), token: definition.token };
}

function configuredCheck(definition: CheckDefinition): ConfiguredCheck {
  const checkType = checkTypeOf(definition);
  return { check: healthCheckOf(checkType, definition.serviceId), checkType, token: definition.token };
}

function checkTypeOf(definition: CheckDefinition): CheckType {
  return makeCheckType({
    CheckID: definition.id,
    Name: definition.name,
    Status: definition.status,
    Notes: definition.notes,
    ScriptArgs: definition.args,
    HTTP: definition.http,
    H2PING: definition.h2ping,
    Header: definition.header,
    Method: definition.method,
    Body: definition.body,
    DisableRedirects: definition.disableRedirects,
    TCP: definition.tcp,
    TCPUseTLS: definition.tcpUseTls,
    UDP: definition.udp,
    OSService: definition.osService,
    Interval: definition.intervalMs * NS_PER_MS,
    AliasNode: definition.aliasNode,
    AliasService: definition.aliasService,
    DockerContainerID: definition.dockerContainerId,
    Shell: definition.shell,
    GRPC: definition.grpc,
    GRPCUseTLS: definition.grpcUseTls,
    TLSServerName: definition.tlsServerName,
    TLSSkipVerify: definition.tlsSkipVerify,
    Timeout: definition.timeoutMs * NS_PER_MS,
    TTL: definition.ttlMs * NS_PER_MS,
    SuccessBeforePassing: definition.successBeforePassing,
    FailuresBeforeWarning: definition.failuresBeforeWarning,
    FailuresBeforeCritical: definition.failuresBeforeCritical,
    DeregisterCriticalServiceAfter: definition.deregisterCriticalServiceAfterMs * NS_PER_MS,
    OutputMaxSize: definition.outputMaxBytes,
  });
}

function proxyOf(definition: ProxyDefinition): ConnectProxyConfig {
  return make(ConnectProxyConfig, {
    DestinationServiceName: definition.destinationServiceName,
    DestinationServiceID: definition.destinationServiceId,
    LocalServiceAddress: definition.localServiceAddress,
    LocalServicePort: definition.localServicePort,
    LocalServiceSocketPath: definition.localServiceSocketPath,
    Mode: definition.mode,
    Config: definition.config,
    Upstreams: definition.upstreams.length === 0 ? null : definition.upstreams.map(upstreamOf),
    MeshGateway: { Mode: definition.meshGatewayMode },
    Expose: {
      Checks: definition.expose.checks,
      Paths: definition.expose.paths.map((path) => ({
        ListenerPort: path.listenerPort,
        Path: path.path,
        LocalPathPort: path.localPathPort,
        Protocol: path.protocol,
        ParsedFromCheck: false,
      })),
    },
    TransparentProxy: {
      OutboundListenerPort: definition.transparentProxy.outboundListenerPort,
      DialedDirectly: definition.transparentProxy.dialedDirectly,
    },
  });
}

function upstreamOf(definition: UpstreamDefinition): Upstream {
  return make(Upstream, {
    DestinationType: definition.destinationType || "service",
    DestinationNamespace: definition.destinationNamespace,
    DestinationName: definition.destinationName,
    Datacenter: definition.datacenter,
    LocalBindAddress: definition.localBindAddress,
    LocalBindPort: definition.localBindPort,
    LocalBindSocketPath: definition.localBindSocketPath,
    LocalBindSocketMode: definition.localBindSocketMode,
    Config: definition.config,
    MeshGateway: { Mode: definition.meshGatewayMode },
  });
}
