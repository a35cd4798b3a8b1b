import assert from "node:assert/strict";
import { test } from "node:test";
import { Deadlines } from "./deadlines.ts";
import { VirtualWorld } from "./world.test.support.ts";

test("one timer stands for all calls, and those that were met in time hear nothing", async () => {
  const world = new VirtualWorld();
  const missed: string[] = [];
  const deadlines = new Deadlines(world, 1_000);
  const start = (name: string) => deadlines.start(() => missed.push(name));
  const first = start("first");
  await world.pass(400);
  start("second");
  start("third");
  assert.deepEqual(world.pendingMs, [600]);
  deadlines.met(first);
  await world.pass(600);
  assert.deepEqual([missed, world.pendingMs], [[], [400]]);
  await world.pass(400);
  assert.deepEqual([missed, world.pendingMs], [["second", "third"], []]);
  deadlines.met(start("fourth"));
  await world.pass(5_000);
  assert.deepEqual([missed, world.pendingMs], [["second", "third"], []]);
});

test("of two that began together the later is not missed with the earlier, however coarse the timer", async () => {
  const world = new VirtualWorld();
  const missed: number[] = [];
  const deadlines = new Deadlines(world, 10);
  for (let at = 0; at < 5; at++) {
    deadlines.start(() => missed.push(world.nowMs()));
    await world.pass(3);
  }
  await world.pass(20);
  assert.deepEqual(missed, [1_010, 1_013, 1_016, 1_019, 1_022]);
});

test("one that is met again, or only after it was missed, takes no other one with it", async () => {
  const world = new VirtualWorld();
  const missed: string[] = [];
  const deadlines = new Deadlines(world, 1_000);
  const start = (name: string) => deadlines.start(() => missed.push(name));
  const late = start("late");
  const twice = start("twice");
  await world.pass(500);
  deadlines.met(twice);
  const between = start("between");
  start("last");
  deadlines.met(twice);
  await world.pass(500);
  deadlines.met(late);
  deadlines.met(between);
  await world.pass(1_000);
  assert.deepEqual(missed, ["late", "last"]);
});
