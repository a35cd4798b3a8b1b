/** What the client's watches see of a real agent. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import {
  blockingQueries,
  type Change,
  type Client,
  createClient,
  eventStreams,
  type WatchTransport,
} from "@tribune/client";
import { type AgentUnderTest, againstAgents } from "./client-agents.test.support.ts";

const WAYS: Readonly<Record<string, WatchTransport>> = { "blocking queries": blockingQueries, streams: eventStreams };
type ClientOf = (agent: AgentUnderTest, t: TestContext) => Client;

/** The same watches, however their changes come. */
function byEveryWay(
  title: string,
  run: (agent: AgentUnderTest, t: TestContext, clientOf: ClientOf) => Promise<void>,
): void {
  for (const [way, watchTransport] of Object.entries(WAYS))
    againstAgents(`${title} (${way})`, (agent, t) =>
      run(agent, t, ({ url }) => {
        const client = createClient({ url, watchTransport });
        t.after(() => client.close());
        return client;
      }),
    );
}

/** The changes one by one. */
function stepsOf<C>(watch: AsyncIterable<C>): () => Promise<C> {
  const steps = watch[Symbol.asyncIterator]();
  return async () => {
    const { value, done } = await steps.next();
    assert.notEqual(done, true, "the watch has ended");
    return value;
  };
}

const names = <T>(change: Change<T>, name: (row: T) => string) => ({
  added: change.added.map(name),
  changed: change.changed.map(({ after }) => name(after)),
  removed: change.removed.map(name),
});

byEveryWay("a service's instances come, change and go", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  const next = stepsOf(client.watch.service("web"));
  const seen = async () => names(await next(), ({ Service }) => `${Service?.ID}:${Service?.Port}`);
  const first = await next();
  assert.deepEqual([first.first, first.all.size], [true, 0]);
  await client.agentServiceRegister({ definition: { Name: "web", ID: "a", Port: 1 } });
  assert.deepEqual(await seen(), { added: ["a:1"], changed: [], removed: [] });
  await client.agentServiceRegister({ definition: { Name: "other", Port: 9 } });
  await client.agentServiceRegister({ definition: { Name: "web", ID: "a", Port: 2 } });
  assert.deepEqual(await seen(), { added: [], changed: ["a:2"], removed: [] });
  await client.agentServiceDeregister({ id: "a" });
  assert.deepEqual(await seen(), { added: [], changed: [], removed: ["a:2"] });
});

byEveryWay("a key and a prefix", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  const key = stepsOf(client.watch.key("a/1"));
  const prefix = stepsOf(client.watch.prefix("a/"));
  assert.equal((await key()).entry, undefined);
  assert.equal((await prefix()).first, true);
  await client.kv.set("a/1", "one");
  assert.deepEqual((await key()).entry?.Value, new TextEncoder().encode("one"));
  assert.deepEqual(
    names(await prefix(), ({ Key }) => Key),
    { added: ["a/1"], changed: [], removed: [] },
  );
  await client.kv.set("a/2", "two");
  assert.deepEqual((await prefix()).added[0]?.Key, "a/2");
  await client.kv.delete("a/1");
  const gone = await key();
  assert.deepEqual([gone.entry, gone.removed.length], [undefined, 1]);
});

byEveryWay("services, nodes, a node and checks", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  const services = stepsOf(client.watch.services());
  const nodes = stepsOf(client.watch.nodes());
  // Consul wakes nobody who waits for a node that is removed: that is seen when the wait is over.
  const node = stepsOf(client.watch.node("there", { wait: "1s" }));
  const checks = stepsOf(client.watch.checks({ service: "db" }));
  assert.ok((await services()).all.has("consul"));
  assert.deepEqual([...(await nodes()).all.keys()], ["here"]);
  assert.equal((await node()).node, undefined);
  assert.equal((await checks()).all.size, 0);
  const there = { Node: "there", Address: "10.0.0.1" };
  const Service = { ID: "db1", Service: "db", Tags: ["main"], Port: 5 };
  const Check = { CheckID: "alive", Name: "alive", ServiceID: "db1", Status: "passing", Node: "there" };
  await client.catalogRegister({ registration: { ...there, Service, Check } });
  const found = await services();
  assert.deepEqual(found.added, [{ name: "db", tags: ["main"] }]);
  assert.deepEqual(
    (await nodes()).added.map(({ Address }) => Address),
    ["10.0.0.1"],
  );
  const on = await node();
  assert.deepEqual([on.node?.Address, on.added[0]?.Port], ["10.0.0.1", 5]);
  assert.equal((await checks()).added[0]?.Status, "passing");
  await client.catalogRegister({ registration: { ...there, Check: { ...Check, Status: "critical" } } });
  const { changed } = await checks();
  assert.deepEqual([changed[0]?.before?.Status, changed[0]?.after.Status], ["passing", "critical"]);
  await client.catalogDeregister({ deregistration: { Node: "there" } });
  assert.equal((await node()).node, undefined);
  assert.equal((await checks()).removed.length, 1);
});

