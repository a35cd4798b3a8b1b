import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationEntry, configurationOf, id, logOf, sends, TestServer } from "./testing/test-server.ts";

const VOTERS = ["a", "b", "c"];
const NO_PRE_VOTE = { preVote: false };

function voteFor(term: number, lastLogIndex: number, lastLogTerm: number, leadershipTransfer = false) {
  return { type: "requestVote", term, lastLogIndex, lastLogTerm, leadershipTransfer } as const;
}
function heartbeat(term: number) {
  return { type: "appendEntries", term, prevLogIndex: 0, prevLogTerm: 0, entries: [], leaderCommit: 0 } as const;
}

test("§5.2: a vote is durable before it is answered, and there is one for each term", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1, 1) });
  const effects = server.receive("b", voteFor(2, 3, 1));
  const [write] = effects;
  assert.equal(write?.type, "persist");
  assert.deepEqual(write.hardState, { term: 2, votedFor: "b" });
  const [reply] = sends(effects, "requestVoteReply");
  assert.equal(reply?.message.granted, true);
  assert.equal(reply?.after, write.write);
  const [second] = sends(server.receive("c", voteFor(2, 3, 1)), "requestVoteReply");
  assert.equal(second?.message.granted, false);
  const [again] = sends(server.receive("b", voteFor(2, 3, 1)), "requestVoteReply");
  assert.deepEqual([again?.message.granted, again?.after], [true, write.write], "a repeated vote waits as well");
});

for (const [index, term, granted] of [
  [3, 2, true],
  [2, 3, true],
  [9, 1, false],
  [2, 2, false],
] as const) {
  test(`§5.4.1: a log ending at ${index} of term ${term} is ${granted ? "" : "not "}up to date against 3 of term 2`, () => {
    const server = new TestServer({ log: logOf(VOTERS, 1, 2) });
    const [reply] = sends(server.receive("b", voteFor(5, index, term)), "requestVoteReply");
    assert.equal(reply?.message.granted, granted);
    assert.equal(server.core.status().term, 5);
  });
}

test("a vote is refused, and the term not raised, while a leader is known; a transfer overrides that", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  server.receive("b", heartbeat(1));
  const [refused] = sends(server.receive("c", voteFor(7, 9, 1)), "requestVoteReply");
  assert.deepEqual([refused?.message.granted, refused?.message.term], [false, 1]);
  const [granted] = sends(server.receive("c", voteFor(7, 9, 1, true)), "requestVoteReply");
  assert.deepEqual([granted?.message.granted, granted?.message.term], [true, 7]);
});

test("a new cluster elects at once: its first server begins, and another only if nothing comes of it", () => {
  const configuration = configurationOf(...VOTERS);
  const first = new TestServer({ log: [] });
  const asked = sends(first.feed({ type: "bootstrap", configuration }), "requestPreVote");
  assert.deepEqual(
    asked.map(({ to }) => to),
    ["b", "c"],
  );
  const second = new TestServer({ name: "b", log: [] });
  assert.deepEqual(sends(second.feed({ type: "bootstrap", configuration }), "requestPreVote"), []);
  assert.deepEqual(sends(second.tickAfter(39), "requestPreVote"), [], "the first has its time");
  assert.equal(sends(second.tickAfter(41), "requestPreVote").length, 2, "soon");
});

test("a candidate's own vote counts once it is durable", () => {
  const server = new TestServer({ log: logOf(["a", "b"], 1), config: NO_PRE_VOTE });
  const effects = server.tickAfter(5000);
  const [request] = sends(effects, "requestVote");
  server.receive("b", { type: "requestVoteReply", term: 2, granted: true }, request?.exchange);
  assert.equal(server.core.status().role, "candidate");
  server.persist(effects);
  assert.equal(server.core.status().role, "leader");
});

test("who began anew votes only for logs of its term or later, and does not campaign, until it is filled again", () => {
  const ask = (server: TestServer, lastLogIndex: number, lastLogTerm: number): boolean | undefined => {
    const message = { type: "requestVote", term: 9, lastLogIndex, lastLogTerm, leadershipTransfer: false } as const;
    const effects = server.receive("b", message);
    return sends([...effects, ...server.persist(effects)], "requestVoteReply")[0]?.message.granted;
  };
  const emptied = (refillTerm: number | undefined, ...terms: number[]): TestServer =>
    new TestServer({ log: logOf(VOTERS, ...terms), hardState: { term: 5, votedFor: undefined }, refillTerm });
  assert.equal(ask(emptied(undefined, 2), 100, 3), true);
  assert.equal(ask(emptied(4, 2), 100, 3), false, "it may have acknowledged what this one lacks");
  assert.equal(ask(emptied(4, 2), 1, 4), true, "an entry of the term stands for all committed before it");
  assert.equal(ask(emptied(4, 2, 4), 2, 4), false, "filled again, it votes as anybody");
  const campaigns = (server: TestServer): boolean => server.tickAfter(5_000).some(({ type }) => type === "send");
  assert.deepEqual([campaigns(emptied(4, 2)), campaigns(emptied(4, 2, 4))], [false, true]);
  assert.deepEqual(sends(emptied(4, 2).receive("b", { type: "timeoutNow" }), "requestVote"), []);
});

