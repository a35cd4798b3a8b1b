/** Locks, semaphores and elections against real agents, and against the lock command of either program. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { createClient, LockConflictError, ResponseError } from "@tribune/client";
import { againstAgents, until } from "./client-agents.test.support.ts";

const options = { lockDelayMs: 0, ttlMs: 10_000 };

againstAgents("one holder at a time, each with a greater fence", async (agent) => {
  const client = createClient({ url: agent.url });
  const lock = client.lock("jobs/nightly", { ...options, value: "me" });
  const first = await lock.acquire();
  assert.equal(first.key, "jobs/nightly/.lock");
  assert.equal(await client.kv.text(first.key), "me");
  assert.equal(await client.lock("jobs/nightly", options).acquire({ tryMs: 0 }), undefined);
  assert.equal(await client.lock("jobs/nightly", options).acquire({ tryMs: 200 }), undefined);
  const stop = new AbortController();
  const given = lock.acquire({ signal: stop.signal });
  stop.abort(new Error("no more"));
  await assert.rejects(given, /no more/);
  const waiting = client.lock("jobs/nightly", options).acquire();
  await first.release();
  const second = await waiting;
  assert.ok(second.fence > first.fence);
  assert.equal(second.lockIndex, first.lockIndex + 1);
  assert.deepEqual([first.signal.aborted, second.signal.aborted], [false, false]);
  assert.equal(await lock.cleanup(), "inUse");
  await second.release();
  await second.release();
  assert.equal(await lock.run(async (held) => held.fence > second.fence), true);
  assert.equal(await lock.cleanup(), "removed");
  assert.equal(await lock.cleanup(), "removed");
  // A new key counts from 1 again, the fence does not.
  const third = await lock.acquire();
  assert.deepEqual([third.lockIndex, third.fence > second.fence], [1, true]);
  await third.release();
  assert.deepEqual((await client.sessionList()).value, []);
});

againstAgents("a lost lock says so", async (agent) => {
  const client = createClient({ url: agent.url });
  const lock = client.lock({ key: "k" }, options);
  const taken = await lock.acquire();
  await client.sessionDestroy({ session: taken.session });
  await aborted(taken.signal);
  assert.match(String(taken.signal.reason), /no longer held|is gone/);
  await taken.release();
  const deleted = await lock.acquire();
  await client.kvDelete({ key: "k" });
  await aborted(deleted.signal);
  await deleted.release();
});

againstAgents("keys of something else are left alone", async (agent) => {
  const client = createClient({ url: agent.url });
  await client.kv.set("mine/.lock", "precious");
  await assert.rejects(client.lock("mine", options).acquire(), LockConflictError);
  await assert.rejects(client.semaphore("mine", 2).acquire(), LockConflictError);
  await assert.rejects(client.lock("mine", options).cleanup(), LockConflictError);
  assert.equal(await client.kv.text("mine/.lock"), "precious");
  assert.deepEqual((await client.sessionList()).value, []);
});

againstAgents("a semaphore lets so many in, and a dead holder's slot is free", async (agent) => {
  const client = createClient({ url: agent.url });
  const semaphore = client.semaphore("sem", 2, { ttlMs: 10_000 });
  const one = await semaphore.acquire();
  const two = await semaphore.acquire();
  assert.equal(await semaphore.acquire({ tryMs: 100 }), undefined);
  await assert.rejects(client.semaphore("sem", 3).acquire(), /semaphore limit conflict \(lock: 2, local: 3\)/);
  const waiting = semaphore.acquire();
  await client.sessionDestroy({ session: one.session });
  await aborted(one.signal);
  const three = await waiting;
  assert.equal(await semaphore.cleanup(), "inUse");
  await Promise.all([one, two, three].map((held) => held.release()));
  assert.equal(await semaphore.cleanup(), "removed");
  assert.deepEqual(await client.kv.list("sem/"), []);
  assert.deepEqual((await client.sessionList()).value, []);
});

againstAgents("an election: one leader, seen by all, then the next", async (agent) => {
  const client = createClient({ url: agent.url });
  const election = (value: string) => client.election("leader", { ...options, value });
  const a = await election("a").campaign();
  assert.equal((await election("b").leader())?.value, "a");
  const terms: number[] = [];
  const stop = new AbortController();
  const running = election("b").run(
    async (term) => {
      terms.push(term.fence);
      await aborted(term.signal);
    },
    { signal: stop.signal },
  );
  const seen: (string | undefined)[] = [];
  const observing = (async () => {
    for await (const leader of client.election("leader").leaders({ signal: stop.signal })) seen.push(leader?.value);
  })();
  await until("the first leader is seen", () => seen.length > 0);
  await a.release();
  await until("b leads", () => terms.length === 1);
  assert.ok((terms[0] ?? 0) > a.fence);
  await until("b is seen", () => seen.at(-1) === "b");
  const { session = "" } = (await election("").leader()) ?? {};
  await client.sessionDestroy({ session });
  await until("b leads anew", () => terms.length === 2);
  stop.abort();
  await running;
  await observing;
  assert.equal(await client.election("leader").leader(), undefined);
  await assert.rejects(
    client.election("").run(() => {}),
    ResponseError,
  );
});

againstAgents("the lock command and the client keep each other out", async (agent, t) => {
  const client = createClient({ url: agent.url });
  const command = async (where: string, ...flags: string[]): Promise<ChildProcess> => {
    const program = process.env.CONSUL_BIN || process.execPath;
    const own =
      (process.env.CONSUL_BIN ?? "") === "" ? [fileURLToPath(new URL("../bin/tribune.js", import.meta.url))] : [];
    const words = ["lock", `-http-addr=${agent.url}`, ...flags, where, "echo held; exec sleep 600"];
    const child = spawn(program, [...own, ...words], { stdio: ["ignore", "pipe", "ignore"] });
    t.after(() => child.kill("SIGKILL"));
    let output = "";
    child.stdout?.on("data", (chunk) => (output += chunk));
    await until("the command holds the lock", () => output.includes("held"));
    return child;
  };
  const holder = await command("p/one");
  assert.equal(await client.lock("p/one", options).acquire({ tryMs: 200 }), undefined);
  const waiting = client.lock("p/one", options).acquire();
  holder.kill("SIGTERM");
  const held = await waiting;
  const next = command("p/one");
  await until("the command waits", async () => ((await client.sessionList()).value?.length ?? 0) === 2);
  assert.equal((await client.kv.get(held.key))?.Session, held.session);
  await held.release();
  (await next).kill("SIGTERM");

  const slot = await command("p/sem", "-n=2");
  const semaphore = client.semaphore("p/sem", 2);
  const mine = await semaphore.acquire();
  assert.equal(await semaphore.acquire({ tryMs: 200 }), undefined);
  slot.kill("SIGTERM");
  const other = await semaphore.acquire();
  await mine.release();
  await other.release();
});

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
