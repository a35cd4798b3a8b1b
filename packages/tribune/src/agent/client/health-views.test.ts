import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexedCheckServiceNodes, make } from "@tribune/api";
import { VirtualTime } from "../../checks/virtual-time.test.support.ts";
import { decodePb, encodePb } from "../../codec/protobuf.ts";
import { CATALOG_OP, EventMessage, SubscribeRequestMessage } from "../../codec/subscribe-messages.ts";
import type { ReadCall, ReadOutcome } from "../../http/backend.ts";
import { silentLogger } from "../../lib/log.ts";
import type { Stream } from "../../lib/runtime.ts";
import { serverOf } from "../../pool/server-tags.ts";
import { GRPC_STATUS, type GrpcCall, GrpcServer } from "../../rpc/grpc-server.ts";
import { pair } from "../../rpc/memory-streams.test.support.ts";
import { Answered } from "../../server/query-engine.ts";
import { endpointNamed, ownRead } from "../asking.ts";
import { serverMember } from "./fakes.test.support.ts";
import { HealthViews } from "./health-views.ts";

const WATCH = { fired: false, onFire: () => () => {}, release: () => {} };
const fromServers = (index: number): ReadOutcome => ({
  answer: new Answered(make(IndexedCheckServiceNodes, { Index: index }), WATCH, 0),
  meta: { knownLeader: true, lastContactMs: 0 },
});

const instance = (id: string, given: { Tags?: string[]; Op?: number } = {}) => ({
  Op: given.Op ?? CATALOG_OP.register,
  CheckServiceNode: {
    Node: { Node: "n1", Address: "10.0.0.1", RaftIndex: { CreateIndex: 3, ModifyIndex: 4 } },
    Service: { ID: id, Service: "web", Port: 80, Tags: given.Tags ?? [] },
    Checks: [{ CheckID: "c", Status: "passing", Definition: { Header: { A: { Value: ["b"] } }, Interval: 10e9 } }],
  },
});

function callOf(minIndex: number, given: Readonly<Record<string, unknown>> = {}): ReadCall {
  const request = { Datacenter: "dc1", ServiceName: "web", MinQueryIndex: minIndex, MaxQueryTime: 600e9, ...given };
  return ownRead(endpointNamed("healthService"), request);
}

/** A client whose servers speak as the test says. */
function clientOf({ refuses = [] as string[], contacts = {} as Record<string, number> } = {}) {
  const time = new VirtualTime();
  const members = ["s1", "s2"].map((name) => serverOf(serverMember(name), "lan")!);
  const servers = {
    get servers() {
      return [...members];
    },
    failed: () => void members.push(members.shift()!),
  };
  const subscriptions: GrpcCall[] = [];
  const server = new GrpcServer((call) => subscriptions.push(call));
  const dialled: string[] = [];
  const near: Stream[] = [];
  const asked: { call: ReadCall; deliver: (outcome: ReadOutcome | Error) => void }[] = [];
  const outdated: Answered[] = [];
  const views = new HealthViews({
    datacenter: "dc1",
    source: {
      readNow: () => undefined,
      read: (call, deliver) => {
        asked.push({ call, deliver });
        return () => {};
      },
    },
    servers,
    dial: (to) => {
      dialled.push(to.shortName);
      if (refuses.includes(to.shortName)) return Promise.reject(new Error("connection refused"));
      const [mine, far] = pair();
      near.push(mine);
      server.handle(far);
      return Promise.resolve(mine);
    },
    leaderContactMs: (of) => Promise.resolve(contacts[of.shortName] ?? 0),
    runtime: time,
    logger: silentLogger,
    outdated: (answer) => outdated.push(answer),
  });
  const got: ReadOutcome[] = [];
  const lost: (number | undefined)[] = [];
  const read = (minIndex: number, given: Readonly<Record<string, unknown>> = {}) => {
    const deliver = (outcome: ReadOutcome | Error) => {
      if (outcome instanceof Error) throw outcome;
      got.push(outcome);
    };
    return views.read(callOf(minIndex, given), deliver, (lostAtMs) => lost.push(lostAtMs));
  };
  const ids = (): unknown[] =>
    (got.at(-1)!.answer.reply as unknown as IndexedCheckServiceNodes).Nodes!.map((row) => row!.Service!.ID);
  const send = (at: number, event: object) => subscriptions[at]!.send(encodePb(EventMessage, event as never));
  return { time, views, subscriptions, dialled, near, asked, got, lost, read, ids, send, outdated };
}

