import assert from "node:assert/strict";
import { test } from "node:test";
import { encodeCoordinate } from "../../codec/serf-coordinate.ts";
import { encodeQueryFilter } from "../../codec/serf-filters.ts";
import { decodeSerfMessage, encodeSerfMessage, type Query, type SerfMessage } from "../../codec/serf-messages.ts";
import { mutateBytes, pick } from "../../lib/fuzz.ts";
import { seededRng } from "../../lib/random.ts";
import { coordinateAtOrigin } from "../coordinate/vivaldi.ts";
import type { NodeName } from "../swim/types.ts";
import { LamportClock } from "./lamport.ts";
import { LamportRing, SLOT_ITEMS_MAX } from "./lamport-ring.ts";
import { endpoint, request, SerfBench, token } from "./serf.test.support.ts";
import { defaultQueryTimeoutMs } from "./settings.ts";

const NOTHING = new Uint8Array(0);
const utf8 = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const event = (lTime: number, name = "e", payload = "p"): SerfMessage => ({
  type: "userEvent",
  lTime,
  name,
  payload: utf8(payload),
  cc: false,
});
const query = (changes: Partial<Query> = {}): Query => ({
  type: "query",
  lTime: 5,
  id: 11,
  addr: Uint8Array.of(10, 0, 0, 2),
  port: 8301,
  sourceNode: "n2",
  filters: [],
  flags: 0,
  relayFactor: 0,
  timeoutMs: 1_000,
  name: "q",
  payload: utf8("p"),
  ...changes,
});
const response = (lTime: number, id: number, from: string, flags = 0): SerfMessage => ({
  type: "queryResponse",
  lTime,
  id,
  from,
  flags,
  payload: flags === 1 ? undefined : utf8(`from ${from}`),
});

test("Lamport 1978: a clock is later than everything it has seen", () => {
  const clock = new LamportClock();
  assert.equal(clock.time, 1);
  clock.witness(0);
  assert.equal(clock.time, 1);
  clock.witness(1);
  assert.equal(clock.time, 2);
  clock.witness(41);
  clock.increment();
  assert.equal(clock.time, 43);
});

test("the ring knows what it has seen of the last 512 times", () => {
  const ring = new LamportRing<string>((left, right) => left === right);
  ring.timeMin = 3;
  const verdicts = (
    [
      [2, "a", 3],
      [3, "a", 4],
      [3, "a", 4],
      [3, "b", 4],
      [515, "a", 516],
      [3, "a", 516],
      [4, "a", 516],
    ] as const
  ).map(([lTime, item, time]) => ring.add(lTime, item, time));
  assert.deepEqual(verdicts, ["early", "new", "known", "new", "new", "old", "new"]);
  for (let item = 1; item < SLOT_ITEMS_MAX; item++) ring.add(515, String(item), 516);
  assert.equal(ring.add(515, "one more", 516), "full");
});

test("an event is delivered and passed on once, as it came", () => {
  const bench = new SerfBench(2);
  bench
    .hear(event(4))
    .hear(event(4))
    .hear(event(4, "e", "other"))
    .hear(event(4, "f"));
  assert.deepEqual(
    bench.only("userEvent").map(({ name, payload, lTime }) => [name, Buffer.from(payload).toString(), lTime]),
    [
      ["e", "p", 4],
      ["e", "other", 4],
      ["f", "p", 4],
    ],
  );
  assert.deepEqual(bench.broadcasts(), [event(4), event(4, "e", "other"), event(4, "f")]);
  assert.deepEqual([...new Set(bench.orders("broadcast").map(({ priority }) => priority))], [2]);
  bench.hear(event(1_000)).take();
  bench.hear(event(400));
  assert.equal(bench.only("userEvent").length, 0);
  assert.match(bench.only("log")[0]!.message, /received old event e from time 400 \(current: 1001\)/);
});

test("our own events are delivered to us too, and each has a time of its own", () => {
  const bench = new SerfBench(2);
  for (const name of ["a", "b"]) bench.feed({ type: "userEvent", name, payload: NOTHING, coalesce: true });
  assert.deepEqual(
    bench.only("userEvent").map(({ name, lTime }) => [name, lTime]),
    [
      ["a", 1],
      ["b", 2],
    ],
  );
  assert.deepEqual(bench.broadcasts()[1], { type: "userEvent", lTime: 2, name: "b", payload: NOTHING, cc: true });
});

test("what an earlier life has seen is no news", () => {
  const bench = new SerfBench(2, { restored: { clock: 9, eventClock: 20, queryClock: 30 } });
  assert.deepEqual(bench.core.clocks, { clock: 10, eventClock: 21, queryClock: 31 });
  bench
    .hear(event(20))
    .hear(event(21))
    .hear(query({ lTime: 30 }))
    .hear(query({ lTime: 31 }));
  assert.equal(bench.only("userEvent").length, 1);
  assert.equal(bench.only("queryAsked").length, 1);
});

