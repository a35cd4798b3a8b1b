/** Three servers on a simulated network: what a follower answers itself, what it forwards, and what it holds. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { DCSpecificRequest, KeyRequest, KVSRequest, make, Session, SessionRequest } from "@tribune/api";
import type { Endpoint } from "../endpoints/binding.ts";
import { ENDPOINTS } from "../endpoints/index.ts";
import { TribuneError } from "../lib/errors.ts";
import { Cluster, type Machine } from "./cluster.test.support.ts";
import { questionKey } from "./question-key.ts";
import type { ServerReadOutcome } from "./reads.ts";

const endpoint = (name: string): Endpoint => ENDPOINTS.find((one) => one.name === name)!;
const [GET, PUT] = [endpoint("kvGet"), endpoint("kvPut")];

async function threeServers(seed: number): Promise<{ cluster: Cluster; leader: Machine; follower: Machine }> {
  const cluster = new Cluster(seed, { expect: 3 });
  for (let count = 0; count < 3; count++) await cluster.add();
  const server = await cluster.elected();
  await cluster.until(() => cluster.voters(server).length === 3, "three voters", 300_000);
  await cluster.until(
    () => cluster.machines.every((one) => one.server?.operator.leaderId !== undefined),
    "all know the leader",
  );
  const leader = cluster.leader()!;
  return { cluster, leader, follower: cluster.machines.find((one) => one !== leader)! };
}

type Mode = "leader" | "stale" | "consistent";

function getCall(key: string, consistency: Mode = "leader", minIndex = 0, datacenter = "dc1") {
  const request = make(KeyRequest, {
    Datacenter: datacenter,
    Key: key,
    AllowStale: consistency === "stale",
    RequireConsistent: consistency === "consistent",
    MinQueryIndex: minIndex,
  });
  return { endpoint: GET, key: questionKey(GET, request), request, minIndex, waitMs: 0, consistency, datacenter };
}

const start = (machine: Machine, call: ReturnType<typeof getCall>): Promise<ServerReadOutcome> =>
  new Promise((resolve, reject) => {
    machine.rpc!.backend.read(call, (outcome) => (outcome instanceof Error ? reject(outcome) : resolve(outcome)));
  });

function textOf({ answer }: ServerReadOutcome): string | undefined {
  const { Entries } = answer.reply as unknown as { readonly Entries: readonly { readonly Value: Uint8Array }[] | null };
  return Entries === null ? undefined : Buffer.from(Entries[0]!.Value).toString();
}

function put(machine: Machine, key: string, value: string, datacenter = "dc1"): Promise<unknown> {
  const entry = { ...make(KVSRequest).DirEnt, Key: key, Value: Buffer.from(value) };
  return machine.rpc!.backend.write(PUT, make(KVSRequest, { Datacenter: datacenter, Op: "set", DirEnt: entry }));
}

const failure = (promise: Promise<unknown>): Promise<Error | undefined> =>
  promise.then(
    () => undefined,
    (error: Error) => error,
  );

test("what is written through a follower is read through it, in every mode", async () => {
  const { cluster, follower } = await threeServers(1);
  await cluster.settle(put(follower, "a", "1"));
  for (const mode of ["leader", "consistent"] as const) {
    assert.equal(follower.rpc!.backend.readNow(getCall("a", mode)), undefined);
    const outcome = await cluster.settle(start(follower, getCall("a", mode)));
    assert.equal(textOf(outcome), "1");
    assert.deepEqual(outcome.meta, { knownLeader: true, lastContactMs: 0 });
  }
  await cluster.rest(1_000);
  const stale = follower.rpc!.backend.readNow(getCall("a", "stale"));
  assert.ok(stale !== undefined);
  assert.equal(textOf(stale), "1");
  assert.equal(stale.meta.knownLeader, true);
});

test("a blocked read of a follower comes back with a write through another", async () => {
  const { cluster, leader, follower } = await threeServers(2);
  await cluster.settle(put(follower, "a", "1"));
  const first = await cluster.settle(start(follower, getCall("a")));
  const waiting = start(follower, getCall("a", "leader", first.answer.index));
  await cluster.rest(3_000);
  await cluster.settle(put(leader, "a", "2"));
  assert.equal(textOf(await cluster.settle(waiting)), "2");
});

test("an answer that says the same is the same object, so that the doors' bodies go on being used", async () => {
  const { cluster, leader, follower } = await threeServers(3);
  await cluster.settle(put(leader, "a", "1"));
  const first = await cluster.settle(start(follower, getCall("a")));
  const second = await cluster.settle(start(follower, getCall("a")));
  assert.equal(second.answer, first.answer);
  await cluster.settle(put(leader, "a", "2"));
  const third = await cluster.settle(start(follower, getCall("a")));
  assert.notEqual(third.answer, first.answer);
  assert.equal(textOf(third), "2");
});

test("a refusal of the leader comes in Consul's words, wrapped once", async () => {
  const { cluster, follower } = await threeServers(4);
  const request = make(SessionRequest, { Datacenter: "dc1", Op: "create", Session: make(Session, { Node: "" }) });
  const error = await cluster.settle(failure(follower.rpc!.backend.write(endpoint("sessionCreate"), request)));
  assert.equal(error?.message, "rpc error making call: Must provide Node");
});

test("calls go to whoever may answer them", async () => {
  const { cluster, leader, follower } = await threeServers(5);
  const { backend } = follower.rpc!;
  const peers = await cluster.settle(
    backend.call(endpoint("statusPeers"), make(DCSpecificRequest, { Datacenter: "dc1" })),
  );
  assert.equal((peers as string[]).length, 3);
  const health = (await cluster.settle(
    backend.call(endpoint("operatorAutopilotHealth"), make(DCSpecificRequest, { Datacenter: "dc1" })),
  )) as { readonly Servers: readonly { readonly ID: string; readonly Leader: boolean }[] };
  assert.equal(health.Servers.find((server) => server.Leader)?.ID, leader.id);
});

test("another datacenter cannot be reached", async () => {
  const { cluster, follower } = await threeServers(6);
  const asks = [() => put(follower, "a", "1", "dc2"), () => start(follower, getCall("a", "leader", 0, "dc2"))];
  for (const ask of asks) {
    const error = await cluster.settle(failure(ask()));
    assert.ok(error instanceof TribuneError && error.code === "NO_DC_PATH", String(error));
  }
});

test("reads and writes are held while a new leader is found", async () => {
  const { cluster, leader, follower } = await threeServers(7);
  await cluster.settle(put(follower, "a", "1"));
  cluster.kill(leader);
  // Its death is noticed by the connection, and held; nobody needs to know who leads next.
  const reading = start(follower, getCall("a"));
  const writing = cluster
    .until(() => cluster.leader() !== undefined, "another leads")
    .then(() => put(follower, "a", "2"));
  await cluster.settle(writing);
  const outcome = await cluster.settle(reading.catch((error: Error) => error));
  // Patience ends after seven seconds; an election may take longer.
  if (outcome instanceof Error) assert.match(outcome.message, /No cluster leader|connection refused|EOF|i\/o timeout/);
  else assert.match(textOf(outcome) ?? "", /1|2/);
  assert.equal(textOf(await cluster.settle(start(follower, getCall("a", "consistent")))), "2");
});

test("without a leader patience ends", async () => {
  const { cluster, leader, follower } = await threeServers(8);
  for (const machine of cluster.machines) if (machine !== follower) cluster.kill(machine);
  assert.ok(leader.server === undefined);
  await cluster.until(() => follower.server?.operator.leaderId === undefined, "nobody leads");
  const fromMs = cluster.sim.nowMs;
  const error = await cluster.settle(failure(put(follower, "a", "1")));
  assert.ok(error instanceof TribuneError && error.code === "NO_LEADER", String(error));
  const heldMs = cluster.sim.nowMs - fromMs;
  assert.ok(heldMs >= 7_000 && heldMs < 8_000, `held ${heldMs} ms of virtual time`);
  follower.rpc!.leave();
  const leaving = await cluster.settle(failure(put(follower, "a", "1")));
  assert.equal(leaving?.message, "No cluster leader");
});

test("a snapshot is saved and restored through a follower", async () => {
  const { cluster, follower } = await threeServers(9);
  await cluster.settle(put(follower, "kept", "1"));
  const options = { datacenter: "dc1", token: "", stale: false };
  const saved = await cluster.settle(follower.rpc!.snapshots.save(options));
  const pieces: Uint8Array[] = [];
  const archive = new Promise<Buffer>((resolve, reject) => {
    saved.start({
      write: (chunk) => {
        pieces.push(Uint8Array.from(chunk));
        return true;
      },
      end: () => resolve(Buffer.concat(pieces)),
      abort: () => reject(new Error("broken off")),
      drained: () => {},
      closed: () => {},
    });
  });
  const bytes = await cluster.settle(archive);
  await cluster.settle(put(follower, "kept", "2"));
  await cluster.settle(
    follower.rpc!.snapshots.restore(
      (async function* () {
        yield bytes;
      })(),
      options,
    ),
  );
  assert.equal(textOf(await cluster.settle(start(follower, getCall("kept")))), "1");
  const refused = await cluster.settle(
    failure(
      follower.rpc!.snapshots.restore(
        (async function* () {
          yield Buffer.from("garbage");
        })(),
        options,
      ),
    ),
  );
  assert.ok(refused instanceof TribuneError);
});
