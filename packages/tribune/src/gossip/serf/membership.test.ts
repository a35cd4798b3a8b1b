import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeSerfMessage, encodeSerfMessage } from "../../codec/serf-messages.ts";
import type { BroadcastId } from "../swim/types.ts";
import { endpoint, SerfBench, state } from "./serf.test.support.ts";
import { TOLD_ONE_BY_ONE_MAX } from "./settings.ts";

const leave = (lTime: number, node: string, prune = false) => ({ type: "leave", lTime, node, prune }) as const;
const join = (lTime: number, node: string) => ({ type: "join", lTime, node }) as const;
const HOUR_MS = 3_600_000;

test("a member joins, is suspected, changes its tags, fails and comes back", () => {
  const bench = new SerfBench();
  bench.swim(2, undefined, "alive");
  bench.swim(2, "alive", "suspect").swim(2, "suspect", "alive");
  bench.feed({
    type: "memberChanged",
    before: state(2, "alive"),
    after: state(2, "alive", new Map([["a", "b"]])),
  });
  assert.equal(bench.core.member("n2")!.tags.get("a"), "b");
  bench.swim(2, "suspect", "dead").swim(2, "dead", "alive");
  assert.deepEqual(bench.events(), ["join n2", "update n2", "failed n2", "join n2"]);
  assert.equal(bench.only("metric").filter(({ name }) => name === "serf.member.flap").length, 1);
  assert.deepEqual(bench.core.member("n2")!.delegate, { min: 2, max: 5, current: 4 });
});

test("who said that it leaves has left when it is gone; everybody else has failed", () => {
  const bench = new SerfBench(3);
  bench.hear(leave(5, "n2"));
  assert.equal(bench.status(2), "leaving");
  bench.swim(2, "alive", "left").swim(3, "alive", "left");
  assert.deepEqual([bench.status(2), bench.status(3)], ["left", "failed"]);
  assert.deepEqual(bench.events(), ["leave n2", "failed n3"]);
});

test("an intent is passed on once, as it came, and an older one not at all", () => {
  const bench = new SerfBench(2);
  bench.hear(leave(5, "n2")).hear(leave(5, "n2")).hear(join(5, "n2")).hear(join(4, "n2"));
  assert.deepEqual(bench.broadcasts(), [leave(5, "n2")]);
  assert.equal(bench.status(2), "leaving");
  bench.take();
  bench.hear(join(6, "n2"));
  assert.equal(bench.status(2), "alive");
  assert.deepEqual(bench.broadcasts(), [join(6, "n2")]);
});

test("a leave of one who has left already counts for its time, or two would be passed on for ever", () => {
  const bench = new SerfBench(2);
  bench.hear(leave(5, "n2")).swim(2, "alive", "left").take();
  bench.hear(leave(6, "n2")).hear(leave(6, "n2"));
  assert.equal(bench.broadcasts().length, 1);
});

test("intents that overtake their member count when it comes, for five minutes", () => {
  const bench = new SerfBench();
  bench.hear(leave(5, "n2")).hear(join(4, "n2")).hear(join(9, "n3"));
  assert.equal(bench.broadcasts().length, 2, "the older one is no news");
  bench.swim(2, undefined, "alive").swim(3, undefined, "alive");
  assert.deepEqual([bench.status(2), bench.status(3)], ["leaving", "alive"]);
  bench.hear(leave(9, "n3"));
  assert.equal(bench.status(3), "alive", "its join was at 9");
  bench.hear(leave(7, "n4")).pass(6 * 60_000);
  bench.swim(4, undefined, "alive");
  assert.equal(bench.status(4), "alive");
});

test("a leave intent about ourselves is refuted while we stay", () => {
  const bench = new SerfBench(2);
  bench.hear(leave(8, "n1"));
  assert.equal(bench.status(1), "alive");
  assert.deepEqual(bench.broadcasts(), [join(9, "n1")]);
  bench.take();
  bench.hear(leave(9, "n1"));
  assert.deepEqual(bench.broadcasts(), [], "answered by the join of the same time already");
});

test("who hears that it was left for leaving by others says again that it is here", () => {
  const other = new SerfBench(2);
  other.hear(leave(8, "n2"));
  // As n2 hears it: the time is told in a push/pull, that it was a leave is not.
  const told = { type: "pushPull", statusLTimes: new Map([["n1", 8]]), leftMembers: [], events: [] } as const;
  const userState = encodeSerfMessage({ ...told, lTime: 9, eventLTime: 1, queryLTime: 1 });
  const bench = new SerfBench(2);
  for (let time = 0; time < 2; time++) bench.feed({ type: "mergeUserState", userState, join: false });
  assert.deepEqual(bench.broadcasts(), [join(9, "n1")], "once");
  other.hear(join(9, "n2"));
  assert.equal(other.status(2), "alive");
});

