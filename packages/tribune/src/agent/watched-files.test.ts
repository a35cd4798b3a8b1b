import assert from "node:assert/strict";
import { test } from "node:test";
import type { Timers } from "../lib/runtime.ts";
import { WatchedFiles } from "./watched-files.ts";

/** A watch over files that are a table, and a clock that goes on when told. */
async function watched(files: Record<string, string>, onChange: () => void) {
  let due: (() => void) | undefined;
  let looked: () => void = () => {};
  const timers: Timers = {
    after: (_delay, run) => {
      due = run;
      looked();
      return () => {
        due = undefined;
      };
    },
    soon: (run) => setImmediate(run),
  };
  const watch = new WatchedFiles({
    timers,
    paths: () => ["a.hcl", "b.hcl"],
    stamp: (path) => Promise.resolve(files[path] ?? ""),
    onChange: () => Promise.resolve(onChange()),
  });
  await watch.start();
  const look = (): Promise<void> => {
    const run = due;
    assert.ok(run, "nothing will look again");
    return new Promise((resolve) => {
      looked = resolve;
      run();
    });
  };
  return { look, watch, isOver: () => due === undefined };
}

test("a changed file is told of once it stays as it is, and once only", async () => {
  const files: Record<string, string> = { "a.hcl": "1" };
  let changes = 0;
  const { look, watch, isOver } = await watched(files, () => changes++);
  await look();
  files["a.hcl"] = "2";
  await look();
  files["a.hcl"] = "3";
  await look();
  assert.equal(changes, 0, "it is still being written");
  await look();
  assert.equal(changes, 1);
  await look();
  await look();
  assert.equal(changes, 1);
  files["b.hcl"] = "new";
  await look();
  await look();
  assert.equal(changes, 2, "a file that was not there counts as well");
  watch.stop();
  assert.ok(isOver());
});

test("what a reload itself writes is not a change", async () => {
  const files: Record<string, string> = { "a.hcl": "1" };
  let changes = 0;
  const { look } = await watched(files, () => {
    changes++;
    files["b.hcl"] = "written";
  });
  files["a.hcl"] = "2";
  for (let at = 0; at < 5; at++) await look();
  assert.equal(changes, 1);
});
