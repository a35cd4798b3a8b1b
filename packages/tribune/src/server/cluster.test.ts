import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigEntryRequest, ExportedServicesConfigEntry, KVSRequest, make, SessionRequest } from "@tribune/api";
import type { Method } from "../endpoints/binding.ts";
import { configEntryEndpoints } from "../endpoints/config-entry.ts";
import { getNodeCheck } from "../state/catalog/checks.ts";
import { getNode } from "../state/catalog/nodes.ts";
import { serviceNodes } from "../state/catalog/service-queries.ts";
import { kvGet } from "../state/kv.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { sessionList } from "../state/session.ts";
import { Cluster, type Machine } from "./cluster.test.support.ts";

/** Three servers that found each other, all voting. */
async function three(seed: number, raft = {}): Promise<Cluster> {
  const cluster = new Cluster(seed, { expect: 3, raft });
  for (let at = 0; at < 3; at++) await cluster.add();
  const leader = await cluster.elected();
  assert.deepEqual([...cluster.voters(leader)].sort(), ["s1", "s2", "s3"]);
  return cluster;
}

function followers(cluster: Cluster): Machine[] {
  return cluster.machines.filter((machine) => machine.server !== undefined && machine !== cluster.leader());
}

async function savedBy(cluster: Cluster, leader: Machine): Promise<readonly Uint8Array[]> {
  const archive: Uint8Array[] = [];
  let saved = false;
  leader.server!.snapshots.save({
    write: (chunk: Uint8Array) => {
      archive.push(Uint8Array.from(chunk));
      return true;
    },
    end: () => {
      saved = true;
    },
    abort: assert.fail,
  } as never);
  await cluster.until(() => saved, "the archive is written");
  return archive;
}

async function* chunksOf(archive: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* archive;
}

test("servers that expect each other elect one, replicate, and know who leads", async () => {
  const cluster = await three(1);
  const leader = cluster.leader()!;
  await cluster.put(leader.server!, "a", "1");
  for (const follower of followers(cluster)) {
    await cluster.until(() => cluster.get(follower, "a") === "1", `${follower.name} has the key`);
    const server = follower.server!;
    assert.equal(server.isLeader, false);
    assert.equal(server.operator.leaderId, leader.id);
    assert.equal(server.operator.leaderAddress(), `${leader.host.address}:8300`);
    assert.equal(server.operator.leaderMember()?.name, leader.name);
    const { knownLeader, lastContactMs } = server.operator.queryMeta();
    assert.ok(knownLeader && lastContactMs >= 0 && lastContactMs < 2_000, `last contact ${lastContactMs} ms ago`);
  }
  assert.deepEqual(cluster.announced, [leader.name]);
});

test("who waits for a leader hears of it with the server that waits with him", async () => {
  const cluster = await three(6);
  const [waits] = followers(cluster);
  const server = waits!.server!;
  let heard = 0;
  const cancelled = server.onLeader(() => heard++);
  cancelled();
  cluster.kill(cluster.leader()!);
  await cluster.until(() => server.operator.leaderAddress() === "" || server.isLeader, "it misses the leader");
  server.onLeader(() => heard++);
  await cluster.until(() => heard > 0, "there is another one");
  assert.ok(server.isLeader || server.operator.leaderAddress() !== "");
  await cluster.rest(5_000);
  assert.equal(heard, 1);
});

for (const seed of [2, 3, 4, 5]) {
  test(`the leader's process dies: another leads within a second, and comes back as a follower (seed ${seed})`, async () => {
    const cluster = await three(seed);
    const leader = cluster.leader()!;
    await cluster.put(leader.server!, "a", "1");
    cluster.kill(leader);
    const tookMs = await cluster.until(() => cluster.leader() !== undefined, "another one leads");
    assert.ok(tookMs < 1_000, `it took ${tookMs} ms`);
    await cluster.put(cluster.leader()!.server!, "b", "2");
    await cluster.boot(leader);
    await cluster.until(() => cluster.get(leader, "b") === "2", "the old leader catches up");
    assert.equal(cluster.get(leader, "a"), "1");
    assert.equal(leader.server?.isLeader, false);
  });
}

