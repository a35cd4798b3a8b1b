import assert from "node:assert/strict";
import { test } from "node:test";
import { KeyringResponse, KeyringResponses, make } from "@tribune/api";
import { stringifyGo } from "../lib/go-json.ts";
import { operatorEndpoints } from "./operator.ts";

test("a pool's keys are shown with the fields that say nothing, which clients index", () => {
  const pool = make(KeyringResponse, { Datacenter: "dc1", Keys: { k: 3 }, PrimaryKeys: { k: 3 }, NumNodes: 3 });
  const reply = make(KeyringResponses, { Responses: [{ ...pool, WAN: true }, pool] });
  const shown = operatorEndpoints
    .find(({ name }) => name === "operatorKeyringList")!
    .binding.show(reply, {} as never, {} as never);
  const keys = { Keys: { k: 3 }, PrimaryKeys: { k: 3 }, NumNodes: 3 };
  assert.deepEqual(JSON.parse(stringifyGo((shown as { value: unknown }).value)), [
    { WAN: true, Datacenter: "dc1", Segment: "", ...keys },
    { WAN: false, Datacenter: "dc1", Segment: "", ...keys },
  ]);
});
