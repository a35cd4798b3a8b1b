import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, NodeService } from "@tribune/api";
import { VirtualTime } from "../../../checks/virtual-time.test.support.ts";
import { silentLogger } from "../../../lib/log.ts";
import { noMetrics } from "../../../lib/metrics.ts";
import { randomInt } from "../../../lib/random.ts";
import { LocalState } from "../local-state.ts";
import { sameCheck, sameService } from "../same.ts";
import type { NodeIdentity } from "../types.ts";
import { FakeCatalog } from "./fake-catalog.test.support.ts";
import { StateSyncer, scaleFactor } from "./state-syncer.ts";

const NODE: NodeIdentity = {
  ID: "node-id",
  Node: "n1",
  Address: "10.0.0.1",
  Datacenter: "dc1",
  TaggedAddresses: { lan: "10.0.0.1" },
  Meta: { rack: "r1" },
};
const MINUTE_MS = 60_000;

function service(id: string, given: Partial<NodeService> = {}): NodeService {
  return make(NodeService, { ID: id, Service: id, Weights: { Passing: 1, Warning: 1 }, ...given });
}

function check(id: string, given: Partial<HealthCheck> = {}): HealthCheck {
  return make(HealthCheck, { Node: "n1", CheckID: id, Name: id, Status: "critical", ...given });
}

class World {
  readonly time: VirtualTime;
  readonly state: LocalState;
  readonly catalog: FakeCatalog;
  readonly syncer: StateSyncer;

  constructor({ seed = 1, checkUpdateIntervalMs = 0, clusterSize = (): number => 1 } = {}) {
    this.time = new VirtualTime(seed);
    this.state = new LocalState(
      { node: NODE, checkUpdateIntervalMs, discardCheckOutput: false },
      { runtime: this.time },
    );
    this.catalog = new FakeCatalog(this.time);
    this.syncer = new StateSyncer(
      { intervalMs: MINUTE_MS, clusterSize, deferOutput: checkUpdateIntervalMs > 0 },
      {
        state: this.state,
        catalog: this.catalog,
        tokens: { userToken: () => "user", agentToken: () => "agent" },
        runtime: this.time,
        logger: silentLogger,
        metrics: noMetrics,
      },
    );
  }

  async started(): Promise<World> {
    this.syncer.start();
    await this.time.advance(0);
    this.catalog.requests.length = 0;
    return this;
  }

  /** Long enough for a full sync, its failure and a retry. */
  async fullSync(): Promise<void> {
    await this.time.advance(2 * MINUTE_MS);
  }

  assertEqual(hint = ""): void {
    const { state, catalog } = this;
    assert.deepEqual(
      [...catalog.services.keys()].filter((id) => id !== "consul").sort(),
      ids(state.liveServices(), "ID"),
      hint,
    );
    assert.deepEqual(
      [...catalog.checks.keys()].filter((id) => id !== "serfHealth").sort(),
      ids(state.liveChecks(), "CheckID"),
      hint,
    );
    for (const own of state.liveServices())
      assert.ok(sameService(own, catalog.services.get(own.ID)!), `${hint} ${own.ID}`);
    for (const own of state.liveChecks())
      assert.ok(sameCheck(own, catalog.checks.get(own.CheckID)!), `${hint} ${own.CheckID}`);
    assert.deepEqual(catalog.node?.Meta, NODE.Meta);
  }
}

function ids<K extends string>(rows: Iterable<Record<K, unknown>>, key: K): string[] {
  return [...rows].map((row) => String(row[key])).sort();
}

test("a service travels with its checks in one registration, behind the node's own row", async () => {
  const world = new World();
  world.syncer.start();
  world.state.putService(service("web"), "");
  world.state.putCheck(check("a", { ServiceID: "web" }), "");
  world.state.putCheck(check("b", { ServiceID: "web" }), "");
  await world.time.advance(0);
  const requests = world.catalog.requests as {
    Service: NodeService | null;
    Checks: unknown[] | null;
    SkipNodeUpdate: boolean;
  }[];
  assert.deepEqual(
    requests.map(({ Service, Checks, SkipNodeUpdate }) => [Service?.ID, Checks?.length, SkipNodeUpdate]),
    [
      [undefined, undefined, false],
      ["web", 2, true],
    ],
  );
  world.assertEqual();
});

test("a check with a token of its own is registered apart from its service", async () => {
  const world = await new World().started();
  world.state.putService(service("web"), "t1");
  world.state.putCheck(check("a", { ServiceID: "web" }), "t1");
  world.state.putCheck(check("b", { ServiceID: "web" }), "");
  await world.time.advance(0);
  assert.deepEqual(
    world.catalog.requests.map((request) => request.Token),
    ["t1", "user"],
  );
  world.assertEqual();
});

