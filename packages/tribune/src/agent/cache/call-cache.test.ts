import assert from "node:assert/strict";
import { test } from "node:test";
import { DatacentersRequest, make } from "@tribune/api";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { noMetrics } from "../../lib/metrics.ts";
import { endpointNamed } from "../asking.ts";
import { CALL_REPLIES_MAX, CallCache } from "./call-cache.ts";

const EXECUTE = endpointNamed("queryExecute");
const SECOND_NS = 1e9;

function cacheOf() {
  const time = new VirtualTime();
  const asked: Record<string, unknown>[] = [];
  let answer: () => Promise<unknown> = () => Promise.resolve(asked.length);
  const cache = new CallCache({
    call: (_method, request) => {
      asked.push(request as Record<string, unknown>);
      return answer();
    },
    clock: time.clock,
    metrics: noMetrics,
  });
  const ask = (given: object = {}) =>
    cache.call(EXECUTE, Object.assign({ Datacenter: "dc1", QueryIDOrName: "web", UseCache: true }, given));
  const answering = (next: () => Promise<unknown>): void => {
    answer = next;
  };
  return { time, asked, cache, ask, answering };
}

test("a reply is kept and given with its age, whatever server could be asked", async () => {
  const { time, asked, ask } = cacheOf();
  assert.deepEqual(await ask(), { reply: 1, cacheHit: false, ageMs: 0 });
  await time.advance(90_000);
  assert.deepEqual(await ask(), { reply: 1, cacheHit: true, ageMs: 90_000 });
  assert.deepEqual([asked.length, asked[0]!.AllowStale, asked[0]!.UseCache], [1, true, false]);
  await time.advance(3 * 86_400_000);
  assert.equal((await ask()).reply, 2, "not for ever");
});

test("the known datacenters are such a reply, whoever asks from where", async () => {
  const { asked, cache } = cacheOf();
  const datacenters = endpointNamed("catalogDatacenters");
  const ask = () => cache.call(datacenters, make(DatacentersRequest, { UseCache: true }));
  assert.equal((await ask()).cacheHit, false);
  assert.equal((await ask()).cacheHit, true);
  assert.equal(asked.length, 1);
});

test("callers say how old it may be", async () => {
  const { time, ask } = cacheOf();
  await ask();
  await time.advance(10_000);
  assert.equal((await ask({ MaxAge: 10 * SECOND_NS })).cacheHit, true);
  assert.equal((await ask({ MaxAge: 9 * SECOND_NS })).reply, 2);
  assert.equal((await ask({ MaxAge: 9 * SECOND_NS })).cacheHit, true, "the newer one is kept");
  assert.equal((await ask({ MustRevalidate: true })).reply, 3);
});

test("other questions, tokens and datacenters have replies of their own; limits of freshness have not", async () => {
  const { ask } = cacheOf();
  await ask();
  for (const [at, given] of [{ QueryIDOrName: "db" }, { Token: "t" }, { Datacenter: "dc2" }, { Limit: 1 }].entries())
    assert.deepEqual([(await ask(given)).reply, (await ask(given)).cacheHit], [at + 2, true]);
  assert.equal((await ask({ MaxStaleDuration: 1, RequireConsistent: true })).cacheHit, true);
});

test("an error is not kept, and an older reply stands in for whoever allows that", async () => {
  const { time, asked, ask, answering } = cacheOf();
  answering(() => Promise.reject(new Error("No cluster leader")));
  await assert.rejects(ask({ StaleIfError: 60 * SECOND_NS }), /No cluster leader/);
  answering(() => Promise.resolve("kept"));
  assert.equal((await ask()).reply, "kept");
  answering(() => Promise.reject(new Error("No cluster leader")));
  await time.advance(30_000);
  await assert.rejects(ask({ MustRevalidate: true }), /No cluster leader/);
  assert.deepEqual(await ask({ MustRevalidate: true, StaleIfError: 31 * SECOND_NS }), {
    ...{ reply: "kept", cacheHit: true, ageMs: 30_000 },
  });
  await assert.rejects(ask({ MustRevalidate: true, StaleIfError: 30 * SECOND_NS }), /No cluster leader/);
  assert.equal(asked.length, 5);
});

test("who asks while the same is being asked waits for that; there is a bound", async () => {
  const { asked, cache, ask } = cacheOf();
  const replies = await Promise.all([ask(), ask({ MaxAge: 1 })]);
  assert.deepEqual(
    replies.map(({ reply }) => reply),
    [1, 1],
  );
  for (let at = 0; at < CALL_REPLIES_MAX + 5; at++) {
    await ask();
    await ask({ QueryIDOrName: `q${at}` });
  }
  assert.equal(cache.size, CALL_REPLIES_MAX);
  assert.equal(asked.length, 1 + CALL_REPLIES_MAX + 5, "what is asked for stays");
});
