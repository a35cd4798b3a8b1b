import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigEntry, configEntryStruct, fromJson } from "@tribune/api";
import { type ChainOverrides, compileChain, topOf } from "./discovery-chain.ts";
import type { Lookup } from "./protocol.ts";

/** Entries as JSON. */
function lookupIn(
  ...entries: readonly { readonly Kind: string; readonly Name: string; readonly [field: string]: unknown }[]
): Lookup {
  const known = entries.map((entry) => fromJson(configEntryStruct(entry.Kind)!, entry) as ConfigEntry);
  return ((kind: string, name: string) => known.find((one) => one.Kind === kind && one.Name === name)) as Lookup;
}
const HTTP = { Kind: "proxy-defaults", Name: "global", Config: { protocol: "http" }, MeshGateway: { Mode: "remote" } };
const compile = (lookup: Lookup, service: string, overrides?: ChainOverrides) =>
  compileChain(lookup, {
    service,
    datacenter: "dc1",
    useInDatacenter: "dc1",
    trustDomain: "t.consul",
    ...(overrides === undefined ? {} : { overrides }),
  });

test("a split to a splitter becomes splits to what that one leads to, by percent of percent", () => {
  const lookup = lookupIn(
    HTTP,
    {
      Kind: "service-splitter",
      Name: "web",
      Splits: [{ Weight: 60 }, { Weight: 40, Service: "api" }],
    },
    {
      Kind: "service-splitter",
      Name: "api",
      Splits: [{ Weight: 33.33 }, { Weight: 66.67, Service: "old" }],
    },
  );
  const chain = compile(lookup, "web");
  assert.equal(topOf(chain), "splitter");
  assert.deepEqual(Object.keys(chain.Nodes ?? {}).toSorted(), [
    "resolver:api.default.dc1",
    "resolver:old.default.dc1",
    "resolver:web.default.dc1",
    "splitter:web.default",
  ]);
  const splits = chain.Nodes!["splitter:web.default"]!.Splits!;
  assert.deepEqual(
    splits.map((split) => [split!.NextNode, Number(split!.Weight.toFixed(2))]),
    [
      ["resolver:web.default.dc1", 60],
      ["resolver:api.default.dc1", 13.33],
      ["resolver:old.default.dc1", 26.67],
    ],
  );
});

test("failover leads to targets of other datacenters, reached by gateways, and no further", () => {
  const lookup = lookupIn(HTTP, {
    Kind: "service-resolver",
    Name: "web",
    Failover: { "*": { Datacenters: ["dc1", "dc2"] } },
  });
  const chain = compile(lookup, "web");
  const resolver = chain.Nodes!["resolver:web.default.dc1"]!.Resolver!;
  assert.deepEqual(resolver.Failover, { Targets: ["web.default.dc2"] });
  assert.deepEqual(Object.keys(chain.Nodes ?? {}), ["resolver:web.default.dc1"]);
  assert.equal(chain.Targets!["web.default.dc2"]!.MeshGateway.Mode, "remote");
  assert.equal(chain.Targets!["web.default.dc1"]!.MeshGateway.Mode, "");
  assert.equal(chain.Targets!["web.default.dc2"]!.SNI, "web.default.dc2.internal.t.consul");
});

test("a plain protocol leaves routers out, and says in its hash that it did", () => {
  const lookup = lookupIn(HTTP, { Kind: "service-router", Name: "web", Routes: [] });
  assert.equal(topOf(compile(lookup, "web")), "router");
  const overrides = { meshGateway: { Mode: "" }, protocol: "tcp", connectTimeoutNs: 0 };
  const chain = compile(lookup, "web", overrides);
  assert.equal(topOf(chain), "resolver");
  assert.equal(chain.Protocol, "tcp");
  assert.match(chain.CustomizationHash, /^[0-9a-f]{8}$/);
});

test("circles, unknown subsets and mixed protocols are refused in Consul's words", () => {
  const splitter = (Name: string, Service: string) => ({
    Kind: "service-splitter",
    Name,
    Splits: [{ Weight: 100, Service }],
  });
  assert.throws(() => compile(lookupIn(HTTP, splitter("a", "b"), splitter("b", "a")), "a"), {
    message: "detected circular reference: [splitter:a.default -> splitter:b.default -> splitter:a.default]",
  });
  const redirect = (Name: string, Service: string) => ({ Kind: "service-resolver", Name, Redirect: { Service } });
  assert.throws(() => compile(lookupIn(redirect("a", "b"), redirect("b", "a")), "a"), {
    message: "detected circular resolver redirect: [a.default.dc1 -> b.default.dc1 -> a.default.dc1]",
  });
  const plain = { Kind: "service-defaults", Name: "b", Protocol: "tcp" };
  const half = { Kind: "service-splitter", Name: "a", Splits: [{ Weight: 50 }, { Weight: 50, Service: "b" }] };
  assert.throws(() => compile(lookupIn(HTTP, half, plain), "a"), {
    message: 'discovery chain "a" uses inconsistent protocols; service "b" has "tcp" which is not "http"',
  });
});