test("who has been leaving for a minute and still answers has not left", () => {
  const bench = new SerfBench(3);
  bench.hear(leave(5, "n2")).hear(leave(5, "n3"));
  bench.pass(45_000);
  assert.deepEqual([bench.status(2), bench.status(3)], ["leaving", "leaving"]);
  bench.swim(3, "alive", "dead").pass(45_000);
  assert.deepEqual([bench.status(2), bench.status(3)], ["alive", "left"]);
  assert.deepEqual(bench.events(), ["leave n3", "update n2"], "whoever held it for leaving hears that it is not");
});

test("a member that joins behind a leave of its earlier life is told of again once it says that it is here", () => {
  const bench = new SerfBench(1);
  bench.hear(leave(5, "n2")).swim(2, undefined, "alive");
  assert.equal(bench.status(2), "leaving");
  bench.hear(join(6, "n2"));
  assert.deepEqual(bench.events(), ["join n2", "update n2"]);
  const told = bench.only("member").map(({ member }) => member.status);
  assert.deepEqual(told, ["leaving", "alive"]);
});

test("joining is announced with the current time, and moves the clock on", () => {
  const bench = new SerfBench(2);
  bench.feed({ type: "joined" });
  assert.deepEqual(bench.broadcasts(), [join(1, "n1")]);
  assert.equal(bench.core.clocks.clock, 2);
});

test("a forced leave makes a failed member one that left, everywhere", () => {
  const bench = new SerfBench(3);
  bench.swim(2, "alive", "dead").take();
  bench.feed({ type: "forceLeave", name: "n2", prune: false });
  assert.equal(bench.status(2), "left");
  assert.deepEqual(bench.events(), ["leave n2"]);
  const [message] = bench.broadcasts();
  assert.deepEqual(message, leave(1, "n2"));
  const other = new SerfBench(3);
  other.swim(2, "alive", "dead").take();
  other.hear(message!);
  assert.deepEqual(other.events(), ["leave n2"]);
});

test("pruning erases: a failed member at once, a leaving one after eight seconds unless it refutes", () => {
  const bench = new SerfBench(4);
  bench.swim(2, "alive", "dead").take();
  bench.feed({ type: "forceLeave", name: "n2", prune: true });
  assert.deepEqual(bench.events(), ["leave n2", "reap n2"]);
  assert.equal(bench.status(2), undefined);
  bench.take();
  bench.hear(leave(20, "n3", true)).hear(leave(20, "n4", true));
  bench.hear(join(21, "n4"));
  bench.pass(7_999);
  assert.deepEqual(bench.events(), ["update n4"]);
  bench.pass(1);
  assert.deepEqual(bench.events(), ["update n4", "reap n3"]);
  assert.equal(bench.status(4), "alive");
});

test("the failed are remembered for 72 hours, those that left for 24, and as long as they wish", () => {
  const bench = new SerfBench(3);
  const wish = (text: string) => state(4, "alive", new Map([["rc_tm", text]]));
  bench.feed({ type: "memberChanged", before: undefined, after: wish("1h") });
  bench.hear(leave(5, "n3"));
  bench.swim(2, "alive", "dead").swim(3, "alive", "dead");
  bench.feed({ type: "memberChanged", before: wish("1h"), after: { ...wish("1h"), status: "dead" } }).take();
  bench.pass(HOUR_MS);
  assert.deepEqual(bench.events(), []);
  bench.pass(60_000);
  assert.deepEqual(bench.events(), ["reap n4"]);
  bench.pass(23 * HOUR_MS);
  assert.deepEqual(bench.events(), ["reap n4", "reap n3"]);
  bench.pass(47 * HOUR_MS);
  assert.equal(bench.status(2), "failed");
  bench.pass(HOUR_MS);
  assert.equal(bench.status(2), undefined);
});

test("a wish that is none, or 0, changes nothing", () => {
  for (const text of ["", "0", "soon"]) {
    const bench = new SerfBench();
    const after = state(2, "alive", new Map([["rc_tm", text]]));
    bench.feed({ type: "memberChanged", before: undefined, after });
    bench.feed({ type: "memberChanged", before: after, after: { ...after, status: "dead" } });
    bench.pass(25 * HOUR_MS);
    assert.equal(bench.status(2), "failed", text);
  }
});

test("one failed member is tried again every 30 seconds, rarely where many could do it", () => {
  const tries = (alive: number, failed: number): number => {
    const bench = new SerfBench(alive + failed);
    for (let number = alive + 1; number <= alive + failed; number++) bench.swim(number, "alive", "dead");
    bench.pass(100 * 30_000);
    const joins = bench.orders("join");
    for (const { endpoint: to } of joins) assert.notEqual(to, endpoint(1));
    return joins.length;
  };
  assert.equal(tries(1, 1), 100);
  const some = tries(10, 2);
  assert.ok(some > 8 && some < 35, `${some} of 100, where 20 are expected`);
  assert.equal(tries(3, 0), 0);
});