test("Thesis §9.6: a pre-vote changes no term; peers that do not know it count as granting", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  const requests = sends(server.tickAfter(5000), "requestPreVote");
  assert.deepEqual(
    requests.map((request) => request.message.term),
    [2, 2],
  );
  assert.equal(server.core.status().term, 1);
  const refusal = { type: "requestPreVoteReply", term: 1, granted: false } as const;
  assert.deepEqual(sends(server.receive("b", refusal, requests[0]?.exchange), "requestVote"), []);
  const exchange = requests[1]!.exchange;
  const effects = server.feed({ type: "exchangeFailed", exchange, reason: "unsupported" });
  assert.equal(sends(effects, "requestVote").length, 2);
  assert.equal(server.core.status().term, 2);
});

test("a pre-vote is refused while a leader is known, unless its connection broke", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  server.receive("b", heartbeat(1));
  const question = { type: "requestPreVote", term: 2, lastLogIndex: 2, lastLogTerm: 1 } as const;
  const [refused] = sends(server.receive("c", question), "requestPreVoteReply");
  assert.equal(refused?.message.granted, false);
  server.feed({ type: "peerConnectionLost", peer: id("b") });
  const [granted] = sends(server.receive("c", question), "requestPreVoteReply");
  assert.equal(granted?.message.granted, true);
});

test("Thesis §4.2.2: a server whose removal may not be committed still campaigns; a non-voter does not", () => {
  const removed = configurationEntry(3, 1, configurationOf("b", "c"));
  const server = new TestServer({ log: [...logOf(VOTERS, 1), removed], config: NO_PRE_VOTE });
  assert.equal(sends(server.tickAfter(5000), "requestVote").length, 2);
  const stranger = new TestServer({ name: "d", log: logOf(VOTERS, 1), config: NO_PRE_VOTE });
  assert.deepEqual(stranger.tickAfter(5000), []);
});

test("the leader's lease: without a quorum's answers it steps down and settles what is open", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1), config: NO_PRE_VOTE });
  server.win("b");
  assert.equal(server.core.status().role, "leader");
  server.feed({ type: "propose", proposals: [{ id: 1 as never, type: "command", data: Uint8Array.of(1) }] });
  const effects = server.tickAfter(501);
  assert.equal(server.core.status().role, "follower");
  const settle = effects.find((effect) => effect.type === "settle");
  assert.equal(settle !== undefined && "error" in settle.outcome && settle.outcome.error, "leadershipLost");
});

test("Thesis §3.10: timeoutNow starts an election at once that overrides known leaders", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  server.receive("b", heartbeat(1));
  const effects = server.receive("b", { type: "timeoutNow" });
  const [request] = sends(effects, "requestVote");
  assert.equal(request?.message.leadershipTransfer, true);
  // Nobody was missed: whoever counts elections, or is called for them, is told.
  const [changed] = effects.filter((effect) => effect.type === "roleChanged");
  assert.deepEqual([changed?.role, changed?.leadershipTransfer], ["candidate", true]);
});

test("a leader whose connection closed is replaced within a second, in tries that stay short", () => {
  const server = new TestServer({
    log: logOf(VOTERS, 1),
    config: { heartbeatTimeoutMs: 5000, electionTimeoutMs: 5000 },
  });
  server.receive("b", heartbeat(1));
  server.feed({ type: "peerConnectionLost", peer: id("b") });
  const [, toC] = sends(server.tickAfter(200), "requestPreVote");
  const refusal = { type: "requestPreVoteReply", term: 1, granted: false } as const;
  server.receive("c", refusal, toC?.exchange);
  const [, again] = sends(server.tickAfter(400), "requestPreVote");
  assert.ok(again !== undefined, "asked again before c's own timeout, which is five seconds at least");
  const granted = { type: "requestPreVoteReply", term: 1, granted: true } as const;
  const effects = server.receive("c", granted, again.exchange);
  server.persist(effects);
  const [, vote] = sends(effects, "requestVote");
  server.receive("c", { type: "requestVoteReply", term: 2, granted: true }, vote?.exchange);
  assert.equal(server.core.status().role, "leader");
});

