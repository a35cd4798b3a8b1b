import { HIDDEN, hideCredentials, hideSecrets } from "./secrets.ts";
import type { CheckDefinition, ProxyDefinition, ServiceDefinition } from "./types.ts";
import { formatMs } from "./values.ts";

const NONE = {}; // Enterprise structs, which are empty in this edition

function checkFields(check: CheckDefinition) {
  return {
    AliasNode: check.aliasNode,
    AliasService: check.aliasService,
    Body: check.body,
    DeregisterCriticalServiceAfter: formatMs(check.deregisterCriticalServiceAfterMs),
    DisableRedirects: check.disableRedirects,
    DockerContainerID: check.dockerContainerId,
    FailuresBeforeCritical: check.failuresBeforeCritical,
    GRPC: check.grpc,
    GRPCUseTLS: check.grpcUseTls,
    H2PING: check.h2ping,
    Header: hideSecrets(check.header),
    HTTP: check.http,
    Interval: formatMs(check.intervalMs),
    Method: check.method,
    Name: check.name,
    Notes: check.notes,
    OutputMaxSize: check.outputMaxBytes,
    ScriptArgs: check.args,
    Shell: check.shell,
    Status: check.status,
    SuccessBeforePassing: check.successBeforePassing,
    TCP: check.tcp,
    Timeout: formatMs(check.timeoutMs),
    TLSServerName: check.tlsServerName,
    TLSSkipVerify: check.tlsSkipVerify,
    TTL: formatMs(check.ttlMs),
  };
}

export function checkPart(check: CheckDefinition) {
  return { ...checkFields(check), EnterpriseMeta: NONE, ID: check.id, ServiceID: check.serviceId, Token: HIDDEN };
}

/** Checks inside a service have another Go type than those beside it, with the fields' names slightly changed. */
function serviceCheckPart(check: CheckDefinition) {
  return {
    ...checkFields(check),
    CheckID: check.id,
    ProxyGRPC: "",
    ProxyHTTP: "",
  };
}

export function servicePart(service: ServiceDefinition): Readonly<Record<string, unknown>> {
  const tagged = Object.entries(service.taggedAddresses).map(
    ([tag, { address, port }]) => [tag, { Address: address, Port: port }] as const,
  );
  return {
    Address: service.address,
    Check: serviceCheckPart(EMPTY_CHECK),
    Checks: service.checks.map(serviceCheckPart),
    Connect:
      service.connect === undefined
        ? null
        : {
            Native: service.connect.native,
            SidecarService:
              service.connect.sidecarService === undefined ? null : servicePart(service.connect.sidecarService),
          },
    EnableTagOverride: service.enableTagOverride,
    EnterpriseMeta: NONE,
    ID: service.id,
    Kind: service.kind,
    Meta: hideSecrets(service.meta),
    Name: service.name,
    Port: service.port,
    Proxy: service.proxy === undefined ? null : proxyPart(service.proxy),
    SocketPath: service.socketPath,
    TaggedAddresses: Object.fromEntries(tagged),
    Tags: service.tags,
    Token: HIDDEN,
    Weights: { Passing: service.weights.passing, Warning: service.weights.warning },
  };
}

const EMPTY_CHECK: CheckDefinition = {
  ...{ id: "", name: "", notes: "", serviceId: "", token: "", status: "", args: [], http: "", header: {}, method: "" },
  ...{
    body: "",
    disableRedirects: false,
    outputMaxBytes: 0,
    tcp: "",
    udp: "",
    intervalMs: 0,
    dockerContainerId: "",
    shell: "",
  },
  ...{ grpc: "", grpcUseTls: false, h2ping: "", tlsServerName: "", tlsSkipVerify: false, aliasNode: "" },
  ...{ aliasService: "", timeoutMs: 0, ttlMs: 0, successBeforePassing: 0, failuresBeforeCritical: 0 },
  ...{ tcpUseTls: false, osService: "", failuresBeforeWarning: 0 },
  deregisterCriticalServiceAfterMs: 0,
};

function proxyPart(proxy: ProxyDefinition): Readonly<Record<string, unknown>> {
  return {
    Config: hideCredentials(proxy.config),
    DestinationServiceID: proxy.destinationServiceId,
    DestinationServiceName: proxy.destinationServiceName,
    Expose: {
      Checks: proxy.expose.checks,
      Paths: proxy.expose.paths.map((path) => ({
        ListenerPort: path.listenerPort,
        LocalPathPort: path.localPathPort,
        ParsedFromCheck: false,
        Path: path.path,
        Protocol: path.protocol,
      })),
    },
    LocalServiceAddress: proxy.localServiceAddress,
    LocalServicePort: proxy.localServicePort,
    LocalServiceSocketPath: proxy.localServiceSocketPath,
    MeshGateway: { Mode: proxy.meshGatewayMode },
    Mode: proxy.mode,
    TransparentProxy: {
      DialedDirectly: proxy.transparentProxy.dialedDirectly,
      OutboundListenerPort: proxy.transparentProxy.outboundListenerPort,
    },
    Upstreams: proxy.upstreams.map((upstream) => ({
      CentrallyConfigured: false,
      Config: hideCredentials(upstream.config),
      Datacenter: upstream.datacenter,
      DestinationName: upstream.destinationName,
      DestinationNamespace: upstream.destinationNamespace,
      DestinationType: upstream.destinationType,
      IngressHosts: [],
      LocalBindAddress: upstream.localBindAddress,
      LocalBindPort: upstream.localBindPort,
      LocalBindSocketMode: upstream.localBindSocketMode,
      LocalBindSocketPath: upstream.localBindSocketPath,
      MeshGateway: { Mode: upstream.meshGatewayMode },
    })),
  };
}
