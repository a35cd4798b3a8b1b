import assert from "node:assert/strict";
import { test } from "node:test";
import { InvariantError } from "../lib/invariant.ts";
import { caught, exitStatus } from "./outcome.ts";

class Violation extends Error {}

test("a crash is no finding: a checker that is shown to work by it would not be", () => {
  assert.deepEqual(caught(new Violation("two leaders"), Violation), { violation: "two leaders", crashed: false });
  assert.equal(caught(new InvariantError("a gap in the log"), Violation).crashed, false);
  const crash = caught(new TypeError("not a function"), Violation);
  assert.equal(crash.crashed, true);
  assert.match(crash.violation, /^TypeError: not a function\n/);
});

test("a program says by its exit status whether a promise was broken, or it was itself", () => {
  assert.equal(exitStatus({ violations: 0, crashes: 0 }), 0);
  assert.equal(exitStatus({ violations: 2, crashes: 0 }), 3);
  assert.equal(exitStatus({ violations: 2, crashes: 1 }), 1);
});