test("a graceful leave: told, then left, then heard of", () => {
  const bench = new SerfBench(TOLD_ONE_BY_ONE_MAX + 2);
  bench.feed({ type: "leave" });
  assert.equal(bench.status(1), "leaving");
  const [broadcast] = bench.orders("broadcast");
  assert.deepEqual(bench.broadcasts(), [leave(1, "n1")]);
  assert.deepEqual(
    [bench.orders("leave").length, bench.orders("hurry").length, bench.orders("sendUser").length],
    [0, 0, 0],
  );
  bench.feed({ type: "broadcastDone", id: (broadcast!.id + 1) as BroadcastId });
  assert.equal(bench.orders("leave").length, 0, "another broadcast");
  bench.done(broadcast!.id);
  assert.equal(bench.orders("leave").length, 1);
  bench.swim(1, "alive", "left").feed({ type: "left" });
  bench.pass(2_999);
  assert.equal(bench.only("leaveDone").length, 0);
  bench.pass(1);
  assert.equal(bench.only("leaveDone").length, 1);
  assert.equal(bench.status(1), "left");
  bench.hear(leave(30, "n1"));
  assert.equal(bench.broadcasts().filter(({ type }) => type === "join").length, 0, "true by now");
});

test("who leaves a small pool tells each member by itself and waits less", () => {
  const bench = new SerfBench(3);
  bench.swim(3, "alive", "dead").take();
  bench.feed({ type: "leave" });
  assert.equal(bench.orders("hurry").length, 1);
  const told = bench.orders("sendUser");
  assert.deepEqual(
    told.map(({ name, payload }) => [name, decodeSerfMessage(payload)]),
    [["n2", leave(1, "n1")]],
    "who has failed is not told",
  );
  bench.done(bench.orders("broadcast")[0]!.id);
  assert.deepEqual(bench.orders("leave"), [{ type: "leave", tellAll: true }]);
  bench.swim(1, "alive", "left").feed({ type: "left" });
  bench.pass(599);
  assert.equal(bench.only("leaveDone").length, 0);
  bench.pass(1);
  assert.equal(bench.only("leaveDone").length, 1);
});

test("a leave that nobody takes note of ends all the same", () => {
  const bench = new SerfBench(2);
  bench.feed({ type: "leave" }).pass(5_000);
  assert.equal(bench.orders("leave").length, 1);
  bench.pass(5_000 + 3_000);
  assert.equal(bench.only("leaveDone").length, 1);
  assert.equal(bench.only("log").filter(({ message }) => message.includes("timeout")).length, 2);
  const alone = new SerfBench();
  alone.feed({ type: "leave" });
  assert.deepEqual([alone.orders("broadcast").length, alone.orders("leave").length], [0, 1]);
});

test("name conflicts are told, not fought out", () => {
  const bench = new SerfBench(2);
  const other = { ...state(2, "alive"), endpoint: endpoint(9) };
  bench.feed({ type: "nameConflict", known: state(2, "alive"), other });
  bench.feed({ type: "nameConflict", known: state(1, "alive"), other });
  assert.deepEqual(
    bench.only("log").map(({ level, message }) => `${level} ${message}`),
    [
      "WARN serf: Name conflict for 'n2' both 10.0.0.2:8301 and 10.0.0.9:8301 are claiming",
      "ERROR serf: Node name conflicts with another node at 10.0.0.9:8301. Names must be unique! (Resolution enabled: false)",
    ],
  );
});

test("a push/pull brings statuses, times and events; old ones of a join that wants none stay out", () => {
  const old = new SerfBench(4);
  old.hear(leave(5, "n2")).swim(2, "alive", "left").hear(join(8, "n3"));
  old.feed({ type: "userEvent", name: "e", payload: Buffer.from("1"), coalesce: false });
  const userState = old.core.userState();

  const fresh = new SerfBench(4);
  fresh.swim(2, "alive", "dead").take();
  fresh.feed({ type: "mergeUserState", userState, join: true });
  assert.equal(fresh.status(2), "left");
  assert.deepEqual(fresh.events(), ["leave n2"]);
  assert.equal(fresh.only("userEvent").length, 1);
  assert.equal(fresh.broadcasts().length, 0, "a push/pull is not passed on");
  assert.ok(fresh.core.clocks.clock >= old.core.clocks.clock - 1);
  fresh.take();
  fresh.feed({ type: "mergeUserState", userState, join: false });
  assert.deepEqual([...fresh.events(), ...fresh.only("userEvent")], [], "the second time nothing is new");

  const picky = new SerfBench(1);
  picky.feed({ type: "ignoreOldEvents", on: true });
  picky.feed({ type: "mergeUserState", userState, join: true });
  picky.feed({ type: "ignoreOldEvents", on: false });
  assert.equal(picky.only("userEvent").length, 0);
});
