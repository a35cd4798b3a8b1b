/**
 * Random commands against a model that keeps plain lists, and against every kind of query at once:
 *  - the answer is what the model says;
 *  - a watch fires exactly when what the query depends on was written;
 *  - an answer that changed has a higher index, and no index goes back;
 *  - an answer that was kept is dated as a new one, so that all servers say the same index.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckServiceNode, Coordinate, HealthCheck, Node, NodeService, ServiceNode } from "@tribune/api";
import fc from "fast-check";
import { TribuneError } from "../../lib/errors.ts";
import { Dating } from "../index-table.ts";
import type { ReadTx, WatchSet } from "../memdb/types.ts";
import { coordinatesOfNode, listCoordinates, updateCoordinates } from "./coordinates.ts";
import { checksInState, checksOfService, connectHealth, serviceHealth } from "./health-queries.ts";
import { checksOfNode, listNodes, nodeWithServices } from "./node-queries.ts";
import { deregister, ensureRegistration } from "./registration.ts";
import { connectServiceNodes, listServices, listServicesByNodeMeta, serviceNodes } from "./service-queries.ts";
import { Catalog, check, deregistration, registration, service } from "./testing.ts";

// ---- commands ----

const NODES = ["n0", "n1", "N1", "abcd"];
const SERVICES = ["a", "b", "A"];
const IDS = ["", "abcd0000-0000-0000-0000-000000000001", "abce0000-0000-0000-0000-000000000002"];
const STATES = ["passing", "warning", "critical"];

const anyOf = <T>(values: readonly T[]) => fc.constantFrom(...values);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const serviceArbitrary = fc
  .record({
    id: anyOf(["s0", "s1", "S1"]),
    name: anyOf(SERVICES),
    tags: fc.subarray(["x", "y"]),
    port: fc.nat(1),
    proxyFor: anyOf(["", "", "a", "b"]),
    native: fc.boolean(),
  })
  .map(({ id, name, tags, port, proxyFor, native }) => {
    const plain = service(id, name, {
      Tags: tags,
      Port: port,
      Connect: { ...service("", "").Connect, Native: native },
    });
    if (proxyFor === "") return plain;
    return { ...plain, Kind: "connect-proxy", Proxy: { ...plain.Proxy, DestinationServiceName: proxyFor } };
  });
const checkArbitrary = fc.record({
  id: anyOf(["c0", "c1", "serfHealth"]),
  serviceId: anyOf(["", "", "s0", "s1"]),
  status: anyOf(STATES),
});
const command = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant("register" as const),
      node: anyOf(NODES),
      id: anyOf(IDS),
      rack: anyOf([null, "r0", "r1"]),
      skip: fc.boolean(),
      service: maybe(serviceArbitrary),
      check: maybe(checkArbitrary),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constant("deregister" as const),
      node: anyOf(NODES),
      service: anyOf(["", "", "s0", "s1"]),
      check: anyOf(["", "c0", "c1"]),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("coordinate" as const), node: anyOf(NODES), at: fc.nat(1) }),
  },
);
type Command = typeof command extends fc.Arbitrary<infer T> ? T : never;

// ---- the model ----

interface ModelNode {
  name: string;
  id: string;
  rack: string | null;
  services: NodeService[];
  checks: HealthCheck[];
  at: number | undefined;
}

const same = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();

class Model {
  nodes: ModelNode[] = [];

  apply(command: Command): void {
    const kept = structuredClone(this.nodes);
    try {
      if (command.type === "register") this.#register(command);
      else if (command.type === "deregister") this.#deregister(command);
      else for (const node of this.nodes) if (same(node.name, command.node)) node.at = command.at;
    } catch (refusal) {
      this.nodes = kept;
      throw refusal;
    }
  }

  renames(command: Command): boolean {
    if (command.type !== "register" || command.id === "") return false;
    return this.nodes.some((node) => node.id === command.id && node.name !== command.node);
  }

  #register(command: Command & { type: "register" }): void {
    let node = this.nodes.find((one) => same(one.name, command.node));
    if (node === undefined || !command.skip) node = this.#ensureNode(command);
    if (command.service !== null) {
      const { ID } = command.service;
      node.services = [...node.services.filter((one) => !same(one.ID, ID)), command.service];
    }
    if (command.check !== null) {
      const { id, serviceId, status } = command.check;
      const owner = node.services.find((one) => same(one.ID, serviceId));
      if (serviceId !== "" && owner === undefined) throw TribuneError.internal("no such service");
      const row = check(command.node, id, {
        ServiceID: serviceId,
        Status: status,
        ServiceName: owner?.Service ?? "",
        ServiceTags: owner?.Tags ?? null,
      });
      node.checks = [...node.checks.filter((one) => !same(one.CheckID, id)), row];
    }
  }

  #ensureNode({ node: name, id, rack }: Command & { type: "register" }): ModelNode {
    const holder = this.nodes.find((one) => same(one.name, name));
    const known = id === "" ? undefined : this.nodes.find((one) => one.id === id);
    if (id !== "" && known?.name !== name && holder !== undefined && holder.id !== id) {
      const healthy = holder.checks.some((one) => one.CheckID === "serfHealth" && one.Status !== "critical");
      if (healthy && (known !== undefined || holder.id !== "")) throw TribuneError.internal("name is taken");
    }
    if (known !== undefined && known.name !== name) this.nodes = this.nodes.filter((one) => one !== known);
    let node = this.nodes.find((one) => same(one.name, name));
    if (node === undefined) {
      node = { name, id, rack, services: [], checks: [], at: undefined };
      this.nodes.push(node);
    }
    Object.assign(node, { name, id, rack });
    return node;
  }

  #deregister(command: Command & { type: "deregister" }): void {
    const node = this.nodes.find((one) => same(one.name, command.node));
    if (node === undefined) return;
    if (command.service !== "") {
      node.services = node.services.filter((one) => !same(one.ID, command.service));
      node.checks = node.checks.filter((one) => !same(one.ServiceID, command.service));
    } else if (command.check !== "") {
      node.checks = node.checks.filter((one) => !same(one.CheckID, command.check));
    } else {
      this.nodes = this.nodes.filter((one) => one !== node);
    }
  }
}

// ---- queries: how the database answers, and how the model does ----

interface QueryCase {
  readonly name: string;
  run(tx: ReadTx): { index: number; answer: unknown };
  /** What the query depends on, where that is more than what it answers. */
  on?(tx: ReadTx): unknown;
  /** A renamed node takes its services off the list, and may put the same ones back in the same command. */
  readonly writtenByRename?: boolean;
  /** The model's answer, as texts in any order. */
  expected(model: Model): string[];
  // biome-ignore lint/suspicious/noExplicitAny: each case knows the type of its own answer
  texts(answer: any): string[];
}

