import assert from "node:assert/strict";
import { test } from "node:test";
import type { Query } from "../../codec/serf-messages.ts";
import { endpoint, SerfBench, state } from "./serf.test.support.ts";

const NIL = Uint8Array.of(6, 0xc0);

/** `n1` of five, to whom another address has claimed its name. */
function claimed(resolveNameConflicts = true) {
  const bench = new SerfBench(5, { settings: { resolveNameConflicts } });
  const claim = (): void => {
    bench.feed({
      type: "nameConflict",
      known: state(1, "alive"),
      other: { ...state(1, "alive"), endpoint: endpoint(9) },
    });
  };
  claim();
  const questions = (): Query[] => bench.broadcasts().filter((message): message is Query => message.type === "query");
  const [question] = questions();
  const answer = (from: string, payload: Uint8Array): void => {
    const { lTime, id } = question!;
    bench.hear({ type: "queryResponse", lTime, id, from, flags: 0, payload });
  };
  const logs = (): string =>
    bench
      .only("log")
      .map(({ message }) => message)
      .join("\n");
  return { bench, claim, questions, question, answer, logs };
}

/** What a peer answers who knows `n1` at that address: made by a core of ours. */
function knownAt(last: number): Uint8Array {
  const peer = new SerfBench();
  const member = { ...state(2, "alive"), endpoint: endpoint(last) };
  peer.feed({ type: "memberChanged", before: undefined, after: member });
  const query = {
    lTime: 5,
    id: 1,
    addr: Uint8Array.of(10, 0, 0, 7),
    port: 8301,
    sourceNode: "x",
    filters: [],
    flags: 0,
  };
  const rest = { relayFactor: 0, timeoutMs: 1_000, name: "_serf_conflict", payload: new TextEncoder().encode("n2") };
  peer.hear({ type: "query", ...query, ...rest });
  const [sent] = peer.orders("sendUser");
  const bench = new SerfBench();
  bench.feed({ type: "userMessage", payload: sent!.payload });
  // type byte and map of the response: its payload is what was asked for
  const at = Buffer.from(sent!.payload).lastIndexOf(Uint8Array.of(6, 0x8b));
  assert.ok(at > 0);
  return sent!.payload.subarray(at);
}

test("a claim on our name is put to a vote, once at a time", () => {
  const { claim, question, questions, bench, logs } = claimed();
  assert.equal(question?.name, "_serf_conflict");
  assert.equal(Buffer.from(question?.payload ?? []).toString(), "n1");
  claim();
  assert.equal(questions().length, 1);
  assert.match(logs(), /Node name conflicts with another node at 10\.0\.0\.9:8301\. .*\(Resolution enabled: true\)/);
  bench.pass(60_000);
  claim();
  assert.equal(questions().length, 2, "the next one after its end");
});

test("who has the majority stays", () => {
  const { answer, bench, logs } = claimed();
  for (const from of ["n2", "n3"]) answer(from, knownAt(1));
  answer("n4", knownAt(9));
  bench.pass(60_000);
  assert.deepEqual(bench.only("nameLost"), []);
  assert.match(logs(), /majority in name conflict resolution \[2 \/ 3\]/);
  assert.deepEqual(bench.only("queryDone"), [], "the layer above has not asked");
  assert.deepEqual(bench.only("queryResponse"), []);
});

test("half of the answers are no majority, and one that does not know the name counts", () => {
  for (const other of [knownAt(9), NIL]) {
    const { answer, bench, logs } = claimed();
    answer("n2", knownAt(1));
    answer("n3", other);
    assert.deepEqual(bench.only("nameLost"), [], "not before the time is up");
    bench.pass(60_000);
    assert.deepEqual(bench.only("nameLost"), [{ type: "nameLost", to: endpoint(9) }]);
    assert.match(logs(), /minority in name conflict resolution, quiting \[1 \/ 2\]/);
  }
});

test("without any answer, or with garbage alone, nobody has voted", () => {
  for (const garbage of [undefined, Uint8Array.of(), Uint8Array.of(3, 1), Uint8Array.of(6, 0xff, 0xff)]) {
    const { answer, bench, logs } = claimed();
    if (garbage !== undefined) answer("n2", garbage);
    bench.pass(60_000);
    assert.deepEqual(bench.only("nameLost"), []);
    assert.match(logs(), /no answer in name conflict resolution/);
  }
});

test("where it is not wanted, a claim is only logged", () => {
  const { questions, logs } = claimed(false);
  assert.deepEqual(questions(), []);
  assert.match(logs(), /Resolution enabled: false/);
});
