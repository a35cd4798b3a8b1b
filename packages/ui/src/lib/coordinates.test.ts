import assert from "node:assert/strict";
import { test } from "node:test";
import { type Coordinate, formatMs, project, roundTripMs } from "./coordinates.ts";

const at = (Vec: number[], Height = 0.001, Adjustment = 0): Coordinate => ({ Vec, Height, Adjustment, Error: 0.1 });

test("the round trip is the distance, the heights and the adjustments", () => {
  assert.equal(formatMs(roundTripMs(at([0, 0]), at([0.003, 0.004]))), "7.00 ms");
  assert.equal(formatMs(roundTripMs(at([0, 0], 0.001, 0.001), at([0.003, 0.004]))), "8.00 ms");
  // An adjustment that would make it negative does not count (serf's coordinate.go, DistanceTo).
  assert.equal(formatMs(roundTripMs(at([0, 0], 0.001, -1), at([0.003, 0.004]))), "7.00 ms");
  assert.equal(roundTripMs(at([0]), at([0, 0])), undefined);
  assert.equal(formatMs(undefined), "–");
});

test("points that lie on a plane keep their distances", () => {
  const vectors = [
    [0, 0, 5],
    [3, 4, 5],
    [6, 0, 5],
    [1, 2, 5],
  ];
  const points = project(vectors);
  for (const [i, a] of vectors.entries()) {
    for (const [k, b] of vectors.entries()) {
      const wanted = Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);
      const drawn = Math.hypot(points[i]!.x - points[k]!.x, points[i]!.y - points[k]!.y);
      assert.ok(Math.abs(wanted - drawn) < 1e-6, `${i} ${k}: ${wanted} ${drawn}`);
    }
  }
});

test("one point, none, or all the same: no division by nothing", () => {
  assert.deepEqual(project([]), []);
  for (const { x, y } of project([
    [1, 1],
    [1, 1],
  ]))
    assert.deepEqual([x, y], [0, 0]);
});