test("a follower's broken connection costs nobody the leader", async () => {
  const cluster = await three(6);
  const leader = cluster.leader()!;
  const { term } = leader.server!.raftStatus();
  const [cut] = followers(cluster);
  for (const link of [`${cut!.host.address}>${leader.host.address}`, `${leader.host.address}>${cut!.host.address}`])
    cluster.network.blocked.add(link);
  await cluster.rest(60_000);
  cluster.network.blocked.clear();
  await cluster.put(leader.server!, "a", "1");
  await cluster.until(() => cluster.get(cut!, "a") === "1", "the follower is back");
  assert.equal(leader.server!.raftStatus().term, term);
});

test("a late joiner gets a snapshot, becomes a voter, and goes when it leaves", async () => {
  const cluster = await three(7, { snapshotIntervalMs: 1_000, snapshotThreshold: 20, trailingLogs: 5 });
  const leader = cluster.leader()!;
  for (let at = 0; at < 60; at++) await cluster.put(leader.server!, `k${at}`, "x".repeat(20_000));
  await cluster.until(() => leader.server!.raftStatus().snapshotIndex > 20, "the leader has a snapshot");
  const late = await cluster.add();
  await cluster.until(() => cluster.get(late, "k59") !== undefined, "the newcomer has everything");
  assert.ok(late.server!.raftStatus().snapshotIndex > 0, "it came as a snapshot");
  await cluster.until(() => cluster.voters(leader.server!).length === 4, "the newcomer votes");
  cluster.setStatus(late.name, "left");
  await cluster.until(() => cluster.voters(leader.server!).length === 3, "the newcomer is out");
  await cluster.put(leader.server!, "after", "1");
  // What it got survives it.
  cluster.kill(late);
  await cluster.boot(late);
  assert.equal(cluster.get(late, "k59")?.length, 20_000);
});

test("a blocked query on a follower wakes when a snapshot replaces its state", async () => {
  const cluster = await three(8, { snapshotIntervalMs: 1_000, snapshotThreshold: 20, trailingLogs: 5 });
  const leader = cluster.leader()!;
  const [follower] = followers(cluster);
  await cluster.put(leader.server!, "watched", "old");
  await cluster.until(() => cluster.get(follower!, "watched") === "old", "the follower has the key");
  let woken = 0;
  const index = follower!.server!.operator.queryMeta().index;
  const compute = (tx: ReadTx) => ({ Index: kvGet(tx, "watched").index });
  follower!.server!.engine.wait("q", compute, index, 600_000, () => woken++, assert.fail);
  for (const [a, b] of [
    [follower!, leader],
    [leader, follower!],
  ] as const)
    cluster.network.blocked.add(`${a.host.address}>${b.host.address}`);
  for (let at = 0; at < 60; at++) await cluster.put(leader.server!, `k${at}`, "x");
  await cluster.put(leader.server!, "watched", "new");
  await cluster.until(() => leader.server!.raftStatus().firstLogIndex > index + 1, "the leader forgot the entries");
  cluster.network.blocked.clear();
  await cluster.until(() => cluster.get(follower!, "watched") === "new", "the follower caught up");
  assert.equal(woken, 1);
});

test("a restored snapshot reaches a quorum before it is acknowledged, and then everybody", async () => {
  const cluster = await three(9);
  const leader = cluster.leader()!;
  await cluster.put(leader.server!, "kept", "1");
  const archive = await savedBy(cluster, leader);
  await cluster.put(leader.server!, "lost", "1");
  const before = leader.server!.raftStatus().lastLogIndex;
  await cluster.settle(leader.server!.snapshots.restore(chunksOf(archive)));
  const holders = cluster.machines.filter((machine) => machine.server!.raftStatus().snapshotIndex > before);
  assert.ok(holders.length >= 2, `${holders.length} servers hold it when it is acknowledged`);
  await cluster.put(leader.server!, "after", "1");
  for (const machine of cluster.machines) {
    await cluster.until(() => cluster.get(machine, "after") === "1", `${machine.name} goes on`);
    assert.deepEqual([cluster.get(machine, "kept"), cluster.get(machine, "lost")], ["1", undefined]);
  }
});

