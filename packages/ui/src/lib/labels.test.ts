import assert from "node:assert/strict";
import { test } from "node:test";
import { placeLabels } from "./labels.ts";

test("names stand beside their points, and not on each other nor outside", () => {
  const dots = [
    { x: 100, y: 50, text: "fra-client-1" },
    { x: 180, y: 50, text: "fra-client-2" },
    { x: 395, y: 50, text: "fra-server-1" },
    { x: 100, y: 52, text: "on the same spot" },
  ];
  const labels = placeLabels(dots, 400);
  const spans = labels.map(({ x, y, anchor }, i) => {
    const long = dots[i]!.text.length * 6.6;
    const left = anchor === "start" ? x : anchor === "end" ? x - long : x - long / 2;
    assert.ok(left >= 0 && left + long <= 400, dots[i]!.text);
    return { left, right: left + long, y };
  });
  for (const [i, a] of spans.entries())
    for (const b of spans.slice(i + 1))
      assert.ok(Math.abs(a.y - b.y) >= 14 || a.right < b.left || b.right < a.left, `${i}`);
  assert.equal(labels[2]!.anchor, "end");
});
