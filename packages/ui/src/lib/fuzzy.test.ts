import assert from "node:assert/strict";
import { test } from "node:test";
import { bestOf } from "./fuzzy.ts";

const names = ["payments-web", "web", "wide-eyed-bear", "website", "db", "my web"];

test("whole names first, then beginnings, then words inside, then letters in order", () => {
  assert.deepEqual(
    bestOf("web", names, (name) => name, 9),
    ["web", "website", "my web", "payments-web", "wide-eyed-bear"],
  );
  assert.deepEqual(
    bestOf("WEB", names, (name) => name, 1),
    ["web"],
  );
  assert.deepEqual(
    bestOf("xyz", names, (name) => name, 9),
    [],
  );
  assert.deepEqual(
    bestOf("", names, (name) => name, 2),
    ["payments-web", "web"],
  );
});