test("a restored snapshot that nobody took over is set aside by its server, which begins anew", async () => {
  const cluster = await three(23);
  const old = cluster.leader()!;
  await cluster.put(old.server!, "kept", "1");
  const archive = await savedBy(cluster, old);
  await cluster.put(old.server!, "later", "1");
  for (const machine of followers(cluster))
    await cluster.until(() => cluster.get(machine, "later") === "1", "all have all");
  const before = old.server!.raftStatus().lastLogIndex;
  const restoring = old.server!.snapshots.restore(chunksOf(archive)).catch(() => "not acknowledged");
  while (old.server!.raftStatus().snapshotIndex <= before) await cluster.rest(0.2);
  cluster.kill(old);
  for (const machine of followers(cluster)) assert.ok(machine.server!.raftStatus().snapshotIndex <= before);
  await cluster.elected();
  const leader = cluster.leader()!;
  await cluster.put(leader.server!, "since", "1");
  await cluster.boot(old);
  await cluster.until(() => old.fatal !== undefined, "it sees that it holds something else");
  assert.match(String(old.fatal), /never took over .* sets its Raft state aside in \/data\/raft\/set-aside-\d+/);
  cluster.kill(old);
  await cluster.boot(old);
  await cluster.until(() => cluster.get(old, "since") === "1", "it has what the others have");
  assert.deepEqual([cluster.get(old, "kept"), cluster.get(old, "later")], ["1", "1"]);
  // It counts again: with it and one of the others there is a majority.
  cluster.kill(leader);
  await cluster.until(() => cluster.leader() !== undefined && cluster.leader() !== leader, "another one leads");
  await cluster.put(cluster.leader()!.server!, "last", "1");
  cluster.kill(old);
  const files = old.host.runtime().disk;
  const raft = await cluster.settle(files.list("/data/raft"));
  assert.equal(raft.includes("start-over.json"), false);
  const aside = await cluster.settle(files.list(`/data/raft/${raft.find((name) => name.startsWith("set-aside-"))}`));
  assert.ok(aside.includes("snapshots"), "what an operator may want to look at is still there");
  await cluster.boot(old);
  await cluster.until(() => cluster.get(old, "last") === "1", "a further start goes on as usual");
  cluster.kill(old);
  const left = await cluster.settle(old.host.runtime().disk.list("/data/raft"));
  assert.equal(left.includes("refill.json"), false);
  await restoring;
});

test("a value too long for one entry is cut, and whole on every server", async () => {
  const cluster = await three(10);
  const value = Buffer.alloc(1_300_000, "abc");
  await cluster.put(cluster.leader()!.server!, "long", value);
  for (const machine of cluster.machines)
    await cluster.until(() => cluster.get(machine, "long")?.length === value.length, `${machine.name} has it all`);
});

test("leadership is handed over on leave, and at an operator's word", async () => {
  const cluster = await three(11);
  const first = cluster.leader()!;
  await cluster.settle(first.server!.operator.prepareLeave());
  await cluster.until(() => cluster.leader() !== undefined && cluster.leader() !== first, "another one leads", 1_000);
  const target = followers(cluster)[0]!;
  await cluster.settle(cluster.leader()!.server!.operator.transferLeadership(target.id));
  await cluster.until(() => cluster.leader() === target, "the one that was named leads", 1_000);
});

test("failed servers are taken out, and no majority with them", async () => {
  const cluster = new Cluster(12, { expect: 3 });
  for (let at = 0; at < 4; at++) await cluster.add();
  const leader = await cluster.elected();
  await cluster.until(() => cluster.voters(leader).length === 4, "all vote");
  const victim = followers(cluster)[0]!;
  cluster.kill(victim);
  cluster.setStatus(victim.name, "failed");
  await cluster.until(() => cluster.voters(leader).length === 3, "the dead one is taken out");
  assert.ok(!cluster.voters(leader).includes(victim.name));
  // Of three voters one may go, never two at once.
  const next = followers(cluster)[0]!;
  cluster.kill(next);
  cluster.setStatus(next.name, "failed");
  await cluster.until(() => cluster.voters(leader).length === 2, "one of three may go");
  assert.equal(leader.operator.serverHealth().servers.length, 2);
});

test("who answers Raft is no dead server, whatever the pool says of it", async () => {
  const cluster = await three(14);
  const leader = cluster.leader()!.server!;
  const doubted = followers(cluster)[0]!;
  cluster.setStatus(doubted.name, "failed");
  await cluster.rest(30_000);
  assert.equal(cluster.voters(leader).length, 3);
  cluster.kill(doubted);
  await cluster.until(() => cluster.voters(leader).length === 2, "once it is silent it is taken out");
});

