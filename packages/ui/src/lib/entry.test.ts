import assert from "node:assert/strict";
import { test } from "node:test";
import { editable } from "./entry.ts";

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
