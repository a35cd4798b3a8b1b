import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeService, zero } from "@tribune/api";
import { deleteCheck, ensureCheck } from "./checks.ts";
import { connectHealth, serviceHealth } from "./health-queries.ts";
import { listServices, listServicesByNodeMeta, serviceNodes, serviceNodesAtAddress } from "./service-queries.ts";
import { deleteService } from "./services.ts";
import { Catalog, check, service } from "./testing.ts";

const EMPTY = zero(NodeService);
const proxyFor = (name: string) => ({
  Kind: "connect-proxy",
  Port: 1,
  Proxy: { ...EMPTY.Proxy, DestinationServiceName: name },
});

test("instances of few nodes are watched node by node, those of many by their service's health", () => {
  for (const [count, wakesOnCheck] of [
    [64, false],
    [65, true],
  ] as const) {
    const catalog = new Catalog();
    for (let at = 0; at < count; at++) catalog.register(`n${at}`, { Service: service("w", "web") });
    const onCheck = catalog.db.read((tx) => serviceNodes(tx, "web")).watch;
    catalog.write((tx, index) => ensureCheck(tx, index, check("n0", "c", { ServiceID: "w" })));
    assert.equal(onCheck.fired, wakesOnCheck);
    const onNode = catalog.db.read((tx) => serviceNodes(tx, "web")).watch;
    catalog.register(`n${count - 1}`, { Address: "10.9.9.9" });
    assert.equal(onNode.fired, true);
  }
});

test("the list of services by node metadata wakes with many nodes too", () => {
  const catalog = new Catalog();
  const NodeMeta = { rack: "r1" };
  for (let at = 0; at < 70; at++)
    catalog.register(`n${at}`, { NodeMeta, Service: service("w", "web", { Tags: ["x"] }) });
  const { watch, result } = catalog.db.read((tx) => listServicesByNodeMeta(tx, { rack: "r1" }));
  assert.deepEqual({ ...result.services }, { web: ["x"] });
  catalog.register("n69", { NodeMeta, Service: service("w", "web", { Tags: ["y"] }) });
  assert.equal(watch.fired, true);
});

test("tags in the list of services come and go with the instances that bear them", () => {
  const catalog = new Catalog();
  const tags = () => ({ ...catalog.db.peek((tx) => listServices(tx)).services });
  catalog.register("n1", { Service: service("a", "web", { Tags: ["y", "x"] }) });
  catalog.register("n1", { Service: service("b", "web", { Tags: ["x", "z"] }) });
  assert.deepEqual(tags(), { web: ["x", "y", "z"] });
  const { watch } = catalog.db.read((tx) => listServices(tx));
  catalog.register("n1", { Service: service("b", "web", { Tags: ["x", "z"], Port: 8 }) });
  catalog.register("n2", { Service: service("c", "web", { Tags: ["x"] }) });
  assert.equal(watch.fired, false);
  catalog.write((tx, index) => deleteService(tx, index, "n1", "b"));
  assert.equal(watch.fired, true);
  assert.deepEqual(tags(), { web: ["x", "y"] });
  catalog.register("n1", { Service: service("a", "web", { Tags: null }) });
  assert.deepEqual(tags(), { web: ["x"] });
  catalog.register("n2", { Service: service("c", "__proto__", {}) });
  assert.deepEqual(Object.keys(tags()), ["__proto__", "web"]);
});

test("a service is reached through its proxies and native instances", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("w", "web") });
  catalog.register("n1", { Service: service("w-proxy", "web-proxy", proxyFor("web")) });
  const native = { ...EMPTY.Connect, Native: true };
  catalog.register("n2", { Service: service("w", "web", { Connect: native }) });
  const health = () => catalog.db.read((tx) => connectHealth(tx, "WEB"));
  assert.deepEqual(
    health().result.rows.map((row) => row.Service.Service),
    ["web-proxy", "web"],
  );
  const { watch, result } = health();
  catalog.write((tx, index) => ensureCheck(tx, index, check("n1", "c", { ServiceID: "w-proxy" })));
  assert.equal(watch.fired, true);
  assert.ok(health().result.index > result.index);
  // A proxy with another name, unknown when the query ran, must wake it.
  const before = health();
  catalog.register("n2", { Service: service("other", "sidecar", proxyFor("web")) });
  assert.equal(before.watch.fired, true);
  // The last one gone, the index must not fall back to that of the rest.
  const full = health().result;
  catalog.register("n2", { Service: service("other", "sidecar", proxyFor("db")) });
  assert.ok(health().result.index > full.index);
});

test("instances are found by their own and their tagged addresses", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("a", "web", { Address: "10.1.1.1" }) });
  const TaggedAddresses = { wan: { Address: "10.1.1.1", Port: 1 }, lan: { Address: "10.2.2.2", Port: 1 } };
  catalog.register("n2", { Service: service("b", "db", { Address: "10.2.2.2", TaggedAddresses }) });
  const found = (address: string) =>
    catalog.db.peek((tx) => serviceNodesAtAddress(tx, address)).rows.map((row) => row.ServiceID);
  assert.deepEqual(found("10.1.1.1"), ["a", "b"]);
  assert.deepEqual(found("10.2.2.2"), ["b"]);
  assert.deepEqual(found("10.2.2"), []);
});

test("a check of the node shows in the health of all its services, once each", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("a", "web"), Check: check("n1", "alive", { Status: "warning" }) });
  catalog.register("n1", { Service: service("b", "web"), Check: check("n1", "b-c", { ServiceID: "b" }) });
  const rows = () => catalog.db.peek((tx) => serviceHealth(tx, "web")).rows;
  const shown = () => rows().map((row) => [row.Service.ID, row.Checks?.map((one) => one?.CheckID)]);
  assert.deepEqual(shown(), [
    ["a", ["alive"]],
    ["b", ["alive", "b-c"]],
  ]);
  const { watch } = catalog.db.read((tx) => serviceHealth(tx, "web"));
  catalog.write((tx, index) => deleteCheck(tx, index, "n1", "alive"));
  assert.equal(watch.fired, true);
  assert.deepEqual(shown(), [
    ["a", []],
    ["b", ["b-c"]],
  ]);
});

test("a check that moves to another service leaves the health of the first", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("a", "web"), Check: check("n1", "c", { ServiceID: "a" }) });
  catalog.register("n1", { Service: service("b", "db") });
  const { watch, result } = catalog.db.read((tx) => serviceHealth(tx, "web"));
  catalog.register("n1", { Check: check("n1", "c", { ServiceID: "b" }) });
  assert.equal(watch.fired, true);
  assert.ok(catalog.db.peek((tx) => serviceHealth(tx, "web")).index > result.index);
});
