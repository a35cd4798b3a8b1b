import assert from "node:assert/strict";
import { test } from "node:test";
import { fromJson, IntentionBody, type IntentionRequest } from "@tribune/api";
import { intentionEndpoints } from "./intention.ts";
import { viewOf } from "./testing.ts";

test("what Consul's client sends with an intention is taken, and what it does not decide is dropped", () => {
  // As Go's client writes it: times are never left out.
  const sent = {
    ...{
      SourceNS: "default",
      SourceName: "web",
      DestinationNS: "default",
      DestinationName: "db",
      SourceType: "consul",
    },
    ...{ Action: "allow", Precedence: 9, Hash: "aGFzaA==", CreateIndex: 7, ModifyIndex: 8 },
    ...{ CreatedAt: "2020-01-02T03:04:05Z", UpdatedAt: "0001-01-01T00:00:00Z" },
  };
  const upsert = intentionEndpoints.find(({ name }) => name === "intentionUpsert");
  assert.ok(upsert !== undefined && upsert.contract.kind === "write");
  const values = { source: ["web"], destination: ["db"], intention: fromJson(IntentionBody, sent, true) };
  const { Intention } = upsert.binding.request(values, viewOf(""), undefined) as IntentionRequest;
  assert.ok(Intention !== null);
  const { Action, CreatedAt, UpdatedAt, Hash, CreateIndex, ModifyIndex } = Intention;
  const zeroTime = "0001-01-01T00:00:00Z";
  assert.deepEqual(
    [Action, CreatedAt, UpdatedAt, Hash, CreateIndex, ModifyIndex],
    ["allow", zeroTime, zeroTime, null, 0, 0],
  );
});
