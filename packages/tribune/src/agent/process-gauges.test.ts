import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../checks/virtual-time.test.support.ts";
import { noMetrics } from "../lib/metrics.ts";
import { ProcessGauges } from "./process-gauges.ts";

test("the event loop is looked at often while there is work, and rarely while there is none", async () => {
  const time = new VirtualTime();
  const said: number[] = [];
  const metrics = {
    ...noMetrics,
    gauge: (name: string, value: number) => {
      if (name === "runtime.event_loop_delay_ms") said.push(value);
    },
  };
  let usedMs = 0;
  const looks: { resolutionMs: number; max: number; on: boolean }[] = [];
  const gauges = new ProcessGauges(metrics, time.timers, {
    usedMs: () => usedMs,
    delays: (resolutionMs) => {
      const look = { resolutionMs, max: 0, on: false };
      looks.push(look);
      return {
        enable: () => (look.on = true),
        disable: () => (look.on = false),
        reset() {
          look.max = 0;
        },
        get max() {
          return look.max;
        },
      };
    },
  });
  /** Lets a period pass in which the longest time between two looks was so long. */
  const period = async (longestMs: number, workMs: number): Promise<void> => {
    looks.at(-1)!.max = longestMs * 1e6;
    usedMs += workMs;
    await time.advance(10_000);
  };
  gauges.start();
  await period(201, 2);
  assert.equal(said.at(-1), 1, "what is beyond the time between two looks");
  await period(230, 900);
  await period(320, 900);
  await period(15, 900);
  assert.deepEqual(said.slice(-3), [30, 300, 0]);
  assert.deepEqual(
    looks.map(({ resolutionMs, on }) => [resolutionMs, on]),
    [
      [20, false],
      [200, false],
      [20, true],
    ],
  );
  gauges.stop();
  assert.deepEqual([looks.at(-1)!.on, time.pendingTimers], [false, 0]);
});
