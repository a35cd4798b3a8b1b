import assert from "node:assert/strict";
import { test } from "node:test";
import { createDatabase } from "../state/memdb/database.ts";
import { preparedQueryEndpoints } from "./prepared-query.ts";

test("a query that nobody knows is an error of the RPC already: client agents hand its text on", () => {
  const queryGet = preparedQueryEndpoints.find(({ name }) => name === "queryGet");
  const { answer } = queryGet?.binding as unknown as { answer(request: object, tx: unknown): unknown };
  const ask = () => createDatabase().peek((tx) => answer({ QueryID: "00000000-0000-0000-0000-000000000000" }, tx));
  assert.throws(ask, /Query not found/);
});
