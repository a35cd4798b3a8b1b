import assert from "node:assert/strict";
import { test } from "node:test";
import { DeregisterRequest, make } from "@tribune/api";
import { peekIndex } from "../index-table.ts";
import { deleteCheckCas, ensureCheckCas, getNodeCheck } from "./checks.ts";
import { checksOfNode, listNodes, nodeWithServices } from "./node-queries.ts";
import { deleteNodeCas, ensureNode, ensureNodeCas, getNode, getNodeById } from "./nodes.ts";
import { deregister, ensureRegistration } from "./registration.ts";
import { listServices, serviceNodes } from "./service-queries.ts";
import { deleteServiceCas, ensureServiceCas, getNodeService } from "./services.ts";
import { Catalog, check, node, registration, service } from "./testing.ts";

const ID_A = "40e4a748-2192-161a-0510-9bf59fe950b5";
const ID_B = "40e4a748-2192-161a-0510-9bf59fe950b6";

test("a registration writes node, service and checks with one index", () => {
  const catalog = new Catalog();
  const index = catalog.register("n1", {
    NodeMeta: { rack: "r1" },
    Service: service("web1", "web", { Tags: ["v1"], Port: 80 }),
    Check: check("n1", "alive"),
    Checks: [check("n1", "web1-c", { ServiceID: "web1", Status: "" })],
  });
  catalog.db.peek((tx) => {
    assert.deepEqual(getNode(tx, "N1"), node("n1", { Meta: { rack: "r1" }, CreateIndex: index, ModifyIndex: index }));
    const stored = getNodeService(tx, "n1", "web1");
    assert.deepEqual(stored?.Weights, { Passing: 1, Warning: 1 });
    assert.equal(stored?.ModifyIndex, index);
    const own = getNodeCheck(tx, "n1", "web1-c");
    assert.equal(own?.Status, "critical");
    assert.equal(own?.ServiceName, "web");
    assert.deepEqual(own?.ServiceTags, ["v1"]);
    for (const name of ["nodes", "services", "checks", "service.web", "service_kind.typical", "node.n1"]) {
      assert.equal(peekIndex(tx, name), index, name);
    }
  });
});

test("an unchanged registration leaves rows and indexes alone", () => {
  const catalog = new Catalog();
  const given = { Service: service("web1", "web"), Checks: [check("n1", "c", { ServiceID: "web1" })] };
  const first = catalog.register("n1", given);
  const before = catalog.db.snapshot();
  catalog.register("n1", given);
  catalog.db.peek((tx) => {
    assert.equal(peekIndex(tx, "nodes", "services", "checks", "service.web"), first);
    assert.equal(getNode(tx, "n1"), getNode(before, "n1"));
    assert.equal(getNodeService(tx, "n1", "web1"), getNodeService(before, "n1", "web1"));
    assert.equal(getNodeCheck(tx, "n1", "c"), getNodeCheck(before, "n1", "c"));
  });
  catalog.register("n1", { Checks: [check("n1", "c", { ServiceID: "web1", Type: "http" })] });
  assert.equal(catalog.db.peek((tx) => getNodeCheck(tx, "n1", "c"))?.Type, "");
});

test("null and empty tags are told apart", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("web1", "web", { Tags: null }) });
  const index = catalog.register("n1", { Service: service("web1", "web", { Tags: [] }) });
  assert.equal(catalog.db.peek((tx) => getNodeService(tx, "n1", "web1"))?.ModifyIndex, index);
});

test("SkipNodeUpdate leaves a known node alone and creates an unknown one", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Address: "10.0.0.1" });
  catalog.register("n1", { Address: "10.0.0.9", SkipNodeUpdate: true });
  catalog.register("n2", { Address: "", SkipNodeUpdate: true });
  catalog.db.peek((tx) => {
    assert.equal(getNode(tx, "n1")?.Address, "10.0.0.1");
    assert.equal(getNode(tx, "n2")?.Address, "");
  });
});

