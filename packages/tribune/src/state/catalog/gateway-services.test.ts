import assert from "node:assert/strict";
import { test } from "node:test";
import { type ConfigEntry, configEntryStruct, make } from "@tribune/api";
import { configEntryDelete, configEntrySet } from "../config-entry.ts";
import { gatewayServices } from "./gateway-services.ts";
import { connectHealth, ingressHealth } from "./health-queries.ts";
import { connectServiceNodes } from "./service-queries.ts";
import { deleteService } from "./services.ts";
import { Catalog, service } from "./testing.ts";

function configure(catalog: Catalog, Kind: string, Name: string, given: object): void {
  const entry = make(configEntryStruct(Kind)!, { Kind, Name, ...given } as Partial<ConfigEntry>);
  catalog.write((tx, index) => configEntrySet(tx, index, entry));
}
const listener = (Port: number, Protocol: string, ...names: readonly string[]) => ({
  Port,
  Protocol,
  Services: names.map((Name) => ({ Name, Hosts: null, Meta: null })),
});
const behind = (catalog: Catalog, gateway: string) =>
  catalog.db.peek((tx) => gatewayServices(tx, gateway)).services.map((row) => `${row.Service.Name}:${row.Port}`);
const ids = (rows: readonly { readonly Service: { readonly ID: string } }[]) => rows.map((row) => row.Service.ID);

test("an ingress gateway's instances answer for what it exposes", () => {
  const catalog = new Catalog();
  const ask = () => catalog.db.read((tx) => ingressHealth(tx, "DB"));
  const before = ask();
  assert.deepEqual(before.result.rows, []);
  configure(catalog, "ingress-gateway", "gw", { Listeners: [listener(80, "tcp", "db"), listener(81, "tcp", "db")] });
  assert.equal(before.watch.fired, true);
  const configured = ask();
  assert.ok(configured.result.index > before.result.index);
  catalog.register("n1", { Service: service("gw1", "gw", { Kind: "ingress-gateway" }) });
  assert.equal(configured.watch.fired, true);
  const registered = ask();
  assert.deepEqual(ids(registered.result.rows), ["gw1"]);
  assert.ok(registered.result.index > configured.result.index);
  catalog.register("n1", { Service: service("x", "unrelated") });
  configure(catalog, "ingress-gateway", "other", { Listeners: [listener(80, "tcp", "unrelated")] });
  assert.equal(registered.watch.fired, false);
  catalog.write((tx, index) => deleteService(tx, index, "n1", "gw1"));
  assert.equal(registered.watch.fired, true);
  const gone = ask();
  assert.ok(gone.result.index > registered.result.index);
  catalog.write((tx, index) => configEntryDelete(tx, index, "ingress-gateway", "gw"));
  assert.equal(gone.watch.fired, true);
  assert.ok(ask().result.index > gone.result.index);
});

test("a changed entry takes away what it names no more, and leaves the rest untouched", () => {
  const catalog = new Catalog();
  configure(catalog, "ingress-gateway", "gw", { Listeners: [listener(80, "tcp", "a"), listener(81, "tcp", "b")] });
  const [kept] = catalog.db.peek((tx) => gatewayServices(tx, "gw")).services;
  configure(catalog, "ingress-gateway", "gw", { Listeners: [listener(80, "tcp", "a"), listener(82, "tcp", "c")] });
  assert.deepEqual(behind(catalog, "gw"), ["a:80", "c:82"]);
  assert.equal(catalog.db.peek((tx) => gatewayServices(tx, "gw")).services[0], kept);
});

test("a wildcard stands for every ordinary service of its protocol, as they come and go", () => {
  const catalog = new Catalog();
  configure(catalog, "proxy-defaults", "global", { Config: { protocol: "http" } });
  catalog.register("n1", { Service: service("a", "a") });
  catalog.register("n1", { Service: service("s", "consul") });
  configure(catalog, "ingress-gateway", "gw", { Listeners: [listener(80, "http", "*")] });
  assert.deepEqual(behind(catalog, "gw"), ["a:80"]);
  const { watch } = catalog.db.read((tx) => gatewayServices(tx, "gw"));
  catalog.register("n2", { Service: service("b", "b") });
  catalog.register("n2", { Service: service("b2", "b") });
  catalog.register("n2", { Service: service("p", "p", { Kind: "mesh-gateway", Port: 1 }) });
  assert.equal(watch.fired, true);
  assert.deepEqual(behind(catalog, "gw"), ["a:80", "b:80"]);
  const listed = catalog.db.read((tx) => gatewayServices(tx, "gw"));
  configure(catalog, "service-defaults", "b", { Protocol: "tcp" });
  assert.equal(listed.watch.fired, true);
  assert.deepEqual(behind(catalog, "gw"), ["a:80"]);
  configure(catalog, "service-defaults", "b", { Protocol: "http" });
  catalog.write((tx, index) => deleteService(tx, index, "n2", "b"));
  assert.deepEqual(behind(catalog, "gw"), ["a:80", "b:80"]);
  catalog.write((tx, index) => deleteService(tx, index, "n2", "b2"));
  assert.deepEqual(behind(catalog, "gw"), ["a:80"]);
});

test("a service behind a terminating gateway is reached through it in the mesh", () => {
  const catalog = new Catalog();
  const tls = { CAFile: "ca", CertFile: "", KeyFile: "", SNI: "" };
  configure(catalog, "terminating-gateway", "tgw", { Services: [{ Name: "legacy", ...tls }] });
  catalog.register("n1", { Service: service("t1", "tgw", { Kind: "terminating-gateway", Port: 1 }) });
  assert.deepEqual(ids(catalog.db.peek((tx) => connectHealth(tx, "legacy")).rows), ["t1"]);
  assert.deepEqual(
    catalog.db.peek((tx) => connectServiceNodes(tx, "legacy")).rows.map((row) => row.ServiceID),
    ["t1"],
  );
  assert.deepEqual(catalog.db.peek((tx) => ingressHealth(tx, "legacy")).rows, []);
});

test("a wildcard stands for what is ordinary now, by the name that its first instance has", () => {
  const catalog = new Catalog();
  configure(catalog, "terminating-gateway", "gw", { Services: [{ Name: "*" }] });
  catalog.register("n1", { Service: service("w1", "web") });
  catalog.register("n2", { Service: service("w2", "Web") });
  assert.deepEqual(behind(catalog, "gw"), ["web:0"]);
  catalog.register("n1", { Service: service("w1", "web", { Kind: "mesh-gateway" }) });
  assert.deepEqual(behind(catalog, "gw"), ["Web:0"]);
  catalog.register("n1", { Service: service("w1", "web") });
  assert.deepEqual(behind(catalog, "gw"), ["web:0"]);
  catalog.write((tx, index) => deleteService(tx, index, "n1", "w1"));
  assert.deepEqual(behind(catalog, "gw"), ["Web:0"]);
  catalog.register("n2", { Service: service("w2", "Web", { Kind: "mesh-gateway" }) });
  assert.deepEqual(behind(catalog, "gw"), []);
});
