/** Rules of sheet memberlist §3 (budget), §6 (push/pull) and §7 (Broadcast queue). */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacketMessage } from "../../codec/memberlist-messages.ts";
import { encodePacket, PACKET_BYTES_MAX, packetBudgetBytes } from "../../codec/memberlist-packet.ts";
import type { PushPull } from "../../codec/memberlist-stream.ts";
import {
  alive,
  bytes,
  dead,
  endpointOfName,
  NOTHING,
  node,
  ping,
  sent,
  suspect,
  TestSwim,
} from "./testing/test-swim.ts";
import type { BroadcastId, BroadcastPriority, ExchangeId, NodeName, SwimEffect } from "./types.ts";

const isDial = (effect: SwimEffect): effect is Extract<SwimEffect, { type: "dial" }> => effect.type === "dial";
const names = Array.from({ length: 26 }, (_, at) => String.fromCharCode(97 + at));

function broadcast(swim: TestSwim, id: number, payload: Uint8Array, priority: BroadcastPriority = 0): void {
  swim.step({ type: "broadcast", id: id as BroadcastId, priority, payload });
}

const texts = (messages: readonly PacketMessage[]): readonly string[] =>
  messages.map((one) => (one.type === "user" ? new TextDecoder().decode(one.payload) : one.type));

test("gossip: every interval to three members, with checksums, as long as there is news", () => {
  const swim = new TestSwim({ probeIntervalMs: 1e9 }).know("a", "b", "c", "d", "e");
  swim.packet("a", alive("a", { incarnation: 2 }));
  const rounds = new Map<number, string[]>();
  swim.run(10_000, (effect) => {
    if (effect.type !== "sendPacket") return;
    assert.equal(effect.crc, true);
    rounds.set(swim.nowMs, [...(rounds.get(swim.nowMs) ?? []), effect.to]);
  });
  const [first, second] = [...rounds];
  assert.equal(new Set(first![1]).size, 3);
  assert.ok(Math.abs(second![0] - first![0] - 200) < 1e-6);
  assert.equal([...rounds.values()].flat().length, 4, "4 × ceil(log10 7) times in all");
});

test("gossip: suspects are told, the dead for a while, who left is not", () => {
  const told = (swim: TestSwim): Set<string> => {
    const targets = new Set<string>();
    broadcast(swim, 1, bytes("news"));
    swim.run(1_000, (effect) => {
      if (effect.type === "sendPacket") targets.add(effect.to);
    });
    return targets;
  };
  const swim = new TestSwim({ probeIntervalMs: 1e9 }).know("a", "b", "c");
  swim.packet("b", suspect("a", "b"), dead("b", "a"), dead("c", "c"));
  swim.quiet();
  assert.deepEqual(told(swim), new Set([endpointOfName("a"), endpointOfName("b")]));
  swim.nowMs += 30_000;
  assert.deepEqual(told(swim), new Set([endpointOfName("a")]));
});

test("gossip stops while there is nobody to tell, and begins when there is", () => {
  const swim = new TestSwim();
  swim.run(5_000, (effect) => assert.notEqual(effect.type, "sendPacket"));
  assert.equal(swim.core.queued.membership, 1);
  swim.packet("a", alive("a"));
  const told: PacketMessage[] = [];
  swim.run(200, (effect) => told.push(...sent([effect]).flatMap(({ messages }) => messages)));
  assert.ok(told.some((one) => one.type === "alive" && one.node === "self"));
});

test("news about a member replaces what was queued about it", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", suspect("a", "b"));
  swim.packet("b", dead("a", "b"));
  assert.equal(swim.core.queued.membership, 1);
  assert.deepEqual(swim.told(), [dead("a", "b")]);
});

test("a message is sent 4 × ceil(log10(n + 1)) times", () => {
  for (const [members, times] of [
    [1, 4],
    [8, 4],
    [9, 8],
    [25, 8],
  ] as const) {
    const swim = new TestSwim().know(...names.slice(0, members));
    broadcast(swim, 1, bytes("x"));
    let count = 0;
    while (swim.pingFrom("a").length > 0) count++;
    assert.equal(count, times, `${members} others`);
    assert.ok(swim.effects.some((effect) => effect.type === "broadcastDone" && effect.id === 1));
  }
});