test("events and queries that are too large are refused in serf's words", () => {
  const { core } = new SerfBench();
  core.checkUserEvent("e", new Uint8Array(400));
  assert.throws(
    () => core.checkUserEvent("e", new Uint8Array(512)),
    /user event exceeds configured limit of 512 bytes before encoding/,
  );
  assert.throws(
    () => core.checkUserEvent("e", new Uint8Array(500)),
    /user event exceeds configured limit of 512 bytes after encoding/,
  );
  core.checkQuery(request("q", { payload: new Uint8Array(800) }));
  assert.throws(
    () => core.checkQuery(request("q", { payload: new Uint8Array(1_000) })),
    /query exceeds limit of 1024 bytes/,
  );
  const sane = new SerfBench(1, { settings: { userEventBytesMax: 20_000 } });
  assert.throws(() => sane.core.checkUserEvent("e", new Uint8Array(9_300)), /exceeds sane limit of 9216 bytes before/);
});

test("a query: told to all, asked of ourselves, answered once by each, over when its time is up", () => {
  const bench = new SerfBench(3);
  bench.feed({ type: "query", request: request("q", { wantAck: true, payload: Buffer.from("p") }) });
  const [asked] = bench.broadcasts() as Query[];
  assert.deepEqual(
    [asked!.name, asked!.sourceNode, asked!.port, asked!.flags, asked!.timeoutMs, [...asked!.addr]],
    ["q", "n1", 8301, 1, 1_000, [10, 0, 0, 1]],
  );
  assert.equal(bench.orders("broadcast")[0]!.priority, 1);
  assert.deepEqual(
    bench.only("queryAck").map(({ from }) => from),
    ["n1"],
  );
  const [own] = bench.only("queryAsked");
  bench.feed({ type: "respond", answer: own!.answer, payload: Buffer.from("own") });
  const { lTime, id } = asked!;
  bench
    .hear(response(lTime, id, "n2", 1))
    .hear(response(lTime, id, "n2"))
    .hear(response(lTime, id, "n2"));
  bench.hear(response(lTime, id + 1, "n3")).hear(response(lTime + 1, id, "n3"));
  assert.deepEqual(
    bench.only("queryResponse").map(({ from }) => from),
    ["n1", "n2"],
  );
  assert.deepEqual(
    bench.only("queryAck").map(({ from }) => from),
    ["n1", "n2"],
  );
  assert.equal(bench.only("metric").filter(({ name }) => name === "serf.query_duplicate_responses").length, 1);
  bench.pass(999);
  assert.equal(bench.only("queryDone").length, 0);
  bench.pass(1).hear(response(lTime, id, "n3"));
  assert.equal(bench.only("queryDone").length, 1);
  assert.equal(bench.only("queryResponse").length, 2);
});

test("a query can be cancelled, and its default timeout grows with the pool", () => {
  const bench = new SerfBench(3);
  bench.feed({ type: "query", request: request("q", { timeoutMs: 0 }) });
  assert.equal((bench.broadcasts()[0] as Query).timeoutMs, 3_200);
  bench
    .feed({ type: "cancelQuery", token: request("q").token })
    .feed({ type: "cancelQuery", token: request("q").token });
  assert.equal(bench.only("queryDone").length, 1);
  assert.deepEqual(
    [1, 9, 10, 99, 100].map((alive) => defaultQueryTimeoutMs(200, alive)),
    [3_200, 3_200, 6_400, 6_400, 9_600],
  );
});

test("a query of another is delivered and passed on once, and answered to its address once and in time", () => {
  const bench = new SerfBench(3);
  bench.hear(query({ flags: 1 })).hear(query({ flags: 1 }));
  assert.equal(bench.only("queryAsked").length, 1);
  assert.deepEqual(bench.broadcasts(), [query({ flags: 1 })]);
  const [ack] = bench.orders("sendUser");
  assert.deepEqual([ack!.to, ack!.name], [endpoint(2), "n2"]);
  assert.deepEqual(decodeSerfMessage(ack!.payload), response(5, 11, "n1", 1));
  const { answer } = bench.only("queryAsked")[0]!;
  bench.take();
  for (let time = 0; time < 2; time++) bench.feed({ type: "respond", answer, payload: Buffer.from("from n1") });
  assert.deepEqual(
    bench.orders("sendUser").map(({ payload }) => decodeSerfMessage(payload)),
    [response(5, 11, "n1")],
  );
  bench.take();
  bench.hear(query({ id: 12 }));
  const late = bench.only("queryAsked")[0]!.answer;
  bench.pass(1_001).feed({ type: "respond", answer: late, payload: NOTHING });
  bench.hear(query({ id: 13 }));
  bench.feed({ type: "respond", answer: bench.only("queryAsked")[1]!.answer, payload: new Uint8Array(1_100) });
  assert.equal(bench.orders("sendUser").length, 0);
});

