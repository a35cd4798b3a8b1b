import assert from "node:assert/strict";
import { test } from "node:test";
import { Schedule } from "./schedule.ts";
import { VirtualTime } from "./virtual-time.test.support.ts";

const INTERVAL_MS = 10_000;
/** A job may start this early to share a wake-up. */
const SLACK_MS = 10;

test("a job starts within its first interval and then every interval, without drift", async () => {
  const time = new VirtualTime();
  const schedule = new Schedule({ runtime: time });
  const beginMs = time.clock.nowMs();
  const startsMs: number[] = [];
  schedule.every(INTERVAL_MS, (done) => {
    startsMs.push(time.clock.nowMs() - beginMs);
    return time.timers.after(700, done); // how long a run takes does not move the next one
  });
  await time.advance(100 * INTERVAL_MS);
  assert.equal(startsMs.length, 100);
  assert.ok(startsMs[0]! < INTERVAL_MS);
  for (const [at, startMs] of startsMs.entries())
    assert.ok(Math.abs(startMs - startsMs[0]! - at * INTERVAL_MS) <= SLACK_MS, `run ${at} at ${startMs}`);
});

test("first runs are spread over the interval", async () => {
  const time = new VirtualTime();
  const schedule = new Schedule({ runtime: time });
  const tenths = new Array<number>(10).fill(0);
  const beginMs = time.clock.nowMs();
  for (let job = 0; job < 500; job++)
    schedule.every(INTERVAL_MS, (done) => {
      tenths[Math.floor(((time.clock.nowMs() - beginMs) / INTERVAL_MS) * 10)]!++;
      done();
      return () => {};
    });
  await time.advance(INTERVAL_MS - SLACK_MS);
  for (const count of tenths) assert.ok(count > 20 && count < 90, String(tenths));
});

test("a run that outlasts its interval makes the job skip, never overlap", async () => {
  const time = new VirtualTime();
  const schedule = new Schedule({ runtime: time });
  let running = 0;
  let runs = 0;
  schedule.every(1_000, (done) => {
    runs++;
    assert.equal(++running, 1);
    return time.timers.after(2_500, () => {
      running--;
      done();
    });
  });
  await time.advance(30_000);
  assert.equal(runs, 10);
});

test("stopping a job cancels its run and leaves nothing due", async () => {
  const time = new VirtualTime();
  const schedule = new Schedule({ runtime: time });
  let cancelled = 0;
  let runs = 0;
  const stop = schedule.every(1_000, () => {
    runs++;
    return () => cancelled++;
  });
  await time.advance(1_000);
  assert.equal(runs, 1);
  stop();
  assert.equal(cancelled, 1);
  await time.advance(10_000);
  assert.equal(runs, 1);
  assert.equal(time.pendingTimers, 0);
});

test("a job stopped from within its own run is cancelled", async () => {
  const time = new VirtualTime();
  const schedule = new Schedule({ runtime: time });
  let cancelled = 0;
  const stop = schedule.every(1_000, () => {
    stop();
    return () => cancelled++;
  });
  await time.advance(5_000);
  assert.equal(cancelled, 1);
});