const checkText = (row: HealthCheck) => `${row.CheckID}=${row.Status}/${row.ServiceName}/${row.ServiceTags ?? ""}`;
const instanceText = (node: string, one: NodeService, checks: readonly HealthCheck[]) =>
  `${node} ${one.ID} ${one.Service} ${one.Tags} ${one.Port} [${checks.map(checkText).sort()}]`;
const healthTexts = (rows: readonly CheckServiceNode[]) =>
  rows.map((row) => instanceText(row.Node!.Node, row.Service!, row.Checks as HealthCheck[]));
const connectNameOf = (one: NodeService) =>
  one.Kind === "connect-proxy" ? one.Proxy.DestinationServiceName : one.Connect.Native ? one.Service : undefined;

function modelInstances(model: Model, wanted: (one: NodeService) => boolean): string[] {
  return model.nodes.flatMap((node) =>
    node.services.filter(wanted).map((one) =>
      instanceText(
        node.name,
        one,
        node.checks.filter((row) => row.ServiceID === "" || same(row.ServiceID, one.ID)),
      ),
    ),
  );
}

function modelServices(nodes: readonly ModelNode[]): string[] {
  const all = nodes.flatMap((node) => node.services);
  return [...new Set(all.map((one) => one.Service))].map(
    (name) => `${name}: ${[...new Set(all.filter((one) => one.Service === name).flatMap((one) => one.Tags))].sort()}`,
  );
}
const servicesTexts = (services: Record<string, readonly string[]>) =>
  Object.entries(services).map(([name, tags]) => `${name}: ${[...tags].sort()}`);

