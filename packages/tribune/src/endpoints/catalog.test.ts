import assert from "node:assert/strict";
import { test } from "node:test";
import { updateCoordinates } from "../state/catalog/coordinates.ts";
import { Catalog, check, registration, service } from "../state/catalog/testing.ts";
import { catalogEndpoints } from "./catalog.ts";
import { coordinateEndpoints } from "./coordinate.ts";
import { healthEndpoints } from "./health.ts";
import { answerRead, bodyOf, viewOf } from "./testing.ts";

const ENDPOINTS = [...catalogEndpoints, ...healthEndpoints, ...coordinateEndpoints];
type Given = Parameters<typeof answerRead>[3];

function filled(): Catalog {
  const catalog = new Catalog();
  catalog.register("n1", {
    NodeMeta: { rack: "r1" },
    Service: service("web1", "web", { Tags: ["v1", "prod"] }),
    Check: check("n1", "web1-c", { ServiceID: "web1" }),
  });
  catalog.register("n2", { Service: service("web2", "web"), Check: check("n2", "alive", { Status: "warning" }) });
  catalog.register("n3");
  return catalog;
}

const ask = (catalog: Catalog, name: string, given: Given = {}) =>
  catalog.db.peek((tx) => answerRead(ENDPOINTS, name, tx, given));
const body = (catalog: Catalog, name: string, given: Given = {}) => bodyOf(ask(catalog, name, given).answer);
/** The ids of the services in an answer, whatever its shape. */
const ids = (catalog: Catalog, name: string, query = "", common: object = {}): unknown[] => {
  const tag = new URLSearchParams(query).getAll("tag");
  const rows = body(catalog, name, { values: { service: "web", tag }, query, common });
  return (rows as { ServiceID?: string; Service?: { ID: string } }[]).map((row) => row.ServiceID ?? row.Service?.ID);
};

test("instances are narrowed by tags, node metadata, a filter and health", () => {
  const catalog = filled();
  for (const name of ["catalogService", "healthService"]) {
    assert.deepEqual(ids(catalog, name), ["web1", "web2"]);
    assert.deepEqual(ids(catalog, name, "tag=V1&tag=prod"), ["web1"]);
    assert.deepEqual(ids(catalog, name, "tag="), []);
    assert.deepEqual(ids(catalog, name, "", { NodeMetaFilters: { rack: "r1" } }), ["web1"]);
    assert.deepEqual(ids(catalog, name, "", { NodeMetaFilters: {} }), ["web1", "web2"]);
  }
  assert.deepEqual(ids(catalog, "catalogService", "", { Filter: "Node == n2" }), ["web2"]);
  assert.deepEqual(ids(catalog, "healthService", "", { Filter: "Node.Node == n2" }), ["web2"]);
  for (const yes of ["passing", "passing=1", "passing=true"])
    assert.deepEqual(ids(catalog, "healthService", yes), ["web1"]);
  assert.deepEqual(ids(catalog, "healthService", "passing=0"), ["web1", "web2"]);
  assert.throws(() => ids(catalog, "healthService", "passing=maybe"), {
    kind: "badRequest",
    message: "Invalid value for ?passing",
  });
});

test("a filter that does not fit is refused with status 500", () => {
  assert.throws(() => body(filled(), "catalogNodes", { common: { Filter: "Nope == 1" } }), {
    kind: "internal",
    message: 'Failed to create boolean expression evaluator: Selector "Nope" is not valid',
  });
});

test("nil lists show as Consul shows them, endpoint by endpoint", () => {
  const catalog = filled();
  const values = { node: "n2", service: "web", tag: [] };
  const node = body(catalog, "catalogNode", { values }) as { Services: { web2: { Tags: unknown; Meta: unknown } } };
  assert.deepEqual([node.Services.web2.Tags, node.Services.web2.Meta], [[], null]);
  const [, flat] = body(catalog, "catalogService", { values }) as { ServiceTags: unknown; ServiceMeta: unknown }[];
  assert.deepEqual([flat?.ServiceTags, flat?.ServiceMeta], [[], {}]);
  const checks = body(catalog, "healthNode", { values }) as { ServiceTags: unknown }[];
  assert.deepEqual(checks[0]?.ServiceTags, []);
});

