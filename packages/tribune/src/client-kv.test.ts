/** The key-value helpers against real agents. */
import assert from "node:assert/strict";
import { createClient, DELETE, ResponseError } from "@tribune/client";
import { againstAgents } from "./client-agents.test.support.ts";

againstAgents("text, JSON, flags and lists", async (agent) => {
  const { kv } = createClient({ url: agent.url });
  assert.equal(await kv.get("none"), undefined);
  assert.equal(await kv.json("none"), undefined);
  await kv.set("t/text", "grün", { flags: 2n ** 64n - 1n });
  assert.equal(await kv.text("t/text"), "grün");
  assert.equal((await kv.get("t/text"))?.Flags, 2n ** 64n - 1n);
  await kv.setJson("t/json", { a: [1, null] });
  assert.deepEqual(await kv.json("t/json"), { a: [1, null] });
  await assert.rejects(kv.json("t/text"), SyntaxError);
  assert.deepEqual(await kv.keys("t/"), ["t/json", "t/text"]);
  assert.deepEqual(await kv.keys("", { separator: "/" }), ["t/"]);
  assert.deepEqual(
    (await kv.list("t/")).map(({ Key }) => Key),
    ["t/json", "t/text"],
  );
  assert.equal(await kv.create("t/json", "x"), false);
  assert.equal(await kv.create("t/new", "x"), true);
  await kv.deletePrefix("t/");
  assert.deepEqual(await kv.list("t/"), []);
  assert.deepEqual(await kv.keys("t/"), []);
  await assert.rejects(kv.get("../agent/self"), TypeError);
  await assert.rejects(kv.set("", "x"), ResponseError);
});

againstAgents("an update is applied once by each of many at the same time", async (agent) => {
  const { kv } = createClient({ url: agent.url });
  const increments = Array.from({ length: 12 }, () => kv.update<number>("count", (count = 0) => count + 1));
  const results = await Promise.all(increments);
  assert.deepEqual(
    results.toSorted((a, b) => Number(a) - Number(b)),
    Array.from({ length: 12 }, (_, n) => n + 1),
  );
  const before = await kv.get("count");
  assert.equal(await kv.update<number>("count", () => undefined), 12);
  assert.equal((await kv.get("count"))?.ModifyIndex, before?.ModifyIndex);
  await kv.updateBytes("count", (entry) => Buffer.concat([entry?.Value ?? Buffer.alloc(0), Buffer.from("0")]), {
    flags: 5,
  });
  assert.equal(await kv.json("count"), 120);
  assert.equal(await kv.update<number>("count", async () => 1), 1);
  assert.equal((await kv.get("count"))?.Flags, 5);
  assert.equal(await kv.update("count", () => DELETE), undefined);
  assert.equal(await kv.get("count"), undefined);
  assert.equal(await kv.update("count", () => DELETE), undefined);
});