test("a query is for those whom its filters name, and passed on by the others", () => {
  const nodes = (...names: string[]) => encodeQueryFilter({ type: "nodes", nodes: names });
  const tag = (name: string, expr: string) => encodeQueryFilter({ type: "tag", tag: name, expr });
  const cases: [string, Uint8Array[], boolean][] = [
    ["by name", [nodes("n3", "n1")], true],
    ["another's name", [nodes("n3")], false],
    ["by tag", [tag("role", "^we+b$")], true],
    ["unanchored", [tag("role", "e")], true],
    ["another tag's value", [tag("role", "db")], false],
    ["a tag that is not there is empty", [tag("zone", "^$")], true],
    ["both must match", [nodes("n1"), tag("role", "db")], false],
    ["no expression", [tag("role", "(")], false],
    ["too long", [tag("role", `${"x?".repeat(600)}`)], false],
    ["an unknown filter", [Uint8Array.of(9)], false],
    ["an empty filter", [NOTHING], false],
  ];
  for (const [what, filters, wanted] of cases) {
    const bench = new SerfBench(3);
    bench.hear(query({ filters }));
    assert.equal(bench.only("queryAsked").length, wanted ? 1 : 0, what);
    assert.equal(bench.broadcasts().length, 1, what);
  }
  const quiet = new SerfBench(3);
  quiet.hear(query({ flags: 2 }));
  assert.deepEqual([quiet.only("queryAsked").length, quiet.broadcasts().length], [1, 0], "not to be passed on");
});

test("answers are relayed through others, where there are enough of them; and we relay", () => {
  const bench = new SerfBench(4);
  bench.hear(query({ relayFactor: 2 })).take();
  bench.feed({ type: "respond", answer: token(1), payload: Buffer.from("from n1") });
  const [direct, ...relayed] = bench.orders("sendUser");
  assert.equal(direct!.to, endpoint(2));
  assert.equal(relayed.length, 2);
  for (const { to, payload } of relayed) {
    assert.notEqual(to, endpoint(1));
    const relay = decodeSerfMessage(payload);
    assert.equal(relay.type, "relay");
    const hop = new SerfBench(4);
    hop.hear(relay);
    assert.deepEqual(hop.orders("sendUser"), [
      { type: "sendUser", to: endpoint(2), name: "n2" as NodeName, payload: direct!.payload },
    ]);
  }
  const small = new SerfBench(2);
  small.hear(query({ relayFactor: 2 })).feed({ type: "respond", answer: token(1), payload: NOTHING });
  assert.equal(small.orders("sendUser").length, 1);
});

test("serf's own queries never reach the application", () => {
  const bench = new SerfBench(3);
  const conflictAbout = (name: string): SerfMessage[] => {
    const asking = new SerfBench(3);
    asking.hear(query({ name: "_serf_conflict", payload: Buffer.from(name) }));
    return asking.orders("sendUser").map(({ payload }) => decodeSerfMessage(payload));
  };
  assert.deepEqual(conflictAbout("n1"), []);
  const [known] = conflictAbout("n2");
  const about = decodeSerfMessage((known as { payload: Uint8Array }).payload);
  assert.deepEqual(about.type === "conflictResponse" && [about.name, about.port, about.status], ["n2", 8301, 1]);
  const [unknown] = conflictAbout("n9");
  assert.deepEqual([...(unknown as { payload: Uint8Array }).payload], [6, 0xc0]);
  bench.hear(query({ name: "_serf_ping", flags: 1 })).hear(query({ name: "_serf_other", id: 12 }));
  assert.equal(bench.orders("sendUser").length, 1, "the acknowledgement");
  assert.equal(bench.only("queryAsked").length, 0);
});

test("key queries are for the keyring's keeper, and its answer goes back", () => {
  const bench = new SerfBench(3);
  const key = new Uint8Array(32).fill(1);
  const asks: [string, string][] = [
    ["install-key", "install"],
    ["use-key", "use"],
    ["remove-key", "remove"],
    ["list-keys", "list"],
  ];
  for (const [id, [name]] of asks.entries()) {
    bench.hear(query({ id, name: `_serf_${name}`, payload: encodeSerfMessage({ type: "keyRequest", key }) }));
  }
  assert.deepEqual(
    bench.only("keyQuery").map(({ operation }) => operation),
    asks.map(([, operation]) => operation),
  );
  assert.deepEqual(bench.only("keyQuery")[0]!.key, key);
  const outcome = { result: false, message: "no", keys: [], primaryKey: "" };
  bench.feed({ type: "keyAnswer", answer: bench.only("keyQuery")[0]!.answer, outcome });
  const [sent] = bench.orders("sendUser").map(({ payload }) => decodeSerfMessage(payload));
  const payload = (sent as { payload: Uint8Array }).payload;
  assert.deepEqual(decodeSerfMessage(payload), { type: "keyResponse", ...outcome });
  bench.take();
  bench.hear(query({ id: 99, name: "_serf_use-key", payload: Buffer.from("garbage") }));
  assert.equal(bench.only("keyQuery").length, 0);
  assert.equal(bench.orders("sendUser").length, 1, "refused at once");
});

