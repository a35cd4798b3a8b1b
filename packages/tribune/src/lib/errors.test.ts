import assert from "node:assert/strict";
import { test } from "node:test";
import { TribuneError } from "./errors.ts";

test("a refusal carries no stack, since writing it down is half of what it costs; what it is caused by keeps its own", () => {
  const limit = Error.stackTraceLimit;
  const refusal = TribuneError.badRequest("Invalid wait time");
  assert.equal(refusal.stack, "TribuneError: Invalid wait time");
  assert.equal(Error.stackTraceLimit, limit);
  const cause = new Error("disk");
  assert.match(String((TribuneError.internal("no", cause).cause as Error).stack), /\n +at /);
});