test("a changed node raises the indexes of its services", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("web1", "web") });
  catalog.register("n2", { Service: service("db1", "db") });
  const index = catalog.register("n1", { Address: "10.0.0.7" });
  catalog.db.peek((tx) => {
    assert.equal(peekIndex(tx, "service.web"), index);
    assert.equal(peekIndex(tx, "service.db"), 2);
    assert.equal(peekIndex(tx, "services"), 2);
  });
});

test("refusals have Consul's texts and leave no trace", () => {
  const catalog = new Catalog();
  catalog.register("n1", {});
  const cases: readonly [Parameters<Catalog["register"]>[1], string][] = [
    [
      { Check: check("n1", "s", { ServiceID: "absent" }) },
      'failed inserting check: Missing service registration on node "n1"',
    ],
    [{ Check: check("n2", "s") }, 'check node "n2" does not match node "n1"'],
    [
      { Service: service("s", "s", { Meta: { "consul-x": "1" } }) },
      "failed inserting service: Invalid Service Meta for node n1 and serviceID s: " +
        "Couldn't load metadata pair ('consul-x', '1'): Key prefix 'consul-' is reserved for internal use",
    ],
    [
      { ID: "bad" },
      "failed inserting node: node lookup failed: node lookup by ID failed, wrong UUID: uuid string is wrong length for 'bad'",
    ],
  ];
  for (const [given, message] of cases) {
    assert.throws(() => catalog.register("n1", { Service: service("x", "x"), ...given }), { message });
  }
  assert.deepEqual(
    catalog.db.peek((tx) => nodeWithServices(tx, "n1").services),
    [],
  );
});

test("an id under a new name renames the node and drops what was on it", () => {
  const catalog = new Catalog();
  catalog.register("old", { ID: ID_A, Service: service("web1", "web"), Check: check("old", "c") });
  const index = catalog.register("new", { ID: ID_A });
  catalog.db.peek((tx) => {
    assert.equal(getNode(tx, "old"), undefined);
    assert.deepEqual(getNodeById(tx, ID_A.toUpperCase()), getNode(tx, "new"));
    assert.equal(getNode(tx, "new")?.CreateIndex, 1);
    assert.equal(getNode(tx, "new")?.ModifyIndex, index);
    assert.deepEqual(serviceNodes(tx, "web"), { index, rows: [] });
    assert.deepEqual(listServices(tx), { index, services: Object.create(null) });
  });
});

test("a healthy node keeps its name against another id; a failed one does not", () => {
  const catalog = new Catalog();
  catalog.register("n1", { ID: ID_A, Check: check("n1", "serfHealth") });
  const taken = `Node name N1 is reserved by node ${ID_A} with name n1 (10.0.0.1)`;
  assert.throws(() => catalog.register("N1", { ID: ID_B }), {
    message: `failed inserting node: Error while renaming Node ID: "${ID_B}": ${taken}`,
  });
  catalog.register("n2", { ID: ID_B });
  assert.throws(() => catalog.register("N1", { ID: ID_B }), {
    message: `failed inserting node: Error while renaming Node ID: "${ID_B}" (10.0.0.1): ${taken}`,
  });
  catalog.register("n1", { ID: ID_A, Check: check("n1", "serfHealth", { Status: "critical" }) });
  catalog.register("n1", { ID: ID_B });
  catalog.db.peek((tx) => {
    assert.equal(getNode(tx, "n1")?.ID, ID_B);
    assert.equal(getNodeById(tx, ID_A), undefined);
    assert.equal(getNode(tx, "n2"), undefined);
  });
});

test("a node without id takes one on, healthy or not", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Check: check("n1", "serfHealth") });
  catalog.register("n1", { ID: ID_A });
  assert.equal(catalog.db.peek((tx) => getNode(tx, "n1"))?.ID, ID_A);
});

