/** Services as the catalog and the agents hold them. Fields and order are Consul 1.10's. */
import {
  aliased,
  any,
  bool,
  hidden,
  type Infer,
  int,
  lenient,
  list,
  map,
  nullable,
  omitEmpty,
  omitZero,
  struct,
  text,
} from "../schema.ts";
import { raftIndex } from "./common.ts";

export const ExposePath = aliased(
  struct("ExposePath", {
    ListenerPort: omitEmpty(int),
    Path: omitEmpty(text),
    LocalPathPort: omitEmpty(int),
    Protocol: omitEmpty(text),
    ParsedFromCheck: omitEmpty(bool),
  }),
);
export type ExposePath = Infer<typeof ExposePath>;

export const ExposeConfig = struct("ExposeConfig", {
  Checks: omitEmpty(bool),
  Paths: omitEmpty(list(ExposePath)),
});
export type ExposeConfig = Infer<typeof ExposeConfig>;

export const MeshGatewayConfig = struct("MeshGatewayConfig", {
  Mode: omitEmpty(text),
});
export type MeshGatewayConfig = Infer<typeof MeshGatewayConfig>;

export const TransparentProxyConfig = struct("TransparentProxyConfig", {
  OutboundListenerPort: omitEmpty(int),
  DialedDirectly: omitEmpty(bool),
});
export type TransparentProxyConfig = Infer<typeof TransparentProxyConfig>;

export const Upstream = aliased(
  struct("Upstream", {
    DestinationType: text,
    DestinationNamespace: omitEmpty(text),
    DestinationName: text,
    Datacenter: text,
    LocalBindAddress: omitEmpty(text),
    LocalBindPort: omitEmpty(int),
    LocalBindSocketPath: omitEmpty(text),
    LocalBindSocketMode: omitEmpty(text),
    Config: omitEmpty(map(any)),
    MeshGateway: MeshGatewayConfig,
    IngressHosts: hidden(list(text)),
    CentrallyConfigured: omitEmpty(bool),
  }),
);
export type Upstream = Infer<typeof Upstream>;

export const ConnectProxyConfig = aliased(
  struct("ConnectProxyConfig", {
    DestinationServiceName: omitEmpty(text),
    DestinationServiceID: omitEmpty(text),
    LocalServiceAddress: omitEmpty(text),
    LocalServicePort: omitEmpty(int),
    LocalServiceSocketPath: omitEmpty(text),
    Mode: text,
    Config: omitEmpty(map(any)),
    Upstreams: omitEmpty(list(Upstream)),
    MeshGateway: MeshGatewayConfig,
    Expose: ExposeConfig,
    TransparentProxy: omitZero(TransparentProxyConfig),
  }),
);
export type ConnectProxyConfig = Infer<typeof ConnectProxyConfig>;

export const ServiceAddress = struct("ServiceAddress", {
  Address: text,
  Port: int,
});
export type ServiceAddress = Infer<typeof ServiceAddress>;

export const Weights = struct("Weights", {
  Passing: int,
  Warning: int,
});
export type Weights = Infer<typeof Weights>;

export const ServiceConnect = lenient(
  aliased(
    struct("ServiceConnect", {
      Native: omitEmpty(bool),
      /** Only in a registration to an agent, which turns it into a service of its own. */
      SidecarService: omitEmpty(any),
    }),
  ),
);
export type ServiceConnect = Infer<typeof ServiceConnect>;

export const NodeService = struct("NodeService", {
  Kind: omitEmpty(text),
  ID: text,
  Service: text,
  Tags: list(text),
  Address: text,
  TaggedAddresses: omitEmpty(map(ServiceAddress)),
  Meta: map(text),
  Port: omitEmpty(int),
  SocketPath: omitEmpty(text),
  Weights: nullable(Weights),
  EnableTagOverride: bool,
  Proxy: ConnectProxyConfig,
  Connect: ServiceConnect,
  LocallyRegisteredAsSidecar: hidden(bool),
  ...raftIndex,
});
export type NodeService = Infer<typeof NodeService>;

export const ServiceName = struct("ServiceName", {
  Name: text,
});
export type ServiceName = Infer<typeof ServiceName>;