for (const gone of ["failed", "left", "reap"] as const)
  test(`a server that took another name stays a peer while its old one is ${gone}`, async () => {
    const cluster = await three(15);
    const leader = cluster.leader()!.server!;
    await cluster.until(() => leader.operator.serverHealth().healthy, "all are healthy");
    const before = leader.raftStatus().configurationIndex;
    cluster.leaveBehind(followers(cluster)[0]!.name, "old", gone);
    for (let second = 0; second < 90; second++) {
      await cluster.rest(1_000);
      assert.equal(leader.raftStatus().configurationIndex, before, `the peer set changed after ${second} s`);
    }
    assert.ok(leader.operator.serverHealth().healthy);
    assert.deepEqual([...leader.operator.knownServers().values()].map(({ name }) => name).sort(), ["s1", "s2", "s3"]);
  });

test("a dead server is taken out, though a client with its id and another name runs on its host", async () => {
  const cluster = await three(16);
  const leader = cluster.leader()!.server!;
  const victim = followers(cluster)[0]!;
  cluster.kill(victim);
  cluster.becomeClient(victim.name, "client");
  await cluster.until(() => cluster.voters(leader).length === 2, "the server is taken out");
});

test("server health says who is healthy and how many may fail", async () => {
  const cluster = await three(13);
  const leader = cluster.leader()!;
  await cluster.until(() => leader.server!.operator.serverHealth().healthy, "all are healthy");
  assert.equal(leader.server!.operator.serverHealth().failureTolerance, 1);
  const peers = leader.server!.operator.raftPeers();
  assert.deepEqual(peers.map(({ node, protocolVersion, voter }) => [node, protocolVersion, voter]).sort(), [
    ["s1", "3", true],
    ["s2", "3", true],
    ["s3", "3", true],
  ]);
  const [victim] = followers(cluster);
  cluster.network.blocked.add(`${leader.host.address}>${victim!.host.address}`);
  await cluster.until(() => !leader.server!.operator.serverHealth().healthy, "one is not heard from");
  assert.equal(leader.server!.operator.serverHealth().failureTolerance, 0);
});

test("one that bootstraps takes in others, which never begin a datacenter of their own", async () => {
  const cluster = new Cluster(14);
  for (let at = 0; at < 3; at++) await cluster.add();
  const leader = await cluster.elected();
  assert.equal(cluster.leader(), cluster.machines[0]);
  const tookMs = await cluster.until(() => cluster.voters(leader).length === 3, "all vote");
  assert.ok(tookMs < 20_000, `a new leader waits for nobody's stabilization time: ${tookMs} ms`);
});

test("a leader whose disk hangs hands over", async () => {
  const cluster = await three(15);
  const leader = cluster.leader()!;
  leader.host.files.hang();
  leader.server!.propose(2, KVSRequest, make(KVSRequest, { Op: "set" })).catch(() => {}); // its fate is not the subject
  await cluster.until(() => cluster.leader() !== undefined && cluster.leader() !== leader, "another one leads", 30_000);
});

test("peers.json brings back one server of three, with everything it had", async () => {
  const cluster = await three(16);
  const leader = cluster.leader()!;
  await cluster.put(leader.server!, "a", "1");
  const survivor = followers(cluster)[0]!;
  await cluster.until(() => cluster.get(survivor, "a") === "1", "the survivor has it");
  for (const machine of cluster.machines) {
    cluster.kill(machine);
    if (machine !== survivor) cluster.setStatus(machine.name, "left");
  }
  const file = JSON.stringify([{ id: survivor.id, address: `${survivor.host.address}:8300` }]);
  const writing = survivor.host.runtime().disk.writeFileAtomic("/data/raft/peers.json", Buffer.from(file));
  await cluster.settle(writing);
  await cluster.boot(survivor);
  await cluster.until(() => cluster.leader() === survivor, "it leads alone");
  assert.deepEqual([cluster.get(survivor, "a"), cluster.voters(survivor.server!)], ["1", [survivor.name]]);
  await cluster.put(survivor.server!, "b", "2");
  cluster.kill(survivor);
  await cluster.boot(survivor);
  await cluster.until(() => cluster.get(survivor, "b") === "2", "what came after is kept: the file is used once");
});

