import assert from "node:assert/strict";
import { test } from "node:test";
import { TtlTimer } from "./ttl.ts";
import { VirtualTime } from "./virtual-time.test.support.ts";

function timer(ttlMs: number): { time: VirtualTime; ttl: TtlTimer; expired: string[] } {
  const time = new VirtualTime();
  const expired: string[] = [];
  const ttl = new TtlTimer(
    { ttlMs, maxOutputBytes: 10, onExpired: (output) => expired.push(output) },
    { runtime: time },
  );
  ttl.start();
  return { time, ttl, expired };
}

test("expires once, a TTL after the last report, and rests until the next", async () => {
  const { time, ttl, expired } = timer(1_000);
  await time.advance(900);
  ttl.report("fine");
  await time.advance(999);
  assert.deepEqual(expired, []);
  await time.advance(1);
  assert.deepEqual(expired, ["TTL expired (last output before timeout follows): fine"]);
  await time.advance(10_000);
  assert.equal(expired.length, 1);
  ttl.report("");
  await time.advance(1_000);
  assert.deepEqual(expired[1], "TTL expired");
});

test("a long output is cut by bytes, with Consul's note", () => {
  const { ttl } = timer(1_000);
  assert.equal(ttl.report("0123456789"), "0123456789");
  assert.equal(ttl.report("0123456789ab"), "0123456789 ... (captured 10 of 12 bytes)");
  ttl.stop();
});

test("a stopped timer says nothing", async () => {
  const { time, ttl, expired } = timer(1_000);
  ttl.stop();
  await time.advance(5_000);
  assert.deepEqual(expired, []);
  assert.equal(time.pendingTimers, 0);
});
