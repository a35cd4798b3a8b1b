import assert from "node:assert/strict";
import { test } from "node:test";
import { cpuShares, cpuTimesOfStat, memoryOfMeminfo } from "./host-gauges.ts";

test("CPU time is counted for each CPU, and all states that are not idle are busy ones", () => {
  const [before] = cpuTimesOfStat("cpu  9 9 9 9\ncpu0 100 10 50 800 20 5 5 10 0 0\nintr 3\n") ?? [];
  const [now] = cpuTimesOfStat("cpu0 140 10 70 820 30 5 15 10 0 0\n") ?? [];
  assert.ok(before && now);
  assert.deepEqual(before, { user: 100, system: 50, idle: 800, iowait: 20, other: 30 });
  assert.deepEqual(cpuShares(before, now), { user: 40, system: 20, iowait: 10, idle: 20, total: 80 });
  assert.deepEqual(cpuShares(now, now), { user: 0, system: 0, iowait: 0, idle: 100, total: 0 });
  assert.equal(cpuTimesOfStat(""), undefined);
});

test("memory in use is what is neither free nor given back at need", () => {
  const text = [
    "MemTotal:       1000 kB",
    "MemFree:         200 kB",
    "MemAvailable:    600 kB",
    "Buffers:          50 kB",
    "Cached:          300 kB",
    "SReclaimable:     50 kB",
  ].join("\n");
  assert.deepEqual(memoryOfMeminfo(text), {
    total: 1_024_000,
    free: 204_800,
    available: 614_400,
    used: 409_600,
  });
  assert.equal(memoryOfMeminfo(""), undefined);
});