test("membership goes before user broadcasts, and those by priority", () => {
  const swim = new TestSwim().know("a");
  broadcast(swim, 1, bytes("event"), 2);
  broadcast(swim, 2, bytes("query"), 1);
  broadcast(swim, 3, bytes("intent"), 0);
  swim.packet("b", alive("b"));
  assert.deepEqual(texts(swim.pingFrom("a")), ["alive", "intent", "query", "event"]);
  assert.deepEqual(swim.core.queued, { membership: 1, user: [1, 1, 1] });
});

test("a packet is filled up to the budget and never beyond, whatever is queued", () => {
  const swim = new TestSwim({ probeIntervalMs: 1e9 }).know("a");
  let packets = 0;
  for (let id = 0; id < 400; id++) broadcast(swim, id, new Uint8Array((id * 37) % 300), (id % 3) as BroadcastPriority);
  for (const name of names.slice(1)) swim.packet(name, alive(name, { meta: new Uint8Array(name.charCodeAt(0)) }));
  swim.run(60_000, (effect) => {
    if (effect.type !== "sendPacket") return;
    packets++;
    const size = encodePacket(effect.parts, { compress: false, crc: false }).length;
    assert.ok(size <= PACKET_BYTES_MAX, `${size} bytes`);
    if (packets === 1) assert.ok(size > PACKET_BYTES_MAX - 100, "and it is full");
  });
  assert.ok(packets > 50);
  assert.equal(packetBudgetBytes({}), PACKET_BYTES_MAX);
});

test("a queue of user broadcasts has a bound: what was sent most goes first", () => {
  const swim = new TestSwim({ userBroadcastsMin: 3 }).quiet();
  for (let id = 1; id <= 3; id++) broadcast(swim, id, bytes("xx"));
  broadcast(swim, 4, bytes("x"));
  assert.deepEqual(swim.core.queued.user, [3, 0, 0]);
  assert.deepEqual(swim.effects, [{ type: "broadcastDone", id: 4 }], "the last in order");
});

test("sendUser: alone, with a checksum for members that know it", () => {
  const swim = new TestSwim().know("a");
  broadcast(swim, 1, bytes("rides on nothing"));
  for (const [name, crc] of [
    ["a", true],
    ["x", false],
    [undefined, false],
  ] as const) {
    const to = endpointOfName("a");
    const effects = swim.step({
      type: "sendUser",
      to,
      payload: bytes("hi"),
      ...(name === undefined ? {} : { name: name as NodeName }),
    });
    const [packet] = sent(effects);
    assert.deepEqual([packet!.to, packet!.messages, packet!.crc], [to, [{ type: "user", payload: bytes("hi") }], crc]);
  }
});

test("user messages reach the layer above, by packet and by stream", () => {
  const swim = new TestSwim();
  const one = { type: "user", payload: bytes("hi") } as const;
  assert.deepEqual(swim.packet("a", one), [{ type: "userMessage", payload: bytes("hi") }]);
  assert.deepEqual(swim.request(one), [{ type: "userMessage", payload: bytes("hi") }]);
  assert.deepEqual(swim.request({ type: "user", payload: NOTHING }), []);
});

test("more messages in one packet than memberlist's queues hold are refused", () => {
  const swim = new TestSwim().quiet();
  swim.packet("a", ...Array.from({ length: 1_025 }, (_, at) => alive(`m${at}`)));
  assert.deepEqual([swim.core.memberCount, swim.effects.map(({ type }) => type)], [1, ["dropped"]]);
});

// ---- push/pull ----

const state = (message: PushPull): readonly string[] =>
  message.nodes.map(({ name, state: is }) => `${name} ${is}`).sort();

test("a push/pull is answered with our whole list, before theirs is merged", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", dead("a", "b"));
  swim.delegate.userState = (join) => bytes(join ? "joining" : "not joining");
  const effects = swim.merge([node("c", "alive")], { join: true, userState: bytes("theirs") });
  const respond = effects[0] as Extract<SwimEffect, { type: "respond" }>;
  const answer = respond.message as PushPull;
  assert.deepEqual(state(answer), ["a dead", "b alive", "self alive"]);
  assert.deepEqual([answer.join, answer.userState], [true, bytes("joining")]);
  assert.deepEqual(
    effects.map(({ type }) => type),
    ["respond", "memberChanged", "mergeUserState"],
  );
  assert.deepEqual(effects[2], { type: "mergeUserState", userState: bytes("theirs"), join: true });
});

