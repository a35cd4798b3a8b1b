import assert from "node:assert/strict";
import { test } from "node:test";
import { awarenessAfter, awarenessDelta, stretchedByAwareness } from "./awareness.ts";
import { pushPullIntervalMs, retransmitLimit, suspicionLimits, suspicionTimeoutMs } from "./timing.ts";

test("the shortest suspicion grows with the logarithm of the cluster", () => {
  for (const [members, minMs] of [
    [0, 3_000],
    [1, 3_000],
    [5, 3_000],
    [10, 3_000],
    [50, 5_094],
    [100, 6_000],
    [500, 8_094],
    [1_000, 9_000],
    [10_000, 12_000],
  ] as const) {
    const limits = suspicionLimits(3, members, 1_000);
    assert.equal(limits.minMs, minMs, `${members} members`);
    assert.equal(limits.maxMs, 6 * minMs);
  }
  assert.equal(suspicionLimits(6, 10, 5_000).minMs, 30_000, "WAN");
});

test("confirmations are expected only where enough members are left to give them", () => {
  for (const [mult, members, expected] of [
    [4, 1, 0],
    [4, 3, 0],
    [4, 4, 2],
    [4, 1_000, 2],
    [6, 5, 0],
    [6, 6, 4],
    [3, 2, 0],
    [3, 3, 1],
    [2, 9, 0],
  ] as const) {
    assert.equal(suspicionLimits(mult, members, 1_000).expected, expected, `${mult} × ${members}`);
  }
});

test("Lifeguard §IV: each confirmation shortens a suspicion, on a log scale", () => {
  const limits = { expected: 3, minMs: 2_000, maxMs: 30_000 };
  const timeouts = [0, 1, 2, 3, 4, 9].map((confirmations) => suspicionTimeoutMs(confirmations, limits));
  assert.deepEqual(timeouts, [30_000, 16_000, 7_810, 2_000, 2_000, 2_000]);
  assert.equal(suspicionTimeoutMs(0, { ...limits, expected: 0 }), 2_000);
});

test("SWIM §4.1: a broadcast is sent often enough to reach everyone", () => {
  for (const [members, limit] of [
    [0, 0],
    [1, 4],
    [8, 4],
    [9, 4],
    [10, 8],
    [99, 8],
    [100, 12],
    [999, 12],
    [1_000, 16],
  ] as const) {
    assert.equal(retransmitLimit(4, members), limit, `${members} members`);
  }
});

test("push/pulls are rarer in clusters above 32, by powers of two", () => {
  for (const [members, factor] of [
    [0, 1],
    [32, 1],
    [33, 2],
    [64, 2],
    [65, 3],
    [128, 3],
    [129, 4],
    [1_000, 6],
  ] as const) {
    assert.equal(pushPullIntervalMs(1_000, members), factor * 1_000, `${members} members`);
  }
});

test("Lifeguard §IV: awareness stays between 0 and 7 and stretches the probe interval", () => {
  assert.equal(awarenessAfter(0, -1), 0);
  assert.equal(awarenessAfter(3, -1), 2);
  assert.equal(awarenessAfter(6, 4), 7);
  assert.deepEqual(
    [0, 1, 7].map((score) => stretchedByAwareness(1_000, score)),
    [1_000, 2_000, 8_000],
  );
});

test("Lifeguard §IV: missed nacks count against ourselves", () => {
  assert.equal(awarenessDelta({ acked: true }), -1);
  assert.equal(awarenessDelta({ acked: false, nacksExpected: 0, nacksReceived: 0 }), 1);
  assert.equal(awarenessDelta({ acked: false, nacksExpected: 3, nacksReceived: 3 }), 0);
  assert.equal(awarenessDelta({ acked: false, nacksExpected: 3, nacksReceived: 1 }), 2);
});