test("a node without services, and one that is not there", () => {
  const catalog = filled();
  const list = (node: string, Filter = "") =>
    body(catalog, "catalogNodeServices", { values: { node }, common: { Filter } });
  assert.equal((list("n3") as { Services: unknown }).Services, null);
  assert.deepEqual((list("n3", "Port == 1") as { Services: unknown }).Services, []);
  assert.deepEqual(list("none"), { Node: null, Services: null });
  assert.deepEqual((body(catalog, "catalogNode", { values: { node: "n3" } }) as { Services: unknown }).Services, {});
  assert.equal(body(catalog, "catalogNode", { values: { node: "none" } }), null);
});

test("the nearest come first; coordinates alone do not raise the index", () => {
  const catalog = filled();
  const place = (Node: string, x: number) => ({
    Node,
    Segment: "",
    Coord: { Adjustment: 0, Error: 1, Height: 0, Vec: [x, 0, 0, 0, 0, 0, 0, 0] },
  });
  const common = { Source: { Datacenter: "dc1", Segment: "", Node: "n3", Ip: "" } };
  const before = catalog.db.read((tx) =>
    answerRead(ENDPOINTS, "healthService", tx, { values: { service: "web", tag: [] }, common }),
  );
  catalog.write((tx, index) => updateCoordinates(tx, index, [place("n1", 9), place("n2", 2), place("n3", 1)]));
  assert.equal(before.watch.fired, true);
  assert.deepEqual(ids(catalog, "healthService", "", common), ["web2", "web1"]);
  assert.deepEqual(ids(catalog, "catalogService", "", common), ["web2", "web1"]);
  const after = ask(catalog, "healthService", { values: { service: "web", tag: [] }, common });
  assert.equal(after.index, before.result.index);
});

test("coordinates are shown by segment; none at all is status 404 without an index", () => {
  const catalog = filled();
  const Coord = { Adjustment: 0, Error: 1, Height: 0, Vec: [0, 0, 0, 0, 0, 0, 0, 0] };
  catalog.write((tx, index) =>
    updateCoordinates(tx, index, [
      { Node: "n1", Segment: "", Coord },
      { Node: "n1", Segment: "alpha", Coord },
    ]),
  );
  const segments = (name: string, query: string) =>
    (body(catalog, name, { values: { node: "n1" }, query }) as { Segment: string }[]).map((row) => row.Segment);
  for (const name of ["coordinateNodes", "coordinateNode"]) {
    assert.deepEqual(segments(name, ""), ["", "alpha"]);
    assert.deepEqual(segments(name, "segment="), [""]);
    assert.deepEqual(segments(name, "segment=alpha"), ["alpha"]);
  }
  assert.deepEqual(segments("coordinateNodes", "segment=zz"), []);
  const absent = ask(catalog, "coordinateNode", { values: { node: "none" } }).answer;
  assert.deepEqual(absent, { kind: "empty", status: 404, withoutMeta: true });
});

test("a registration goes to the datacenter its body names, else to the agent's", () => {
  const { binding } = catalogEndpoints.find((one) => one.name === "catalogRegister")!;
  const asked = (Datacenter: string) =>
    binding.request({ registration: registration("n", { Datacenter }) }, viewOf(""), undefined).Datacenter;
  assert.equal(asked(""), "dc1");
  assert.equal(asked("dc9"), "dc9");
});

test("coordinates that would poison distances are refused", () => {
  const { binding } = coordinateEndpoints.find((one) => one.name === "coordinateUpdate")!;
  const queued: unknown[] = [];
  const leader = { queueCoordinate: (coordinate: unknown) => queued.push(coordinate) };
  const update = (Coord: unknown) =>
    binding.answer({ Node: "n", Segment: "", Coord }, leader as never, undefined as never);
  const good = { Adjustment: 0, Error: 1, Height: 0, Vec: [0, 0, 0, 0, 0, 0, 0, 0] };
  update(good);
  assert.deepEqual(queued, [{ Node: "n", Segment: "", Coord: good }]);
  assert.throws(() => update({ ...good, Vec: [0, 0] }), { message: "incompatible coordinate" });
  assert.throws(() => update({ ...good, Height: Number.NaN }), { message: "invalid coordinate" });
  assert.throws(() => update(null), { message: "invalid coordinate" });
});
