import assert from "node:assert/strict";
import { test } from "node:test";
import type { NetworkCoordinate } from "@tribune/api";
import { updateCoordinates } from "../state/catalog/coordinates.ts";
import { Catalog } from "../state/catalog/testing.ts";
import { distance, nearestFirst, setDistance } from "./near.ts";

const at = (x: number, given: Partial<NetworkCoordinate> = {}): NetworkCoordinate => ({
  Adjustment: 0,
  Error: 1.5,
  Height: 0,
  Vec: [x, 0],
  ...given,
});
const source = (node: string, datacenter = "dc1") => ({ Datacenter: datacenter, Segment: "", Node: node, Ip: "" });

test("the distance is that of the vectors, plus heights, plus adjustments while it stays positive", () => {
  const cases: readonly [NetworkCoordinate | undefined, NetworkCoordinate | undefined, number][] = [
    [at(0), at(0.003), 0.003],
    [at(0, { Height: 0.001 }), at(0.003, { Height: 0.002 }), 0.006],
    [at(0, { Adjustment: 0.001 }), at(0.003, { Adjustment: -0.002 }), 0.002],
    [at(0, { Adjustment: -1 }), at(0.003), 0.003],
    [at(0, { Vec: [0.003, 0.004] }), at(0), 0.005],
    [at(0), at(0, { Vec: [1] }), Number.POSITIVE_INFINITY],
    [undefined, at(0), Number.POSITIVE_INFINITY],
    [at(0), at(0.0000000004), 0],
  ];
  for (const [a, b, seconds] of cases) assert.equal(distance(a, b), seconds);
});

test("sets meet in the segment of the one that has a single coordinate", () => {
  const client = new Map([["alpha", at(1)]]);
  const server = new Map([
    ["", at(9)],
    ["alpha", at(3)],
  ]);
  assert.equal(setDistance(client, server), 2);
  assert.equal(setDistance(server, client), 2);
  assert.equal(setDistance(server, server), 0);
  assert.equal(setDistance(client, new Map([["beta", at(1)]])), Number.POSITIVE_INFINITY);
});

test("rows are sorted nearest first, unknown ones last, equals as they were", () => {
  const catalog = new Catalog();
  for (const name of ["me", "near", "far", "twin", "lost"]) catalog.register(name);
  catalog.write((tx, index) => {
    const places: readonly [string, number][] = [
      ["me", 0],
      ["near", 0.001],
      ["far", 0.009],
      ["twin", 0.001],
    ];
    updateCoordinates(
      tx,
      index,
      places.map(([Node, x]) => ({ Node, Segment: "", Coord: at(x) })),
    );
  });
  const rows = ["lost", "far", "twin", "near", "me"];
  const sorted = (from: ReturnType<typeof source>) =>
    catalog.db.peek((tx) => [...nearestFirst(tx, from, "dc1", rows, (row) => row)]);
  assert.deepEqual(sorted(source("me")), ["me", "twin", "near", "far", "lost"]);
  assert.deepEqual(sorted(source("ME")), ["me", "twin", "near", "far", "lost"]);
  assert.deepEqual(sorted(source("far")), ["far", "twin", "near", "me", "lost"]);
  for (const unsorted of [source(""), source("lost"), source("me", "dc2")]) assert.deepEqual(sorted(unsorted), rows);
});