test("deregistration removes a service, a check or the node", () => {
  const catalog = new Catalog();
  catalog.register("n1", {
    Service: service("web1", "web"),
    Checks: [check("n1", "c", { ServiceID: "web1" }), check("n1", "alive")],
  });
  const drop = (given: Partial<DeregisterRequest>) =>
    catalog.write((tx, index) => deregister(tx, index, make(DeregisterRequest, { Node: "n1", ...given })));
  drop({ ServiceID: "WEB1" });
  catalog.db.peek((tx) => {
    assert.deepEqual(serviceNodes(tx, "web"), { index: 2, rows: [] });
    assert.deepEqual(
      checksOfNode(tx, "n1").checks.map((row) => row.CheckID),
      ["alive"],
    );
  });
  drop({ CheckID: "alive" });
  assert.deepEqual(
    catalog.db.peek((tx) => checksOfNode(tx, "n1")),
    { index: 3, checks: [] },
  );
  drop({});
  assert.deepEqual(
    catalog.db.peek((tx) => listNodes(tx)),
    { index: 4, nodes: [] },
  );
  drop({});
  assert.equal(
    catalog.db.peek((tx) => peekIndex(tx, "nodes")),
    4,
  );
});

test("compare-and-set writes and deletes only what was not changed since", () => {
  const catalog = new Catalog();
  const at = catalog.register("n1", { Service: service("s", "s"), Check: check("n1", "c") });
  catalog.write((tx, index) => {
    assert.equal(ensureNodeCas(tx, index, node("n1", { ModifyIndex: 0 })), false);
    assert.equal(ensureNodeCas(tx, index, node("n9", { ModifyIndex: 5 })), false);
    assert.equal(ensureNodeCas(tx, index, node("n1", { Address: "10.9.9.9", ModifyIndex: at })), true);
    assert.equal(ensureNodeCas(tx, index, node("n3", { ModifyIndex: 0 })), true);
    assert.equal(ensureServiceCas(tx, index, "n1", service("s", "s", { ModifyIndex: at + 7 })), false);
    assert.equal(ensureServiceCas(tx, index, "n1", service("s", "s", { Port: 8, ModifyIndex: at })), true);
    assert.equal(ensureCheckCas(tx, index, check("n1", "c", { ModifyIndex: at + 7 })), false);
    assert.equal(ensureCheckCas(tx, index, check("n1", "c", { Output: "o", ModifyIndex: at })), true);
    assert.equal(deleteCheckCas(tx, index, at, "n1", "c"), false);
    assert.equal(deleteCheckCas(tx, index, index, "n1", "c"), true);
    assert.equal(deleteServiceCas(tx, index, at, "n1", "s"), false);
    assert.equal(deleteServiceCas(tx, index, index, "n1", "s"), true);
    assert.equal(deleteNodeCas(tx, index, at, "n1"), false);
    assert.equal(deleteNodeCas(tx, index, index, "n1"), true);
    assert.equal(deleteNodeCas(tx, index, index, "n1"), false);
  });
});

test("a service that changes its name leaves the old one", () => {
  const catalog = new Catalog();
  catalog.register("n1", { Service: service("s", "old", { Tags: ["a"] }) });
  const { watch } = catalog.db.read((tx) => serviceNodes(tx, "old"));
  const index = catalog.register("n1", { Service: service("s", "new", { Tags: ["b"] }) });
  assert.ok(watch.fired);
  catalog.db.peek((tx) => {
    assert.deepEqual(serviceNodes(tx, "old"), { index, rows: [] });
    assert.equal(serviceNodes(tx, "new").rows.length, 1);
    assert.deepEqual({ ...listServices(tx).services }, { new: ["b"] });
  });
});

test("a failed registration inside a write is undone as a whole", () => {
  const catalog = new Catalog();
  assert.throws(() =>
    catalog.write((tx, index) => {
      ensureNode(tx, index, node("n1"));
      ensureRegistration(tx, index, registration("n2", { Check: check("other", "c") }));
    }),
  );
  assert.deepEqual(
    catalog.db.peek((tx) => listNodes(tx)),
    { index: 0, nodes: [] },
  );
});
