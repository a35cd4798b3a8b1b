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
