import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry, KVSRequest, make } from "@tribune/api";
import type { Agent } from "../../agent/agent.ts";
import { SimDatacenter } from "./datacenter.ts";

const put = (key: string, value: string) =>
  make(KVSRequest, {
    Datacenter: "dc1",
    Op: "set",
    DirEnt: make(DirEntry, { Key: key, Value: Buffer.from(value) }),
  });

async function valueAt(datacenter: SimDatacenter, at: string, key: string, request = {}): Promise<string | undefined> {
  const { answer } = await datacenter.read(at, "kvGet", { Key: key, ...request });
  const { Entries } = answer.reply as unknown as { readonly Entries: readonly DirEntry[] | null };
  const value = Entries?.[0]?.Value;
  return value === undefined || value === null ? undefined : Buffer.from(value).toString();
}

test("three servers and two clients find each other, elect a leader and serve from every agent", async () => {
  const datacenter = new SimDatacenter(1, { servers: 3, clients: 2 });
  await datacenter.start();
  await datacenter.until(
    "everybody knows everybody",
    () =>
      datacenter.agents.every(
        ({ agent }) => agent!.lan.members().filter(({ status }) => status === "alive").length === 5,
      ),
    20_000,
  );
  await datacenter.write("c1", "kvPut", put("a", "1"));
  for (const { name } of datacenter.agents) assert.equal(await valueAt(datacenter, name, "a"), "1", name);
  await datacenter.until(
    "every node is in the catalog",
    async () => {
      const { answer } = await datacenter.read("c2", "catalogNodes", {});
      return (answer.reply as unknown as { Nodes: unknown[] }).Nodes.length === 5;
    },
    70_000,
  );
  assert.deepEqual(
    datacenter.agents.flatMap(({ fatal }) => fatal),
    [],
  );
  await datacenter.stop();
});

test("the loss of the leader costs a pause, and no acknowledged write", async () => {
  const datacenter = new SimDatacenter(2, { servers: 3, clients: 2 });
  await datacenter.start();
  await datacenter.write("c1", "kvPut", put("kept", "1"));
  const leader = leaderOf(datacenter);
  datacenter.crash(leader);
  // Not sent again blindly, should it have been on its way: the client of a KV store tries again itself.
  await datacenter.until(
    "a write goes through",
    () => tried(datacenter.write("c1", "kvPut", put("after", "2"))),
    20_000,
  );
  for (const { name, agent } of datacenter.agents) {
    if (agent === undefined) continue;
    assert.equal(await valueAt(datacenter, name, "kept"), "1", name);
    assert.equal(await valueAt(datacenter, name, "after"), "2", name);
  }
  await datacenter.start(leader);
  await datacenter.until(
    "the restarted server has caught up",
    async () => (await valueAt(datacenter, leader, "after", { AllowStale: true })) === "2",
    20_000,
  );
  assert.notEqual(leaderOf(datacenter), leader);
  await datacenter.stop();
});

test("without servers a client goes on with discovery from what it knew, and with nothing else", async () => {
  const datacenter = new SimDatacenter(3, { servers: 3, clients: 1 });
  await datacenter.start();
  const instances = (request: object) => datacenter.read("c1", "healthService", { ServiceName: "consul", ...request });
  await datacenter.until(
    "the servers are registered",
    async () => ((await instances({})).answer.reply as unknown as { Nodes: unknown[] }).Nodes.length === 3,
    70_000,
  );
  for (const name of ["s1", "s2", "s3"]) datacenter.crash(name);
  const { meta } = await instances({ AllowStale: true });
  assert.equal(meta.knownLeader, false);
  await datacenter.pass(60_000);
  const later = await instances({ AllowStale: true });
  assert.ok(later.meta.ageMs! > 60_000);
  assert.ok(later.meta.lastContactMs >= later.meta.ageMs!);
  await assert.rejects(instances({}), /No known Consul servers/);
  await assert.rejects(instances({ AllowStale: true, MaxStaleDuration: 30e9 }), /No known Consul servers/);
  await datacenter.start("s1", "s2", "s3");
  await datacenter.until("the servers are asked again", () => tried(instances({})), 60_000);
  await datacenter.stop();
});

test("a blocking query through a client wakes for a write through another", async () => {
  const datacenter = new SimDatacenter(4, { servers: 3, clients: 2 });
  await datacenter.start();
  await datacenter.write("c1", "kvPut", put("a", "1"));
  const { answer } = await datacenter.read("c2", "kvGet", { Key: "a" });
  const startedMs = datacenter.sim.nowMs;
  const waiting = datacenter.read("c2", "kvGet", { Key: "a", MinQueryIndex: answer.index, MaxQueryTime: 30e9 });
  waiting.catch(() => {}); // awaited below
  await datacenter.write("c1", "kvPut", put("a", "2"));
  assert.ok((await waiting).answer.index > answer.index);
  assert.ok(datacenter.sim.nowMs - startedMs < 5_000);
  await datacenter.stop();
});

test("a server that leaves is out of the peer set, and one seed is one run", async () => {
  const play = async () => {
    const datacenter = new SimDatacenter(5, { servers: 3, clients: 1 });
    await datacenter.start();
    await datacenter.write("c1", "kvPut", put("a", "1"));
    const leaving = datacenter.named(leaderOf(datacenter));
    await datacenter.run(leaving.agent!.leave(), 30_000);
    await datacenter.run(leaving.agent!.stop(), 10_000);
    leaving.agent = undefined;
    await datacenter.until("there is another leader", () => leaderOf(datacenter) !== "", 20_000);
    assert.equal(await valueAt(datacenter, "c1", "a"), "1");
    const other = datacenter.named(leaderOf(datacenter)).agent!;
    const { latest_configuration: peers } = other.mode.stats().raft!;
    assert.doesNotMatch(peers!, new RegExp(`${leaving.host.address}:`));
    assert.equal(other.lan.member(leaving.name)?.status, "left");
    await datacenter.stop();
    return datacenter.sim.nowMs;
  };
  assert.equal(await play(), await play());
});

/** The agent that says it leads; "" while none does. */
function leaderOf(datacenter: SimDatacenter): string {
  const leads = ({ agent }: { readonly agent: Agent | undefined }) => agent?.mode.stats().consul?.leader === "true";
  return datacenter.agents.find(leads)?.name ?? "";
}

async function tried(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch {
    return false; // the condition is asked for again
  }
}
