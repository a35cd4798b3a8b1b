import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type ConfigEntry,
  ConnectProxyConfig,
  configEntryStruct,
  fromJson,
  make,
  NodeService,
  ServiceConfigRequest,
  Upstream,
} from "@tribune/api";
import type { Lookup } from "./protocol.ts";
import { mergeServiceConfig, resolveServiceConfig, serviceConfigQuery } from "./service-config.ts";

function lookupIn(
  ...entries: readonly { readonly Kind: string; readonly Name: string; readonly [field: string]: unknown }[]
): Lookup {
  const known = entries.map((entry) => fromJson(configEntryStruct(entry.Kind)!, entry) as ConfigEntry);
  return ((kind: string, name: string) => known.find((one) => one.Kind === kind && one.Name === name)) as Lookup;
}
const ENTRIES = lookupIn(
  { Kind: "proxy-defaults", Name: "global", Config: { protocol: "http", a: 1 }, MeshGateway: { Mode: "remote" } },
  {
    Kind: "service-defaults",
    Name: "web",
    Protocol: "grpc",
    UpstreamConfig: {
      Defaults: { ConnectTimeoutMs: 500, MeshGateway: { Mode: "local" } },
      Overrides: [{ Name: "db", Protocol: "tcp" }],
    },
  },
);

const sidecar = (given: Partial<NodeService["Proxy"]>): NodeService =>
  make(NodeService, {
    Kind: "connect-proxy",
    ID: "web-proxy",
    Service: "web-proxy",
    Proxy: make(ConnectProxyConfig, { DestinationServiceName: "web", ...given }),
  });
const resolve = (service: NodeService) =>
  resolveServiceConfig(ENTRIES, make(ServiceConfigRequest, serviceConfigQuery(service)));

test("the service's defaults count more than the proxies', an override more than the defaults of upstreams", () => {
  const service = sidecar({ Upstreams: [make(Upstream, { DestinationName: "cache", LocalBindPort: 1 })] });
  const reply = resolve(service);
  assert.deepEqual(reply.ProxyConfig, { protocol: "grpc", a: 1 });
  assert.deepEqual(reply.MeshGateway, { Mode: "remote" });
  const configs = Object.fromEntries((reply.UpstreamIDConfigs ?? []).map((one) => [one.Upstream.ID, one.Config]));
  const defaults = { connect_timeout_ms: 500, mesh_gateway: { Mode: "local" } };
  assert.deepEqual(configs, {
    "*": defaults,
    cache: { protocol: "http", ...defaults },
    db: { protocol: "tcp", ...defaults },
  });
});

test("what was registered counts more than what entries say", () => {
  const upstream = make(Upstream, {
    DestinationName: "cache",
    Config: { protocol: "own" },
    MeshGateway: { Mode: "none" },
  });
  const service = sidecar({ Config: { a: 2 }, Upstreams: [upstream] });
  const { Proxy: merged } = mergeServiceConfig(service, resolve(service));
  assert.deepEqual(merged.Config, { a: 2, protocol: "grpc" });
  assert.deepEqual(merged.Upstreams?.[0]?.Config, { protocol: "own", connect_timeout_ms: 500 });
  assert.deepEqual(merged.Upstreams?.[0]?.MeshGateway, { Mode: "none" });
  assert.equal(merged.Upstreams?.length, 1);
  assert.equal(service.Proxy.MeshGateway.Mode, "");
});

test("only a transparent proxy is told of upstreams that it did not name", () => {
  assert.equal(resolve(sidecar({})).UpstreamIDConfigs, null);
  const service = sidecar({ Mode: "transparent" });
  const { Upstreams } = mergeServiceConfig(service, resolve(service)).Proxy;
  assert.deepEqual(
    Upstreams?.map(({ DestinationName, CentrallyConfigured }) => [DestinationName, CentrallyConfigured]),
    [
      ["*", true],
      ["db", true],
    ],
  );
});
