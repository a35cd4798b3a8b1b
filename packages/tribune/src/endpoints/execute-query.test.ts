import assert from "node:assert/strict";
import { test } from "node:test";
import { make, PreparedQuery, type PreparedQueryExecuteResponse } from "@tribune/api";
import { seededRng } from "../lib/random.ts";
import { Catalog, check, service } from "../state/catalog/testing.ts";
import { createDatabase } from "../state/memdb/database.ts";
import { preparedQuerySet } from "../state/prepared-query.ts";
import type { ServerApi } from "./agent-api.ts";
import { preparedQueryEndpoints } from "./prepared-query.ts";
import { bodyOf, viewOf } from "./testing.ts";

const endpoint = preparedQueryEndpoints.find(({ name }) => name === "queryExecute")!;

function filled(): Catalog {
  const catalog = new Catalog();
  for (const n of ["1", "2"])
    catalog.register(`n${n}`, {
      Service: service(`web${n}`, "web"),
      Check: check(`n${n}`, `c${n}`, { ServiceID: `web${n}` }),
    });
  const { Service } = make(PreparedQuery, {});
  const query = make(PreparedQuery, {
    ID: "11111111-2222-3333-4444-555555555555",
    Name: "web",
    Service: { ...Service, Service: "web", OnlyPassing: true },
  });
  catalog.write((tx, index) => preparedQuerySet(tx, index, query));
  return catalog;
}

const serverOf = (catalog: Catalog, rng: ReturnType<typeof seededRng>) =>
  ({
    datacenter: "dc1",
    rng,
    peek: (read) => catalog.db.peek(read),
    operator: { queryMeta: () => ({ index: 5, knownLeader: true, lastContactMs: 0 }) },
  }) as ServerApi;

function requestOf(given: object): unknown {
  const common = { Source: { Datacenter: "dc1", Segment: "", Node: "", Ip: "" } };
  const values = { id: "web", limit: "", near: "", connect: "", ...given };
  return endpoint.binding.request(values, viewOf(""), common as never);
}

/** What `GET /v1/query/web/execute` answers. */
function execute(catalog: Catalog, given: object = {}, rng = seededRng(1)): PreparedQueryExecuteResponse {
  const request = requestOf(given);
  const reply = endpoint.binding.answer(request as never, serverOf(catalog, rng) as never, undefined as never);
  return bodyOf(endpoint.binding.show(reply, request as never, viewOf(""))) as PreparedQueryExecuteResponse;
}

const ids = ({ Nodes }: PreparedQueryExecuteResponse) => (Nodes ?? []).map((row) => row?.Service?.ID).sort();

test("what a query found is found anew after each change of its service's health", () => {
  const catalog = filled();
  assert.deepEqual(ids(execute(catalog)), ["web1", "web2"]);
  catalog.register("other", { Service: service("db", "db") });
  assert.deepEqual(ids(execute(catalog)), ["web1", "web2"]);
  catalog.register("n1", { Check: check("n1", "c1", { ServiceID: "web1", Status: "warning" }) });
  assert.deepEqual(ids(execute(catalog)), ["web2"]);
  catalog.register("n2", { Check: check("n2", "node", { Status: "critical" }) });
  assert.deepEqual(ids(execute(catalog)), []);
  catalog.register("n2", { Check: check("n2", "node") });
  catalog.register("n3", { Service: service("web3", "web") });
  assert.deepEqual(ids(execute(catalog)), ["web2", "web3"]);
  assert.equal(execute(catalog, { limit: "1" }).Nodes?.length, 1);
});

test("a state that was replaced is looked at afresh, whatever its indexes", () => {
  const catalog = filled();
  execute(catalog);
  const other = filled();
  other.index = 0;
  const replaced = createDatabase();
  catalog.db.replaceWith(replaced);
  catalog.index = 0;
  catalog.register("n9", { Service: service("web9", "web") });
  catalog.register("n9", {});
  const { Service } = make(PreparedQuery, {});
  const ID = "11111111-2222-3333-4444-555555555555";
  catalog.write((tx, index) =>
    preparedQuerySet(tx, index, make(PreparedQuery, { ID, Name: "web", Service: { ...Service, Service: "web" } })),
  );
  assert.deepEqual(ids(execute(catalog)), ["web9"]);
});

