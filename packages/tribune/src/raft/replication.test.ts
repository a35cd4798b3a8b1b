import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationEntry, configurationOf, id, logOf, sends, TestServer } from "./testing/test-server.ts";
import type { LogEntry, ProposalId, RaftEffect, ReadId, WriteId } from "./types.ts";

const VOTERS = ["a", "b", "c"];
const NO_PRE_VOTE = { preVote: false };

function append(term: number, prevLogIndex: number, prevLogTerm: number, terms: number[], leaderCommit = 0) {
  const entries = terms.map(
    (entryTerm, at): LogEntry => ({
      index: prevLogIndex + 1 + at,
      term: entryTerm,
      type: "command",
      data: Uint8Array.of(at, entryTerm),
    }),
  );
  return { type: "appendEntries", term, prevLogIndex, prevLogTerm, entries, leaderCommit } as const;
}

function types(effects: readonly RaftEffect[]): string[] {
  return effects.map((effect) => effect.type);
}

test("§5.3: an append is stored before it is answered", () => {
  const server = new TestServer({ log: logOf(VOTERS) });
  const effects = server.receive("b", append(1, 1, 1, [1, 1], 2));
  const [write] = effects;
  assert.equal(write?.type, "persist");
  assert.equal(write.entries.length, 2);
  const [reply] = sends(effects, "appendEntriesReply");
  assert.deepEqual([reply?.message.success, reply?.message.lastLog, reply?.after], [true, 3, write.write]);
  assert.equal(server.core.status().commitIndex, 2);
});

test("a heartbeat is answered at once, whatever the disk does", () => {
  const server = new TestServer({ log: logOf(VOTERS) });
  server.receive("b", append(1, 1, 1, [1]));
  const [reply] = sends(server.receive("b", append(1, 0, 0, [])), "appendEntriesReply");
  assert.deepEqual([reply?.message.success, reply?.after], [true, undefined]);
});

test("§5.3: a conflicting suffix is removed, and a late shorter append removes nothing", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1, 1, 1) });
  const [write] = server.receive("b", append(2, 2, 1, [2]));
  assert.equal(write?.type === "persist" && write.truncateFrom, 3);
  assert.equal(server.core.status().lastLogIndex, 3);
  server.receive("b", append(2, 3, 2, [2, 2]));
  const late = server.receive("b", append(2, 2, 1, [2]));
  assert.ok(!types(late).includes("persist"));
  assert.equal(server.core.status().lastLogIndex, 5);
});

test("the end of §5.3: a refusal names where the conflicting term starts", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1, 3, 3, 3) });
  const [reply] = sends(server.receive("b", append(4, 5, 4, [4])), "appendEntriesReply");
  assert.deepEqual([reply?.message.success, reply?.message.lastLog, reply?.message.noRetryBackoff], [false, 2, true]);
});

test("nonsense is dropped and refused, never thrown, and changes nothing", () => {
  const bad: LogEntry[][] = [
    [{ index: 9, term: 2, type: "command", data: new Uint8Array(0) }],
    [{ index: 3, term: 7, type: "command", data: new Uint8Array(0) }],
    [{ index: 3, term: 2, type: "configuration", data: Uint8Array.of(255) }],
  ];
  for (const entries of bad) {
    const server = new TestServer({ log: logOf(VOTERS, 1) });
    const message = {
      type: "appendEntries",
      term: 2,
      prevLogIndex: 2,
      prevLogTerm: 1,
      entries,
      leaderCommit: 3,
    } as const;
    const effects = server.receive("b", message);
    assert.ok(types(effects).includes("dropped"));
    assert.equal(sends(effects, "appendEntriesReply")[0]?.message.success, false);
    assert.equal(server.core.status().lastLogIndex, 2);
  }
});

