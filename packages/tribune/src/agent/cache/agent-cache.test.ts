import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexedCheckServiceNodes, make } from "@tribune/api";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import type { ReadCall, ReadOutcome } from "../../http/backend.ts";
import { silentLogger } from "../../lib/log.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { Answered } from "../../server/query-engine.ts";
import { endpointNamed, ownRead } from "../asking.ts";
import { AgentCache, CACHE_ENTRIES_MAX, type Contact } from "./agent-cache.ts";

const WATCH = { fired: false, onFire: () => () => {}, release: () => {} };
const answerAt = (index: number): ReadOutcome => ({
  answer: new Answered(make(IndexedCheckServiceNodes, { Index: index }), WATCH, 0),
  meta: { knownLeader: true, lastContactMs: 0 },
});

/** A cache over a source that answers by hand. */
function cacheOf(now: () => ReadOutcome | undefined = () => undefined) {
  const time = new VirtualTime();
  const fetches: {
    call: ReadCall;
    deliver: (outcome: ReadOutcome | Error) => void;
    contact: Contact;
    cancelled: boolean;
  }[] = [];
  const streamed = { lastContactMs: undefined as number | undefined };
  const cache = new AgentCache(
    { entryFetchRate: Number.POSITIVE_INFINITY, entryFetchMaxBurst: 2 },
    {
      source: {
        readNow: now,
        lastContactMs: () => streamed.lastContactMs,
        read: (call, deliver, contact = () => {}) => {
          const fetch = { call, deliver, contact, cancelled: false };
          fetches.push(fetch);
          return () => {
            fetch.cancelled = true;
          };
        },
      },
      runtime: time,
      logger: silentLogger,
      metrics: noMetrics,
    },
  );
  cache.start();
  const got: (ReadOutcome | Error)[] = [];
  const question = (given: Readonly<Record<string, unknown>> = {}) =>
    ownRead(endpointNamed("healthService"), { Datacenter: "dc1", ServiceName: "web", UseCache: true, ...given });
  const ask = (given: Readonly<Record<string, unknown>> = {}) => {
    const call = question(given);
    const now = cache.readNow(call);
    if (now !== undefined) got.push(now);
    else cache.read(call, (outcome) => got.push(outcome));
  };
  const last = (): ReadOutcome => {
    const outcome = got.at(-1);
    if (outcome === undefined || outcome instanceof Error) throw new Error(`no answer: ${outcome}`);
    return outcome;
  };
  return { cache, time, fetches, streamed, got, ask, last };
}

test("the first question is a miss and is fetched; the next are hits, kept fresh by a blocking query", async () => {
  const { time, fetches, ask, last } = cacheOf();
  ask();
  ask();
  assert.equal(fetches.length, 1, "two who miss share a fetch");
  assert.equal(fetches[0]!.call.minIndex, 0);
  fetches[0]!.deliver(answerAt(5));
  assert.equal(last().meta.cacheHit, false);
  await time.advance(1);
  assert.equal(fetches[1]!.call.minIndex, 5);
  ask();
  assert.deepEqual(last().meta, { knownLeader: true, lastContactMs: 0, cacheHit: true, ageMs: 0 });
  fetches[1]!.deliver(answerAt(8));
  ask();
  assert.equal(last().answer.index, 8);
});

test("who waits for an index gets the next answer, or the old one when time is up", async () => {
  const { time, fetches, got, ask, last } = cacheOf();
  ask();
  fetches[0]!.deliver(answerAt(5));
  await time.advance(1);
  ask({ MinQueryIndex: 5, MaxQueryTime: 10e9 });
  assert.equal(got.length, 1);
  fetches[1]!.deliver(answerAt(6));
  assert.equal(last().answer.index, 6);
  assert.equal(last().meta.cacheHit, false);
  ask({ MinQueryIndex: 6, MaxQueryTime: 10e9 });
  await time.advance(10_001);
  assert.equal(got.length, 3);
  assert.equal(last().answer.index, 6);
});

test("while no server answers, the last answer is given with the time since contact was lost", async () => {
  const { time, fetches, ask, last } = cacheOf();
  ask();
  fetches[0]!.deliver(answerAt(5));
  await time.advance(1);
  fetches[1]!.deliver(new Error("No known Consul servers"));
  await time.advance(20_000);
  ask();
  assert.equal(last().answer.index, 5);
  assert.equal(last().meta.cacheHit, true);
  assert.equal(last().meta.knownLeader, false);
  assert.equal(last().meta.ageMs, 20_000);
  fetches.at(-1)!.deliver(answerAt(9));
  ask();
  assert.equal(last().meta.ageMs, 0);
});

test("failures slow refreshing down", async () => {
  const { time, fetches, ask } = cacheOf();
  ask();
  fetches[0]!.deliver(answerAt(5));
  for (let at = 0; at < 200; at++) {
    await time.advance(1000);
    const newest = fetches.at(-1)!;
    newest.deliver(new Error("refused"));
    newest.deliver = () => {};
  }
  assert.ok(fetches.length < 16, `${fetches.length} fetches in 200 s`);
  assert.ok(fetches.length > 6, `${fetches.length} fetches in 200 s`);
});

test("an error is not kept: whoever asks next tries again", () => {
  const { cache, fetches, got, ask } = cacheOf();
  ask();
  fetches[0]!.deliver(new Error("No cluster leader"));
  assert.match(String(got[0]), /No cluster leader/);
  assert.equal(cache.size, 0);
  ask();
  assert.equal(fetches.length, 2);
});

