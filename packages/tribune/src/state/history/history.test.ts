import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, Node, NodeService } from "@tribune/api";
import type { CatalogChange } from "../effects.ts";
import { History } from "./history.ts";
import { type FoundTransitions, HistoryReader } from "./history-reader.ts";

const LIMITS = { perSubjectMax: 3, totalMax: 10, outputCharsMax: 8 };

const check = (status: string, more: Partial<HealthCheck> = {}): HealthCheck =>
  make(HealthCheck, { Node: "n", CheckID: "c", Name: "C", Status: status, ...more });

const became = (from: string | undefined, to: string | undefined, more: Partial<HealthCheck> = {}): CatalogChange => ({
  kind: "check",
  by: "agent",
  before: from === undefined ? undefined : check(from, more),
  after: to === undefined ? undefined : check(to, more),
});

const find = (history: History, how: (reader: HistoryReader) => FoundTransitions): FoundTransitions =>
  history.read((tx) => how(HistoryReader.of(tx))).result;

const steps = (history: History, limit = 100): readonly string[] =>
  find(history, (reader) => reader.recent(limit)).transitions.map(
    ({ Index, CheckID, From, To }) => `${Index} ${CheckID}: ${From}>${To}`,
  );

test("a check's life is told newest first, with time, output and writer", () => {
  const history = new History(LIMITS);
  history.record({ index: 5, appendedAtMs: 1_000 }, [became(undefined, "passing")]);
  history.record({ index: 9, appendedAtMs: 2_000 }, [became("passing", "critical", { Output: "connection refused" })]);
  history.record({ index: 12 }, [became("critical", undefined)]);
  const { index, transitions } = find(history, (reader) => reader.ofCheck("N", "C", 10));
  assert.equal(index, 12);
  assert.deepEqual(
    transitions.map(({ Time, From, To, Output, By }) => [Time, From, To, Output, By]),
    [
      ["", "critical", "", "", "agent"],
      ["1970-01-01T00:00:02.000Z", "passing", "critical", "connecti", "agent"],
      ["1970-01-01T00:00:01.000Z", "", "passing", "", "agent"],
    ],
  );
});

test("a registration says what of it changed; one that says the same again is none", () => {
  const history = new History(LIMITS);
  const before = make(NodeService, { ID: "web1", Service: "web", Port: 80, ModifyIndex: 1 });
  const after = { ...before, Port: 81, Tags: ["v2"], ModifyIndex: 2 };
  const changed = (from: NodeService, to: NodeService): CatalogChange => ({
    kind: "service",
    by: "agent",
    node: "n",
    before: from,
    after: to,
  });
  history.record({ index: 2 }, [changed(before, after)]);
  history.record({ index: 3 }, [changed(after, { ...after, ModifyIndex: 3 })]);
  const { transitions } = find(history, (reader) => reader.ofService("WEB", 10));
  assert.deepEqual(
    transitions.map(({ Index, From, To, Changed }) => [Index, From, To, [...Changed!].sort()]),
    [[2, "registered", "registered", ["Port", "Tags"]]],
  );
});

test("a node's history has its own registration and all that is on it, and nothing of a node whose name begins alike", () => {
  const history = new History(LIMITS);
  const node: CatalogChange = { kind: "node", by: "", before: undefined, after: make(Node, { Node: "n" }) };
  const other = became(undefined, "passing", { Node: "n2" });
  history.record({ index: 4 }, [node, became(undefined, "passing"), other]);
  const { transitions } = find(history, (reader) => reader.ofNode("n", 10));
  assert.deepEqual(
    transitions.map(({ Kind }) => Kind),
    ["check", "node"],
  );
});

test("each subject keeps its last ones, and one that changes all the time takes no room from others", () => {
  const history = new History(LIMITS);
  history.record({ index: 1 }, [became(undefined, "passing", { CheckID: "calm" })]);
  for (let index = 2; index < 100; index++)
    history.record({ index }, [
      became(index % 2 === 0 ? "passing" : "critical", index % 2 === 0 ? "critical" : "passing"),
    ]);
  assert.deepEqual(steps(history), [
    "99 c: critical>passing",
    "98 c: passing>critical",
    "97 c: critical>passing",
    "1 calm: >passing",
  ]);
  assert.equal(history.ring.size, 4);
});

test("beyond the bound on all of them the oldest go, and it says since when it knows", () => {
  const history = new History(LIMITS);
  history.applied({ index: 1 });
  for (let index = 1; index <= 25; index++)
    history.record({ index, appendedAtMs: index * 1_000 }, [became(undefined, "passing", { CheckID: `c${index}` })]);
  assert.equal(steps(history).length, LIMITS.totalMax);
  assert.equal(steps(history)[0], "25 c25: >passing");
  assert.equal(steps(history, 2).length, 2);
  const { since } = find(history, (reader) => reader.recent(1));
  assert.deepEqual(since, { Index: 16, Time: "1970-01-01T00:00:15.000Z" });
});

test("it knows everything since the first entry it applied, and since the next one behind a restored state", () => {
  const history = new History(LIMITS);
  const since = () => find(history, (reader) => reader.recent(1)).since;
  assert.deepEqual(since(), { Index: 0, Time: "" });
  history.applied({ index: 40 });
  assert.deepEqual(since(), { Index: 40, Time: "" });
  history.applied({ index: 41, appendedAtMs: 5_000 });
  assert.deepEqual(since(), { Index: 40, Time: "1970-01-01T00:00:05.000Z" });
  history.applied({ index: 42, appendedAtMs: 6_000 });
  assert.deepEqual(since(), { Index: 40, Time: "1970-01-01T00:00:05.000Z" });
  history.record({ index: 42 }, [became(undefined, "passing")]);
  history.replaced();
  history.applied({ index: 90, appendedAtMs: 9_000 });
  assert.deepEqual(since(), { Index: 90, Time: "1970-01-01T00:00:09.000Z" });
  assert.deepEqual(steps(history), ["42 c: >passing"]);
});

test("who waits for a check wakes by its changes and by no other", () => {
  const history = new History(LIMITS);
  const { watch } = history.read((tx) => HistoryReader.of(tx).ofCheck("n", "c", 10));
  history.record({ index: 1 }, [became(undefined, "passing", { CheckID: "c2" })]);
  assert.equal(watch.fired, false);
  history.record({ index: 2 }, [became(undefined, "passing")]);
  assert.equal(watch.fired, true);
});
