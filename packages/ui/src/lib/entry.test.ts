import assert from "node:assert/strict";
import { test } from "node:test";
import { editable, editableQuery } from "./entry.ts";

test("what is edited leaves out what the servers add and what is empty", () => {
  const entry = {
    Kind: "service-defaults",
    Name: "web",
    Expose: {},
    Meta: null,
    Deny: false,
    Hash: "x",
    ModifyIndex: 9,
  };
  assert.deepEqual(JSON.parse(editable(entry)), { Kind: "service-defaults", Name: "web", Deny: false });
});

test("a prepared query is shown without what says nothing", () => {
  const query = {
    ID: "1",
    Name: "near",
    Template: { Type: "", Regexp: "", RemoveEmptyTags: false },
    Service: { Service: "web", OnlyPassing: true, Tags: null, NodeMeta: { rack: "" }, Failover: { NearestN: 0 } },
    CreateIndex: 7,
  };
  assert.deepEqual(JSON.parse(editableQuery(query)), {
    ID: "1",
    Name: "near",
    Service: { Service: "web", OnlyPassing: true, NodeMeta: { rack: "" } },
  });
});