const modelChecks = (model: Model, wanted: (row: HealthCheck) => boolean) =>
  model.nodes.flatMap((node) =>
    node.checks.filter(wanted).map((row) => `${node.name.toLowerCase()} ${checkText(row)}`),
  );
const checkTexts = (rows: HealthCheck[]) => rows.map((row) => `${row.Node.toLowerCase()} ${checkText(row)}`);

const queries: QueryCase[] = [
  {
    name: "nodes",
    run(tx) {
      const { index, nodes } = listNodes(tx);
      return { index, answer: nodes };
    },
    expected: (model) => model.nodes.map((node) => `${node.name} ${node.id} ${node.rack}`),
    texts: (nodes: Node[]) => nodes.map((node) => `${node.Node} ${node.ID} ${node.Meta?.rack ?? null}`),
  },
  {
    name: "nodes?node-meta=rack:r0",
    run(tx) {
      const { index, nodes } = listNodes(tx, { rack: "r0" });
      return { index, answer: nodes };
    },
    expected: (model) => model.nodes.filter((node) => node.rack === "r0").map((node) => node.name),
    texts: (nodes: Node[]) => nodes.map((node) => node.Node),
  },
  {
    name: "services",
    writtenByRename: true,
    run(tx) {
      const { index, services } = listServices(tx);
      return { index, answer: services };
    },
    expected: (model) => modelServices(model.nodes),
    texts: servicesTexts,
  },
  {
    name: "services?node-meta=rack:r0",
    run(tx) {
      const { index, services } = listServicesByNodeMeta(tx, { rack: "r0" });
      return { index, answer: services };
    },
    on: (tx) => listNodes(tx, { rack: "r0" }).nodes.map((node) => rowsOf(tx, node.Node)),
    expected: (model) => modelServices(model.nodes.filter((node) => node.rack === "r0")),
    texts: servicesTexts,
  },
  ...["any", ...STATES].map(
    (state): QueryCase => ({
      name: `checks in state ${state}`,
      run(tx) {
        const { index, checks } = checksInState(tx, state);
        return { index, answer: checks };
      },
      expected: (model) => modelChecks(model, (row) => state === "any" || row.Status === state),
      texts: checkTexts,
    }),
  ),
  ...["n0", "n1"].flatMap((name): QueryCase[] => [
    {
      name: `node ${name}`,
      run(tx) {
        const { index, node, services } = nodeWithServices(tx, name);
        return { index, answer: { node, services } };
      },
      expected: (model) =>
        model.nodes
          .filter((node) => same(node.name, name))
          .flatMap((node) => [node.name, ...node.services.map((one) => instanceText(node.name, one, []))]),
      texts: ({ node, services }) =>
        node === undefined ? [] : [node.Node, ...services.map((one: NodeService) => instanceText(node.Node, one, []))],
    },
    {
      name: `checks of ${name}`,
      run(tx) {
        const { index, checks } = checksOfNode(tx, name);
        return { index, answer: checks };
      },
      expected: (model) =>
        model.nodes.filter((node) => same(node.name, name)).flatMap((node) => node.checks.map(checkText)),
      texts: (rows) => rows.map(checkText),
    },
    {
      name: `coordinates of ${name}`,
      run(tx) {
        const { index, coordinates } = coordinatesOfNode(tx, name);
        return { index, answer: coordinates };
      },
      expected: (model) =>
        model.nodes
          .filter((node) => same(node.name, name) && node.at !== undefined)
          .map((node) => `${node.name.toLowerCase()} ${node.at}`),
      texts: (rows: Coordinate[]) => rows.map((row) => `${row.Node.toLowerCase()} ${row.Coord?.Height}`),
    },
  ]),
  ...["abcd", "ab"].map(
    (prefix): QueryCase => ({
      name: `node by id ${prefix}`,
      run(tx) {
        const { index, node, services } = nodeWithServices(tx, prefix);
        return { index, answer: { node, services } };
      },
      on: (tx) => {
        const named = rowsOf(tx, prefix);
        return named.node === undefined ? [rowsById(tx, prefix)] : named;
      },
      expected(model) {
        const named = model.nodes.find((node) => same(node.name, prefix));
        const byId = model.nodes.filter((node) => node.id.startsWith(prefix));
        const node = named ?? (byId.length === 1 ? byId[0] : undefined);
        return node === undefined ? [] : [node.name];
      },
      texts: ({ node }) => (node === undefined ? [] : [node.Node]),
    }),
  ),
  ...["a", "B"].flatMap((name): QueryCase[] => [
    {
      name: `health of ${name}`,
      run(tx) {
        const { index, rows } = serviceHealth(tx, name);
        return { index, answer: rows };
      },
      expected: (model) => modelInstances(model, (one) => same(one.Service, name)),
      texts: healthTexts,
    },
    {
      name: `health of ${name} tagged X`,
      run(tx) {
        const { index, rows } = serviceHealth(tx, name, ["X"]);
        return { index, answer: rows };
      },
      on: (tx) => serviceHealth(tx, name).rows,
      expected: (model) => modelInstances(model, (one) => same(one.Service, name) && one.Tags!.includes("x")),
      texts: healthTexts,
    },
    {
      name: `instances of ${name}`,
      run(tx) {
        const { index, rows } = serviceNodes(tx, name);
        return { index, answer: rows };
      },
      on: (tx) => serviceNodes(tx, name).rows.map((row) => [row, rowsOf(tx, row.Node).node]),
      expected: (model) =>
        modelInstances(model, (one) => same(one.Service, name)).map((text) => text.replace(/ \[.*/, "").toLowerCase()),
      texts: (rows: ServiceNode[]) =>
        rows
          .map((row) => `${row.Node} ${row.ServiceID} ${row.ServiceName} ${row.ServiceTags} ${row.ServicePort}`)
          .map((text) => text.toLowerCase()),
    },
    {
      name: `mesh health of ${name}`,
      run(tx) {
        const { index, rows } = connectHealth(tx, name);
        return { index, answer: rows };
      },
      on(tx) {
        const { rows } = connectHealth(tx, name);
        const bearers = [...new Set(rows.map((row) => row.Service.Service.toLowerCase()))].sort();
        return [rows, bearers.map((bearer) => serviceHealth(tx, bearer).rows)];
      },
      expected: (model) => modelInstances(model, (one) => same(connectNameOf(one) ?? "", name)),
      texts: healthTexts,
    },
    {
      name: `mesh instances of ${name}`,
      run(tx) {
        const { index, rows } = connectServiceNodes(tx, name);
        return { index, answer: rows };
      },
      on: (tx) => connectServiceNodes(tx, name).rows.map((row) => [row, rowsOf(tx, row.Node).node]),
      expected: (model) =>
        modelInstances(model, (one) => same(connectNameOf(one) ?? "", name)).map((text) => text.split(" ")[1]!),
      texts: (rows: ServiceNode[]) => rows.map((row) => row.ServiceID),
    },
    {
      name: `checks of service ${name}`,
      run(tx) {
        const { index, checks } = checksOfService(tx, name);
        return { index, answer: checks };
      },
      expected: (model) => modelChecks(model, (row) => same(row.ServiceName, name)),
      texts: checkTexts,
    },
  ]),
  {
    name: "coordinates",
    run(tx) {
      const { index, coordinates } = listCoordinates(tx);
      return { index, answer: coordinates };
    },
    expected: (model) =>
      model.nodes.filter((node) => node.at !== undefined).map((node) => `${node.name.toLowerCase()} ${node.at}`),
    texts: (rows: Coordinate[]) => rows.map((row) => `${row.Node.toLowerCase()} ${row.Coord?.Height}`),
  },
];

/** A node by its very name, with its services. */
function rowsOf(tx: ReadTx, name: string) {
  const node = listNodes(tx).nodes.find((one) => same(one.Node, name));
  return { node, services: node === undefined ? [] : nodeWithServices(tx, name).services };
}

/** All nodes an id may mean; the services only where it means one. */
function rowsById(tx: ReadTx, prefix: string) {
  const nodes = listNodes(tx).nodes.filter((one) => one.ID.startsWith(prefix));
  return nodes.length === 1 ? nodes.map((one) => rowsOf(tx, one.Node)) : nodes;
}

// ---- the property ----

interface Observation {
  readonly index: number;
  readonly answer: string;
  readonly on: string;
  readonly watch: WatchSet;
}

function observe(catalog: Catalog, query: QueryCase): Observation {
  const { result, watch } = catalog.db.read((tx) => query.run(tx));
  const on = query.on === undefined ? result.answer : catalog.db.peek((tx) => query.on!(tx));
  return { index: result.index, answer: JSON.stringify(result.answer), on: JSON.stringify(on), watch };
}

test("queries agree with a model, and watches fire exactly when they must", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const catalog = new Catalog();
      const model = new Model();
      for (const command of commands) {
        const before = queries.map((query) => observe(catalog, query));
        const renames = model.renames(command);
        const refused = apply(catalog, model, command);
        for (const [at, query] of queries.entries()) {
          const { answer, on, index, watch } = before[at]!;
          const after = observe(catalog, query);
          const { answer: rows } = catalog.db.peek((tx) => query.run(tx));
          const where = `${query.name} after ${JSON.stringify(command)}`;
          assert.deepEqual(query.texts(rows).sort(), query.expected(model).sort(), where);
          assert.ok(after.index >= index, `index went back: ${where}`);
          if (after.answer !== answer) assert.ok(after.index > index, `index did not rise: ${where}`);
          if (after.on !== on) assert.ok(watch.fired, `slept on: ${where}`);
          else if (!(renames && query.writtenByRename)) assert.ok(!watch.fired, `woke in vain: ${where}`);
          assert.ok(!(refused && watch.fired), where);
          watch.release();
          after.watch.release();
        }
        assert.equal(catalog.db.watchCellCount, 0);
      }
    }),
    { numRuns: 300 },
  );
});