test("what others change in the catalog is put right, but the servers' own entries are left alone", async () => {
  const world = await new World().started();
  world.state.putService(service("web", { Port: 80 }), "");
  world.state.putCheck(check("a", { ServiceID: "web" }), "");
  await world.time.advance(0);
  world.catalog.services.set("web", service("web", { Port: 99 }));
  world.catalog.services.set("stranger", service("stranger"));
  world.catalog.services.set("consul", service("consul"));
  world.catalog.checks.delete("a");
  world.catalog.checks.set("serfHealth", check("serfHealth", { Status: "passing" }));
  world.catalog.checks.set("odd", check("odd"));
  world.catalog.node = { ...world.catalog.node!, Meta: {} };
  await world.fullSync();
  world.assertEqual();
  assert.ok(world.catalog.services.has("consul"));
  assert.ok(world.catalog.checks.has("serfHealth"));
});

test("with EnableTagOverride the catalog's tags win, without it the agent's do", async () => {
  const world = await new World().started();
  world.state.putService(service("free", { Tags: ["own"], EnableTagOverride: true }), "");
  world.state.putService(service("fixed", { Tags: ["own"] }), "");
  await world.time.advance(0);
  for (const id of ["free", "fixed"])
    world.catalog.services.set(id, { ...world.catalog.services.get(id)!, Tags: ["theirs"] });
  await world.fullSync();
  assert.deepEqual(world.state.service("free")?.Tags, ["theirs"]);
  assert.deepEqual(world.catalog.services.get("fixed")?.Tags, ["own"]);
  world.assertEqual();
});

test("an output that changes alone waits, a change of status does not", async () => {
  const world = await new World({ checkUpdateIntervalMs: 5 * MINUTE_MS }).started();
  world.state.putCheck(check("a", { Status: "passing" }), "");
  await world.time.advance(0);
  world.catalog.requests.length = 0;
  world.state.updateCheck("a", "passing", "one");
  world.state.updateCheck("a", "passing", "two");
  await world.fullSync();
  assert.equal(world.catalog.requests.length, 0);
  assert.equal(world.state.check("a")?.Output, "two");
  await world.time.advance(6 * MINUTE_MS);
  assert.equal(world.catalog.checks.get("a")?.Output, "two");
  world.state.updateCheck("a", "critical", "down");
  await world.time.advance(0);
  assert.equal(world.catalog.checks.get("a")?.Output, "down");
});

test("a denied registration is not repeated before the next full sync", async () => {
  const world = await new World().started();
  world.catalog.denied.add("weak");
  world.state.putService(service("web"), "weak");
  await world.time.advance(0);
  world.state.putService(service("other"), "");
  await world.time.advance(10_000);
  assert.equal(world.catalog.requests.filter(({ Token }) => Token === "weak").length, 1);
  world.catalog.denied.clear();
  await world.fullSync();
  world.assertEqual();
});

test("pushes that fail are retried, and a change meanwhile does not wait for the retry", async () => {
  const world = await new World().started();
  world.catalog.failures = 0.999;
  world.state.putService(service("web"), "");
  await world.time.advance(1_000);
  assert.equal(world.catalog.services.size, 0);
  world.catalog.failures = 0;
  world.state.putService(service("other"), "");
  await world.time.advance(0);
  world.assertEqual();
});

test("a pause holds everything back; its end lets it go", async () => {
  const world = await new World().started();
  const outer = world.syncer.pause();
  const inner = world.syncer.pause();
  world.state.putService(service("web"), "");
  world.syncer.requestFullSync("now");
  await world.time.advance(1_000);
  inner();
  inner();
  await world.time.advance(1_000);
  assert.equal(world.catalog.requests.length, 0);
  outer();
  await world.time.advance(0);
  world.assertEqual();
});

test("a full sync comes every interval plus stagger, and within the stagger when a server comes up", async () => {
  const world = await new World().started();
  let reads = 0;
  const { nodeChecks } = world.catalog;
  world.catalog.nodeChecks = (query) => {
    reads++;
    return nodeChecks.call(world.catalog, query);
  };
  await world.time.advance(20 * MINUTE_MS);
  assert.ok(reads >= 10 && reads <= 20, String(reads));
  reads = 0;
  for (let at = 0; at < 5; at++) world.syncer.requestFullSync("staggered");
  await world.time.advance(3_000);
  assert.equal(reads, 1);
});

test("who knew no server at its start compares as soon as one comes up, 64 agents a second", async () => {
  const waits: number[] = [];
  for (let seed = 1; seed <= 100; seed++) {
    let members = 1;
    const world = new World({ seed, clusterSize: () => members });
    world.catalog.failures = 1;
    world.state.putService(service("web"), "");
    await world.started();
    world.catalog.failures = 0;
    const startedMs = world.time.clock.nowMs();
    world.syncer.requestFullSync("staggered");
    members = 64; // They come to be known in the same turn as the server.
    for (let at = 0; at < 1_000 && world.catalog.services.size === 0; at += 10) await world.time.advance(10);
    world.assertEqual();
    waits.push(world.time.clock.nowMs() - startedMs);
  }
  waits.sort((a, b) => a - b);
  assert.ok(waits[50]! > 350 && waits[50]! < 650, String(waits[50]));
});

