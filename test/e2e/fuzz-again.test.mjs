// A fuzz input is named by target, seed and number: it must be the same input in whatever process.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const script = fileURLToPath(new URL("../../fuzz/run.mjs", import.meta.url));

/** @returns {string[]} what each target says */
function fuzzed(...options) {
  const { stdout, stderr, status } = spawnSync(process.execPath, [script, ...options], { encoding: "utf8" });
  assert.equal(status, 0, stdout + stderr);
  return stdout.trimEnd().split("\n");
}

test("a seed gives every fuzz target the same inputs again, and another seed others", () => {
  const drawn = (...options) =>
    fuzzed("--inputs", "30", ...options).map((line) => {
      const [, target, count, digest] = /^(\S+) +(\d+) inputs fine.*, all inputs ([0-9a-f]{12})$/.exec(line) ?? [];
      assert.equal(count, "30", line);
      return `${target} ${digest}`;
    });
  const first = drawn("--seed", "1");
  assert.ok(first.length > 10);
  assert.deepEqual(drawn("--seed", "1"), first);
  const [other] = drawn("--seed", "2", "--target", "json");
  assert.match(other, /^json /);
  assert.ok(!first.includes(other));
});

test("what a target keeps is there again when one input is run alone", () => {
  const [input, outcome] = fuzzed("--target", "pool", "--seed", "1", "--only", "5003");
  assert.match(input, /^'[0-9a-f]*'$/);
  assert.match(outcome, /^pool +fine in /);
});
