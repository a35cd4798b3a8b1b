/**
 * Sentences of the papers, in small clusters of cores: Das, Gupta & Motivala 2002 ("SWIM"), Dadgar, Phillips & Currey
 * 2018 ("Lifeguard").
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeMessage, type PacketMessage } from "../../codec/memberlist-messages.ts";
import { endpointOfName, isPing, NOTHING, node, sent, suspect, TestSwim } from "./testing/test-swim.ts";
import type { SwimEffect } from "./types.ts";

const isPacket = (effect: SwimEffect): effect is Extract<SwimEffect, { type: "sendPacket" }> =>
  effect.type === "sendPacket";

test("SWIM §3.1: during each protocol period a random member is selected, and a ping message sent to it", () => {
  const swim = new TestSwim().know(..."abcdefgh");
  swim.answered = true;
  const targets: string[] = [];
  swim.run(40_000, (effect) => {
    if (isPing(effect)) targets.push(effect.to);
  });
  assert.equal(targets.length, 40);
  assert.notDeepEqual(targets.slice(0, 8), targets.slice(8, 16), "each round in another order");
});

test("SWIM §4.3: selected once in a traversal, so that successive selections are at most 2 n - 1 apart", () => {
  const names = [..."abcdefgh"];
  const swim = new TestSwim().know(...names);
  swim.answered = true;
  const last = new Map<string, number>();
  let period = 0;
  swim.run(400_000, (effect) => {
    if (!isPing(effect)) return;
    period++;
    const before = last.get(effect.to);
    if (before !== undefined) assert.ok(period - before <= 2 * names.length - 1);
    last.set(effect.to, period);
  });
  assert.equal(last.size, names.length);
});

test("SWIM §3.1: k members are selected at random, and each is sent a ping-req", () => {
  const swim = new TestSwim({ indirectChecks: 2 }).know(..."abcdef");
  swim.nextPing();
  const asked: string[] = [];
  swim.run(500, (effect) => {
    if (isPacket(effect) && decodeMessage(effect.parts[0]!).type === "indirectPing") asked.push(effect.to);
  });
  assert.equal(new Set(asked).size, 2);
});

test("SWIM §4.1: membership updates are piggybacked on the ping and ack messages", () => {
  const swim = new TestSwim({ gossipIntervalMs: 1e9 }).know("a", "b");
  swim.packet("b", suspect("a", "b"));
  assert.deepEqual(swim.pingFrom("b"), [suspect("a", "b")]);
  const { sent: packet } = swim.nextPing();
  assert.ok(packet.messages.some(({ type }) => type === "suspect"));
});

test("SWIM §4.2: the suspected member is taken for a member of the group and is probed on", () => {
  const swim = new TestSwim().know("a");
  swim.packet("b", suspect("a", "b"));
  assert.equal(swim.nextPing().to, endpointOfName("a"));
});

test("SWIM §4.2: only the member itself raises its incarnation number", () => {
  const swim = new TestSwim().know("a", "b");
  swim.answered = true;
  swim.packet("b", suspect("a", "b"));
  swim.run(10_000);
  assert.equal(swim.status("a"), "dead");
  assert.equal(swim.core.member("a")?.incarnation, 1);
});

test("SWIM §4.2: Alive overrides Suspect and Alive of lower incarnations only; Suspect also Alive of its own", () => {
  const order = (messages: readonly ["alive" | "suspect", number][]): string => {
    const swim = new TestSwim().know("a", "b");
    for (const [kind, incarnation] of messages) {
      if (kind === "suspect") swim.packet("b", suspect("a", "b", incarnation));
      else swim.merge([node("a", "alive", { incarnation })]);
    }
    const { status, incarnation } = swim.core.member("a")!;
    return `${status} ${incarnation}`;
  };
  assert.equal(
    order([
      ["suspect", 1],
      ["alive", 1],
    ]),
    "suspect 1",
  );
  assert.equal(
    order([
      ["suspect", 1],
      ["alive", 2],
    ]),
    "alive 2",
  );
  assert.equal(
    order([
      ["alive", 3],
      ["suspect", 2],
    ]),
    "alive 3",
  );
  assert.equal(
    order([
      ["alive", 3],
      ["suspect", 3],
    ]),
    "suspect 3",
  );
  assert.equal(
    order([
      ["alive", 3],
      ["suspect", 4],
    ]),
    "suspect 4",
  );
});

test("Lifeguard §IV (LHA-Probe): the multiplier rises with missed nacks and refutations, and falls with each ack", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  swim.nextPing();
  swim.run(1_000);
  assert.equal(swim.core.healthScore, 3, "three relays, none of which said anything");
  swim.packet("a", suspect("self", "a"));
  assert.equal(swim.core.healthScore, 4);
  swim.answered = true;
  swim.run(20_000);
  assert.equal(swim.core.healthScore, 0);
});

test("Lifeguard §IV (LHA-Suspicion): the suspicion timeout starts high and falls with independent suspicions", () => {
  const lasts = (accusers: readonly string[]): number => {
    const swim = new TestSwim().know(..."abcdefgh");
    swim.answered = true;
    const startMs = swim.nowMs;
    for (const from of accusers) swim.packet("b", suspect("a", from));
    while (swim.status("a") === "suspect") swim.run(500);
    return swim.nowMs - startMs;
  };
  assert.deepEqual(
    [["b"], ["b", "c"], ["b", "c", "d"], ["b", "c", "d", "e"]].map(lasts),
    [24_000, 11_500, 4_000, 4_000],
  );
});

test("Lifeguard §IV (Buddy System): a suspect hears of it with the ping, and refutes with the ack", () => {
  const accuser = new TestSwim({}, { seed: 3 }).know("a");
  const accused = new TestSwim();
  accuser.packet("b", suspect("a", "b"));
  const messages = accuser
    .nextPing()
    .sent.messages.map(
      (one): PacketMessage => (one.type === "ping" || one.type === "suspect" ? { ...one, node: "self" } : one),
    );
  const answer = sent(accused.packet("b", ...messages))[0]!;
  const refutation = answer.messages.find(({ type }) => type === "alive");
  assert.deepEqual([answer.messages[0]?.type, refutation], ["ack", { ...(refutation as object), incarnation: 2 }]);
  accuser.packet(
    "a",
    ...answer.messages.map(
      (one): PacketMessage => (one === refutation ? ({ ...one, ...named("a") } as PacketMessage) : one),
    ),
  );
  assert.equal(accuser.status("a"), "alive");
});

function named(name: string): { readonly node: string; readonly addr: Uint8Array } {
  return { node: name, addr: node(name, "alive", { meta: NOTHING }).addr };
}
