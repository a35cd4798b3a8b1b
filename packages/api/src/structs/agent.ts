/**
 * Services and checks in the form of `/v1/agent`, which is the Go client's and differs from the catalog's in what
 * it leaves out. Fields and order are Consul 1.10's.
 */
import { any, bool, type Infer, int, list, map, nullable, omitEmpty, struct, text, uint } from "../schema.ts";
import { MeshGatewayConfig, ServiceAddress, TransparentProxyConfig, Weights } from "./service.ts";

const AgentExposePath = struct("ExposePath", {
  ListenerPort: omitEmpty(int),
  Path: omitEmpty(text),
  LocalPathPort: omitEmpty(int),
  Protocol: omitEmpty(text),
  ParsedFromCheck: bool,
});

const AgentUpstream = struct("Upstream", {
  DestinationType: omitEmpty(text),
  DestinationNamespace: omitEmpty(text),
  DestinationName: text,
  Datacenter: omitEmpty(text),
  LocalBindAddress: omitEmpty(text),
  LocalBindPort: omitEmpty(int),
  LocalBindSocketPath: omitEmpty(text),
  LocalBindSocketMode: omitEmpty(text),
  Config: omitEmpty(map(any)),
  MeshGateway: MeshGatewayConfig,
});

const AgentProxy = struct("AgentServiceConnectProxyConfig", {
  DestinationServiceName: omitEmpty(text),
  DestinationServiceID: omitEmpty(text),
  LocalServiceAddress: omitEmpty(text),
  LocalServicePort: omitEmpty(int),
  LocalServiceSocketPath: omitEmpty(text),
  Mode: omitEmpty(text),
  TransparentProxy: omitEmpty(nullable(TransparentProxyConfig)),
  Config: omitEmpty(map(any)),
  Upstreams: omitEmpty(list(AgentUpstream)),
  MeshGateway: MeshGatewayConfig,
  Expose: struct("ExposeConfig", { Checks: omitEmpty(bool), Paths: omitEmpty(list(AgentExposePath)) }),
});

export const AgentService = struct("AgentService", {
  Kind: omitEmpty(text),
  ID: text,
  Service: text,
  Tags: list(text),
  Meta: map(text),
  Port: int,
  Address: text,
  SocketPath: omitEmpty(text),
  TaggedAddresses: omitEmpty(map(ServiceAddress)),
  Weights: Weights,
  EnableTagOverride: bool,
  CreateIndex: omitEmpty(uint),
  ModifyIndex: omitEmpty(uint),
  /** Only in the answer for a single service: what the next blocking query gives as `?hash=`. */
  ContentHash: omitEmpty(text),
  /** Null unless the service is a proxy or a gateway. */
  Proxy: omitEmpty(nullable(AgentProxy)),
  /** Null unless the service speaks mutual TLS itself. */
  Connect: omitEmpty(nullable(struct("AgentServiceConnect", { Native: omitEmpty(bool) }))),
  Datacenter: omitEmpty(text),
});
export type AgentService = Infer<typeof AgentService>;