test("no agent waits longer for its first comparison than for later ones", async () => {
  const world = new World({ clusterSize: () => 1_000_000 });
  world.catalog.failures = 1;
  await world.started();
  world.catalog.failures = 0;
  world.syncer.requestFullSync("staggered");
  await world.time.advance(3_000 * scaleFactor(1_000_000));
  world.assertEqual();
});

test("a thousand services with checks need a thousand writes and no waiting", async () => {
  const world = await new World().started();
  for (let at = 0; at < 1_000; at++) {
    world.state.putService(service(`s${at}`), "");
    world.state.putCheck(check(`service:s${at}`, { ServiceID: `s${at}` }), "");
  }
  await world.time.advance(0);
  assert.equal(world.catalog.requests.length, 1_000);
  world.assertEqual();
});

test("after stop nothing runs and nothing is due", async () => {
  const world = await new World({ checkUpdateIntervalMs: 1_000 }).started();
  world.state.putService(service("web"), "");
  const stopped = world.syncer.stop();
  world.state.stop();
  await world.time.advance(10 * MINUTE_MS);
  await stopped;
  assert.equal(world.time.pendingTimers, 0);
});

test("larger clusters spread their syncs", () => {
  assert.deepEqual([1, 128, 129, 256, 257, 512, 8192].map(scaleFactor), [1, 1, 2, 2, 3, 3, 7]);
});

test("any edits on both sides, with calls that fail and cross, end in the same rows", async () => {
  for (let seed = 1; seed <= 150; seed++) {
    const world = new World({ seed, checkUpdateIntervalMs: seed % 2 === 0 ? 0 : 5 * MINUTE_MS });
    const { rng } = world.time;
    world.catalog.latencyMs = 2_000;
    world.syncer.start();
    for (let step = 0; step < 60; step++) {
      world.catalog.failures = rng.next() < 0.5 ? 0 : 0.3;
      edit(world, 9);
      if (rng.next() < 0.3) await world.time.advance(rng.next() * (rng.next() < 0.7 ? 5_000 : 2 * MINUTE_MS));
    }
    world.catalog.failures = 0;
    // The first round may still answer to reads that began before the faults ended.
    await world.time.advance(10 * MINUTE_MS);
    world.assertEqual(`seed ${seed}`);
    world.catalog.requests.length = 0;
    await world.time.advance(5 * MINUTE_MS);
    assert.equal(world.catalog.requests.length, 0, `seed ${seed}: writes in a quiet world`);
  }
});

test("edits on this side alone need no comparison: every push ends in the newest rows", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const world = await new World({ seed }).started();
    const { rng } = world.time;
    world.catalog.latencyMs = 100;
    for (let step = 0; step < 60; step++) {
      edit(world, LOCAL_EDITS);
      if (rng.next() < 0.6) await world.time.advance(rng.next() * 100);
    }
    await world.time.advance(5_000);
    world.assertEqual(`seed ${seed}`);
  }
});

test("a comparison does not judge by an answer that is older than the change", async () => {
  for (let seed = 1; seed <= 200; seed++) {
    const world = await new World({ seed }).started();
    const { rng } = world.time;
    world.catalog.latencyMs = 100;
    for (let step = 0; step < 60; step++) {
      edit(world, LOCAL_EDITS);
      if (rng.next() < 0.2) world.syncer.requestFullSync("now");
      if (rng.next() < 0.6) await world.time.advance(rng.next() * 100);
    }
    await world.time.advance(5_000);
    world.assertEqual(`seed ${seed}`);
  }
});

/** The first kinds of `edit` are made on this agent, the rest in the catalog. */
const LOCAL_EDITS = 7;

function edit({ state, catalog, time: { rng } }: World, kinds: number): void {
  const id = `s${randomInt(rng, 4)}`;
  const checkId = `c${randomInt(rng, 6)}`;
  const given = { Port: randomInt(rng, 3), Tags: [`t${randomInt(rng, 3)}`], EnableTagOverride: rng.next() < 0.3 };
  const serviceId = state.service(id) === undefined ? "" : id;
  const status = rng.next() < 0.5 ? "passing" : "critical";
  switch (randomInt(rng, kinds)) {
    case 0:
    case 1:
      state.putService(service(id, given), "");
      break;
    case 2:
    case 3:
      state.putCheck(check(checkId, { ServiceID: serviceId, Status: status }), rng.next() < 0.8 ? "" : "own");
      break;
    case 4:
      state.updateCheck(checkId, status, `out ${randomInt(rng, 3)}`);
      break;
    case 5:
      for (const own of state.checksOf(id, false)) state.removeCheck(own.CheckID);
      state.removeService(id);
      break;
    case 6:
      state.removeCheck(checkId);
      break;
    case 7:
      if (rng.next() < 0.5) catalog.services.delete(id);
      else catalog.services.set(id, service(id, given));
      break;
    case 8:
      if (rng.next() < 0.5) catalog.checks.delete(checkId);
      else catalog.checks.set(checkId, check(checkId, { Status: status }));
      break;
  }
}
