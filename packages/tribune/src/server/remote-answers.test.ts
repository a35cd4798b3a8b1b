import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry, IndexedDirEntries, KeyRequest, make } from "@tribune/api";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import { type FetchReply, RemoteAnswers, type RemoteOutcome, type RemoteRead } from "./remote-answers.ts";

const KV_GET = ENDPOINTS.find((endpoint) => endpoint.name === "kvGet")!;

const get = (key: string, given: Partial<RemoteRead> = {}): RemoteRead => ({
  endpoint: KV_GET,
  key: `kvGet ${key}`,
  request: make(KeyRequest, { Key: key, MinQueryIndex: given.minIndex ?? 0 }),
  minIndex: 0,
  waitMs: 0,
  consistency: "leader",
  datacenter: "dc1",
  ...given,
});

const reply = (index: number, meta: { LastContact?: number; KnownLeader?: boolean } = {}): Uint8Array =>
  encodeStruct(IndexedDirEntries, make(IndexedDirEntries, { Index: index, KnownLeader: true, ...meta }));

/** A server whose answers the test gives by hand. */
function answers(options: { questionsMax?: number } = {}) {
  const calls: { method: string; done: Parameters<FetchReply>[1]; cancelled: boolean }[] = [];
  const clock = { now: 0, nowMs: () => clock.now, wallMs: () => clock.now };
  const turns: (() => void)[] = [];
  const timers = { after: () => () => {}, soon: (run: () => void) => void turns.push(run) };
  const remote = new RemoteAnswers(
    { questionsMax: options.questionsMax ?? 10, replyBytesMax: 1 << 20, shownBytesMax: 1 << 20 },
    {
      runtime: { clock, timers },
      fetch: ({ method }, done) => {
        const call = { method, done, cancelled: false };
        calls.push(call);
        return () => {
          call.cancelled = true;
        };
      },
    },
  );
  const got: (RemoteOutcome | Error)[] = [];
  const ask = (read: RemoteRead) => remote.read(read, (outcome) => got.push(outcome));
  const outcome = (at: number): RemoteOutcome => {
    const found = got[at];
    if (found === undefined || found instanceof Error) throw new Error(`no outcome ${at}: ${found}`);
    return found;
  };
  const turn = (): boolean => {
    const run = turns.shift();
    run?.();
    return run !== undefined;
  };
  return { remote, calls, clock, got, ask, outcome, turn };
}

test("who asks while a call is on its way shares the next one, never that one", () => {
  const { calls, got, ask, outcome } = answers();
  ask(get("a"));
  ask(get("a"));
  ask(get("a"));
  assert.equal(calls.length, 1);
  calls[0]!.done(reply(5));
  assert.equal(got.length, 1, "a reply that may be older than a question answered it");
  assert.equal(calls.length, 2);
  calls[1]!.done(reply(6));
  assert.equal(got.length, 3);
  assert.equal(outcome(0).answer.index, 5);
  assert.equal(outcome(2).answer.index, 6);
  assert.equal(calls.length, 2);
});

test("a call that is held up is not waited for", () => {
  const { calls, clock, got, ask } = answers();
  ask(get("a"));
  ask(get("a"));
  clock.now = 1000;
  ask(get("a"));
  assert.equal(calls.length, 2);
  calls[1]!.done(reply(5));
  assert.equal(got.length, 2, "both who asked before the second call was sent");
  calls[0]!.done(reply(5));
  assert.equal(got.length, 3);
});

test("modes, indexes, datacenters and tokens are questions of their own", () => {
  const { calls, ask } = answers();
  ask(get("a"));
  ask(get("a", { consistency: "stale" }));
  ask(get("a", { minIndex: 7 }));
  ask(get("a", { datacenter: "dc2" }));
  ask(get("a", { request: make(KeyRequest, { Key: "a", Token: "t" }) }));
  ask(get("b"));
  assert.equal(calls.length, 6);
});

test("a reply that says the same gives the same answer, with its own word on how it came about", () => {
  const { calls, ask, outcome } = answers();
  ask(get("a"));
  calls[0]!.done(reply(5));
  ask(get("a", { consistency: "stale" }));
  calls[1]!.done(reply(5, { LastContact: 40_000_000, KnownLeader: false }));
  assert.equal(outcome(1).answer, outcome(0).answer);
  assert.deepEqual(outcome(0).meta, { knownLeader: true, lastContactMs: 0 });
  assert.deepEqual(outcome(1).meta, { knownLeader: false, lastContactMs: 40 });
  ask(get("a"));
  calls[2]!.done(reply(6));
  assert.notEqual(outcome(2).answer, outcome(0).answer);
  assert.equal(outcome(0).answer.current, false);
  assert.equal(outcome(2).answer.current, true);
});

test("waiters with one index share a call; the last to hang up ends it", () => {
  const { calls, got, ask } = answers();
  const first = ask(get("a", { minIndex: 5 }));
  const second = ask(get("a", { minIndex: 5 }));
  assert.equal(calls.length, 1);
  first();
  assert.equal(calls[0]!.cancelled, true, "nobody who asked before it was sent is left");
  assert.equal(calls.length, 2);
  second();
  assert.equal(calls[1]!.cancelled, true);
  assert.equal(got.length, 0);
});

test("an error reaches everybody it was sent for", () => {
  const { calls, got, ask } = answers();
  ask(get("a"));
  const error = new Error("No cluster leader");
  calls[0]!.done(error);
  assert.deepEqual(got, [error]);
  ask(get("a"));
  calls[1]!.done(new Uint8Array([0xc1]));
  assert.match(String(got[1]), /could not read the reply of a server/);
});

test("the last answer stays known until others need its place", () => {
  const { remote, calls, clock, ask } = answers({ questionsMax: 2 });
  clock.now = 50;
  for (const key of ["a", "b", "c"]) {
    ask(get(key));
    calls.at(-1)!.done(reply(5));
  }
  assert.equal(remote.size, 2);
  assert.equal(remote.last(get("a")), undefined);
  assert.equal(remote.last(get("c"))?.receivedAtMs, 50);
  assert.equal(remote.last(get("c", { consistency: "stale" }))?.answer.index, 5);
});

test("a long reply is decoded over several turns, and an earlier one does not take a later one's place", () => {
  const { remote, calls, clock, got, ask, outcome, turn } = answers();
  const long = (rows: number): Uint8Array => {
    const Entries = Array.from({ length: rows }, (_, at) => make(DirEntry, { Key: `${at}`, Value: Buffer.alloc(200) }));
    return encodeStruct(IndexedDirEntries, make(IndexedDirEntries, { Index: rows, KnownLeader: true, Entries }));
  };
  ask(get("a"));
  ask(get("a", { consistency: "stale" }));
  const cancel = ask(get("a", { consistency: "consistent" }));
  clock.nowMs = () => clock.now++; // each look at it takes its time
  calls[0]!.done(long(9_000));
  calls[1]!.done(long(1_000));
  calls[2]!.done(long(1_000));
  assert.equal(got.length, 0);
  turn();
  cancel();
  while (turn());
  assert.deepEqual([outcome(0).answer.index, outcome(1).answer.index, got.length], [1_000, 9_000, 2]);
  assert.equal(remote.last(get("a"))?.answer.index, 1_000);
  assert.equal((outcome(1).answer.reply as IndexedDirEntries).Entries?.at(-1)?.Key, "8999");
});
