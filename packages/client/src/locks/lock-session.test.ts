import assert from "node:assert/strict";
import { test } from "node:test";
import { contractClient } from "../contract-client.ts";
import { cutOff, type Reply, scripted } from "../send.test.support.ts";
import { VirtualWorld } from "../world.test.support.ts";
import { LockSession } from "./lock-session.ts";

/** A session of 10 s whose renewals the script answers. */
async function opened(renewal: () => Reply | Promise<Reply>) {
  const world = new VirtualWorld();
  const { send, asked } = scripted(({ target }) => (target.includes("/renew/") ? renewal() : { body: '{"ID":"s"}' }));
  const client = contractClient({ send, world, timeoutMs: 0 });
  const settings = { name: "n", ttlMs: 10_000, lockDelayMs: 0, behavior: "release" } as const;
  const session = await LockSession.open(client, world, settings, {});
  return { world, asked, session };
}

test("it is renewed twice a TTL for as long as it is open", async () => {
  const { world, asked, session } = await opened(() => ({ body: "[]" }));
  assert.deepEqual(JSON.parse(asked[0]?.body as string), { Name: "n", LockDelay: 0, Behavior: "release", TTL: "10s" });
  await world.pass(25_000);
  assert.equal(asked.length, 1 + 5);
  await session.close();
  await session.close();
  assert.deepEqual([asked.length, world.pendingMs, session.lost.aborted], [1 + 5 + 1, [], false]);
});

test("it is lost when nobody has been heard for a TTL, not before", async () => {
  const { world, session } = await opened(() => cutOff());
  await world.pass(9_999);
  assert.equal(session.lost.aborted, false);
  await world.pass(1);
  assert.match(String(session.lost.reason), /could not be renewed within its TTL/);
  assert.deepEqual(world.pendingMs, []);
});

test("a renewal counts from when it was asked, not from when it was answered", async () => {
  let answer: (reply: Reply) => void = () => {};
  const { world, session } = await opened(() => new Promise((resolve) => (answer = resolve)));
  await world.pass(9_000); // asked at 5 s
  answer({ body: "[]" });
  await world.pass(5_999); // the next, asked at 14 s, hangs
  assert.equal(session.lost.aborted, false);
  await world.pass(1);
  assert.equal(session.lost.aborted, true);
});

test("servers that let it go end it", async () => {
  const { world, session } = await opened(() => ({ status: 404, body: "Session id 's' not found" }));
  await world.pass(5_000);
  assert.match(String(session.lost.reason), /session s is gone/);
});