test("a join that the layer above refuses changes nothing; a push/pull between members does not ask it", () => {
  const swim = new TestSwim().quiet();
  swim.delegate.refuseMerge = (members) => `not ${members.map(({ name }) => name).join()}`;
  swim.merge([node("a", "alive")], { join: true, userState: bytes("x") });
  assert.equal(swim.core.memberCount, 1);
  const refused = swim.effects.at(-1);
  assert.ok(refused?.type === "mergeRefused");
  assert.equal(refused.reason, "not a");
  swim.merge([node("a", "alive")]);
  assert.equal(swim.core.memberCount, 2);
});

test("join: dials, merges, reports", () => {
  const swim = new TestSwim();
  const endpoint = endpointOfName("a");
  const dial = swim.step({ type: "join", endpoint }).find(isDial)!;
  assert.deepEqual([dial.to, dial.timeoutMs, (dial.message as PushPull).join], [endpoint, 10_000, true]);
  const nodes = [node("a", "alive"), node("b", "alive")];
  const message = { type: "pushPull", join: true, nodes, userState: bytes("u") } as const;
  const effects = swim.step({ type: "reply", exchange: dial.exchange, message });
  assert.deepEqual(
    effects.map(({ type }) => type),
    ["memberChanged", "memberChanged", "mergeUserState", "joined"],
  );
  assert.deepEqual(effects.at(-1), { type: "joined", endpoint, members: 2 });
});

test("join: every way to fail says so, once", () => {
  const endpoint = endpointOfName("a");
  for (const [reason, fail] of [
    ["refused", (exchange: ExchangeId) => ({ type: "exchangeFailed", exchange, reason: "refused" }) as const],
    [
      "remote error: no",
      (exchange: ExchangeId) => ({ type: "reply", exchange, message: { type: "error", error: "no" } }) as const,
    ],
    [
      "an ack instead of a push/pull",
      (exchange: ExchangeId) =>
        ({ type: "reply", exchange, message: { type: "ack", seqNo: 1, payload: NOTHING } }) as const,
    ],
    [
      "wrong datacenter",
      (exchange: ExchangeId) =>
        ({
          type: "reply",
          exchange,
          message: { type: "pushPull", join: true, nodes: [node("a", "alive")], userState: NOTHING },
        }) as const,
    ],
  ] as const) {
    const swim = new TestSwim();
    swim.delegate.refuseMerge = () => "wrong datacenter";
    const { exchange } = swim.step({ type: "join", endpoint }).find(isDial)!;
    assert.deepEqual(swim.step(fail(exchange)), [{ type: "joinFailed", endpoint, reason }]);
    assert.deepEqual(swim.step(fail(exchange)), []);
  }
});

test("periodic push/pull: with one alive member, and the next only when it is over", () => {
  const swim = new TestSwim({ probeIntervalMs: 1e9 }).know("a", "b");
  swim.packet("b", dead("b", "b"));
  const first = swim.runUntil(isDial);
  assert.deepEqual([first.to, (first.message as PushPull).join], [endpointOfName("a"), false]);
  assert.ok(swim.nowMs >= 30_000 && swim.nowMs <= 60_000);
  swim.run(300_000, (effect) => assert.ok(!isDial(effect)));
  swim.step({ type: "exchangeFailed", exchange: first.exchange, reason: "timeout" });
  const failedMs = swim.nowMs;
  const second = swim.runUntil(isDial);
  assert.equal(swim.nowMs - failedMs, 30_000);
  const message = { type: "pushPull", join: false, nodes: [node("c", "alive")], userState: NOTHING } as const;
  swim.step({ type: "reply", exchange: second.exchange, message });
  assert.equal(swim.status("c"), "alive");
});

test("periodic push/pull: rarer in a large cluster", () => {
  const swim = new TestSwim({ probeIntervalMs: 1e9 });
  for (let at = 0; at < 100; at++) swim.packet("a", alive(`m${at}`, { addr: Uint8Array.from([10, 1, 1, at]) }));
  const { exchange } = swim.runUntil(isDial);
  swim.step({ type: "exchangeFailed", exchange, reason: "" });
  const startMs = swim.nowMs;
  swim.runUntil(isDial);
  assert.equal(swim.nowMs - startMs, 90_000);
});

test("an ack carries news, and room is left for the ack itself", () => {
  const swim = new TestSwim().know("a");
  for (let id = 0; id < 60; id++) broadcast(swim, id, new Uint8Array(100));
  const [packet] = sent(swim.packet("a", ping("self", "a")));
  const size = encodePacket(packet!.parts, { compress: false, crc: false }).length;
  assert.ok(size > 1_250 && size <= PACKET_BYTES_MAX, `${size}`);
});
