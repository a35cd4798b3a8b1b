/** Rules of sheet memberlist §7, Probing and Lifeguard. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacketMessage } from "../../codec/memberlist-messages.ts";
import {
  addrOf,
  alive,
  endpointOfName,
  isPing,
  NOTHING,
  ping,
  sent,
  suspect,
  TestSwim,
  VERSIONS,
} from "./testing/test-swim.ts";
import type { ExchangeId, SwimEffect } from "./types.ts";

const ack = (seqNo: number, payload: Uint8Array = NOTHING): PacketMessage => ({ type: "ack", seqNo, payload });
const isDial = (effect: SwimEffect): effect is Extract<SwimEffect, { type: "dial" }> => effect.type === "dial";
const indirectPings = (effects: readonly SwimEffect[]) =>
  sent(effects).filter(({ messages }) => messages[0]?.type === "indirectPing");

/** Runs until the direct ping has timed out. @returns what was asked of others */
function askOthers(swim: TestSwim) {
  swim.effects.length = 0;
  swim.run(500);
  return indirectPings(swim.effects);
}

test("every probe interval one ping, to every member once a round", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  swim.answered = true;
  const targets: string[] = [];
  swim.run(8_000, (effect) => {
    if (isPing(effect)) targets.push(effect.to);
  });
  assert.equal(targets.length, 8);
  for (const name of ["a", "b", "c", "d"]) {
    assert.equal(targets.filter((to) => to === endpointOfName(name)).length, 2, name);
  }
});

test("a ping says who is meant and where to answer to", () => {
  const { ping: sentPing, sent: packet } = new TestSwim().know("a").nextPing();
  assert.deepEqual(sentPing, ping("a", "self", sentPing.seqNo));
  assert.deepEqual([packet.messages.length, packet.crc], [1, false]);
});

test("the first ping comes within an interval, and not at one time everywhere", () => {
  const times = Array.from({ length: 20 }, (_, seed) => {
    const swim = new TestSwim({}, { seed }).know("a");
    swim.nextPing();
    return swim.nowMs;
  });
  assert.ok(times.every((timeMs) => timeMs >= 0 && timeMs <= 1_000));
  assert.ok(new Set(times).size > 15);
});

test("dead and left members are not probed", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("a", { type: "dead", node: "a", from: "b", incarnation: 1 });
  swim.packet("b", { type: "dead", node: "b", from: "b", incarnation: 1 });
  swim.run(5_000, (effect) => assert.ok(!isPing(effect)));
});

test("an ack in time gives the round trip and what it carries, and improves our health", () => {
  const swim = new TestSwim().know("a");
  swim.packet("a", suspect("self", "a"));
  assert.equal(swim.core.healthScore, 1);
  const { ping: sentPing } = swim.nextPing();
  swim.nowMs += 12;
  const effects = swim.packet("a", ack(sentPing.seqNo, addrOf("a")));
  assert.deepEqual(effects, [
    { type: "rttSample", name: "a", rttMs: 12, payload: addrOf("a") },
    { type: "probed", tookMs: 12 },
  ]);
  assert.equal(swim.core.healthScore, 0);
  assert.deepEqual(swim.packet("a", ack(sentPing.seqNo)), [], "once");
});

test("no ack: three others are asked, and the member over TCP", () => {
  const swim = new TestSwim().know("a", "b", "c", "d", "e");
  const { ping: sentPing } = swim.nextPing();
  const asked = askOthers(swim);
  assert.equal(new Set(asked.map(({ to }) => to)).size, 3);
  assert.ok(asked.every(({ to }) => to !== endpointOfName(sentPing.node) && to !== endpointOfName("self")));
  assert.deepEqual(asked[0]!.messages[0], {
    type: "indirectPing",
    seqNo: sentPing.seqNo,
    target: addrOf(sentPing.node),
    port: 8301,
    node: sentPing.node,
    nack: true,
    sourceAddr: addrOf("self"),
    sourcePort: 8301,
    sourceNode: "self",
  });
  const dial = swim.effects.find(isDial)!;
  assert.deepEqual([dial.to, dial.message, dial.timeoutMs], [endpointOfName(sentPing.node), sentPing, 500]);
});

test("old members are asked for no nack, and get no ping over TCP", () => {
  const swim = new TestSwim().quiet();
  for (const name of ["a", "b", "c"]) swim.packet(name, alive(name, { versions: { ...VERSIONS, protocolMax: 2 } }));
  swim.nextPing();
  const asked = askOthers(swim);
  assert.deepEqual(
    asked.map(({ messages }) => (messages[0] as { nack: boolean }).nack),
    [false, false],
  );
  assert.equal(swim.effects.find(isDial), undefined);
  swim.run(500);
  assert.equal(swim.core.healthScore, 1, "a plain failure counts one");
});