test("a client's life in the catalog: joins, fails and loses its session, moves, is reaped", async () => {
  const cluster = await three(17);
  const server = cluster.leader()!.server!;
  const tags = new Map([
    ["role", "node"],
    ["dc", "dc1"],
    ["id", "00000000-0000-0000-0000-0000000000c1"],
  ]);
  const client = { name: "client", host: "10.0.1.1", tags, status: "alive" } as const;
  const health = (): string | undefined => server.peek((tx) => getNodeCheck(tx, "client", "serfHealth")?.Status);
  cluster.setMember(client, "join");
  await cluster.until(() => health() === "passing", "it is healthy");
  const Session = {
    ...make(SessionRequest, {}).Session,
    ID: tags.get("id")!,
    Node: "client",
    NodeChecks: ["serfHealth"],
  };
  await cluster.settle(server.propose(3, SessionRequest, make(SessionRequest, { Op: "create", Session })));
  const sessions = (): number => server.peek((tx) => sessionList(tx).sessions.length);
  assert.equal(sessions(), 1);
  cluster.setMember({ ...client, status: "failed" }, "failed");
  await cluster.until(() => health() === "critical", "it is critical");
  assert.equal(sessions(), 0);
  cluster.setMember({ ...client, host: "10.0.1.2" }, "update");
  await cluster.until(() => health() === "passing", "it is back");
  assert.equal(
    server.peek((tx) => getNode(tx, "client")?.Address),
    "10.0.1.2",
  );
  // What happens while the event is lost is found by the next look at everybody.
  cluster.setMember({ ...client, status: "failed" }, "failed");
  await cluster.until(() => health() === "critical", "it is critical again");
  cluster.forget("client");
  await cluster.until(() => server.peek((tx) => getNode(tx, "client")) === undefined, "it is reaped", 70_000);
});

test("a new leader that has not met a node yet does not take it for reaped", async () => {
  const cluster = await three(24);
  const tags = new Map([
    ["role", "node"],
    ["dc", "dc1"],
    ["id", "00000000-0000-0000-0000-0000000000c1"],
  ]);
  const first = cluster.leader()!;
  const isThere = (machine: Machine): boolean => machine.server!.peek((tx) => getNode(tx, "client")) !== undefined;
  cluster.setMember({ name: "client", host: "10.0.1.1", tags, status: "alive" }, "join");
  await cluster.until(() => isThere(first), "it is in the catalog");
  cluster.forget("client");
  cluster.kill(first);
  await cluster.until(() => cluster.leader() !== undefined, "another one leads");
  const leader = cluster.leader()!;
  await cluster.sim.play(cluster.sim.nowMs + 30_000);
  assert.ok(isThere(leader));
  await cluster.until(() => !isThere(leader), "it is still unknown after a minute", 70_000);
});

test("servers are registered as the service consul, and deregistered when they leave", async () => {
  const cluster = await three(18);
  const server = cluster.leader()!.server!;
  const nodes = (): string =>
    server.peek((tx) =>
      serviceNodes(tx, "consul")
        .rows.map(({ Node }) => Node)
        .join(" "),
    );
  await cluster.until(() => nodes() === "s1 s2 s3", "all are there");
  const [leaver] = followers(cluster);
  await cluster.settle(leaver!.server!.operator.prepareLeave());
  cluster.setStatus(leaver!.name, "left");
  await cluster.until(() => !nodes().includes(leaver!.name), "the leaver is gone");
  await cluster.until(() => !leaver!.server!.operator.isPeer, "the leaver knows that it may go");
  assert.equal(cluster.voters(server).length, 2);
});

test("a server that might end with an entry of a later kind keeps it from being written, or is kept out itself", async () => {
  const cluster = new Cluster(31);
  await cluster.add();
  const server = await cluster.elected();
  const set = configEntryEndpoints.find(({ name }) => name === "configEntrySet");
  const Services = [{ Name: "web", Namespace: "", Consumers: [{ Partition: "", Peer: "east", SamenessGroup: "" }] }];
  const exported = make(ExportedServicesConfigEntry, { Kind: "exported-services", Name: "default", Services });
  const write = () =>
    cluster.settle(
      server.write(set as Method, make(ConfigEntryRequest, { Datacenter: "dc1", Op: "upsert", Entry: exported })),
    );
  const old = await cluster.add();
  await assert.rejects(write(), /of these it is not known: s2 \(1\.10\.11\)/);
  await cluster.until(() => cluster.voters(server).length === 2, "the old server is let in");
  cluster.kill(old);
  cluster.setStatus("s2", "left");
  await cluster.until(() => cluster.voters(server).length === 1, "it has left");
  assert.equal(await write(), true);
  const archive = await savedBy(cluster, cluster.leader()!);
  await cluster.boot(old);
  await cluster.rest(70_000);
  assert.deepEqual(cluster.voters(server), ["s1"]);
  // What a backup brings back is no other matter.
  await assert.rejects(cluster.settle(server.snapshots.restore(chunksOf(archive))), /of these it is not known: s2/);
});
