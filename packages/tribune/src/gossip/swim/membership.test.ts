/** Rules of sheet memberlist §7, State machine. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { PacketMessage } from "../../codec/memberlist-messages.ts";
import {
  addrOf,
  alive,
  bytes,
  changes,
  dead,
  endpointOfName,
  node,
  ping,
  sent,
  suspect,
  TestSwim,
  VERSIONS,
} from "./testing/test-swim.ts";
import type { SwimEffect } from "./types.ts";

test("start: we are a member, in incarnation 1, and tell it", () => {
  const swim = new TestSwim();
  assert.deepEqual(swim.changes(), ["self new -> alive 1"]);
  assert.deepEqual([swim.core.memberCount, swim.core.queued.membership, swim.core.healthScore], [1, 1, 0]);
  assert.equal(swim.core.local.endpoint, endpointOfName("self"));
});

test("start: a life begins in the incarnation that it is given", () => {
  const swim = new TestSwim({}, { incarnation: 17 });
  assert.deepEqual(swim.changes(), ["self new -> alive 17"]);
  assert.deepEqual(swim.told(), [alive("self", { incarnation: 17 })]);
});

test("alive: an unknown member joins and is told on", () => {
  const swim = new TestSwim().quiet();
  assert.deepEqual(changes(swim.packet("a", alive("a"))), ["a new -> alive 1"]);
  assert.deepEqual(swim.told(), [alive("a")]);
});

test("alive: only a higher incarnation counts for others", () => {
  const swim = new TestSwim().know("a");
  swim.packet("a", alive("a", { incarnation: 1, meta: bytes("new") }));
  assert.deepEqual(swim.changes(), []);
  assert.equal(swim.core.queued.membership, 0);
  swim.packet("a", alive("a", { incarnation: 2, meta: bytes("new") }));
  assert.deepEqual(swim.changes(), ["a alive -> alive 2"]);
  assert.deepEqual(swim.core.member("a")?.meta, bytes("new"));
});

test("alive: a higher incarnation with the same content is told on, but is no change", () => {
  const swim = new TestSwim().know("a");
  swim.packet("a", alive("a", { incarnation: 5 }));
  assert.deepEqual([swim.changes(), swim.core.member("a")?.incarnation, swim.core.queued.membership], [[], 5, 1]);
});

test("alive: port 0 is our own port", () => {
  const swim = new TestSwim().quiet();
  swim.packet("a", alive("a", { port: 0 }));
  assert.equal(swim.core.member("a")?.endpoint, endpointOfName("a"));
  assert.deepEqual(swim.told()[0], alive("a"));
});

test("alive: versions that cannot be are ignored", () => {
  const swim = new TestSwim().quiet();
  for (const versions of [
    undefined,
    { ...VERSIONS, protocolMin: 0 },
    { ...VERSIONS, protocolMax: 0 },
    { ...VERSIONS, protocolMin: 6 },
  ]) {
    swim.packet("a", alive("a", { versions }));
  }
  swim.packet("a", alive("a", { addr: new Uint8Array(0) }));
  swim.packet("a", alive("a", { incarnation: 0 }));
  assert.equal(swim.core.memberCount, 1);
  assert.equal(swim.effects.filter(({ type }) => type === "dropped").length, 5);
});

test("alive: the layer above and the list of addresses may refuse", () => {
  const swim = new TestSwim().quiet();
  swim.delegate.refuseMember = ({ name }) => (name === "a" ? "wrong datacenter" : undefined);
  swim.packet("a", alive("a"));
  swim.delegate.refuseEndpoint = (endpoint) => (endpoint === endpointOfName("c") ? "not allowed" : undefined);
  swim.packet("c", alive("b"));
  swim.packet("b", alive("c"));
  assert.equal(swim.core.memberCount, 1);
  swim.merge([node("c", "alive")]);
  assert.equal(swim.core.memberCount, 1, "by push/pull neither");
  swim.packet("b", alive("b"));
  assert.equal(swim.core.memberCount, 2);
});

test("alive: another address is a name conflict, unless the owner has left or has been dead for long", () => {
  const moved = alive("a", { incarnation: 2, addr: addrOf("z") });
  const conflicts = (swim: TestSwim): number => swim.effects.filter(({ type }) => type === "nameConflict").length;
  const swim = new TestSwim({ deadNodeReclaimMs: 30_000 }).know("a", "b");
  swim.packet("b", moved);
  assert.deepEqual([conflicts(swim), swim.core.member("a")?.endpoint], [1, endpointOfName("a")]);
  swim.packet("b", suspect("a", "b"), moved);
  assert.equal(conflicts(swim), 2);
  swim.packet("b", dead("a", "b"));
  swim.packet("b", moved);
  assert.equal(conflicts(swim), 3, "dead for a moment only");
  swim.nowMs += 30_001;
  swim.packet("b", moved);
  assert.deepEqual([conflicts(swim), swim.core.member("a")?.endpoint], [3, endpointOfName("z")]);
  assert.equal(swim.status("a"), "alive");

  const never = new TestSwim({ deadNodeReclaimMs: 0 }).know("a", "b");
  never.packet("b", dead("a", "b"));
  never.nowMs += 1e9;
  never.packet("b", moved);
  assert.equal(conflicts(never), 1);

  const left = new TestSwim({ deadNodeReclaimMs: 0 }).know("a", "b");
  left.packet("a", dead("a", "a", 5));
  left.packet("b", alive("a", { incarnation: 1, addr: addrOf("z") }));
  assert.deepEqual(changes(left.effects), ["a alive -> left 5", "a left -> alive 1"]);
});

test("alive about ourselves: what we say is ignored, anything else refuted", () => {
  const swim = new TestSwim({}, { meta: bytes("mine") }).quiet();
  swim.packet("a", alive("self", { meta: bytes("mine") }));
  assert.equal(swim.core.local.incarnation, 1);
  swim.packet("a", alive("self", { incarnation: 0, meta: bytes("old") }));
  assert.equal(swim.core.local.incarnation, 1, "older");
  swim.packet("a", alive("self", { meta: bytes("old") }));
  assert.equal(swim.core.local.incarnation, 2, "the same incarnation with other content");
  swim.packet("a", alive("self", { incarnation: 9, meta: bytes("mine") }));
  assert.deepEqual([swim.core.local.incarnation, swim.core.healthScore], [10, 2]);
  assert.deepEqual(swim.told(), [alive("self", { incarnation: 10, meta: bytes("mine") })]);
});

test("alive about ourselves at another address is a name conflict", () => {
  const swim = new TestSwim().know("a");
  swim.packet("z", alive("self", { incarnation: 9, addr: addrOf("z") }));
  assert.equal(swim.effects.find(({ type }) => type === "nameConflict")?.type, "nameConflict");
  assert.equal(swim.core.local.incarnation, 1);
});

test("suspect: unknown members and older incarnations are ignored", () => {
  const swim = new TestSwim().know("a");
  swim.packet("b", suspect("x", "b"), suspect("a", "b", 0));
  assert.deepEqual([swim.changes(), swim.core.memberCount], [[], 2]);
});

test("suspect: marked, told on, and dead when the time is over", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  const startMs = swim.nowMs;
  swim.packet("b", suspect("a", "b"));
  assert.deepEqual(swim.changes(), ["a alive -> suspect 1"]);
  assert.deepEqual(swim.told(), [suspect("a", "b")]);
  swim.answered = true;
  swim.runUntil((effect): effect is Extract<SwimEffect, { type: "memberChanged" }> => effect.type === "memberChanged");
  assert.equal(swim.status("a"), "dead");
  // 4 × log10 5, at least 1, × 1 s, six times.
  assert.equal(swim.nowMs - startMs, 24_000);
});

test("suspect: each new accuser shortens it and is told on while that matters (Lifeguard §IV)", () => {
  const swim = new TestSwim().know("a", "b", "c", "d", "e");
  const startMs = swim.nowMs;
  swim.packet("b", suspect("a", "b"));
  swim.quiet();
  swim.packet("b", suspect("a", "b"));
  assert.equal(swim.core.queued.membership, 0, "the first accuser confirms nothing");
  swim.packet("c", suspect("a", "c"));
  assert.deepEqual(swim.told(), [suspect("a", "c")]);
  swim.packet("d", suspect("a", "d"));
  assert.deepEqual(swim.told(), [suspect("a", "d")]);
  swim.quiet();
  swim.packet("e", suspect("a", "e"));
  assert.equal(swim.core.queued.membership, 0, "two confirmations are all that count");
  swim.run(3_999);
  assert.equal(swim.status("a"), "suspect");
  swim.run(1);
  assert.deepEqual([swim.status("a"), swim.nowMs - startMs], ["dead", 4_000]);
});

test("suspect: a confirmation that comes late ends it at once", () => {
  const swim = new TestSwim().know("a", "b", "c", "d");
  swim.packet("b", suspect("a", "b"));
  swim.packet("c", suspect("a", "c"));
  swim.run(5_000);
  assert.equal(swim.status("a"), "suspect");
  swim.packet("d", suspect("a", "d"));
  assert.equal(swim.status("a"), "dead");
});

test("suspect: in a cluster too small for confirmations the shortest time counts", () => {
  const swim = new TestSwim().know("a");
  swim.packet("a", suspect("a", "x"));
  swim.run(3_999);
  assert.equal(swim.status("a"), "suspect");
  swim.run(1);
  assert.equal(swim.status("a"), "dead");
});

test("suspect: a higher incarnation clears it, the same does not", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", suspect("a", "b"));
  swim.packet("b", alive("a"));
  assert.equal(swim.status("a"), "suspect");
  swim.packet("b", alive("a", { incarnation: 2 }));
  swim.quiet().run(1_000);
  assert.equal(swim.status("a"), "alive");
});

test("suspect and dead about ourselves are refuted beyond the accusation", () => {
  for (const accuse of [suspect, dead]) {
    const swim = new TestSwim().know("a");
    swim.packet("a", accuse("self", "a", 6));
    assert.deepEqual([swim.core.local.incarnation, swim.core.local.status, swim.core.healthScore], [7, "alive", 1]);
    assert.deepEqual(swim.told(), [alive("self", { incarnation: 7 })]);
  }
});

test("an old accusation of ourselves is answered by what we say now, with the ack, in the same incarnation", () => {
  for (const accuse of [suspect, dead]) {
    const swim = new TestSwim({}, { incarnation: 7 }).know("a");
    const [answer] = sent(swim.packet("a", ping("self", "a"), accuse("self", "a", 6)));
    assert.deepEqual(answer?.messages.slice(1), [alive("self", { incarnation: 7 })]);
    assert.deepEqual([swim.core.local.incarnation, swim.core.healthScore, swim.changes()], [7, 0, []]);
  }
});

test("old accusations, however many, do not make us say it for longer", () => {
  const swim = new TestSwim({}, { incarnation: 7 }).know("a");
  swim.packet("a", suspect("self", "a", 6));
  const told: PacketMessage[] = [];
  for (let round = 0; round < 10; round++) {
    if (swim.core.queued.membership === 0) break;
    if (told.length > 0)
      for (let at = 0; at < 100; at++) swim.packet("a", suspect("self", "a", at % 7), dead("self", "b", 1));
    told.push(...swim.told());
    assert.ok(swim.core.queued.membership <= 1);
  }
  assert.deepEqual(told, Array(4).fill(alive("self", { incarnation: 7 })));
});

test("an old accusation is not answered for others, in a push/pull, or once we leave", () => {
  const swim = new TestSwim({}, { incarnation: 7 }).know("a", "b");
  swim.packet("b", alive("a", { incarnation: 3 }));
  swim.quiet().packet("b", suspect("a", "b", 2), dead("a", "b", 2));
  swim.merge([node("self", "suspect", { incarnation: 6 }), node("self", "dead", { incarnation: 6 })]);
  assert.equal(swim.core.queued.membership, 0);
  swim.step({ type: "leave" });
  swim.quiet().packet("b", suspect("self", "b", 6));
  assert.equal(swim.core.queued.membership, 0);
});

test("an incarnation at the end of its range stays there", () => {
  const swim = new TestSwim().know("a");
  swim.packet("a", suspect("self", "a", 0xffff_ffff));
  assert.equal(swim.core.local.incarnation, 0xffff_ffff);
});

test("dead: unknown, older, and already gone are ignored", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", dead("x", "b"), dead("a", "b", 0));
  assert.deepEqual(swim.changes(), []);
  swim.packet("b", dead("a", "b"));
  swim.quiet();
  swim.packet("a", dead("a", "a"));
  assert.deepEqual([swim.changes(), swim.status("a"), swim.core.queued.membership], [[], "dead", 0]);
});

test("dead: who says it of itself has left", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", dead("a", "b"), dead("b", "b"));
  assert.deepEqual([swim.status("a"), swim.status("b")], ["dead", "left"]);
});

test("dead: comes back only with a higher incarnation", () => {
  const swim = new TestSwim().know("a", "b");
  swim.packet("b", dead("a", "b", 3));
  swim.packet("b", alive("a", { incarnation: 3 }));
  assert.equal(swim.status("a"), "dead");
  swim.packet("b", alive("a", { incarnation: 4 }));
  assert.deepEqual(swim.changes(), ["a alive -> dead 3", "a dead -> alive 4"]);
});

test("within a packet alive messages go first, then the newest of the others", () => {
  const swim = new TestSwim().quiet();
  swim.packet("b", dead("a", "b", 4), suspect("a", "b", 4), alive("a", { incarnation: 4 }), alive("b"));
  assert.deepEqual(swim.changes(), [
    "b new -> alive 1",
    "a new -> alive 4",
    "a alive -> suspect 4",
    "a suspect -> dead 4",
  ]);
});

test("merge: alive as alive, left as left, dead and suspect only as a suspicion of our own", () => {
  const swim = new TestSwim().know("c", "d", "e");
  swim.merge([node("a", "alive"), node("x", "dead"), node("c", "dead"), node("d", "suspect"), node("e", "left")]);
  assert.deepEqual(swim.changes(), [
    "a new -> alive 1",
    "c alive -> suspect 1",
    "d alive -> suspect 1",
    "e alive -> left 1",
  ]);
  const told = swim.told();
  assert.ok(told.some((one) => one.type === "suspect" && one.node === "c" && one.from === "self"));
});

test("merge: a restarted member learns its old incarnation and goes beyond it", () => {
  for (const state of ["alive", "suspect", "dead", "left"] as const) {
    const swim = new TestSwim();
    swim.merge([node("a", "alive"), node("self", state, { incarnation: 12 })]);
    assert.deepEqual([swim.core.local.incarnation, swim.status("self")], [13, "alive"], state);
  }
});

test("merge: refused when somebody does not speak what everybody alive understands", () => {
  for (const [what, theirs] of [
    ["protocol too new for us", node("a", "alive", { versions: { ...VERSIONS, protocolMin: 3, protocolCurrent: 5 } })],
    ["delegate too old", node("a", "alive", { versions: { ...VERSIONS, delegateMax: 3, delegateCurrent: 3 } })],
    ["none, and not even alive", node("a", "dead", { versions: undefined })],
  ] as const) {
    const swim = new TestSwim().quiet();
    swim.merge([node("b", "alive"), theirs]);
    assert.equal(swim.core.memberCount, 1, what);
    assert.ok(swim.effects.some(({ type }) => type === "mergeRefused"));
    assert.ok(
      swim.effects.some(({ type }) => type === "respond"),
      "the dialler is answered all the same",
    );
  }
});

test("setMeta: a higher incarnation, told and reported", () => {
  const swim = new TestSwim().quiet();
  swim.step({ type: "setMeta", meta: bytes("tags") });
  assert.deepEqual(swim.changes(), ["self alive -> alive 2"]);
  assert.deepEqual(swim.told(), [alive("self", { incarnation: 2, meta: bytes("tags") })]);
});

test("leave: told as often as it takes, then `left`; nothing makes us a member again", () => {
  const swim = new TestSwim().know("a", "b");
  swim.step({ type: "leave" });
  assert.deepEqual(swim.changes(), ["self alive -> left 1"]);
  let times = 0;
  while (!swim.effects.some(({ type }) => type === "left")) {
    assert.deepEqual(swim.pingFrom("a"), [dead("self", "self")]);
    times++;
  }
  assert.equal(times, 4, "retransmit_mult × ceil(log10(n + 1))");
  swim.packet("a", alive("self", { incarnation: 9 }), dead("self", "a", 9), suspect("self", "a", 9));
  swim.step({ type: "setMeta", meta: bytes("x") });
  assert.deepEqual([swim.status("self"), swim.core.local.incarnation, swim.core.queued.membership], ["left", 1, 0]);
  swim.effects.length = 0;
  swim.step({ type: "leave" });
  assert.deepEqual(swim.effects, []);
});

test("leave in a hurry: each is told now, and gossip does not wait for its usual time", () => {
  const swim = new TestSwim().know("a", "b", "c");
  swim.packet("a", dead("c", "a"));
  swim.effects.length = 0;
  swim.step({ type: "hurry" });
  const sent = swim.step({ type: "leave", tellAll: true }).filter(({ type }) => type === "sendPacket");
  assert.equal(sent.length, 2, "the dead are not told");
  const effects: SwimEffect[] = [];
  swim.run(60, (effect) => effects.push(effect));
  assert.ok(effects.some(({ type }) => type === "left"));
});

test("leave: at once when there is nobody to tell", () => {
  const swim = new TestSwim();
  swim.packet("a", alive("a"));
  swim.packet("a", dead("a", "a"));
  assert.deepEqual(
    swim.step({ type: "leave" }).map(({ type }) => type),
    ["memberChanged", "left"],
  );
});

test("dead members are forgotten when the ring wraps, once they were told long enough that they are", () => {
  const swim = new TestSwim({ gossipToTheDeadMs: 10_000 }).know("a", "b");
  swim.packet("b", dead("a", "b"));
  swim.run(9_000);
  assert.equal(swim.core.memberCount, 3);
  swim.run(5_000);
  assert.deepEqual([swim.core.memberCount, swim.status("a")], [2, undefined]);
  swim.packet("b", alive("a"));
  assert.equal(swim.status("a"), "alive", "in any incarnation again");
});