test("an answer that was kept is dated as one that is made now", () => {
  fc.assert(
    fc.property(fc.array(command, { maxLength: 40 }), (commands) => {
      const catalog = new Catalog();
      const model = new Model();
      const kept = queries.map((query) => keep(catalog, query));
      for (const command of commands) {
        apply(catalog, model, command);
        for (const [at, query] of queries.entries()) {
          const { index, watch, dating } = kept[at]!;
          const now = catalog.db.peek((tx) => query.run(tx).index);
          const dated = watch.fired ? undefined : catalog.db.peek((tx) => dating.indexIn(tx, index));
          if (dated !== undefined) assert.equal(dated, now, `${query.name} after ${JSON.stringify(command)}`);
          else {
            watch.release();
            kept[at] = keep(catalog, query);
          }
        }
      }
    }),
    { numRuns: 300 },
  );
});

function keep(catalog: Catalog, query: QueryCase) {
  const dating = new Dating();
  const { result, watch } = catalog.db.read((tx) => query.run(tx), dating);
  return { index: result.index, watch, dating };
}

/** @returns whether the command was refused, by both. */
function apply(catalog: Catalog, model: Model, command: Command): boolean {
  let refused = false;
  try {
    model.apply(command);
  } catch {
    refused = true; // the database must refuse it as well
  }
  const run = () => catalog.write((tx, index) => execute(tx, index, command));
  if (refused) assert.throws(run, TribuneError);
  else run();
  return refused;
}

function execute(tx: Parameters<typeof deregister>[0], index: number, command: Command): void {
  switch (command.type) {
    case "register": {
      const { node, id, rack, skip, service: instance, check: given } = command;
      const own = given && check(node, given.id, { ServiceID: given.serviceId, Status: given.status });
      const meta = rack === null ? null : { rack };
      ensureRegistration(
        tx,
        index,
        registration(node, { ID: id, NodeMeta: meta, SkipNodeUpdate: skip, Service: instance, Check: own }),
      );
      break;
    }
    case "deregister":
      deregister(tx, index, deregistration(command.node, { ServiceID: command.service, CheckID: command.check }));
      break;
    case "coordinate": {
      const Coord = { Adjustment: 0, Error: 1.5, Height: command.at, Vec: [0] };
      updateCoordinates(tx, index, [{ Node: command.node, Segment: "", Coord }]);
    }
  }
}