test("what contradicts a committed entry is refused, and said; who holds nothing but a snapshot may begin anew", () => {
  const snapshot = { index: 5, term: 2, configuration: configurationOf(...VOTERS), configurationIndex: 1 };
  const server = (log: readonly LogEntry[]): TestServer => new TestServer({ log, snapshot });
  const alone: LogEntry[] = [];
  const followed: LogEntry[] = [{ index: 6, term: 2, type: "command", data: new Uint8Array(0) }];
  const cases = [
    { what: "another entry in the snapshot's place", log: alone, message: append(3, 4, 2, [3]), startOver: true },
    { what: "one inside the snapshot of a later term", log: alone, message: append(3, 2, 1, [3]), startOver: true },
    { what: "a previous one of another term", log: alone, message: append(3, 5, 3, [3]), startOver: true },
    { what: "the same inside the snapshot", log: alone, message: append(4, 3, 3, []), startOver: true },
    { what: "with entries behind the snapshot", log: followed, message: append(3, 4, 2, [3]), startOver: true },
  ];
  for (const { what, log, message, startOver } of cases) {
    const one = server(log);
    const effects = one.receive("b", message);
    const [seen] = effects.filter((effect) => effect.type === "contradicted");
    assert.ok(seen !== undefined, what);
    assert.deepEqual([seen.startOver, seen.term, seen.index], [startOver, message.term, 5], what);
    assert.equal(sends(effects, "appendEntriesReply")[0]?.message.success, false, what);
  }
  // Told by a leader that something behind it is committed, the snapshot is: nothing here may be given up.
  const proven = server(followed);
  proven.receive("b", { ...append(2, 6, 2, []), leaderCommit: 6 });
  const [seen] = proven.receive("c", append(3, 4, 2, [3])).filter((effect) => effect.type === "contradicted");
  assert.equal(seen?.startOver, false);
  // What a correct leader sends to who holds the snapshot.
  for (const message of [append(3, 3, 1, [1, 2, 3]), append(3, 5, 2, [3]), append(3, 4, 2, [2, 2, 3])])
    assert.equal(sends(server(alone).receive("b", message), "appendEntriesReply")[0]?.message.success, true);
});

test("§5.4.2: entries of earlier terms commit only under one of the leader's own", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1, 1), config: NO_PRE_VOTE });
  const effects = server.win("b");
  const [toB] = sends(effects, "appendEntries").filter((send) => send.to === "b" && send.message.entries.length > 0);
  assert.equal(toB?.after, undefined, "the leader's own disk works beside its followers'");
  assert.deepEqual([toB?.message.prevLogIndex, toB?.message.entries[0]?.type], [3, "noop"]);
  assert.equal(server.core.status().commitIndex, 0);
  const ok = { type: "appendEntriesReply", term: 2, success: true, lastLog: 4, noRetryBackoff: false } as const;
  server.receive("b", ok, toB?.exchange);
  assert.equal(server.core.status().commitIndex, 0, "our own copy is not durable yet");
  server.persist(effects);
  assert.equal(server.core.status().commitIndex, 4);
});

test("a follower behind is found by its hint and then fed in a pipeline", () => {
  const server = new TestServer({ log: logOf(VOTERS, 1, 1, 1), config: { ...NO_PRE_VOTE, maxAppendEntries: 1 } });
  const first = sends(server.win("b"), "appendEntries").find(
    (send) => send.to === "b" && send.message.entries.length > 0,
  );
  const refused = { type: "appendEntriesReply", term: 2, success: false, lastLog: 1, noRetryBackoff: true } as const;
  const probe = sends(server.receive("b", refused, first?.exchange), "appendEntries");
  assert.deepEqual(
    probe.map((send) => [send.to, send.message.prevLogIndex]),
    [["b", 1]],
  );
  const ok = { type: "appendEntriesReply", term: 2, success: true, lastLog: 2, noRetryBackoff: false } as const;
  const piped = sends(server.receive("b", ok, probe[0]?.exchange), "appendEntries");
  assert.deepEqual(
    piped.map((send) => send.message.prevLogIndex),
    [2, 3, 4],
  );
});

test("Thesis §6.4: a read is answered after a quorum confirmed the leader and its index is applied", () => {
  const server = new TestServer({ log: logOf(["a", "b"], 1), config: NO_PRE_VOTE });
  const won = server.win("b");
  const noop = sends(won, "appendEntries").find((send) => send.message.entries.length > 0);
  server.persist(won);
  const ok = { type: "appendEntriesReply", term: 2, success: true, lastLog: 3, noRetryBackoff: false } as const;
  server.receive("b", ok, noop?.exchange);
  assert.equal(server.core.status().commitIndex, 3);
  const asked = server.feed({ type: "readIndex", read: 1 as ReadId });
  assert.ok(!types(asked).includes("readReady"));
  const [beat] = sends(asked, "appendEntries");
  assert.ok(!types(server.receive("b", ok, beat?.exchange)).includes("readReady"), "not applied yet");
  const done = server.feed({ type: "applied", index: 3 });
  assert.deepEqual(
    done.filter((effect) => effect.type === "readReady").map((effect) => effect.outcome),
    [{ index: 3 }],
  );
});