test("an indirect ack saves the member, without a round trip", () => {
  const swim = new TestSwim().know("a", "b");
  const { ping: sentPing } = swim.nextPing();
  askOthers(swim);
  assert.deepEqual(swim.packet("b", ack(sentPing.seqNo)), [{ type: "probed", tookMs: 500 }]);
  swim.answered = true;
  swim.run(2_000);
  assert.equal(swim.status(sentPing.node), "alive");
});

test("an ack over TCP saves the member at the end of the interval, with a warning", () => {
  const swim = new TestSwim().know("a");
  const { ping: sentPing } = swim.nextPing();
  askOthers(swim);
  const { exchange } = swim.effects.find(isDial)!;
  swim.step({ type: "reply", exchange, message: { type: "ack", seqNo: sentPing.seqNo, payload: NOTHING } });
  const effects: SwimEffect[] = [];
  swim.run(500, (effect) => effects.push(effect));
  assert.deepEqual(effects[0], { type: "reachedByStreamOnly", name: "a" });
  assert.equal(swim.status("a"), "alive");
});

test("an ack over TCP for another ping, a failed connection and strange replies save nobody", () => {
  for (const outcome of ["wrong", "failed", "error", "unknown"] as const) {
    const swim = new TestSwim().know("a");
    const { ping: sentPing } = swim.nextPing();
    askOthers(swim);
    const { exchange } = swim.effects.find(isDial)!;
    if (outcome === "failed") swim.step({ type: "exchangeFailed", exchange, reason: "refused" });
    else if (outcome === "error") swim.step({ type: "reply", exchange, message: { type: "error", error: "no" } });
    else {
      const seqNo = sentPing.seqNo + (outcome === "wrong" ? 1 : 0);
      const id = outcome === "unknown" ? ((exchange + 9) as ExchangeId) : exchange;
      swim.step({ type: "reply", exchange: id, message: { type: "ack", seqNo, payload: NOTHING } });
    }
    swim.run(500);
    assert.equal(swim.status("a"), "suspect", outcome);
  }
});

test("a host that says nobody listens: suspected a moment later, unless a relay gets an answer", () => {
  for (const saved of [false, true]) {
    const swim = new TestSwim().know("a", "b");
    const { ping: sentPing } = swim.nextPing();
    askOthers(swim);
    const { exchange } = swim.effects.find(isDial)!;
    swim.step({ type: "exchangeFailed", exchange, reason: "connection refused", refused: true });
    assert.equal(swim.status(sentPing.node), "alive", "relays may still hear of it");
    swim.run(124);
    if (saved) swim.packet("b", ack(sentPing.seqNo));
    assert.equal(swim.status(sentPing.node), "alive");
    swim.run(1);
    assert.equal(swim.status(sentPing.node), saved ? "alive" : "suspect");
    assert.equal(swim.core.healthScore, 0, "our own link works");
  }
});

test("nobody answers: the member is suspected when the interval ends, by us", () => {
  const swim = new TestSwim().know("a", "b", "c");
  const { ping: sentPing } = swim.nextPing();
  swim.run(999);
  assert.equal(swim.status(sentPing.node), "alive");
  swim.run(1);
  assert.equal(swim.status(sentPing.node), "suspect");
  assert.deepEqual(swim.told()[0], suspect(sentPing.node, "self"));
});

test("missing nacks count against our health, those that came do not", () => {
  for (const [nacks, score] of [
    [0, 3],
    [1, 2],
    [3, 0],
    [9, 0],
  ] as const) {
    const swim = new TestSwim().know("a", "b", "c", "d");
    const { ping: sentPing } = swim.nextPing();
    askOthers(swim);
    for (let count = 0; count < nacks; count++) swim.packet("b", { type: "nack", seqNo: sentPing.seqNo });
    swim.run(500);
    assert.equal(swim.core.healthScore, score, `${nacks} nacks`);
  }
});

test("ill health stretches the time a probe may take, up to eight times", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  for (let incarnation = 1; incarnation < 20; incarnation++) swim.packet("a", suspect("self", "a", incarnation));
  assert.equal(swim.core.healthScore, 7);
  const { ping: sentPing } = swim.nextPing();
  swim.run(7_999);
  assert.equal(swim.status(sentPing.node), "alive");
  swim.run(1);
  assert.equal(swim.status(sentPing.node), "suspect");
});

test("an interval that began during a long probe is made up for, once", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  swim.packet("a", suspect("self", "a", 1));
  swim.packet("a", suspect("self", "a", 2));
  swim.nextPing();
  const startMs = swim.nowMs;
  const pings: number[] = [];
  swim.run(2_999, (effect) => assert.ok(!isPing(effect)));
  swim.answered = true;
  swim.run(2_500, (effect) => {
    if (isPing(effect)) pings.push(Math.round(swim.nowMs - startMs));
  });
  assert.deepEqual(pings, [3_000, 4_000, 5_000]);
});

test("a suspect is told with the ping that it is one, with a checksum (buddy system)", () => {
  const swim = new TestSwim().know("a");
  swim.packet("b", suspect("a", "b", 3));
  const { ping: sentPing, sent: packet } = swim.nextPing();
  assert.deepEqual(packet.messages, [ping("a", "self", sentPing.seqNo), suspect("a", "self", 3)]);
  assert.equal(packet.crc, true);
});