test("a list of keys that is too long is cut, and says so", () => {
  const bench = new SerfBench(3);
  bench.hear(query({ name: "_serf_list-keys" }));
  const keys = Array.from({ length: 60 }, (_, at) => Buffer.alloc(32, at).toString("base64"));
  const outcome = { result: true, message: "", keys, primaryKey: keys[0]! };
  bench.feed({ type: "keyAnswer", answer: bench.only("keyQuery")[0]!.answer, outcome });
  const sent = bench.orders("sendUser")[0]!.payload;
  assert.ok(sent.length <= 1_024);
  const answer = decodeSerfMessage((decodeSerfMessage(sent) as { payload: Uint8Array }).payload);
  assert.ok(answer.type === "keyResponse" && answer.keys.length > 15 && answer.result);
  assert.equal(answer.message, `truncated key list response, showing first ${answer.keys.length} of 60 keys`);
});

test("acks bring coordinates, and ours goes into acks", () => {
  const bench = new SerfBench(2);
  const payload = encodeCoordinate(coordinateAtOrigin());
  assert.deepEqual(bench.core.ackPayload(), payload);
  const sample = (name: string, bytes: Uint8Array, rttMs = 20) =>
    bench.feed({ type: "rttSample", name: name as NodeName, rttMs, payload: bytes });
  sample("n2", payload);
  assert.deepEqual(bench.core.coordinateOf("n2"), coordinateAtOrigin());
  assert.notDeepEqual(bench.core.coordinate(), coordinateAtOrigin());
  assert.deepEqual(bench.core.coordinateOf("n1"), bench.core.coordinate());
  const before = bench.core.coordinate();
  sample("n2", NOTHING);
  sample("n2", Uint8Array.of(2, 0x80));
  sample("n2", Uint8Array.of(1, 0x81));
  sample("n2", payload, 11_000);
  assert.deepEqual(bench.core.coordinate(), before);
  sample("n9", payload);
  assert.equal(bench.core.coordinateOf("n9"), undefined, "no member");
  bench.swim(2, "alive", "dead").feed({ type: "forceLeave", name: "n2", prune: true });
  assert.equal(bench.core.coordinateOf("n2"), undefined);
});

test("new tags are told to SWIM, and filters see them", () => {
  const bench = new SerfBench(2);
  bench.feed({ type: "setTags", tags: new Map([["role", "db"]]) });
  assert.equal(bench.orders("setMeta").length, 1);
  bench.hear(query({ filters: [encodeQueryFilter({ type: "tag", tag: "role", expr: "db" })] }));
  assert.equal(bench.only("queryAsked").length, 1);
});

test("nothing that a peer sends makes the core throw, and what it holds stays in bounds", () => {
  const rng = seededRng(11);
  const bench = new SerfBench(5);
  const seeds: Uint8Array[] = [
    event(3),
    query({ flags: 3, relayFactor: 3, filters: [encodeQueryFilter({ type: "tag", tag: "role", expr: "w" })] }),
    query({ name: "_serf_conflict" }),
    query({ name: "_serf_use-key", payload: encodeSerfMessage({ type: "keyRequest", key: new Uint8Array(16) }) }),
    response(1, 1, "n2"),
    { type: "leave", lTime: 4, node: "n2", prune: true } as const,
    { type: "join", lTime: 4, node: "n3" } as const,
    {
      type: "relay",
      destAddr: { ip: Uint8Array.of(10, 0, 0, 3), port: 1, zone: "" },
      destName: "n3",
      message: NOTHING,
    } as const,
  ].map((message) => encodeSerfMessage(message as SerfMessage));
  seeds.push(bench.core.userState());
  bench.feed({ type: "query", request: request("q") });
  for (let round = 0; round < 4_000; round++) {
    const payload = mutateBytes(rng, pick(rng, seeds));
    if (round % 5 === 0) bench.feed({ type: "mergeUserState", userState: payload, join: round % 2 === 0 });
    else bench.feed({ type: "userMessage", payload });
    if (round % 50 === 0) bench.pass(100);
    bench.take();
  }
  assert.equal(bench.status(1), "alive");
  assert.ok(bench.core.members().length <= 5);
  assert.ok(bench.core.userState().length > 0);
});