test("Thesis §4.1: a membership change waits until the one before it is committed", () => {
  const server = new TestServer({ log: logOf(["a"], 1), config: NO_PRE_VOTE });
  server.persist(server.feed({ type: "tick" }));
  server.feed({ type: "persisted", write: 1 as never });
  server.feed({ type: "persisted", write: 2 as never });
  assert.equal(server.core.status().role, "leader");
  const change = (proposal: number, type: "addVoter" | "addNonvoter", name: string): readonly RaftEffect[] =>
    server.feed({
      type: "proposeConfiguration",
      proposal: proposal as ProposalId,
      change: { type, id: id(name), address: `${name}:8300` },
      prevIndex: 0,
    });
  const [write] = change(1, "addNonvoter", "b");
  assert.equal(write?.type === "persist" && write.entries.length, 1);
  assert.deepEqual(change(2, "addVoter", "c"), [], "the first is not committed yet");
  assert.equal(server.core.status().configuration.servers.length, 2);
  server.persist([write!]);
  assert.equal(server.core.status().configuration.servers.length, 3);
});

test("a truncated configuration gives way to the one before it", () => {
  const second = configurationEntry(2, 1, configurationOf("a", "b"));
  const server = new TestServer({ log: [...logOf(VOTERS), second] });
  const effects = server.receive("b", append(2, 1, 1, [2]));
  assert.equal(server.core.status().configurationIndex, 1);
  assert.ok(types(effects).includes("configurationChanged"));
});

test("who joins a server that was alone gets from its disk what memory let go of", () => {
  const disk = logOf(["a"]);
  const server = new TestServer({ log: disk, justStarted: true });
  const loaded: [from: number, to: number][] = [];
  /** As a disk and a state machine would, at once. @returns what is sent to others */
  const work = (effects: readonly RaftEffect[]): readonly RaftEffect[] =>
    effects.flatMap((effect): readonly RaftEffect[] => {
      if (effect.type === "apply")
        return work(server.feed({ type: "applied", index: effect.entries.at(-1)?.index ?? 0 }));
      if (effect.type === "persist") {
        disk.push(...effect.entries);
        return work(server.feed({ type: "persisted", write: effect.write }));
      }
      if (effect.type !== "loadEntries") return [effect];
      loaded.push([effect.from, effect.to]);
      const entries = disk.slice(effect.from - 1, effect.to);
      return work(server.feed({ type: "entriesLoaded", load: effect.load, entries }));
    });
  work(server.feed({ type: "persisted", write: 1 as WriteId }));
  for (let at = 1; at <= 100; at++) {
    const proposal = { id: at as ProposalId, type: "command", data: Uint8Array.of(at) } as const;
    work(server.feed({ type: "propose", proposals: [proposal] }));
  }
  const change = { type: "addNonvoter", id: id("b"), address: "b:8300" } as const;
  const has: LogEntry[] = [];
  let sent = work(server.feed({ type: "proposeConfiguration", proposal: 101 as ProposalId, change, prevIndex: 0 }));
  for (let turns = 0; turns < 10; turns++) {
    const answered = sends(sent, "appendEntries").flatMap(({ message, exchange }) => {
      const { term, prevLogIndex, entries } = message;
      const isHeartbeat = prevLogIndex === 0 && entries.length === 0;
      const success = isHeartbeat || prevLogIndex === has.length;
      if (success) has.push(...entries);
      const reply = { type: "appendEntriesReply", term, success, lastLog: has.length, noRetryBackoff: true } as const;
      return work(server.receive("b", reply, exchange));
    });
    sent = answered.length > 0 ? answered : work(server.tickAfter(200));
  }
  assert.deepEqual(has, disk);
  assert.equal(has.length, 103);
  // Only what came when it was no longer alone was still in memory.
  assert.deepEqual(loaded, [
    [1, 64],
    [65, 102],
  ]);
});