test("a ping with our suspicion is answered by an ack that refutes it", () => {
  const swim = new TestSwim().know("a");
  const [packet] = sent(swim.packet("a", ping("self", "a", 9), suspect("self", "a")));
  assert.deepEqual(packet!.messages[0], ack(9, new TextEncoder().encode("coordinate")));
  assert.deepEqual(packet!.messages[1], alive("self", { incarnation: 2 }));
});

test("a ping is answered where it says, else where it came from; one for another name is not", () => {
  const swim = new TestSwim().know("a");
  assert.equal(sent(swim.packet("b", ping("self", "a")))[0]!.to, endpointOfName("a"));
  assert.equal(sent(swim.packet("b", { ...ping("", "a"), sourcePort: 0 }))[0]!.to, endpointOfName("b"));
  assert.deepEqual(
    swim.packet("b", ping("other", "a")).map((effect) => ({ ...effect })),
    [{ type: "pingForOther", name: "other", from: endpointOfName("b") }],
  );
});

test("a ping over TCP is answered without a payload, one for another name is not", () => {
  const swim = new TestSwim();
  assert.deepEqual(swim.request(ping("self", "a", 5)), [{ type: "respond", exchange: 1, message: ack(5) }]);
  assert.deepEqual(
    swim.request(ping("other", "a", 5)).map(({ type }) => type),
    ["dropped"],
  );
});

const ask = (nack: boolean): PacketMessage => ({
  type: "indirectPing",
  seqNo: 77,
  target: addrOf("b"),
  port: 8301,
  node: "b",
  nack,
  sourceAddr: addrOf("a"),
  sourcePort: 8301,
  sourceNode: "a",
});

test("relay: pings for another, and passes on the ack with the asker's number and no payload", () => {
  const swim = new TestSwim().quiet();
  const [relayed] = sent(swim.packet("a", ask(true)));
  const ours = relayed!.messages[0] as Extract<PacketMessage, { type: "ping" }>;
  assert.deepEqual([relayed!.to, ours], [endpointOfName("b"), ping("b", "self", ours.seqNo)]);
  const [answer] = sent(swim.packet("b", ack(ours.seqNo, addrOf("b"))));
  assert.deepEqual([answer!.to, answer!.messages], [endpointOfName("a"), [ack(77)]]);
  swim.effects.length = 0;
  swim.run(5_000);
  assert.deepEqual(sent(swim.effects), [], "no nack behind an ack");
});

test("relay: says after the probe timeout that there was no answer, where that is wanted", () => {
  for (const wanted of [true, false]) {
    const swim = new TestSwim().quiet();
    swim.packet("a", ask(wanted));
    swim.effects.length = 0;
    swim.run(499);
    assert.deepEqual(swim.effects, []);
    swim.run(1);
    const expected = wanted ? [[endpointOfName("a"), [{ type: "nack", seqNo: 77 }]]] : [];
    assert.deepEqual(
      sent(swim.effects).map(({ to, messages }) => [to, messages]),
      expected,
    );
  }
});

test("relay: a bound on what is under way", () => {
  const swim = new TestSwim().quiet();
  for (let count = 0; count < 1_025; count++) swim.packet("a", ask(true));
  assert.equal(swim.effects.filter(({ type }) => type === "dropped").length, 1);
});

test("standing still is held against ourselves, and against nobody else", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  swim.packet("b", suspect("a", "b"));
  swim.packet("b", suspect("a", "c"));
  swim.packet("b", suspect("a", "d"));
  const { ping: sentPing } = swim.nextPing();
  const stoppedMs = swim.nowMs;
  swim.nowMs += 30_000;
  swim.step({ type: "tick" });
  assert.equal(swim.status("a"), "suspect", "its time goes on from where it was");
  assert.notEqual(sentPing.node === "a" ? "alive" : swim.status(sentPing.node), "suspect", "the answer may be waiting");
  assert.equal(swim.core.healthScore, 7);
  const late = swim.packet(sentPing.node, ack(sentPing.seqNo));
  assert.ok(!late.some(({ type }) => type === "rttSample"), "but it is no round trip of the network");
  swim.answered = true;
  swim.run(1_000);
  assert.equal(swim.status("a"), "suspect");
  swim.run(4_000);
  assert.equal(swim.status("a"), "dead");
  assert.ok(swim.nowMs > stoppedMs);
});

test("standing still that only the shell sees counts as well; a little does not", () => {
  const swim = new TestSwim().know("a");
  swim.step({ type: "lagged", ms: 250 });
  swim.step({ type: "lagged", ms: Number.NaN });
  assert.equal(swim.core.healthScore, 0);
  swim.step({ type: "lagged", ms: 300 });
  swim.step({ type: "lagged", ms: 2_500 });
  assert.equal(swim.core.healthScore, 3);
});
