import assert from "node:assert/strict";
import { test } from "node:test";
import { silentLogger } from "../lib/log.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { Configuration } from "../raft/types.ts";
import { Simulator } from "../sim/simulator.ts";
import { Bootstrap } from "./bootstrap.ts";
import { decideBootstrap } from "./bootstrap-decision.ts";

function server(name: string, more: Partial<ServerMember> = {}): ServerMember {
  return {
    ...{ name, shortName: name, id: `id-${name}`, host: `10.0.0.${name.slice(1)}`, port: 8300, datacenter: "dc1" },
    ...{ segment: "", status: "alive", bootstrap: false, expect: 3, version: "1.10.11", raftVersion: 3 },
    ...{ protocol: { current: 2, min: 2, max: 3 }, wanJoinPort: 0, useTls: false, nonVoter: false },
    ...{ aclMode: "disabled", features: new Map() },
    ...more,
  };
}
const THREE = [server("s3"), server("s1"), server("s2")];
const SELF = { datacenter: "dc1", expect: 3 };

const CASES: readonly [string, readonly ServerMember[], expected: string][] = [
  ["enough of them", THREE, "ask"],
  ["one too few", THREE.slice(1), "wait"],
  ["one of them failed", [...THREE.slice(1), server("s3", { status: "failed" })], "wait"],
  ["a replica does not count", [...THREE.slice(1), server("s3", { nonVoter: true })], "wait"],
  ["another datacenter's does not count", [...THREE.slice(1), server("s3", { datacenter: "dc2" })], "wait"],
  ["one expects another number", [...THREE, server("s4", { expect: 5 })], "conflict"],
  ["one that expects nothing joins in", [...THREE.slice(1), server("s3", { expect: 0 })], "ask"],
  ["one bootstraps by itself", [...THREE, server("s4", { expect: 0, bootstrap: true })], "conflict"],
];
for (const [name, members, expected] of CASES)
  test(`bootstrap: ${name}`, () => assert.equal(decideBootstrap(members, SELF).type, expected));

test("bootstrap: every server comes to the same peer set, whatever order it sees", () => {
  const one = decideBootstrap(THREE, SELF);
  const other = decideBootstrap([...THREE].reverse(), SELF);
  assert.ok(one.type === "ask" && other.type === "ask");
  assert.deepEqual(one.configuration, other.configuration);
  assert.deepEqual(one.configuration.servers[0], { id: "id-s1", address: "10.0.0.1:8300", suffrage: "voter" });
});

/** A driver on virtual time; `peersOf` answers or throws. */
function driver(peersOf: (name: string) => readonly string[], hasState = false) {
  const sim = new Simulator(1);
  const started: Configuration[] = [];
  let asked = 0;
  const bootstrap = new Bootstrap({
    ...{ datacenter: "dc1", expect: 3, logger: silentLogger },
    timers: { after: (ms, run) => sim.after(ms, run), soon: (run) => void sim.after(0, run) },
    servers: () => THREE,
    statusPeers: async ({ name }) => {
      asked++;
      return peersOf(name);
    },
    hasState: () => hasState,
    bootstrap: (configuration) => void started.push(configuration),
  });
  return { sim, bootstrap, started, asked: () => asked };
}

test("bootstrap: starts once, after all said that they have no peers", async () => {
  const { sim, bootstrap, started, asked } = driver(() => []);
  bootstrap.look();
  bootstrap.look();
  sim.after(1, () => {});
  await sim.play(10);
  bootstrap.look();
  await sim.play(20);
  assert.deepEqual([started.length, asked()], [1, 3]);
});

test("bootstrap: a server with peers ends it for good", async () => {
  const { sim, bootstrap, started } = driver((name) => (name === "s2" ? ["10.0.0.7:8300"] : []));
  bootstrap.look();
  sim.after(1, () => {});
  await sim.play(10);
  bootstrap.look();
  await sim.play(20);
  assert.deepEqual(started, []);
});

test("bootstrap: one that does not answer is asked ten times over a minute", async () => {
  const { sim, bootstrap, started, asked } = driver((name) => {
    if (name === "s3") throw new Error("refused");
    return [];
  });
  bootstrap.look();
  sim.after(1, () => {});
  await sim.play(61_000);
  assert.deepEqual([started.length, asked()], [0, 12]);
  await sim.play(62_000);
  assert.equal(started.length, 1);
});

test("bootstrap: nothing happens where there is state already", async () => {
  const { sim, bootstrap, started, asked } = driver(() => [], true);
  bootstrap.look();
  sim.after(1, () => {});
  await sim.play(10);
  assert.deepEqual([started.length, asked()], [0, 0]);
});
