import assert from "node:assert/strict";
import { test } from "node:test";
import {
  crumbs,
  exportPairs,
  folderRows,
  hasAddress,
  importPairs,
  type Pair,
  parentOf,
  planDelete,
  planTransfer,
  transferProblem,
  txnOperationsMax,
} from "./kv-tree.ts";

const pair = (Key: string, ModifyIndex = 7): Pair => ({ Key, Value: "YQ==", Flags: 3, ModifyIndex });

test("a folder's rows: folders first, its own key not", () => {
  const rows = folderRows("a/", ["a/", "a/z", "a/b/", "a/c"]);
  assert.deepEqual(
    rows.map(({ name }) => name),
    ["b/", "c", "z"],
  );
  assert.deepEqual(
    rows.map(({ folder }) => folder),
    [true, false, false],
  );
});

test("the way up from a key", () => {
  assert.deepEqual(
    crumbs("a/b/c").map(({ path }) => path),
    ["a/", "a/b/"],
  );
  assert.deepEqual(
    crumbs("a/b/").map(({ path }) => path),
    ["a/", "a/b/"],
  );
  assert.deepEqual(crumbs("c"), []);
  assert.equal(parentOf("a/b/c"), "a/b/");
  assert.equal(parentOf("a/b/"), "a/");
  assert.equal(parentOf("a"), "");
});

test("a move overwrites nothing and removes only what it has read", () => {
  assert.deepEqual(planTransfer([pair("a/x")], "a/", "b/c/", true), [
    [
      { KV: { Verb: "cas", Key: "b/c/x", Value: "YQ==", Flags: 3, Index: 0 } },
      { KV: { Verb: "delete-cas", Key: "a/x", Index: 7 } },
    ],
  ]);
  const many = planTransfer(
    Array.from({ length: 70 }, (_, i) => pair(`a/${i}`)),
    "a/",
    "b/",
    true,
  );
  assert.deepEqual(
    many.map(({ length }) => length),
    [64, 64, 12],
  );
});

test("places where a key or folder cannot go", () => {
  const cases: [from: string, to: string, fine: boolean][] = [
    ["a", "b", true],
    ["a", "a", false],
    ["a", "b/", false],
    ["a/", "b", false],
    ["a/", "a/b/", false],
    ["a/", "ab/", true],
    ["a", "/b", false],
    ["a", "", false],
  ];
  for (const [from, to, fine] of cases) assert.equal(transferProblem(from, to) === undefined, fine, `${from} → ${to}`);
});

test("what was exported can be imported below a folder; other files are refused", () => {
  const text = JSON.stringify(exportPairs([pair("x")]));
  assert.deepEqual(importPairs(text, "f/"), [[{ KV: { Verb: "set", Key: "f/x", Value: "YQ==", Flags: 3 } }]]);
  for (const bad of ["{", "{}", "[1]", '[{"key":"a","value":"%"}]']) assert.throws(() => importPairs(bad, ""), bad);
});

test("many keys are deleted in transactions of the size that servers take", () => {
  const keys = Array.from({ length: txnOperationsMax + 1 }, (_, i) => `k${i}`);
  const plan = planDelete(keys, []);
  assert.deepEqual(
    plan.map(({ length }) => length),
    [txnOperationsMax, 1],
  );
  assert.deepEqual(plan[1], [{ KV: { Verb: "delete", Key: `k${txnOperationsMax}` } }]);
  assert.deepEqual(planDelete([], []), []);
  assert.deepEqual(planDelete(["a"], ["b/"]), [
    [{ KV: { Verb: "delete", Key: "a" } }, { KV: { Verb: "delete-tree", Key: "b/" } }],
  ]);
});

test("what browsers make another address of has none", () => {
  for (const path of ["", "a", "a/", ".a/b..", "...", "a b/ä/😀%?#", "%2e%2e/"])
    assert.equal(hasAddress(path), true, path);
  for (const path of [".", "..", "a/../", "./a", "a/..", "/", "/a", "a//", "a//b", "a\tb", "a\u0085"])
    assert.equal(hasAddress(path), false, path);
  // Of the others a browser makes what they are.
  for (const path of ["a/", "...", "%2e%2e/"])
    assert.equal(
      new URL(path.split("/").map(encodeURIComponent).join("/"), "http://a/").pathname,
      `/${encodeURI(path)}`,
    );
});
