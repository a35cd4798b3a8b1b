import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type RunningAgent, startAgent } from "../../index.ts";
import { EventReader } from "./event-reader.test.support.ts";

const put = async (agent: RunningAgent, path: string, body: unknown = ""): Promise<void> => {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await fetch(`${agent.url}${path}`, { method: "PUT", body: text });
  assert.equal(answer.status, 200, await answer.text());
};
// biome-ignore lint/suspicious/noExplicitAny: whatever the endpoint answers
const get = async (agent: RunningAgent, path: string): Promise<any> => (await fetch(`${agent.url}${path}`)).json();

async function withAgent(use: (agent: RunningAgent) => Promise<void>): Promise<void> {
  const agent = await startAgent();
  try {
    await use(agent);
  } finally {
    await agent.stop();
  }
}

test("what a stream tells adds up to what the endpoint answers, for every kind of view", () =>
  withAgent(async (agent) => {
    const views = [
      "/v1/health/service/web?passing",
      "/v1/kv/a?recurse",
      "/v1/internal/ui/services",
      "/v1/kv/a/?keys",
      "/v1/history/recent",
    ];
    const query = views.map((view) => `watch=${encodeURIComponent(view)}`).join("&");
    await using reader = await EventReader.open(`${agent.url}/v1/stream?${query}`);
    for (let at = 0; at < 5; at++) {
      await put(agent, "/v1/catalog/register", {
        Node: `n${at}`,
        Address: `10.0.0.${at}`,
        Service: { Service: "web", Port: at },
        Check: { CheckID: "c", ServiceID: "web", Status: at === 2 ? "critical" : "passing" },
      });
      await put(agent, `/v1/kv/a/${at}`, "<\u2028>");
    }
    await put(agent, "/v1/kv/a/2", "other");
    await fetch(`${agent.url}/v1/kv/a/3`, { method: "DELETE" });
    for (const [number, view] of views.entries()) {
      const answer = await get(agent, view);
      await reader.until((state) => JSON.stringify(state[number]?.value) === JSON.stringify(answer), view);
    }
  }));

test("a path of its own is short for one view", () =>
  withAgent(async (agent) => {
    await put(agent, "/v1/kv/some%20key", "v");
    await using reader = await EventReader.open(`${agent.url}/v1/stream/kv/some%20key?heartbeat=1s`);
    await reader.until((state) => state[0]?.status === 200, "the key");
    assert.equal(reader.state[0]!.value[0].Key, "some key");
    await fetch(`${agent.url}/v1/kv/some%20key`, { method: "DELETE" });
    await reader.until((state) => state[0]?.status === 404, "its end");
    assert.equal(reader.state[0]!.value, null);
  }));

test("it is an event stream, and what it cannot be is said before", () =>
  withAgent(async (agent) => {
    await using reader = await EventReader.open(`${agent.url}/v1/stream/catalog/nodes`);
    assert.equal(reader.headers.get("content-type"), "text/event-stream");
    assert.match(reader.headers.get("cache-control")!, /no-cache/);
    const refused = await fetch(`${agent.url}/v1/stream?watch=/v1/agent/self`);
    assert.deepEqual(
      [refused.status, await refused.text()],
      [400, "/v1/agent/self cannot be watched: it does not take ?index"],
    );
    const raw = await EventReader.open(`${agent.url}/v1/stream/kv/k?raw`);
    await put(agent, "/v1/kv/k", "v");
    await raw.until((state) => state[0]?.refusal === 400, "the refusal");
    await raw[Symbol.asyncDispose]();
  }));

test("a restarted agent takes a reader up where he was, and a client agent streams from its servers", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tribune-streams-"));
  const config = { node_name: "s" };
  let server = await startAgent({ dataDir: join(directory, "s"), config });
  try {
    for (let at = 0; at < 50; at++) await put(server, `/v1/kv/k/${at}`, "v");
    const reader = await EventReader.open(`${server.url}/v1/stream?watch=/v1/kv/k/%3Frecurse`);
    await reader.until((state) => state[0]?.value?.length === 50, "all keys");
    const { lastId } = reader;
    await reader[Symbol.asyncDispose]();
    await server.stop();
    server = await startAgent({ dataDir: join(directory, "s"), config });
    const again = await EventReader.open(`${server.url}/v1/stream?watch=/v1/kv/k/%3Frecurse`, lastId);
    await again.until(() => again.events.length > 0, "an event");
    assert.equal(again.events[0]!.event, "current");
    await again[Symbol.asyncDispose]();

    const { host, port } = server.lanAddress;
    const joining = { node_name: "c", server: false, start_join: [`${host}:${port}`] };
    const client = await startAgent({ dataDir: join(directory, "c"), config: joining });
    try {
      // The server's place in the stream is good for the client agent as well.
      await using through = await EventReader.open(`${client.url}/v1/stream?watch=/v1/kv/k/%3Frecurse`, lastId);
      await through.until(() => through.events.length > 0, "an event");
      assert.equal(through.events[0]!.event, "current");
      await put(server, "/v1/kv/k/new", "v");
      await through.until(() => through.events.length > 1, "a change");
      assert.equal(through.events[1]!.event, "change");
      await using history = await EventReader.open(`${client.url}/v1/stream/history/node/c`);
      await history.until((state) => state[0]?.value?.Transitions?.length > 0, "the client's registration");
    } finally {
      await client.stop();
    }
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
});

test("history is made again from the log when a server starts", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tribune-history-"));
  const options = { dataDir: directory, config: { node_name: "s" } };
  let server = await startAgent(options);
  try {
    for (const Status of ["passing", "critical", "warning"])
      await put(server, "/v1/catalog/register", {
        Node: "x",
        Address: "10.0.0.1",
        Check: { CheckID: "c", Status, Output: Status },
      });
    const path = "/v1/history/check/x/c";
    const before = await get(server, path);
    assert.deepEqual(
      before.Transitions.map(({ From, To, By }: Readonly<Record<string, string>>) => [From, To, By]),
      [
        ["critical", "warning", "catalog"],
        ["passing", "critical", "catalog"],
        ["", "passing", "catalog"],
      ],
    );
    await server.stop();
    server = await startAgent(options);
    assert.deepEqual((await get(server, path)).Transitions, before.Transitions);
  } finally {
    await server.stop();
    await rm(directory, { recursive: true });
  }
});
