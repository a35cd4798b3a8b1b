import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, choose, type Strategy, settle } from "./balance.ts";

const candidates = (...weights: number[]): (Candidate & { id: number })[] =>
  weights.map((weight, id) => ({ id, weight, load: 0, restsUntilMs: 0, credit: 0, rank: id }));
const chosen = (from: ReturnType<typeof candidates>, strategy: Strategy, count: number) =>
  Array.from({ length: count }, () => choose(from, strategy, 0).id).join("");

test("in turn, by weight, and nobody gets his share in one go", () => {
  assert.equal(chosen(candidates(1, 1, 1), "round-robin", 6), "012012");
  const shares = chosen(candidates(5, 1, 1), "round-robin", 70);
  assert.deepEqual(
    [0, 1, 2].map((id) => shares.split(String(id)).length - 1),
    [50, 10, 10],
  );
  assert.ok(!shares.includes("00000"), shares);
});

test("the least loaded for its weight; among equals in turn", () => {
  const three = candidates(1, 1, 2);
  three[0]!.load = 1;
  three[1]!.load = 1;
  three[2]!.load = 2;
  three[2]!.load = 1;
  assert.equal(chosen(three, "least-loaded", 3), "222");
  three[2]!.load = 3;
  assert.equal(new Set(chosen(three, "least-loaded", 2)).size, 2);
});

test("the nearest in turn, by weight; farther ones only when all of them rest", () => {
  const three = candidates(1, 2, 5);
  for (const near of three.slice(0, 2)) near.rank = 0;
  assert.equal(chosen(three, "nearest", 6), "101101");
  for (const near of three.slice(0, 2)) near.restsUntilMs = 100;
  assert.equal(chosen(three, "nearest", 2), "22");
});

test("who is light now does not pay for what it weighed", () => {
  const two = candidates(1, 1_000);
  chosen(two, "round-robin", 500);
  two[1]!.weight = 1;
  settle(two);
  assert.deepEqual([...chosen(two, "round-robin", 10)].filter((id) => id === "1").length >= 4, true);
});

test("the nearest is the first; who failed rests while there are others", () => {
  const two = candidates(1, 1);
  assert.equal(chosen(two, "nearest", 3), "000");
  two[0]!.restsUntilMs = 100;
  assert.equal(chosen(two, "nearest", 3), "111");
  assert.equal(chosen(two, "round-robin", 3), "111");
  two[1]!.restsUntilMs = 100;
  assert.equal(chosen(two, "nearest", 1), "0");
  assert.equal(choose(two, "nearest", 100).id, 0);
});
