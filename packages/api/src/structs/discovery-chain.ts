/** Discovery chains: the entries about a service, put together as a graph that ends in targets. */
import {
  bool,
  duration,
  durationText,
  float32,
  type Infer,
  list,
  map,
  nullable,
  omitEmpty,
  struct,
  text,
} from "../schema.ts";
import { queryMeta, queryOptions } from "./common.ts";
import { LoadBalancer, ServiceResolverSubset, ServiceRoute } from "./config-entry.ts";
import { MeshGatewayConfig } from "./service.ts";

export const DiscoveryResolver = struct("DiscoveryResolver", {
  ConnectTimeout: durationText,
  /** Whether there is no entry that says anything. */
  Default: omitEmpty(bool),
  Target: omitEmpty(text),
  Failover: omitEmpty(nullable(struct("DiscoveryFailover", { Targets: omitEmpty(list(text)) }))),
});
export type DiscoveryResolver = Infer<typeof DiscoveryResolver>;

export const DiscoveryRoute = struct("DiscoveryRoute", {
  Definition: omitEmpty(nullable(ServiceRoute)),
  NextNode: omitEmpty(text),
});
export const DiscoverySplit = struct("DiscoverySplit", { Weight: omitEmpty(float32), NextNode: omitEmpty(text) });
export type DiscoverySplit = Infer<typeof DiscoverySplit>;

export const DiscoveryGraphNode = struct("DiscoveryGraphNode", {
  /** `router`, `splitter` or `resolver`. */
  Type: text,
  Name: text,
  Routes: omitEmpty(list(nullable(DiscoveryRoute))),
  Splits: omitEmpty(list(nullable(DiscoverySplit))),
  Resolver: omitEmpty(nullable(DiscoveryResolver)),
  LoadBalancer: omitEmpty(nullable(LoadBalancer)),
});
export type DiscoveryGraphNode = Infer<typeof DiscoveryGraphNode>;

export const DiscoveryTarget = struct("DiscoveryTarget", {
  ConnectTimeout: durationText,
  ID: omitEmpty(text),
  Service: omitEmpty(text),
  ServiceSubset: omitEmpty(text),
  Namespace: omitEmpty(text),
  Datacenter: omitEmpty(text),
  MeshGateway: MeshGatewayConfig,
  Subset: ServiceResolverSubset,
  /** Outside of the mesh. */
  External: omitEmpty(bool),
  SNI: omitEmpty(text),
  /** As the SNI, whatever entries say of that. */
  Name: omitEmpty(text),
});
export type DiscoveryTarget = Infer<typeof DiscoveryTarget>;

export const CompiledDiscoveryChain = struct("CompiledDiscoveryChain", {
  ServiceName: text,
  Namespace: text,
  Datacenter: text,
  /** Tells chains apart that were asked for with different overrides; "" when none had an effect. */
  CustomizationHash: omitEmpty(text),
  Protocol: omitEmpty(text),
  StartNode: omitEmpty(text),
  Nodes: omitEmpty(map(nullable(DiscoveryGraphNode))),
  Targets: omitEmpty(map(nullable(DiscoveryTarget))),
});
export type CompiledDiscoveryChain = Infer<typeof CompiledDiscoveryChain>;

export const DiscoveryChainRequest = struct("DiscoveryChainRequest", {
  Name: text,
  EvaluateInDatacenter: text,
  EvaluateInNamespace: text,
  OverrideMeshGateway: MeshGatewayConfig,
  OverrideProtocol: text,
  OverrideConnectTimeout: duration,
  Datacenter: text,
  ...queryOptions,
});
export type DiscoveryChainRequest = Infer<typeof DiscoveryChainRequest>;

/** Body of the POST form. */
export const DiscoveryChainOverrides = struct("discoveryChainReadRequest", {
  OverrideMeshGateway: MeshGatewayConfig,
  OverrideProtocol: text,
  OverrideConnectTimeout: duration,
});
export type DiscoveryChainOverrides = Infer<typeof DiscoveryChainOverrides>;

export const DiscoveryChainResponse = struct("DiscoveryChainResponse", {
  Chain: nullable(CompiledDiscoveryChain),
  ...queryMeta,
});
export type DiscoveryChainResponse = Infer<typeof DiscoveryChainResponse>;

/** What HTTP shows of it. */
export const DiscoveryChainJson = struct("discoveryChainReadResponse", { Chain: nullable(CompiledDiscoveryChain) });
