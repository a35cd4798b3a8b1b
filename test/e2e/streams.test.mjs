import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { AgentProcess, put, temporaryDirectory } from "./agent-process.mjs";
import { followStream } from "./event-stream.mjs";

const ADDRESS = "127.77.38.1";

test("a reader goes on where he was after kill -9, without being told again what he knows", async (t) => {
  const directory = temporaryDirectory();
  const args = ["-server", "-bootstrap", `-data-dir=${join(directory, "data")}`, "-log-level=warn"];
  let agent = await new AgentProcess({ address: ADDRESS, args }).ready();
  t.after(() => agent.kill());
  for (let at = 0; at < 200; at++) await put(agent, `/v1/kv/k/${String(at).padStart(3, "0")}`, "v");
  const stream = followStream(`${agent.url}/v1/stream?watch=/v1/kv/k/%3Frecurse&watch=/v1/history/recent&heartbeat=1s`);
  t.after(() => stream.stop());
  await stream.until(([keys]) => keys?.length === 200, "all keys");
  for (let round = 1; round <= 3; round++) {
    await put(agent, `/v1/kv/k/round-${round}`, "v");
    await stream.until(([keys]) => keys.length === 200 + round, `the key of round ${round}`);
    await agent.kill();
    agent = await new AgentProcess({ address: ADDRESS, args }).ready();
    await stream.until(() => stream.connections === 1 + round, "the stream is back");
  }
  await put(agent, "/v1/kv/k/last", "v");
  await stream.until(([keys]) => keys.length === 204, "the last key");
  const ofKeys = stream.events.filter(({ Watch }) => Watch === 0).map(({ event }) => event);
  assert.equal(ofKeys.filter((event) => event === "snapshot").length, 1, ofKeys.join());
  assert.equal(ofKeys.filter((event) => event === "current").length, 3, ofKeys.join());
  const answer = await (await fetch(`${agent.url}/v1/kv/k/?recurse`)).json();
  assert.deepEqual(stream.values[0], answer);
});