byEveryWay("events, and only those after the one where the watch resumes", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  const payloads = (change: Change<{ readonly Payload: Uint8Array | null }>) =>
    change.added.map(({ Payload }) => Buffer.from(Payload ?? []).toString());
  const next = stepsOf(client.watch.event("deploy"));
  assert.deepEqual(payloads(await next()), []);
  await client.eventFire({ name: "deploy", payload: "1" });
  const one = await next();
  assert.deepEqual(payloads(one), ["1"]);
  await client.eventFire({ name: "deploy", payload: "2" });
  assert.deepEqual(payloads(await next()), ["2"]);
  const resumed = stepsOf(client.watch.event("deploy", { from: { index: one.index } }));
  assert.deepEqual(payloads(await resumed()), ["2"]);
});

byEveryWay("a watch resumes: from an index, or from a change with all that it knew", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  await client.kv.set("r/old", "0");
  await client.kv.set("r/stays", "0");
  const seen = await stepsOf(client.watch.prefix("r/"))();
  await client.kv.delete("r/old");
  await client.kv.set("r/stays", "1");
  await client.kv.set("r/new", "0");
  const exact = await stepsOf(client.watch.prefix("r/", { from: seen }))();
  assert.deepEqual(
    names(exact, ({ Key }) => Key),
    { added: ["r/new"], changed: ["r/stays"], removed: ["r/old"] },
  );
  const byIndex = await stepsOf(client.watch.prefix("r/", { from: { index: seen.index } }))();
  assert.deepEqual(
    names(byIndex, ({ Key }) => Key),
    { added: ["r/new"], changed: ["r/stays"], removed: [] },
  );
  const still = stepsOf(client.watch.prefix("r/", { from: exact }))();
  await client.kv.set("r/later", "0");
  assert.deepEqual((await still).added[0]?.Key, "r/later");
});

byEveryWay("a watch outlives its agent, and meets one that knows less", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  for (let n = 0; n < 30; n++) await client.kv.set("w", String(n));
  const failures: unknown[] = [];
  const next = stepsOf(client.watch.key("w", { onFailure: ({ error }) => failures.push(error) }));
  const before = await next();
  const after = next();
  await agent.away();
  await agent.back();
  const lost = await after;
  assert.deepEqual([lost.entry, lost.removed.length], [undefined, 1]);
  assert.ok(failures.length > 0);
  assert.ok(lost.index < before.index, "the index of an empty store is smaller");
  await client.kv.set("w", "again");
  assert.equal((await next()).added.length, 1);
});

byEveryWay("leaving the loop, aborting and closing end a watch; a refusal is thrown", async (agent, t, clientOf) => {
  const client = clientOf(agent, t);
  for await (const _ of client.watch.key("k")) break;
  const stop = new AbortController();
  let changes = 0;
  for await (const _ of client.watch.key("k", { signal: stop.signal })) {
    changes++;
    setImmediate(() => stop.abort());
  }
  assert.equal(changes, 1);
  const waiting = client.watch.key("k")[Symbol.asyncIterator]();
  await waiting.next();
  const pending = waiting.next();
  assert.deepEqual(await waiting.return?.(), { done: true, value: undefined });
  assert.equal((await pending).done, true);
  const closing = (async () => {
    for await (const _ of client.watch.key("k")) setImmediate(() => client.close());
  })();
  await closing;
  const other = createClient({ url: agent.url });
  const refused = other.watch.service("web", { filter: "no such thing ==" })[Symbol.asyncIterator]().next();
  await assert.rejects(refused, { name: "ResponseError" });
});