test("a closed connection is no evidence while a peer does not know pre-vote", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  const [toB, toC] = sends(server.tickAfter(5000), "requestPreVote");
  server.feed({ type: "exchangeFailed", exchange: toC!.exchange, reason: "unsupported" });
  assert.ok(toB !== undefined);
  server.persist(server.receive("b", heartbeat(3)));
  server.feed({ type: "peerConnectionLost", peer: id("b") });
  assert.deepEqual(server.tickAfter(300), []);
  server.feed({ type: "peerConnectionLost", peer: id("c") });
  server.receive("b", heartbeat(3));
  server.feed({ type: "peerConnectionLost", peer: id("b") });
  assert.equal(sends(server.tickAfter(300), "requestPreVote").length, 2, "c came back, maybe as something newer");
});

test("a candidate begins no further term while its own vote is on its way to a slow disk, and asks once it is there", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1), config: NO_PRE_VOTE });
  const effects = server.tickAfter(5_000);
  assert.equal(sends(effects, "requestVote")[0]?.message.term, 2);
  for (let tick = 0; tick < 20; tick++) assert.deepEqual(server.tickAfter(500), []);
  assert.equal(server.core.status().term, 2);
  server.persist(effects);
  assert.deepEqual(sends(server.tickAfter(999), "requestVote"), [], "the others have their time from now on");
  assert.equal(sends(server.tickAfter(1_001), "requestVote")[0]?.message.term, 3);
});

test("nobody campaigns while the disk is slow", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  const entries = [{ index: 3, term: 1, type: "command", data: Uint8Array.of(1) }] as const;
  const append = { type: "appendEntries", term: 1, prevLogIndex: 2, prevLogTerm: 1, entries, leaderCommit: 0 } as const;
  const effects = server.receive("b", append);
  for (let tick = 0; tick < 10; tick++) assert.deepEqual(sends(server.tickAfter(1_000), "requestPreVote"), []);
  server.persist(effects);
  assert.equal(sends(server.tickAfter(1_000), "requestPreVote").length, 2);
});

test("a vote that a slow disk holds back elects even while the candidate asks for a further term", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  const granted = { type: "requestPreVoteReply", term: 1, granted: true } as const;
  const [, poll] = sends(server.tickAfter(5_000), "requestPreVote");
  const effects = server.receive("c", granted, poll?.exchange);
  server.persist(effects);
  const [, vote] = sends(effects, "requestVote");
  const [, again] = sends(server.tickAfter(5_000), "requestPreVote");
  assert.equal(again?.message.term, 3);
  // c says that its vote of term 2 is on its way; then it comes.
  server.receive("c", { type: "requestPreVoteReply", term: 2, granted: false }, again?.exchange);
  server.receive("c", { type: "requestVoteReply", term: 2, granted: true }, vote?.exchange);
  assert.deepEqual([server.core.status().role, server.core.status().term], ["leader", 2]);
});

test("no pre-vote is granted while a vote is on its way to the disk", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1) });
  const question = { type: "requestPreVote", term: 3, lastLogIndex: 3, lastLogTerm: 1 } as const;
  const asked = () => sends(server.receive("b", question), "requestPreVoteReply")[0]?.message.granted;
  const effects = server.receive("b", voteFor(2, 3, 1));
  assert.equal(asked(), false, "it may yet elect");
  server.persist(effects);
  assert.equal(asked(), true);
});

test("a leader whose lease is over asks at once whether it may lead again, unless a peer does not know pre-vote", () => {
  const leader = (): TestServer => {
    const server = new TestServer({ log: logOf(VOTERS, 1) });
    const [, poll] = sends(server.tickAfter(5_000), "requestPreVote");
    const effects = server.receive("c", { type: "requestPreVoteReply", term: 1, granted: true }, poll?.exchange);
    server.persist(effects);
    const [, vote] = sends(effects, "requestVote");
    server.persist(server.receive("c", { type: "requestVoteReply", term: 2, granted: true }, vote?.exchange));
    assert.equal(server.core.status().role, "leader");
    return server;
  };
  assert.deepEqual(
    sends(leader().tickAfter(501), "requestPreVote").map(({ message }) => message.term),
    [3, 3],
  );
  const mixed = new TestServer({ log: logOf(VOTERS, 1) });
  const [toB, toC] = sends(mixed.tickAfter(5_000), "requestPreVote");
  const effects = mixed.feed({ type: "exchangeFailed", exchange: toC!.exchange, reason: "unsupported" });
  mixed.persist(effects);
  const [vote] = sends(effects, "requestVote");
  mixed.persist(mixed.receive("b", { type: "requestVoteReply", term: 2, granted: true }, vote?.exchange));
  assert.deepEqual([mixed.core.status().role, toB?.to], ["leader", "b"]);
  assert.deepEqual(sends(mixed.tickAfter(501), "requestVote"), []);
  assert.equal(mixed.core.status().role, "follower");
});
