import assert from "node:assert/strict";
import { test } from "node:test";
import { CAConfiguration, CARequest, type ConfigEntry, ConnectProxyConfig, make, Upstream } from "@tribune/api";
import { decodeConfigEntry } from "../codec/config-entry-decode.ts";
import { Catalog, check, service } from "./catalog/testing.ts";
import { configEntrySet } from "./config-entry.ts";
import { applyConnectCa } from "./connect-ca.ts";
import { intentionUpstreams, type Kind, serviceTopology } from "./topology.ts";

const proxyOf = (destination: string, upstreams: readonly string[], Mode = "") =>
  service(`${destination}-proxy`, `${destination}-sidecar`, {
    Kind: "connect-proxy",
    Proxy: make(ConnectProxyConfig, {
      DestinationServiceName: destination,
      Mode,
      Upstreams: upstreams.map((DestinationName) => make(Upstream, { DestinationName })),
    }),
  });

function entry(catalog: Catalog, given: object): void {
  catalog.write((tx, index) => configEntrySet(tx, index, decodeConfigEntry(given) as ConfigEntry));
}

/** `from` may or may not connect to `to`. */
function intention(catalog: Catalog, to: string, ...sources: readonly (readonly [from: string, action: string])[]) {
  const Sources = sources.map(([Name, Action]) => ({
    ...{ Name, Action, Type: "consul" },
    Precedence: Name === "*" || to === "*" ? (Name === to ? 5 : 8) : 9,
  }));
  entry(catalog, { Kind: "service-intentions", Name: to, Sources });
}

/** web → api → db by upstreams of their sidecars; cache stands alone. */
function mesh(mode = ""): Catalog {
  const catalog = new Catalog();
  const Config = make(CAConfiguration, { ClusterID: "c", Provider: "consul" });
  catalog.write((tx, index) => applyConnectCa(tx, index, make(CARequest, { Op: "set-config", Config })));
  for (const name of ["web", "api", "db", "cache"]) catalog.register(`n-${name}`, { Service: service(name, name) });
  catalog.register("n-web", { Service: proxyOf("web", ["api"], mode) });
  catalog.register("n-api", { Service: proxyOf("api", ["db"], mode) });
  return catalog;
}

const topologyOf = (catalog: Catalog, name: string, defaultAllow = true, kind: Kind = "") =>
  catalog.db.peek((tx) => serviceTopology(tx, name, kind, { datacenter: "dc1", defaultAllow }));
const ids = (rows: readonly ({ readonly Service: { readonly ID: string } | null } | null)[] | null) =>
  rows?.map((row) => row?.Service?.ID) ?? null;

test("sidecars with upstreams make neighbours on both sides, whatever intentions say of them", () => {
  const catalog = mesh();
  intention(catalog, "db", ["api", "deny"]);
  const { topology } = topologyOf(catalog, "api");
  assert.deepEqual(ids(topology.Upstreams), ["db"]);
  assert.deepEqual(ids(topology.Downstreams), ["web", "web-proxy"]);
  assert.deepEqual(topology.UpstreamSources, { db: "proxy-registration" });
  assert.deepEqual(topology.DownstreamSources, { web: "proxy-registration" });
  assert.equal(topology.UpstreamDecisions?.db?.Allowed, false);
  assert.equal(topology.UpstreamDecisions?.db?.HasExact, true);
  assert.equal(topology.DownstreamDecisions?.web?.Allowed, true);
  assert.equal(topology.DownstreamDecisions?.web?.DefaultAllow, true);
  assert.equal(topology.TransparentProxy, false);
  assert.equal(topology.MetricsProtocol, "tcp");
});

test("a service without a sidecar has no upstreams, and nobody who finds it by intentions alone", () => {
  const { topology } = topologyOf(mesh(), "cache");
  assert.equal(topology.Upstreams, null);
  assert.equal(topology.Downstreams, null);
  assert.deepEqual(topology.UpstreamSources, {});
  assert.deepEqual(topology.DownstreamSources, {});
});

test("proxies that catch traffic reach what intentions allow: by default, by wildcard, by name", () => {
  const byDefault = topologyOf(mesh("transparent"), "web");
  assert.equal(byDefault.topology.TransparentProxy, true);
  assert.deepEqual(byDefault.topology.UpstreamSources, {
    api: "proxy-registration",
    cache: "default-allow",
    db: "default-allow",
  });
  const catalog = mesh("transparent");
  intention(catalog, "*", ["*", "deny"]);
  intention(catalog, "db", ["web", "allow"]);
  intention(catalog, "cache", ["*", "allow"]);
  assert.deepEqual(topologyOf(catalog, "web").topology.UpstreamSources, {
    api: "proxy-registration",
    cache: "wildcard-intention",
    db: "specific-intention",
  });
  // api's proxy would find cache by itself; web's as well.
  const { topology } = topologyOf(catalog, "cache");
  assert.deepEqual(Object.keys(topology.DownstreamSources ?? {}), ["api", "web"]);
  assert.deepEqual(new Set(Object.values(topology.DownstreamSources ?? {})), new Set(["wildcard-intention"]));
});

test("an upstream that is only routed elsewhere says so", () => {
  const catalog = mesh();
  catalog.register("n-web", { Service: proxyOf("web", ["virtual"]) });
  entry(catalog, { Kind: "service-resolver", Name: "virtual", Redirect: { Service: "db" } });
  const { topology } = topologyOf(catalog, "web");
  assert.deepEqual(topology.UpstreamSources, { virtual: "routing-config" });
  assert.equal(topology.Upstreams, null);
  // Whom the chain leads to sees who comes through it.
  assert.deepEqual(topologyOf(catalog, "db").topology.DownstreamSources, {
    api: "proxy-registration",
    web: "proxy-registration",
  });
});

test("a gateway's upstreams are the services behind it, its protocol that of its listeners", () => {
  const catalog = mesh();
  catalog.register("n-gw", { Service: service("gw", "gw", { Kind: "ingress-gateway" }) });
  entry(catalog, {
    Kind: "ingress-gateway",
    Name: "gw",
    Listeners: [{ Port: 80, Protocol: "tcp", Services: [{ Name: "api" }] }],
  });
  const { topology } = topologyOf(catalog, "gw", true, "ingress-gateway");
  assert.deepEqual(topology.UpstreamSources, { api: "proxy-registration" });
  assert.equal(topology.MetricsProtocol, "tcp");
  assert.equal(topologyOf(catalog, "api").topology.DownstreamSources?.gw, "proxy-registration");
});

test("the index rises with whatever shows in the answer", () => {
  const catalog = mesh();
  let before = topologyOf(catalog, "api").index;
  const changes: (() => void)[] = [
    () => void catalog.register("n-db", { Check: check("n-db", "c", { ServiceID: "db", Status: "critical" }) }),
    () => intention(catalog, "db", ["api", "deny"]),
    () => void catalog.register("n-new", { Service: proxyOf("new", ["api"]) }),
  ];
  for (const change of changes) {
    change();
    const after = topologyOf(catalog, "api").index;
    assert.ok(after > before);
    before = after;
  }
});

test("upstreams that intentions allow: no proxies, no servers, not the service itself", () => {
  const catalog = mesh();
  catalog.register("n-s", { Service: service("consul", "consul") });
  const names = (defaultAllow: boolean) => catalog.db.peek((tx) => intentionUpstreams(tx, "web", defaultAllow)).names;
  assert.deepEqual(names(true), ["api", "cache", "db"]);
  assert.deepEqual(names(false), []);
  intention(catalog, "db", ["web", "allow"]);
  assert.deepEqual(names(false), ["db"]);
});
