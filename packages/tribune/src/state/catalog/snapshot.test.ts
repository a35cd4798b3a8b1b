import assert from "node:assert/strict";
import { test } from "node:test";
import { type Coordinate, HealthCheck, make, RegisterRequest } from "@tribune/api";
import { TribuneError } from "../../lib/errors.ts";
import { peekIndex } from "../index-table.ts";
import type { ReadTx } from "../memdb/types.ts";
import { coordinatesOfNode, listCoordinates, updateCoordinates } from "./coordinates.ts";
import { serviceHealth } from "./health-queries.ts";
import { checksOfNode, listNodes, nodeWithServices } from "./node-queries.ts";
import { listServices } from "./service-queries.ts";
import {
  COORDINATE_BATCH_TYPE,
  persistCatalog,
  REGISTER_TYPE,
  restoreCoordinateBatch,
  restoreRegistration,
} from "./snapshot.ts";
import { Catalog, check, node, service } from "./testing.ts";

const ID = "40e4a748-2192-161a-0510-9bf59fe950b5";
const coordinate = (on: string, height: number): Coordinate => ({
  Node: on,
  Segment: "",
  Coord: { Adjustment: 0, Error: 1.5, Height: height, Vec: [0, 0, 0, 0, 0, 0, 0, 0] },
});

function filled(): Catalog {
  const catalog = new Catalog();
  catalog.register("b", { ID, NodeMeta: { rack: "r1" }, Service: service("w", "Web", { Tags: ["x"] }) });
  catalog.register("a", {
    Service: service("w", "web"),
    Checks: [check("a", "alive"), check("a", "w-c", { ServiceID: "w" })],
  });
  catalog.register("b", { ID, Address: "10.0.0.9" });
  catalog.write((tx, index) => updateCoordinates(tx, index, [coordinate("a", 1), coordinate("absent", 1)]));
  return catalog;
}

function restored(from: ReadTx): Catalog {
  const catalog = new Catalog();
  catalog.db.write(100, (tx) => {
    for (const [type, , value] of persistCatalog(from)) {
      if (type === REGISTER_TYPE) restoreRegistration(tx, 100, value as RegisterRequest);
      else restoreCoordinateBatch(tx, 100, value as Coordinate[]);
    }
  });
  catalog.index = 100;
  return catalog;
}

test("records come node by node, its services and checks behind it, coordinates last", () => {
  const records = [...persistCatalog(filled().db.snapshot())];
  const shown = records.map(([type, , value]) => {
    if (type === COORDINATE_BATCH_TYPE) return `coordinate ${(value as Coordinate[])[0]?.Node}`;
    const { Node, Service, Check, CreateIndex, ModifyIndex } = value as RegisterRequest;
    return `${Node} ${Service?.Service ?? ""} ${Check?.CheckID ?? ""} ${CreateIndex}-${ModifyIndex}`;
  });
  assert.deepEqual(shown, [
    "a   2-2",
    "a web  2-2",
    "a  alive 2-2",
    "a  w-c 2-2",
    "b   1-3",
    "b Web  1-3",
    "coordinate a",
  ]);
});

test("a check that bears the tags its service had before bears them behind a restart, too", () => {
  const from = filled();
  from.register("a", { Service: service("w", "web", { Tags: ["new"] }) });
  const { checks } = checksOfNode(from.db.snapshot(), "a");
  assert.deepEqual(checks.find(({ CheckID }) => CheckID === "w-c")?.ServiceTags ?? [], []);
  const there = restored(from.db.snapshot());
  assert.deepEqual(checksOfNode(there.db.snapshot(), "a").checks, checks);
});

