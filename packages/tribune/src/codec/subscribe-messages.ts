/** Messages of `/subscribe.StateChangeSubscription/Subscribe` (port 8300, byte 8): field numbers are Consul 1.10's. */
import { type PbMessage, pbMessage } from "./protobuf.ts";

export const TOPIC = { serviceHealth: 1, serviceHealthConnect: 2 } as const;
export const CATALOG_OP = { register: 0, deregister: 1 } as const;

const s = "string" as const;
const b = "bool" as const;
const n = "int" as const;
const strings = { repeated: s } as const;
const texts = { map: s } as const;

const RaftIndex = pbMessage({ 1: ["CreateIndex", n], 2: ["ModifyIndex", n] });
const EnterpriseMeta = pbMessage({ 1: ["Namespace", s], 2: ["Tenant", s] });

const Node = pbMessage({
  1: ["ID", s],
  2: ["Node", s],
  3: ["Address", s],
  4: ["Datacenter", s],
  5: ["TaggedAddresses", texts],
  6: ["Meta", texts],
  7: ["RaftIndex", { message: RaftIndex }],
});
const ServiceAddress = pbMessage({ 1: ["Address", s], 2: ["Port", n] });
const Weights = pbMessage({ 1: ["Passing", n], 2: ["Warning", n] });
const MeshGatewayConfig = pbMessage({ 1: ["Mode", s] });
const ExposePath = pbMessage({
  1: ["ListenerPort", n],
  2: ["Path", s],
  3: ["LocalPathPort", n],
  4: ["Protocol", s],
  5: ["ParsedFromCheck", b],
});
const ExposeConfig = pbMessage({ 1: ["Checks", b], 2: ["Paths", { repeated: ExposePath }] });
const TransparentProxyConfig = pbMessage({ 1: ["OutboundListenerPort", n], 2: ["DialedDirectly", b] });
const Upstream = pbMessage({
  1: ["DestinationType", s],
  2: ["DestinationNamespace", s],
  3: ["DestinationName", s],
  4: ["Datacenter", s],
  5: ["LocalBindAddress", s],
  6: ["LocalBindPort", n],
  7: ["Config", "struct"],
  8: ["MeshGateway", { message: MeshGatewayConfig }],
  9: ["CentrallyConfigured", b],
  10: ["LocalBindSocketPath", s],
  11: ["LocalBindSocketMode", s],
});
const ConnectProxyConfig = pbMessage({
  1: ["DestinationServiceName", s],
  2: ["DestinationServiceID", s],
  3: ["LocalServiceAddress", s],
  4: ["LocalServicePort", n],
  5: ["Config", "struct"],
  6: ["Upstreams", { repeated: Upstream }],
  7: ["MeshGateway", { message: MeshGatewayConfig }],
  8: ["Expose", { message: ExposeConfig }],
  9: ["Mode", s],
  10: ["TransparentProxy", { message: TransparentProxyConfig }],
  11: ["LocalServiceSocketPath", s],
});
/** The definition of a sidecar stands only in registrations, never in the catalog. */
const ServiceConnect = pbMessage({ 1: ["Native", b] });
const NodeService = pbMessage({
  1: ["Kind", s],
  2: ["ID", s],
  3: ["Service", s],
  4: ["Tags", strings],
  5: ["Address", s],
  6: ["Meta", texts],
  7: ["Port", n],
  8: ["Weights", { message: Weights, optional: true }],
  9: ["EnableTagOverride", b],
  11: ["Proxy", { message: ConnectProxyConfig }],
  12: ["Connect", { message: ServiceConnect }],
  13: ["LocallyRegisteredAsSidecar", b],
  14: ["RaftIndex", { message: RaftIndex }],
  15: ["TaggedAddresses", { map: ServiceAddress }],
  16: ["EnterpriseMeta", { message: EnterpriseMeta }],
  17: ["SocketPath", s],
});
const HeaderValue = pbMessage({ 1: ["Value", strings] });
const HealthCheckDefinition = pbMessage({
  1: ["HTTP", s],
  2: ["TLSSkipVerify", b],
  3: ["Header", { map: HeaderValue }],
  4: ["Method", s],
  5: ["TCP", s],
  6: ["Interval", "duration"],
  7: ["Timeout", "duration"],
  8: ["DeregisterCriticalServiceAfter", "duration"],
  9: ["OutputMaxSize", n],
  10: ["ScriptArgs", strings],
  11: ["DockerContainerID", s],
  12: ["Shell", s],
  13: ["GRPC", s],
  14: ["GRPCUseTLS", b],
  15: ["AliasNode", s],
  16: ["AliasService", s],
  17: ["TTL", "duration"],
  18: ["Body", s],
  19: ["TLSServerName", s],
  20: ["H2PING", s],
  22: ["DisableRedirects", b],
});
const HealthCheck = pbMessage({
  1: ["Node", s],
  2: ["CheckID", s],
  3: ["Name", s],
  4: ["Status", s],
  5: ["Notes", s],
  6: ["Output", s],
  7: ["ServiceID", s],
  8: ["ServiceName", s],
  9: ["ServiceTags", strings],
  10: ["Definition", { message: HealthCheckDefinition }],
  11: ["RaftIndex", { message: RaftIndex }],
  12: ["Type", s],
  13: ["EnterpriseMeta", { message: EnterpriseMeta }],
  14: ["ExposedPort", n],
  15: ["Interval", s],
  16: ["Timeout", s],
});
export const CheckServiceNodeMessage: PbMessage = pbMessage({
  1: ["Node", { message: Node, optional: true }],
  2: ["Service", { message: NodeService, optional: true }],
  3: ["Checks", { repeated: HealthCheck }],
});

export const SubscribeRequestMessage: PbMessage = pbMessage({
  1: ["Topic", n],
  2: ["Key", s],
  3: ["Token", s],
  4: ["Index", n],
  5: ["Datacenter", s],
  6: ["Namespace", s],
});

export const ServiceHealthUpdateMessage: PbMessage = pbMessage({
  1: ["Op", n],
  2: ["CheckServiceNode", { message: CheckServiceNodeMessage, optional: true }],
});
const serviceHealth = { message: ServiceHealthUpdateMessage, optional: true } as const;
const BatchedEvent = pbMessage({ 1: ["Index", n], 10: ["ServiceHealth", serviceHealth] });
export const EventMessage: PbMessage = pbMessage({
  1: ["Index", n],
  2: ["EndOfSnapshot", b],
  3: ["NewSnapshotToFollow", b],
  4: ["EventBatch", { message: pbMessage({ 1: ["Events", { repeated: BatchedEvent }] }), optional: true }],
  10: ["ServiceHealth", serviceHealth],
});
