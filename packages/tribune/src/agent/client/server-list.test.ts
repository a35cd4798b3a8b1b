import assert from "node:assert/strict";
import { test } from "node:test";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { silentLogger } from "../../lib/log.ts";
import type { PoolEvent } from "../../pool/types.ts";
import { clientMember, serverMember } from "./fakes.test.support.ts";
import { rebalanceDelayMs, ServerList } from "./server-list.ts";

function listOf(answering: ReadonlySet<string> = new Set()) {
  const time = new VirtualTime();
  const pinged: string[] = [];
  const list = new ServerList({
    datacenter: "dc1",
    runtime: time,
    logger: silentLogger,
    nodes: () => 3,
    ping: (server) => {
      pinged.push(server.name);
      return Promise.resolve(answering.has(server.name));
    },
  });
  const names = () => list.servers.map((server) => server.name);
  return { time, list, names, pinged };
}

test("servers of the datacenter come in by the pool's events and go with them", () => {
  const { list, names } = listOf();
  list.poolEvent({ type: "join", members: [serverMember("s1"), clientMember("c1"), serverMember("s2")] });
  list.poolEvent({ type: "join", members: [serverMember("x1", { dc: "dc2" })] });
  assert.deepEqual(names(), ["s1", "s2"]);
  list.poolEvent({ type: "update", members: [serverMember("s1", { port: "9300" })] });
  assert.deepEqual(names(), ["s1", "s2"]);
  assert.equal(list.active?.port, 9300);
  list.poolEvent({ type: "failed", members: [serverMember("s1")] });
  assert.deepEqual(names(), ["s2"]);
  list.poolEvent({ type: "leave", members: [serverMember("s2")] });
  assert.equal(list.active, undefined);
});

test("a failed server goes to the end, once, and only while it is the active one", () => {
  const { list, names } = listOf();
  list.poolEvent({ type: "join", members: ["s1", "s2", "s3"].map((name) => serverMember(name)) });
  const first = list.active!;
  list.failed(first);
  assert.deepEqual(names(), ["s2", "s3", "s1"]);
  list.failed(first);
  assert.deepEqual(names(), ["s2", "s3", "s1"]);
});

test("rebalancing uses a server that answers and keeps all of them", async () => {
  const { time, list, names, pinged } = listOf(new Set(["s3"]));
  const members = ["s1", "s2", "s3"].map((name) => serverMember(name));
  let listener: ((event: PoolEvent) => void) | undefined;
  list.follow({
    members: () => members,
    subscribe: (run) => {
      listener = run;
      return () => {
        listener = undefined;
      };
    },
  });
  assert.deepEqual(names(), ["s1", "s2", "s3"]);
  await time.advance(180_000);
  assert.equal(list.active?.name, "s3");
  assert.deepEqual([...names()].sort(), ["s1", "s2", "s3"]);
  assert.equal(pinged.at(-1), "s3");
  list.stop();
  assert.equal(listener, undefined);
  assert.equal(time.pendingTimers, 0);
});

test("without a server that answers the order stays", async () => {
  const { list, names, pinged } = listOf();
  list.poolEvent({ type: "join", members: ["s1", "s2"].map((name) => serverMember(name)) });
  await list.rebalance();
  assert.deepEqual(names(), ["s1", "s2"]);
  assert.equal(pinged.length, 2);
});

test("a server that left while it was pinged is not used", async () => {
  const { list, names } = listOf(new Set(["s1"]));
  list.poolEvent({ type: "join", members: ["s1", "s2"].map((name) => serverMember(name)) });
  const done = list.rebalance();
  list.remove("s1");
  await done;
  assert.deepEqual(names(), ["s2"]);
});

test("the pace follows the size of the datacenter", () => {
  assert.equal(rebalanceDelayMs(3, 100, 0), 120_000);
  assert.equal(rebalanceDelayMs(3, 100, 0.5), 150_000);
  assert.equal(rebalanceDelayMs(0, 100_000, 0), 120_000);
  assert.equal(rebalanceDelayMs(5, 100_000, 0), 312_500);
});
