import assert from "node:assert/strict";
import { test } from "node:test";
import { logOf, sends, TestServer } from "./testing/test-server.ts";
import type { RaftEffect } from "./types.ts";

const VOTERS = ["a", "b", "c"];

type Append = ReturnType<typeof sends<"appendEntries">>[number];

/** A leader of three, whose own first entry both others have. */
function leader(): TestServer {
  const server = new TestServer({ log: logOf(VOTERS, 1), config: { preVote: false } });
  const effects = server.win("b");
  server.persist(effects);
  for (const append of appends(effects)) acknowledge(server, append);
  return server;
}

const appends = (effects: readonly RaftEffect[]): Append[] =>
  sends(effects, "appendEntries").filter(({ message }) => message.prevLogIndex > 0);

function acknowledge(server: TestServer, { to, exchange, message }: Append): readonly RaftEffect[] {
  const lastLog = message.prevLogIndex + message.entries.length;
  const { term } = server.core.status();
  return server.receive(
    to,
    { type: "appendEntriesReply", term, success: true, lastLog, noRetryBackoff: false },
    exchange,
  );
}

function propose(server: TestServer): Append[] {
  const proposals = [{ id: 7 as never, type: "command", data: Uint8Array.of(7) }] as const;
  return appends(server.feed({ type: "propose", proposals }));
}

/** Both hear the leader's heartbeats, and answer. */
function pass(server: TestServer, ms: number): RaftEffect[] {
  const effects: RaftEffect[] = [];
  for (let passed = 0; passed < ms; passed += 100) {
    effects.push(...server.tickAfter(100));
    for (const beat of sends(effects.splice(0), "appendEntries"))
      if (beat.message.prevLogIndex === 0) acknowledge(server, beat);
  }
  return effects;
}

const transfer = (server: TestServer): string[] =>
  sends(server.feed({ type: "transferLeadership", proposal: 9 as never }), "timeoutNow").map(({ to }) => to);

test("leadership goes to the voter whose disk is quicker", () => {
  for (const quick of ["b", "c"]) {
    const server = leader();
    const sent = propose(server);
    for (const append of sent.filter(({ to }) => to === quick)) acknowledge(server, append);
    pass(server, 400);
    for (const append of sent.filter(({ to }) => to !== quick)) acknowledge(server, append);
    assert.deepEqual(transfer(server), [quick]);
  }
});

test("who did not take over is not the next to be asked", () => {
  const server = leader();
  assert.deepEqual(transfer(server), ["b"]);
  pass(server, 1_100); // its time is over
  assert.deepEqual(transfer(server), ["c"]);
  pass(server, 1_100);
  assert.deepEqual(transfer(server), ["b"], "all were asked");
});

test("a majority without the leader is as quick as its slowest, and lags while it has not all", () => {
  const server = leader();
  assert.ok(server.core.successionMs() < 100);
  const [toB, toC] = propose(server);
  acknowledge(server, toB!);
  pass(server, 300);
  assert.ok(server.core.successionMs() >= 300, "c has not got it yet");
  acknowledge(server, toC!);
  assert.ok(server.core.successionMs() >= 300, "c was slow");
  for (const append of propose(server)) acknowledge(server, append);
  assert.ok(server.core.successionMs() < 200, "only its heartbeats count");
});

test("nobody goes on without a leader whose vote is needed", () => {
  const server = new TestServer({ log: logOf(["a", "b"], 1), config: { preVote: false } });
  const effects = server.win("b");
  server.persist(effects);
  for (const append of appends(effects)) acknowledge(server, append);
  assert.equal(server.core.status().role, "leader");
  assert.equal(server.core.successionMs(), Number.POSITIVE_INFINITY);
  assert.equal(new TestServer({ log: logOf(VOTERS, 1) }).core.successionMs(), Number.POSITIVE_INFINITY);
});