test("rows come as Consul shows them here: lists that are nil stay null, and texts cannot disturb the rest", () => {
  const catalog = filled();
  catalog.register("n2", { Check: check("n2", "node", { Status: "critical" }) });
  catalog.register("n1", { NodeMeta: { trap: '"Nodes":null' } });
  const { Nodes, Service, Datacenter, Failovers } = execute(catalog);
  assert.deepEqual([Service, Datacenter, Failovers], ["web", "dc1", 0]);
  assert.equal(Nodes?.length, 1);
  assert.equal(Nodes?.[0]?.Service?.Tags, null);
  assert.equal(Nodes?.[0]?.Node?.Meta?.trap, '"Nodes":null');
  assert.deepEqual(
    Nodes?.[0]?.Checks?.map((one) => one?.ServiceTags),
    [null],
  );
});

test("each request has an order of its own, and all orders come alike", () => {
  const catalog = filled();
  catalog.register("n3", { Service: service("web3", "web") });
  const rng = seededRng(7);
  const REQUESTS = 6_000;
  const orders = new Map<string, number>();
  let repeats = 0;
  let before = "";
  for (let n = 0; n < REQUESTS; n++) {
    const order = (execute(catalog, {}, rng).Nodes ?? []).map((row) => row?.Service?.ID).join();
    orders.set(order, (orders.get(order) ?? 0) + 1);
    if (order === before) repeats++;
    before = order;
  }
  const expected = REQUESTS / 6;
  assert.equal(orders.size, 6);
  const chiSquare = [...orders.values()].reduce((sum, count) => sum + (count - expected) ** 2 / expected, 0);
  // Five degrees of freedom: a fair shuffle is above this once in a thousand seeds, and this seed is not one of those.
  assert.ok(chiSquare < 20.5, `chi square ${chiSquare} of ${JSON.stringify([...orders])}`);
  // The one before says nothing about the next: a sixth repeat, give or take four deviations.
  assert.ok(Math.abs(repeats - expected) < 4 * Math.sqrt((REQUESTS * 5) / 36), `${repeats} repeats`);
});

test("texts that are not ASCII come as they are, rows and all", () => {
  const catalog = filled();
  catalog.register("n1", { NodeMeta: { where: "Grüße 🙂" } });
  const metas = (execute(catalog).Nodes ?? []).map((row) => row?.Node?.Meta?.where);
  assert.deepEqual(metas.sort(), ["Grüße 🙂", undefined]);
});

test("what surrounds the rows is of the server that was asked, but for an index, which nobody can wait for", () => {
  const catalog = filled();
  const shown = [5, 6].map((index) => {
    const server = {
      datacenter: "dc1",
      rng: seededRng(1),
      peek: (read: never) => catalog.db.peek(read),
      operator: { queryMeta: () => ({ index, knownLeader: index === 6, lastContactMs: index }) },
    };
    const http = viewOf("");
    const common = { Source: { Datacenter: "dc1", Segment: "", Node: "", Ip: "" }, AllowStale: index === 6 };
    const request = endpoint.binding.request({ id: "web", limit: "", near: "", connect: "" }, http, common as never);
    const reply = endpoint.binding.answer(request as never, server as never, undefined as never);
    const answer = endpoint.binding.show(reply, request as never, http);
    const body = bodyOf(answer) as PreparedQueryExecuteResponse;
    const { Index, KnownLeader, LastContact, ConsistencyLevel } = body;
    return [Index, KnownLeader, LastContact, ConsistencyLevel, "headers" in answer ? answer.headers?.[1] : undefined];
  });
  assert.deepEqual(shown, [
    [1, false, 5e6, "leader", "1"],
    [1, true, 6e6, "stale", "1"],
  ]);
});

test("only answers whose order was drawn, and of all their rows, have others like them", () => {
  const catalog = filled();
  const shown = (given: object, read = (reply: PreparedQueryExecuteResponse) => reply) => {
    const server = serverOf(catalog, seededRng(1));
    const request = requestOf(given);
    const reply = endpoint.binding.answer(request as never, server as never, undefined as never);
    const answer = endpoint.binding.show(read(reply as never), request as never, viewOf(""));
    return "alike" in answer ? answer.alike : undefined;
  };
  const drawn = shown({});
  assert.notEqual(drawn, undefined);
  assert.equal(shown({}), drawn);
  assert.equal(shown({ limit: "1" }), undefined);
  assert.equal(shown({ near: "n1" }), undefined);
  assert.equal(shown({ connect: "true" }), undefined);
  // What came over the wire says nothing of how it was drawn.
  assert.equal(
    shown({}, (reply) => structuredClone(reply)),
    undefined,
  );
  assert.equal(shown({}), drawn);
  catalog.register("n3", { Service: service("web3", "web") });
  assert.notEqual(shown({}), drawn);
});
