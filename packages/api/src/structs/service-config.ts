/** What configuration entries say of a service and its upstreams, put together for the agent that registers it. */
import { any, type Infer, list, map, struct, text, wired } from "../schema.ts";
import { queryMeta, queryOptions } from "./common.ts";
import { ExposeConfig, MeshGatewayConfig, TransparentProxyConfig } from "./service.ts";

export const ServiceId = struct("ServiceID", { ID: text });

export const ServiceConfigRequest = struct("ServiceConfigRequest", {
  Name: text,
  Datacenter: text,
  MeshGateway: MeshGatewayConfig,
  /** Of the registration; "" when it says nothing. */
  Mode: text,
  UpstreamIDs: list(ServiceId),
  /** Agents before 1.9 name upstreams this way. */
  Upstreams: list(text),
  ...queryOptions,
});
export type ServiceConfigRequest = Infer<typeof ServiceConfigRequest>;

export const OpaqueUpstreamConfig = struct("OpaqueUpstreamConfig", { Upstream: ServiceId, Config: map(any) });

export const ServiceConfigResponse = wired(
  "ServiceConfigResponse",
  struct("ServiceConfigResponse", {
    ProxyConfig: map(any),
    /** By name, for those who asked with `Upstreams`; the others get the list. */
    UpstreamConfigs: map(map(any)),
    UpstreamIDConfigs: list(OpaqueUpstreamConfig),
    MeshGateway: MeshGatewayConfig,
    Expose: ExposeConfig,
    TransparentProxy: TransparentProxyConfig,
    Mode: text,
    ...queryMeta,
  }),
);
export type ServiceConfigResponse = Infer<typeof ServiceConfigResponse>;
