import assert from "node:assert/strict";
import { test } from "node:test";
import { createDatabase } from "../state/memdb/database.ts";
import { preparedQueryEndpoints } from "./prepared-query.ts";

test("a query that nobody knows is an error of the RPC already: client agents hand its text on", () => {
  const queryGet = preparedQueryEndpoints.find(({ name }) => name === "queryGet");
  const binding = queryGet?.binding as unknown as { query(tx: unknown, request: object): unknown };
  const QueryID = "12345678-0000-0000-0000-000000000000";
  assert.throws(() => createDatabase().peek((tx) => binding.query(tx, { QueryID })), /Query not found/);
});

test("whoever executes a query may ask for proxies, in Go's words for yes and no", () => {
  const queryExecute = preparedQueryEndpoints.find(({ name }) => name === "queryExecute");
  const { request } = queryExecute!.binding as unknown as {
    request(values: object, http: object, common: object): { readonly Connect: boolean };
  };
  const asked = (connect: string): boolean =>
    request({ id: "q", limit: "", near: "", connect }, { datacenter: "dc1" }, {}).Connect;
  assert.deepEqual(["", "1", "False"].map(asked), [false, true, false]);
  assert.throws(() => asked("yes"), {
    message: `Error parsing 'connect' value: strconv.ParseBool: parsing "yes": invalid syntax`,
  });
});

test("an id that is none is told apart by what was to be done with it", () => {
  const refusal = (name: string): string => {
    const { binding } = preparedQueryEndpoints.find((endpoint) => endpoint.name === name)!;
    const { prepare } = binding as unknown as { prepare(request: object, leader: object): unknown };
    try {
      prepare({ Query: { ID: "nope" } }, {});
    } catch (error) {
      return (error as Error).message;
    }
    throw new Error("it was not refused");
  };
  assert.match(refusal("queryDelete"), /^Prepared Query lookup failed: failed prepared query lookup: index error/);
});
