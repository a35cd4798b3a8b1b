import type { CheckDefinition, ProxyDefinition, ServiceDefinition } from "../../config/types.ts";
import { formatMs } from "../../config/values.ts";

/** Body of `/v1/agent/service/register`. Fields at their zero value are left out. */
export interface Registration {
  readonly ID: string;
  readonly Name: string;
  readonly [field: string]: unknown;
}

/** A definition of a configuration file in the form the API takes. */
export function serviceRegistration(service: ServiceDefinition): Registration {
  const tagged = Object.entries(service.taggedAddresses).map(
    ([tag, { address, port }]) => [tag, { Address: address, Port: port }] as const,
  );
  return {
    ID: service.id,
    Name: service.name,
    ...present({
      Kind: service.kind,
      Tags: service.tags,
      Address: service.address,
      Port: service.port,
      SocketPath: service.socketPath,
      TaggedAddresses: Object.fromEntries(tagged),
      Meta: service.meta,
      EnableTagOverride: service.enableTagOverride,
      Token: service.token,
      Checks: service.checks.map(checkBody),
    }),
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
    ...(service.proxy === undefined ? {} : { Proxy: proxyBody(service.proxy) }),
    ...(service.connect === undefined ? {} : { Connect: connectBody(service.connect) }),
  };
}

function connectBody(connect: NonNullable<ServiceDefinition["connect"]>): unknown {
  return {
    ...present({ Native: connect.native }),
    ...(connect.sidecarService === undefined ? {} : { SidecarService: serviceRegistration(connect.sidecarService) }),
  };
}

function checkBody(check: CheckDefinition): unknown {
  return present({
    CheckID: check.id,
    Name: check.name,
    Notes: check.notes,
    Status: check.status,
    Args: check.args,
    HTTP: check.http,
    Header: check.header,
    Method: check.method,
    Body: check.body,
    DisableRedirects: check.disableRedirects,
    TCP: check.tcp,
    Interval: duration(check.intervalMs),
    Timeout: duration(check.timeoutMs),
    TTL: duration(check.ttlMs),
    DockerContainerID: check.dockerContainerId,
    Shell: check.shell,
    GRPC: check.grpc,
    GRPCUseTLS: check.grpcUseTls,
    H2PING: check.h2ping,
    TLSServerName: check.tlsServerName,
    TLSSkipVerify: check.tlsSkipVerify,
    AliasNode: check.aliasNode,
    AliasService: check.aliasService,
    SuccessBeforePassing: check.successBeforePassing,
    FailuresBeforeCritical: check.failuresBeforeCritical,
    DeregisterCriticalServiceAfter: duration(check.deregisterCriticalServiceAfterMs),
    OutputMaxSize: check.outputMaxBytes,
  });
}

function proxyBody(proxy: ProxyDefinition): unknown {
  return present({
    DestinationServiceName: proxy.destinationServiceName,
    DestinationServiceID: proxy.destinationServiceId,
    LocalServiceAddress: proxy.localServiceAddress,
    LocalServicePort: proxy.localServicePort,
    LocalServiceSocketPath: proxy.localServiceSocketPath,
    Mode: proxy.mode,
    TransparentProxy: present({
      OutboundListenerPort: proxy.transparentProxy.outboundListenerPort,
      DialedDirectly: proxy.transparentProxy.dialedDirectly,
    }),
    MeshGateway: present({ Mode: proxy.meshGatewayMode }),
    Config: proxy.config,
    Upstreams: proxy.upstreams.map((upstream) =>
      present({
        DestinationType: upstream.destinationType,
        DestinationNamespace: upstream.destinationNamespace,
        DestinationName: upstream.destinationName,
        Datacenter: upstream.datacenter,
        LocalBindAddress: upstream.localBindAddress,
        LocalBindPort: upstream.localBindPort,
        LocalBindSocketPath: upstream.localBindSocketPath,
        LocalBindSocketMode: upstream.localBindSocketMode,
        Config: upstream.config,
        MeshGateway: present({ Mode: upstream.meshGatewayMode }),
      }),
    ),
    Expose: present({
      Checks: proxy.expose.checks,
      Paths: proxy.expose.paths.map((path) => ({
        ListenerPort: path.listenerPort,
        Path: path.path,
        LocalPathPort: path.localPathPort,
        Protocol: path.protocol,
      })),
    }),
  });
}

const duration = (ms: number): string => (ms === 0 ? "" : formatMs(ms));

/** Without what is "", 0, false, [] or {}. */
function present(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const entries = Object.entries(fields).filter(([, value]) => {
    if (typeof value === "object" && value !== null) return Object.keys(value).length > 0;
    return Boolean(value);
  });
  return Object.fromEntries(entries);
}
