import { bool, int, list, map, type StructType, string, struct } from "./field-type.ts";

/**
 * Types of the rows that Consul's endpoints filter, by the names its answers use. The full list of
 * selectors and operators was recorded from the reference evaluator and is held by `filter-types.test.ts`.
 */

const weights = struct({ Passing: int, Warning: int });
const serviceAddress = struct({ Address: string, Port: int });
const meshGateway = struct({ Mode: string });
const connect = struct({ Native: bool });
const metadata = map(string);

const upstream = struct({
  DestinationType: string,
  DestinationNamespace: string,
  DestinationName: string,
  Datacenter: string,
  LocalBindAddress: string,
  LocalBindPort: int,
  LocalBindSocketPath: string,
  LocalBindSocketMode: string,
  MeshGateway: meshGateway,
});

const exposedPath = struct({
  ListenerPort: int,
  Path: string,
  LocalPathPort: int,
  Protocol: string,
  ParsedFromCheck: bool,
});

const proxy = struct({
  DestinationServiceName: string,
  DestinationServiceID: string,
  LocalServiceAddress: string,
  LocalServicePort: int,
  LocalServiceSocketPath: string,
  Mode: string,
  Upstreams: list(upstream),
  MeshGateway: meshGateway,
  Expose: struct({ Checks: bool, Paths: list(exposedPath) }),
  TransparentProxy: struct({ OutboundListenerPort: int, DialedDirectly: bool }),
});

/** `/v1/catalog/nodes`. */
export const NODE: StructType = struct({
  ID: string,
  Node: string,
  Address: string,
  Datacenter: string,
  TaggedAddresses: metadata,
  Meta: metadata,
});

/** `/v1/catalog/service/:name` and `/v1/catalog/connect/:name`: a service flattened onto its node. */
export const SERVICE_NODE: StructType = struct({
  ID: string,
  Node: string,
  Address: string,
  Datacenter: string,
  TaggedAddresses: metadata,
  NodeMeta: metadata,
  ServiceKind: string,
  ServiceID: string,
  ServiceName: string,
  ServiceTags: list(string),
  ServiceAddress: string,
  ServiceTaggedAddresses: map(serviceAddress),
  ServiceMeta: metadata,
  ServicePort: int,
  ServiceSocketPath: string,
  ServiceWeights: weights,
  ServiceEnableTagOverride: bool,
  ServiceProxy: proxy,
  ServiceConnect: connect,
});

/** Values of `/v1/catalog/node/:node`'s Services, and rows of `/v1/catalog/node-services/:node`. */
export const NODE_SERVICE: StructType = struct({
  Kind: string,
  ID: string,
  Service: string,
  Tags: list(string),
  Address: string,
  TaggedAddresses: map(serviceAddress),
  Meta: metadata,
  Port: int,
  SocketPath: string,
  Weights: weights,
  EnableTagOverride: bool,
  Proxy: proxy,
  Connect: connect,
});

/** Values of `/v1/agent/services`: the agent's own form has the same selectors as the catalog's. */
export const AGENT_SERVICE: StructType = NODE_SERVICE;

/** `/v1/health/node|checks|state` and, as a late filter, `/v1/agent/checks`. */
export const HEALTH_CHECK: StructType = struct({
  Node: string,
  CheckID: string,
  Name: string,
  Status: string,
  Notes: string,
  Output: string,
  ServiceID: string,
  ServiceName: string,
  ServiceTags: list(string),
  Type: string,
  Interval: string,
  Timeout: string,
  ExposedPort: int,
});

/** `/v1/health/service|connect|ingress/:name`, the UI's gateway views, and a service resolver's subsets. */
export const CHECK_SERVICE_NODE: StructType = struct({
  Node: NODE,
  Service: NODE_SERVICE,
  Checks: list(HEALTH_CHECK),
});

/** `/v1/internal/ui/nodes`. */
export const NODE_INFO: StructType = struct({
  ID: string,
  Node: string,
  Address: string,
  TaggedAddresses: metadata,
  Meta: metadata,
  Services: list(NODE_SERVICE),
  Checks: list(HEALTH_CHECK),
});

/** `/v1/connect/intentions`. */
export const INTENTION: StructType = struct({
  ID: string,
  Description: string,
  SourceNS: string,
  SourceName: string,
  DestinationNS: string,
  DestinationName: string,
  SourceType: string,
  Action: string,
  Precedence: int,
  Meta: metadata,
});

/** A member of a gossip pool; Consul 1.10 does not filter them yet. */
export const MEMBER: StructType = struct({
  Name: string,
  Addr: string,
  Port: int,
  Tags: metadata,
  Status: int,
  ProtocolMin: int,
  ProtocolMax: int,
  ProtocolCur: int,
  DelegateMin: int,
  DelegateMax: int,
  DelegateCur: int,
});

/** A `service-defaults` entry, what of it can be compared. */
export const SERVICE_DEFAULTS: StructType = struct({
  Kind: string,
  Name: string,
  Protocol: string,
  Mode: string,
  TransparentProxy: struct({ OutboundListenerPort: int, DialedDirectly: bool }),
  MeshGateway: meshGateway,
  ExternalSNI: string,
  Meta: metadata,
});

/** A service that is exported, as `services exported-services` selects them. */
export const EXPORTED_SERVICE: StructType = struct({
  Service: string,
  Partition: string,
  Namespace: string,
  Consumers: struct({ Peers: list(string), Partitions: list(string) }),
});
