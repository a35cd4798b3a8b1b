import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contractClient } from "../contract-client.ts";
import { cutOff, type Reply, scripted } from "../send.test.support.ts";
import type { WireRequest } from "../send.ts";
import { VirtualWorld } from "../world.test.support.ts";
import { blockingQueries } from "./blocking-queries.ts";
import { type Change, changeOf } from "./change.ts";
import { same } from "./same.ts";
import { eventIndex } from "./user-events.ts";
import { Watches } from "./watches.ts";

const row = (value: string, index: number, modified = index): Reply => ({
  body: JSON.stringify([
    { Key: "k", Value: btoa(value), Flags: 0, LockIndex: 0, CreateIndex: 1, ModifyIndex: modified },
  ]),
  headers: { "x-consul-index": String(index) },
});

/** A watch of the key `k` whose questions are answered by the script, one after the other; the last is never answered. */
function watching(replies: readonly Reply[], from?: { readonly index: number }) {
  const world = new VirtualWorld();
  const never = new Promise<Reply>(() => {});
  const { send, asked } = scripted((_, count) => replies[count - 1] ?? never);
  const closing = new AbortController();
  const ports = { world, transport: blockingQueries, closed: closing.signal };
  const watches = new Watches(contractClient({ send, world, timeoutMs: 0 }), ports);
  const seen: string[] = [];
  const failures: number[] = [];
  const options = { onFailure: ({ retryInMs }: { retryInMs: number }) => failures.push(retryInMs) };
  const running = (async () => {
    for await (const { entry } of watches.key("k", from === undefined ? options : { ...options, from }))
      seen.push(entry === undefined ? "none" : Buffer.from(entry.Value ?? []).toString());
  })();
  const end = async (): Promise<void> => {
    await world.pass(0);
    closing.abort();
  };
  return { world, asked, seen, failures, running, end };
}
const indexes = (asked: readonly WireRequest[]) =>
  asked.map(({ target }) => new URL(target, "http://agent").searchParams.get("index"));

test("each question stands behind the last answer; what says the same passes unseen", async () => {
  const { asked, seen, end } = watching([row("a", 5), row("a", 6, 5), row("a", 6, 5), row("b", 9)]);
  await end();
  assert.deepEqual(
    [indexes(asked), seen],
    [
      [null, "5", "6", "6", "9"],
      ["a", "b"],
    ],
  );
});

test("an index that goes back, and one of 0, begin anew", async () => {
  const { asked, seen, end } = watching([row("a", 50), row("b", 7), row("b", 7), { ...row("c", 0) }]);
  await end();
  // Behind 0 comes 1: an index of 0 would not wait.
  assert.deepEqual(
    [indexes(asked), seen],
    [
      [null, "50", null, "7", null],
      ["a", "b", "c"],
    ],
  );
  const zero = watching([row("a", 0)]);
  await zero.end();
  assert.deepEqual([indexes(zero.asked), zero.seen], [[null, "1"], ["a"]]);
});

test("after a lost connection it asks at once for what there is, after longer and longer pauses", async () => {
  const { world, asked, seen, failures, end } = watching([row("a", 5), cutOff(), cutOff(), row("b", 3)]);
  await world.pass(100);
  await world.pass(200);
  await end();
  assert.deepEqual(
    [indexes(asked), seen],
    [
      [null, "5", null, null, "3"],
      ["a", "b"],
    ],
  );
  assert.deepEqual(failures, [100, 200]);
});

test("what will not get better is thrown: at once, but not a server's trouble once it had answered", async () => {
  await assert.rejects(watching([{ status: 403, body: "Permission denied" }]).running, { status: 403 });
  await assert.rejects(watching([{ status: 500, body: "bad filter" }]).running, { status: 500 });
  await assert.rejects(watching([{ body: "[]" }]).running, /cannot be watched: its answer has no index/);
  const later = watching([row("a", 5), { status: 500, body: "bad weather" }, row("b", 6)]);
  await later.world.pass(100);
  await later.end();
  assert.deepEqual(
    [later.seen, indexes(later.asked)],
    [
      ["a", "b"],
      [null, "5", "5", "6"],
    ],
  );
  await assert.rejects(watching([row("a", 5), { status: 403, body: "token is gone" }]).running, { status: 403 });
});

test("whoever resumes looks first whether the agent is as far, then waits", async () => {
  const { asked, seen, end } = watching([row("a", 40), row("b", 41)], { index: 40 });
  await end();
  assert.deepEqual([indexes(asked), seen], [["40", "40", "41"], ["b"]]);
  assert.deepEqual(
    asked.map(({ target }) => new URL(target, "http://agent").searchParams.get("wait")),
    ["1ms", "60s", "60s"],
  );
});

test("an agent that answers without end is asked twenty times a second", async () => {
  const flood = Array.from({ length: 100 }, (_, n) => row(String(n), n + 1));
  const { world, asked, end } = watching(flood);
  await world.pass(0);
  assert.equal(asked.length, 10);
  await world.pass(1_000);
  assert.equal(asked.length, 30);
  await end();
});

test("a delta leads from what was known to what there is", () => {
  const rows = fc.dictionary(fc.string({ maxLength: 2 }), fc.nat(3), { maxKeys: 6, noNullPrototype: true });
  fc.assert(
    fc.property(rows, rows, (before, after) => {
      const [known, all] = [before, after].map((from) => new Map(Object.entries(from).map(([k, n]) => [k, { k, n }])));
      const change = changeOf(known, all as NonNullable<typeof all>, 1, undefined);
      const built = new Map(known);
      apply(built, change);
      assert.deepEqual(new Map([...built].sort()), new Map([...(all ?? [])].sort()));
      assert.equal(change === undefined, same(Object.fromEntries(known ?? []), Object.fromEntries(all ?? [])));
    }),
  );
});

function apply(
  rows: Map<string, { k: string; n: number }>,
  change: Change<{ k: string; n: number }> | undefined,
): void {
  for (const { k } of change?.removed ?? []) assert.ok(rows.delete(k));
  for (const row of change?.added ?? []) assert.ok(!rows.has(row.k) && rows.set(row.k, row));
  for (const { before, after } of change?.changed ?? []) {
    assert.deepEqual(rows.get(after.k), before);
    rows.set(after.k, after);
  }
}

test("alike is what has the same parts", () => {
  const whole = { a: [1, { b: null }], c: new Uint8Array([1, 2]), d: 2n };
  assert.ok(same(whole, structuredClone(whole)));
  for (const other of [
    { ...whole, c: new Uint8Array([1, 3]) },
    { ...whole, a: {} },
    { ...whole, e: undefined },
    null,
    [],
  ])
    assert.ok(!same(whole, other) && !same(other, whole));
});

test("an event's index is both halves of its name, one over the other", () => {
  assert.equal(eventIndex("00000000-0000-0001-0000-000000000003"), 2n);
  assert.equal(eventIndex("no name"), -1n);
});

test("behind a proxy that has lost its agent everything is looked at anew: the next one may have smaller indexes", async () => {
  const { world, asked, seen, end } = watching([
    row("a", 50),
    { status: 502 },
    row("b", 7),
    { status: 500, body: "EOF" },
  ]);
  await world.pass(60_000);
  await end();
  assert.deepEqual(
    [indexes(asked), seen],
    [
      [null, "50", null, "7", "7"],
      ["a", "b"],
    ],
  );
});
