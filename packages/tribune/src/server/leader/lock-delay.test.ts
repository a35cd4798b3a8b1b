import assert from "node:assert/strict";
import { test } from "node:test";
import { LockDelays } from "./lock-delay.ts";

test("a key may be locked again when its time is up, and the later of two delays counts", () => {
  let nowMs = 1_000;
  const delays = new LockDelays({ nowMs: () => nowMs, wallMs: () => 0 });
  delays.set(["a", "b"], 500);
  delays.set(["c"], 0);
  assert.deepEqual(
    ["a", "b", "c", "d"].map((key) => delays.leftMs(key)),
    [500, 500, 0, 0],
  );
  nowMs += 400;
  delays.set(["b"], 500);
  assert.deepEqual([delays.leftMs("a"), delays.leftMs("b")], [100, 500]);
  nowMs += 100;
  assert.deepEqual([delays.leftMs("a"), delays.leftMs("b")], [0, 400]);
  assert.equal(delays.size, 1);
});

test("keys that nobody asks for again are forgotten", () => {
  let nowMs = 0;
  const delays = new LockDelays({ nowMs: () => nowMs, wallMs: () => 0 });
  const many = Array.from({ length: 10_000 }, (_, at) => `key ${at}`);
  for (let round = 0; round < 20; round++) {
    delays.set(
      many.map((key) => `${round}/${key}`),
      1_000,
    );
    nowMs += 1_001;
  }
  assert.ok(delays.size <= 20_000, `${delays.size} keys`);
  for (let at = 0; at < 40_000; at++) {
    delays.set([`single ${at}`], 10);
    nowMs += 1;
  }
  assert.ok(delays.size <= 512, `${delays.size} keys`);
});