test("a node's name in letters of another case stays in each row as it was registered", () => {
  const from = new Catalog();
  from.register("a", { Service: service("w", "web"), Check: check("a", "c1", { ServiceID: "w" }) });
  from.register("A", { Address: "10.0.0.9" });
  from.register("a", { Check: check("a", "c2"), SkipNodeUpdate: true });
  const records = [...persistCatalog(from.db.snapshot())].map(([, , value]) => value as RegisterRequest);
  // Consul refuses a check that names its node otherwise than its record.
  for (const { Node, Check } of records) assert.equal(Check?.Node ?? Node, Node);
  const [before, after] = [from, restored(from.db.snapshot())].map(({ db }) =>
    db.peek((tx) => [listNodes(tx).nodes, checksOfNode(tx, "a").checks, serviceHealth(tx, "web").rows]),
  );
  assert.deepEqual(after, before);
});

test("a snapshot of an earlier version, whose check names its node in letters of another case, is restored", () => {
  const catalog = new Catalog();
  catalog.db.write(7, (tx) => {
    const record = make(RegisterRequest, { Node: "A", Address: "10.0.0.1", CreateIndex: 3, ModifyIndex: 4 });
    restoreRegistration(tx, 7, record);
    restoreRegistration(tx, 7, { ...record, Check: check("a", "c") });
    assert.throws(() => restoreRegistration(tx, 7, { ...record, Check: check("b", "c") }), TribuneError);
  });
  assert.equal(checksOfNode(catalog.db.snapshot(), "A").checks.length, 1);
});

test("what was persisted is restored with its own indexes", () => {
  const from = filled().db.snapshot();
  const catalog = restored(from);
  catalog.db.peek((tx) => {
    assert.deepEqual(listNodes(tx).nodes, listNodes(from).nodes);
    assert.deepEqual(listServices(tx).services, listServices(from).services);
    assert.deepEqual(serviceHealth(tx, "web").rows, serviceHealth(from, "web").rows);
    assert.deepEqual(checksOfNode(tx, "a").checks, checksOfNode(from, "a").checks);
    assert.deepEqual(listCoordinates(tx).coordinates, listCoordinates(from).coordinates);
    // What a snapshot of Consul has no record of starts at the snapshot's own index.
    assert.equal(nodeWithServices(tx, "a").index, 100);
    assert.equal(checksOfNode(tx, "b").index, 100);
    assert.equal(peekIndex(tx, "services"), 2);
  });
  const { watch } = catalog.db.read((tx) => nodeWithServices(tx, "a"));
  catalog.register("b", { ID, Address: "10.0.0.10" });
  assert.equal(watch.fired, false);
});

test("nodes of old snapshots, which have no index, get the snapshot's", () => {
  const catalog = new Catalog();
  catalog.db.write(7, (tx) => restoreRegistration(tx, 7, make(RegisterRequest, { Node: "n", Address: "10.0.0.1" })));
  assert.deepEqual(catalog.db.peek((tx) => listNodes(tx)).nodes, [
    node("n", { Datacenter: "", CreateIndex: 7, ModifyIndex: 7 }),
  ]);
});

test("coordinates that are not finite or of unknown nodes are passed over", () => {
  const catalog = filled();
  const before = catalog.db.read((tx) => coordinatesOfNode(tx, "a"));
  catalog.write((tx, index) => {
    updateCoordinates(tx, index, [coordinate("a", Number.NaN), coordinate("zz", 1), coordinate("a", 1)]);
  });
  assert.equal(before.watch.fired, false);
  assert.equal(catalog.db.peek((tx) => listCoordinates(tx)).index, 5);
  catalog.write((tx, index) => updateCoordinates(tx, index, [coordinate("a", 2)]));
  assert.equal(before.watch.fired, true);
});

test("a check's own fields survive", () => {
  const catalog = new Catalog();
  const own = make(HealthCheck, { ...check("n", "c"), Type: "http", Interval: "10s", ExposedPort: 9, Notes: "n" });
  catalog.register("n", { Check: own });
  const again = restored(catalog.db.snapshot()).db.peek((tx) => checksOfNode(tx, "n").checks);
  assert.deepEqual(again, [{ ...own, CreateIndex: 1, ModifyIndex: 1 }]);
});
