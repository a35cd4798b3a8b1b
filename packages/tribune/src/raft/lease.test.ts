import assert from "node:assert/strict";
import { test } from "node:test";
import { logOf, sends, TestServer } from "./testing/test-server.ts";
import type { RaftEffect } from "./types.ts";

const VOTERS = ["a", "b", "c"];
const VOTE = { type: "requestVote", term: 2, lastLogIndex: 9, lastLogTerm: 1, leadershipTransfer: false } as const;

/** A leader whose own entry is committed and applied, at the time 10 s. */
function leader(): TestServer {
  const server = new TestServer({ log: logOf(VOTERS, 1), config: { preVote: false } });
  const effects = server.win("b");
  server.persist(effects);
  for (const append of sends(effects, "appendEntries")) acknowledge(server, append);
  server.feed({ type: "applied", index: server.core.status().commitIndex });
  return server;
}

function acknowledge(server: TestServer, { to, exchange, message }: ReturnType<typeof sends<"appendEntries">>[number]) {
  const { prevLogIndex, entries } = message;
  const lastLog = prevLogIndex + entries.length;
  const { term } = server.core.status();
  return server.receive(
    to,
    { type: "appendEntriesReply", term, success: true, lastLog, noRetryBackoff: false },
    exchange,
  );
}

const heartbeats = (effects: readonly RaftEffect[]) =>
  sends(effects, "appendEntries").filter(({ message }) => message.entries.length === 0 && message.prevLogIndex === 0);

test("Thesis §6.4.1: a lease runs from when a request was sent, not from when it was answered", () => {
  const server = leader();
  const sentAtMs = server.nowMs + 200;
  const [heartbeat] = heartbeats(server.tickAfter(200));
  server.nowMs += 400;
  acknowledge(server, heartbeat!);
  assert.equal(server.core.mayReadByLease(sentAtMs + 499), true);
  assert.equal(server.core.mayReadByLease(sentAtMs + 500), false);
});

test("no lease before the leader's own entry is applied", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1), config: { preVote: false } });
  const effects = server.win("b");
  server.persist(effects);
  for (const append of sends(effects, "appendEntries")) acknowledge(server, append);
  assert.equal(server.core.mayReadByLease(server.nowMs), false);
  server.feed({ type: "applied", index: server.core.status().commitIndex });
  assert.equal(server.core.mayReadByLease(server.nowMs), true);
});

test("who told another to take over has no lease for the rest of the term", () => {
  const server = leader();
  server.feed({ type: "transferLeadership", proposal: 1 as never });
  assert.equal(server.core.mayReadByLease(server.nowMs), false);
  for (const heartbeat of heartbeats(server.tickAfter(1000))) acknowledge(server, heartbeat);
  assert.equal(server.core.mayReadByLease(server.nowMs), false);
});

test("who led until now has heard from a leader until now", () => {
  const server = leader();
  assert.equal(server.core.lastContactAtMs, undefined, "it never followed");
  server.tickAfter(60_000);
  assert.equal(server.core.status().role, "follower");
  assert.equal(server.core.lastContactAtMs, server.nowMs);
});

test("a sole voter needs no lease; a follower has none", () => {
  const alone = new TestServer({ log: logOf(["a"], 1), config: { preVote: false } });
  // It campaigns by itself: first its vote becomes durable, then its own entry.
  for (let write = 1; write <= 2; write++) alone.feed({ type: "persisted", write: write as never });
  alone.feed({ type: "applied", index: alone.core.status().commitIndex });
  assert.equal(alone.core.status().role, "leader");
  assert.equal(alone.core.mayReadByLease(alone.nowMs + 1e9), true);
  assert.equal(new TestServer({ log: logOf(VOTERS, 1) }).core.mayReadByLease(0), false);
});

test("a restarted voter keeps the promise it may have made: no vote before the lease is over", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1), justStarted: true });
  const granted = () => sends(server.receive("b", VOTE), "requestVoteReply")[0]?.message.granted;
  assert.equal(granted(), false);
  assert.equal(server.core.status().term, 1);
  server.nowMs += 700;
  assert.equal(granted(), true);
});

test("a new server has promised nothing", () => {
  const server = new TestServer({ log: [], hardState: { term: 0, votedFor: undefined }, justStarted: true });
  assert.equal(sends(server.receive("b", VOTE), "requestVoteReply")[0]?.message.granted, true);
});