/** Streams in memory move on real turns of the loop. */
async function until(what: string, done: () => boolean): Promise<void> {
  for (let turn = 0; turn < 10_000; turn++) {
    if (done()) return;
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  throw new Error(`never: ${what}`);
}

/** Some turns in which nothing must come. */
async function quiet(): Promise<void> {
  for (let turn = 0; turn < 50; turn++) await new Promise<void>((resolve) => setImmediate(resolve));
}

async function live(client: ReturnType<typeof clientOf>): Promise<void> {
  client.read(0);
  await until("a subscription", () => client.subscriptions.length === 1);
  client.send(0, { Index: 5, ServiceHealth: instance("b", { Tags: ["Blue"] }) });
  client.send(0, { Index: 5, ServiceHealth: instance("a") });
  client.send(0, { Index: 5, EndOfSnapshot: true });
}

test("the first answer is the servers', the next come from the events, in a server's order", async () => {
  const client = clientOf();
  const { read, got, asked, ids, send, subscriptions, outdated } = client;
  await live(client);
  assert.equal(asked.length, 1, "index 0 is asked of the servers");
  assert.deepEqual(decodePb(SubscribeRequestMessage, subscriptions[0]!.request), {
    ...{ Topic: 1, Key: "web", Datacenter: "dc1" },
  });
  read(5);
  await quiet();
  assert.equal(got.length, 0, "nothing changed since");
  send(0, { Index: 8, ServiceHealth: instance("a", { Tags: ["new"] }) });
  await until("the change", () => got.length === 1);
  assert.equal(got[0]!.answer.index, 8);
  assert.equal(got[0]!.meta.streamed, true);
  assert.deepEqual(ids(), ["a", "b"]);
  const [row] = (got[0]!.answer.reply as unknown as IndexedCheckServiceNodes).Nodes!;
  assert.deepEqual([row!.Node!.ModifyIndex, row!.Service!.Tags, row!.Service!.Meta], [4, ["new"], null]);
  assert.deepEqual(row!.Checks![0]!.Definition.Header, { A: ["b"] });
  assert.equal(row!.Checks![0]!.Definition.Interval, 10e9);
  read(7);
  assert.equal(got[1]!.answer, got[0]!.answer, "one answer for all who ask the same");
  send(0, { Index: 9, EventBatch: { Events: [{ Index: 9, ServiceHealth: instance("b", { Op: 1 }) }] } });
  read(8);
  await until("the removal", () => got.length === 3);
  assert.deepEqual(ids(), ["a"]);
  assert.deepEqual(outdated, [got[0]!.answer]);
  assert.equal(got[0]!.answer.current, false);
  client.views.close();
});

test("readers with filters share a subscription and get what they asked for", async () => {
  const client = clientOf();
  await live(client);
  client.read(1);
  await until("the snapshot", () => client.got.length > 0);
  for (const [given, expected] of [
    [{ TagFilter: true, ServiceTags: ["blue"] }, ["b"]],
    [{ Filter: 'Service.ID == "a"' }, ["a"]],
    [{ NodeMetaFilters: { rack: "1" } }, []],
  ] as const) {
    client.read(1, given);
    assert.deepEqual(client.ids(), expected);
  }
  assert.equal(client.subscriptions.length, 1);
  client.views.close();
});

test("what events cannot tell is asked of the servers", () => {
  const { read, asked, subscriptions, dialled } = clientOf();
  read(5, { Source: { Datacenter: "dc1", Segment: "", Node: "n1", IP: "" } });
  read(5, { Ingress: true });
  read(5, { Datacenter: "dc2" });
  assert.deepEqual([asked.length, subscriptions.length, dialled.length], [3, 0, 0]);
});

test("without the stream its readers block at the servers, and it is tried again later", async () => {
  const client = clientOf();
  const { time, read, asked, subscriptions, views } = client;
  read(0);
  read(5);
  await until("a subscription", () => subscriptions.length === 1);
  subscriptions[0]!.end(GRPC_STATUS.unimplemented, "no such service");
  await until("a plain read", () => asked.length === 2);
  assert.equal(asked[1]!.call.minIndex, 5);
  assert.equal(views.size, 0);
  await time.advance(1_000);
  read(6);
  assert.equal(asked.length, 3);
  // Until the stream is tried again, and no longer: else a reader of what does not change would not try for minutes.
  const waits = asked.slice(1).map(({ call }) => [call.waitMs, call.request.MaxQueryTime]);
  assert.deepEqual(
    waits,
    [5_000, 4_000].map((ms) => [ms, ms * 1e6]),
  );
  await time.advance(4_001);
  read(7);
  await until("another try", () => subscriptions.length === 2);
  assert.equal(asked.length, 3, "this one waits for the view");
  views.close();
});

test("a server that cannot be reached is passed over, a stream that breaks is opened at another", async () => {
  const client = clientOf({ refuses: ["s1"] });
  const { time, read, dialled, subscriptions, got, send, views, asked } = client;
  await live(client);
  assert.deepEqual(dialled, ["s1", "s2"]);
  read(5);
  send(0, { Index: 6, ServiceHealth: instance("c") });
  await until("a change", () => got.length === 1);
  read(6);
  await time.advance(6_000);
  subscriptions[0]!.end(GRPC_STATUS.unknown, "shutting down");
  await until("a second subscription", () => subscriptions.length === 2);
  send(1, { Index: 6, ServiceHealth: instance("c") });
  send(1, { Index: 6, EndOfSnapshot: true });
  send(1, { Index: 7, ServiceHealth: instance("d") });
  await until("what changed meanwhile", () => got.length === 2);
  assert.equal(got[1]!.answer.index, 7);
  assert.deepEqual(client.ids(), ["c", "d"], "only what the new snapshot holds");
  assert.equal(asked.length, 1);
  views.close();
});

test("a restored snapshot is taken over where the stream lives, and asked about behind a new one", async () => {
  const client = clientOf();
  const { time, read, got, send, subscriptions, asked, views } = client;
  await live(client);
  read(5);
  send(0, { Index: 3, NewSnapshotToFollow: true });
  send(0, { Index: 3, ServiceHealth: instance("old") });
  await quiet();
  assert.equal(got.length, 0, "what was there stays until all of it came");
  send(0, { Index: 3, EndOfSnapshot: true });
  await until("the older state", () => got.length === 1);
  assert.equal(got[0]!.answer.index, 3);
  assert.deepEqual(client.ids(), ["old"]);
  read(3);
  await time.advance(6_000);
  subscriptions[0]!.end(GRPC_STATUS.unknown, "");
  await until("a second subscription", () => subscriptions.length === 2);
  send(1, { Index: 2, EndOfSnapshot: true });
  await until("a question to the leader", () => asked.length === 2);
  assert.equal(asked[1]!.call.minIndex, 0);
  asked[1]!.deliver(fromServers(4));
  assert.equal(got.at(-1)!.answer.index, 4);
  read(4);
  await quiet();
  assert.equal(got.length, 2, "a server that lags behind does not take anybody back");
  views.close();
});

test("from time to time the servers are asked whether the view is right, and a view without readers is given up", async () => {
  const client = clientOf();
  const { time, read, asked, views, subscriptions } = client;
  await live(client);
  const cancel = read(5, { MaxQueryTime: 5e9 });
  await time.advance(5_001);
  assert.deepEqual([asked.length, asked[1]!.call.minIndex], [2, 0]);
  cancel();
  let over = 0;
  subscriptions[0]!.onOver = () => over++;
  await time.advance(20_001);
  assert.equal(views.size, 0);
  await until("the end of the subscription", () => over === 1);
  assert.equal(time.pendingTimers, 0);
});

test("bytes that are no event end the subscription, not the agent", async () => {
  const client = clientOf();
  const { read, subscriptions, asked } = client;
  await live(client);
  read(5);
  subscriptions[0]!.send(Buffer.from("ff", "hex"));
  await until("a plain read", () => asked.length === 2);
  assert.equal(asked[1]!.call.minIndex, 0, "the state may have gone back");
  client.views.close();
});

test("a server that hears of no leader is left: readers are told since when, and go on at another one", async () => {
  const contacts = { s1: 300, s2: 0 };
  const client = clientOf({ contacts });
  const { time, read, got, lost, send, subscriptions, dialled, views } = client;
  await live(client);
  read(1);
  await until("the snapshot", () => got.length === 1);
  read(5);
  await time.advance(5_000);
  const contactAtMs = time.clock.nowMs() - 300;
  await time.advance(4_000);
  assert.equal(views.lastContactMs(callOf(5)), 4_300);
  assert.equal(views.lastContactMs(callOf(5, { ServiceName: "api" })), undefined);
  contacts.s1 = 10_300;
  await time.advance(1_000);
  await until("a second subscription", () => subscriptions.length === 2);
  assert.deepEqual([dialled, lost], [["s1", "s2"], [contactAtMs]]);
  send(1, { Index: 7, ServiceHealth: instance("d") });
  send(1, { Index: 7, EndOfSnapshot: true });
  await until("what changed meanwhile", () => got.length === 2);
  assert.deepEqual(lost, [contactAtMs, undefined]);
  assert.deepEqual([got[1]!.answer.index, got[1]!.meta.lastContactMs], [7, 0]);
  views.close();
});

test("where no server hears of a leader no stream passes for the truth: readers ask, from the start", async () => {
  const contacts = { s1: 0, s2: 20_000 };
  const client = clientOf({ contacts });
  const { time, read, got, lost, asked, dialled, views } = client;
  await live(client);
  read(1);
  await until("the snapshot", () => got.length === 1);
  read(5);
  await time.advance(1_000);
  contacts.s1 = 10_000;
  await time.advance(4_000);
  await until("a plain read", () => asked.length === 2);
  assert.equal(asked[1]!.call.minIndex, 0);
  assert.deepEqual([dialled, lost.length, views.size], [["s1"], 1, 0]);
});

test("a connection that breaks takes no reader with it, in whatever turn he came", async () => {
  const client = clientOf();
  const { read, near, subscriptions, asked, views } = client;
  await live(client);
  near[0]!.onClose(new Error("reset"));
  let services = 0;
  const readAnother = () => read(5, { ServiceName: `api-${services++}` });
  for (let turn = 0; turn < 30; turn++) {
    readAnother();
    process.nextTick(readAnother);
    await Promise.resolve().then(readAnother);
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
  // Each waits for events on a connection that works, or at the servers.
  await until("a place for everybody", () => subscriptions.length - 1 + asked.length - 1 >= services);
  views.close();
});
