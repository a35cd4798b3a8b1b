/** The derived client against an agent in this process, over fetch and over Node's sockets. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type ContractClient, createClient, nodeSend, ResponseError } from "@tribune/client";
import { until } from "./client-agents.test.support.ts";
import { type RunningAgent, startAgent } from "./index.ts";

let agent: RunningAgent;
let client: ContractClient;
before(async () => {
  agent = await startAgent({ config: { node_name: "here" } });
  client = createClient({ url: agent.url! });
});
after(() => agent.stop());

test("keys are written, read, listed and deleted", async () => {
  assert.equal((await client.kvGet({ key: "none" })).value, null);
  assert.equal(
    (await client.kvPut({ key: "a/ü b", value: new Uint8Array([0, 255]), flags: 2n ** 64n - 1n })).value,
    true,
  );
  const { value, index } = await client.kvGet({ key: "a/ü b" }, { consistent: true });
  assert.deepEqual([value?.[0]?.Value, value?.[0]?.Flags], [new Uint8Array([0, 255]), 2n ** 64n - 1n]);
  assert.deepEqual((await client.kvValue({ key: "a/ü b" })).value, new Uint8Array([0, 255]));
  assert.deepEqual((await client.kvKeys({ key: "a", separator: "/" })).value, ["a/"]);
  assert.equal((await client.kvPut({ key: "a/ü b", value: "x", cas: 1 })).value, false);
  const waiting = client.kvGet({ key: "a/ü b" }, { index: index!, wait: "1m" });
  await client.kvPut({ key: "a/ü b", value: "newer" });
  const woken = await waiting;
  assert.deepEqual(woken.value?.[0]?.Value, new TextEncoder().encode("newer"));
  assert.ok(woken.index! > index!);
  assert.equal((await client.kvDelete({ key: "a/", recurse: true })).value, true);
  assert.equal((await client.kvList({ key: "a/" })).value, null);
});

test("a service is registered with this agent and found", async () => {
  await client.agentServiceRegister({
    definition: { Name: "web", Port: 80, Tags: ["blue"], Check: { TTL: 60e9, Status: "passing" } },
  });
  // The agent answers before the catalog has it.
  const found = await until("the service is in the catalog", async () => {
    const answer = await client.healthService({ service: "web", passing: true, tag: ["blue"] }, { stale: true });
    return answer.value?.length === 1 ? answer : undefined;
  });
  assert.deepEqual([found.value?.[0]?.Service?.Port, found.consistency], [80, "stale"]);
  assert.deepEqual((await client.agentServices({ filter: "Service == nothing" })).value, {});
  const { value: own, contentHash } = await client.agentService({ id: "web" });
  assert.deepEqual([own.Tags, own.ContentHash], [["blue"], contentHash]);
  await client.agentCheckFail({ id: "service:web", note: "down" });
  const health = await client.agentServiceHealthById({ id: "web" });
  assert.deepEqual([health.status, health.value?.AggregatedStatus], [503, "critical"]);
});

test("sessions, transactions and refusals", async () => {
  const { value: session } = await client.sessionCreate({ session: { Name: "mine", TTL: "30s" } });
  const [info] = (await client.sessionInfo({ session: session.ID })).value ?? [];
  assert.deepEqual([info?.Name, info?.LockDelay], ["mine", 15e9]);
  const done = await client.txn({ ops: [{ KV: { Verb: "set", Key: "t", Value: new Uint8Array([7]) } }] });
  assert.equal(done.value.Results?.[0]?.KV?.Key, "t");
  const undone = await client.txn({ ops: [{ KV: { Verb: "cas", Key: "t", Index: 1 } }] });
  assert.deepEqual([undone.status, undone.value.Errors?.length], [409, 1]);
  await assert.rejects(
    client.kvPut({ key: "" }),
    (error) => error instanceof ResponseError && error.status === 400 && error.body === "Missing key name",
  );
});

test("every read without required parameters answers what its schema says", async () => {
  const { value: self } = await client.agentSelf();
  assert.equal(self.Member.Name, "here");
  assert.equal((await client.catalogNodes()).value?.[0]?.Node, "here");
  assert.ok("consul" in (await client.catalogServices()).value!);
  assert.equal((await client.operatorAutopilotGet()).value.LastContactThreshold, 0.2e9);
  assert.equal((await client.operatorRaftConfiguration()).value.Servers?.length, 1);
  for (const call of [
    client.agentMembers,
    client.agentHost,
    client.catalogDatacenters,
    client.coordinateNodes,
    client.coordinateDatacenters,
    client.eventList,
    client.operatorAutopilotHealth,
    client.operatorAutopilotState,
    client.queryList,
    client.sessionList,
    client.statusPeers,
  ])
    assert.equal((await call()).status, 200);
});

test("the document of the API is served", async () => {
  const { value } = await client.openApi();
  assert.equal(value.openapi, "3.1.0");
  assert.ok("/v1/kv/{key}" in value.paths);
});

test("archives and the log are streams, over fetch and over Node's sockets", async () => {
  const { host, port } = agent.httpAddress!;
  const other = createClient({ send: nodeSend({ address: `${host}:${port}` }) });
  await other.kvPut({ key: "kept", value: "yes" });
  const { value: archive } = await other.snapshotSave();
  await client.kvDelete({ key: "kept" });
  await other.snapshotRestore({ archive });
  assert.deepEqual((await client.kvValue({ key: "kept" })).value, new TextEncoder().encode("yes"));
  const stop = new AbortController();
  const waiting = other.kvGet({ key: "kept" }, { index: 1_000_000, wait: "1m", signal: stop.signal });
  stop.abort();
  await assert.rejects(waiting);
});
