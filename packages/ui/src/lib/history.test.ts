import assert from "node:assert/strict";
import { test } from "node:test";
import { groupBy, lastTurn, stretches, type Turn, worstFirst } from "./history.ts";

const at = (second: number): string => new Date(second * 1000).toISOString();
const turns: Turn[] = [
  { Time: at(50), From: "critical", To: "" },
  { Time: at(30), From: "passing", To: "critical" },
  { Time: "", From: "", To: "passing" },
  { Time: at(20), From: "warning", To: "passing" },
];

test("transitions become stretches without gaps", () => {
  assert.deepEqual(stretches(turns, 0, 60_000), [
    { from: 0, to: 20_000, health: "warning" },
    { from: 20_000, to: 30_000, health: "passing" },
    { from: 30_000, to: 50_000, health: "critical" },
    { from: 50_000, to: 60_000, health: "gone" },
  ]);
});

test("what was before the window gives its state at the start, what comes after it nothing", () => {
  assert.deepEqual(stretches(turns, 25_000, 28_000), [{ from: 25_000, to: 28_000, health: "passing" }]);
  assert.deepEqual(stretches([], 0, 1000), [{ from: 0, to: 1000, health: "unknown" }]);
});

test("stretches of the same state are one", () => {
  const twice = [
    { Time: at(20), From: "passing", To: "passing" },
    { Time: at(10), From: "passing", To: "passing" },
  ];
  assert.deepEqual(stretches(twice, 0, 30_000), [{ from: 0, to: 30_000, health: "passing" }]);
});

test("groups keep the order of their first member", () => {
  assert.deepEqual(
    [...groupBy(["b1", "a1", "b2"], (text) => text[0]!)],
    [
      ["b", ["b1", "b2"]],
      ["a", ["a1"]],
    ],
  );
});

test("a check says what it says since its last turn, or for longer than the history reaches back", () => {
  const turn = (Node: string, CheckID: string, second: number, From = "passing", To = "critical", Kind = "check") => ({
    Kind,
    Node,
    CheckID,
    From,
    To,
    Time: second < 0 ? "" : at(second),
  });
  const history = {
    Since: { Time: at(5) },
    Transitions: [
      turn("n1", "web", 40, "critical", "critical"),
      turn("n2", "web", 35),
      turn("n1", "web", 30),
      turn("n1", "web", 20),
      turn("n1", "db", 15, "registered", "registered", "service"),
      turn("n1", "mute", -1),
    ],
  };
  assert.deepEqual(lastTurn(history, { Node: "n1", CheckID: "web" }), { at: 30_000, exact: true });
  assert.deepEqual(lastTurn(history, { Node: "n1", CheckID: "db" }), { at: 5000, exact: false });
  assert.deepEqual(lastTurn(history, { Node: "n1", CheckID: "mute" }), { at: undefined, exact: true });
  assert.deepEqual(lastTurn({ Since: { Time: "" }, Transitions: null }, { Node: "n", CheckID: "c" }), {
    at: undefined,
    exact: false,
  });
});

test("things stand by how they are now, the worst first, else as they stood", () => {
  const to = (name: string, ...now: string[]) => [name, now.map((To) => ({ Time: "", From: "", To }))] as const;
  const sorted = worstFirst([
    to("a", "passing"),
    to("gone", "", "critical"),
    to("odd", "maintenance"),
    to("b", "passing", "critical"),
    to("slow", "warning"),
    to("sick", "critical", "passing"),
  ]);
  assert.deepEqual(
    sorted.map(([name]) => name),
    ["sick", "slow", "a", "b", "odd", "gone"],
  );
});