test("a source that may answer at once does; when it may not, it is asked anew, however little has passed", async () => {
  let now: ReadOutcome | undefined = answerAt(5);
  const { time, fetches, got, ask, last } = cacheOf(() => now);
  ask();
  assert.equal(last().meta.cacheHit, false);
  ask();
  assert.equal(last().meta.cacheHit, true);
  assert.equal(fetches.length, 0);
  now = undefined;
  await time.advance(3_600_000);
  ask();
  assert.equal(got.length, 2, "what was right an hour ago is no answer now");
  assert.equal(fetches[0]!.call.minIndex, 0);
  fetches[0]!.deliver(answerAt(9));
  assert.equal(last().answer.index, 9);
  await time.advance(1);
  assert.equal(fetches[1]!.call.minIndex, 9);
  ask();
  assert.deepEqual(last().meta, { knownLeader: true, lastContactMs: 0, cacheHit: true, ageMs: 0 });
});

test("what a source said last is the answer while nobody can be asked, and says how old it is", async () => {
  let now: ReadOutcome | undefined = answerAt(5);
  const { time, fetches, got, ask, last } = cacheOf(() => now);
  ask();
  now = undefined;
  await time.advance(3_600_000);
  ask();
  ask({ MinQueryIndex: 5 });
  fetches[0]!.deliver(new Error("No cluster leader"));
  assert.match(String(got.at(-1)), /No cluster leader/);
  got.pop();
  assert.equal(last().answer.index, 5);
  assert.deepEqual(last().meta, { knownLeader: false, lastContactMs: 3_600_000, cacheHit: true, ageMs: 3_600_000 });
  await time.advance(1);
  assert.equal(fetches[1]!.call.minIndex, 0);
  now = answerAt(7);
  ask();
  now = undefined;
  await time.advance(1_000);
  ask();
  assert.equal(last().answer.index, 7);
  assert.equal(last().meta.ageMs, 1_000);
});

test("who has waited long enough gets no answer of long ago as if it were of now", async () => {
  let now: ReadOutcome | undefined = answerAt(5);
  const { time, fetches, got, ask, last } = cacheOf(() => now);
  ask();
  now = undefined;
  await time.advance(3_600_000);
  ask({ MaxQueryTime: 1e9 });
  ask({ MaxQueryTime: 1e9, MinQueryIndex: 5 });
  await time.advance(2_000);
  assert.equal(got.length, 1);
  fetches[0]!.deliver(new Error("No cluster leader"));
  assert.equal(got.length, 3);
  assert.deepEqual(last().meta, { knownLeader: false, lastContactMs: 3_602_000, cacheHit: true, ageMs: 3_602_000 });
  ask({ MaxQueryTime: 1e9, MinQueryIndex: 5 });
  await time.advance(1_000);
  assert.equal(last().meta.ageMs, 3_603_000);
});

test("who was out of time before the first answer gets that one, whatever its index", async () => {
  const { time, fetches, got, ask, last } = cacheOf();
  ask({ MaxQueryTime: 1e9, MinQueryIndex: 5 });
  await time.advance(2_000);
  assert.equal(got.length, 0);
  fetches[0]!.deliver(answerAt(5));
  assert.equal(last().answer.index, 5);
});

test("what nobody asks for is given up after three days, and there is a bound for the rest", async () => {
  const { cache, time, fetches, ask } = cacheOf();
  ask();
  fetches[0]!.deliver(answerAt(5));
  await time.advance(1);
  await time.advance(3 * 86_400_000 + 120_000);
  assert.equal(cache.size, 0);
  assert.equal(fetches[1]!.cancelled, true);
  for (let at = 0; at < CACHE_ENTRIES_MAX + 5; at++) ask({ ServiceName: `s${at}` });
  assert.equal(cache.size, CACHE_ENTRIES_MAX);
  cache.stop();
  assert.equal(cache.size, 0);
  assert.equal(time.pendingTimers, 0);
});

test("a streamed answer says how long ago its server heard of the leader, and that nobody does", async () => {
  const { time, fetches, streamed, ask, last } = cacheOf();
  ask();
  const { answer } = answerAt(5);
  fetches[0]!.deliver({ answer, meta: { knownLeader: true, lastContactMs: 700 } });
  await time.advance(1);
  streamed.lastContactMs = 3_000;
  ask();
  assert.deepEqual(last().meta, { knownLeader: true, lastContactMs: 3_000, cacheHit: true, ageMs: 0 });
  const newer = answerAt(6).answer;
  fetches[1]!.deliver({ answer: newer, meta: { knownLeader: true, lastContactMs: 700, streamed: true } });
  await time.advance(1);
  streamed.lastContactMs = 4_000;
  ask();
  assert.deepEqual(last().meta, { knownLeader: true, lastContactMs: 4_000, cacheHit: true, ageMs: 0, streamed: true });
  await time.advance(20_000);
  const lostAtMs = time.clock.nowMs() - 12_000;
  fetches[2]!.contact(lostAtMs);
  streamed.lastContactMs = undefined;
  const lost = { knownLeader: false, lastContactMs: 12_000, cacheHit: true, ageMs: 12_000, streamed: true };
  ask();
  assert.deepEqual(last().meta, lost);
  // That a query blocks for long proves nothing here.
  await time.advance(15_000);
  fetches[2]!.deliver(new Error("No cluster leader"));
  ask();
  assert.deepEqual(last().meta, { ...lost, lastContactMs: 27_000, ageMs: 27_000 });
  await time.advance(1);
  fetches[3]!.contact(undefined);
  streamed.lastContactMs = 700;
  ask();
  assert.deepEqual(last().meta, { knownLeader: true, lastContactMs: 700, cacheHit: true, ageMs: 0, streamed: true });
});
