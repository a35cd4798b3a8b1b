import assert from "node:assert/strict";
import { test } from "node:test";
import { DatacenterChecker } from "./checker.ts";
import { runLong } from "./long-run.ts";
import { runDatacenter } from "./run.ts";
import type { BrokenRule } from "./seams.ts";

const SMALL = { servers: 3, clients: 1, faultsMs: 20_000 } as const;

test("a datacenter keeps its promises under faults, and comes to the truth behind them", async () => {
  const result = await runDatacenter({ seed: 1, ...SMALL, clients: 3 });
  assert.equal(result.violation, undefined);
  assert.ok(result.faults > 3 && result.elections > 1, "a run without faults proves nothing");
  assert.ok(result.operations > 50 && result.states > 5 && result.wakes > 20, "a run without users proves nothing");
});

test("a seed replays exactly, and another seed does not", async () => {
  const play = async (seed: number, keepLines = false) =>
    (await runDatacenter({ seed, ...SMALL, faultsMs: 5_000, keepLines })).fingerprint;
  const once = await play(7);
  assert.equal(await play(7, true), once);
  assert.notEqual(await play(8), once);
});

/** The checkers are only worth what they catch: each rule is broken in the product, and must show. */
const CAUGHT: readonly [BrokenRule, RegExp][] = [
  ["ack-before-quorum", /Linearizability|Formation/],
  ["fsync-lies", /damaged|State Machine Safety|Election Safety|Linearizability|has lost/],
  ["anti-entropy-off", /the catalog lacks/],
  ["reconcile-off", /is not in the catalog|has serfHealth undefined/],
  ["drifting-replica", /Equal States|Equal Answers/],
  ["deaf-waiters", /Wakes|Liveness/],
  ["follower-reads", /Default Reads|Linearizability|Index: cached/],
  ["endless-lease", /Default Reads|Linearizability/],
  ["kept-index", /Equal Answers|Default Reads|Index: cached/],
  ["forgotten-incarnation", /Incarnations/],
  ["stale-cache", /Index: cached|Caches/],
];

/** Whether a seed shows it depends on everything that draws from the same randomness: one of some must. */
const SEEDS_MAX = 15;

for (const [broken, expected] of CAUGHT) {
  test(`the checkers catch ${broken}`, async () => {
    for (let seed = 1; seed <= SEEDS_MAX; seed++) {
      const { violation } = await runDatacenter({ seed, ...SMALL, broken });
      if (violation === undefined) continue;
      assert.match(violation, expected);
      return;
    }
    assert.fail(`no seed from 1 to ${SEEDS_MAX} shows it`);
  });
}

test("for a while on poor disks and links whoever leads goes on leading", async () => {
  const result = await runLong({ seed: 1, servers: 3, clients: 1, hours: 0.05, goodMaxMs: 60_000 });
  assert.equal(result.violation, undefined);
  assert.equal(result.elections, result.excused);
  assert.ok(
    result.slowTimes > 5 && result.retransmitted > 20 && result.writes > 50,
    "a run on a good day proves nothing",
  );
});

test("the checker remembers leaders, incarnations, indexes and locks", () => {
  const checker = new DatacenterChecker(() => false);
  const [first, second, third] = [{}, {}, {}];
  checker.lives("m", first, 3);
  checker.lives("m", first, 1); // refuted meanwhile: only beginnings count
  checker.lives("m", second, 4);
  checker.lives("m", first, 2); // runs on without power
  checker.lives("m", third, 4);
  checker.leads(3, "s1");
  checker.leads(3, "s2");
  checker.index("q", 7);
  checker.index("q", 6);
  checker.newest("d", checker.newestOf("d"), 5);
  const asked = checker.newestOf("d");
  checker.newest("d", asked, 9);
  checker.newest("d", asked, 6); // asked before 9 was seen
  checker.newest("d", checker.newestOf("d"), 8);
  checker.sameAnswers("q", [
    { at: "s1", said: "7 x" },
    { at: "s2", said: "7 x" },
    { at: "s3", said: "8 x" },
  ]);
  assert.deepEqual(checker.violations, [
    "Incarnations: m begins a life in 4, and was in 4 before",
    "Election Safety: s1 and s2 lead term 3",
    "Index: q goes from 7 back to 6",
    "Default Reads: d has index 8, and had 9 before",
    "Equal Answers: to q s1 says 7 x, and s3 says 8 x",
  ]);
  checker.renewed("a", 0, 4_000);
  checker.acquired({ key: "lock", session: "a", invokedAtMs: 10, returnedAtMs: 20 });
  checker.acquired({ key: "lock", session: "b", invokedAtMs: 4_100, returnedAtMs: 4_200 });
  assert.equal(checker.lockError(), undefined);
  checker.renewed("a", 3_000, 4_000);
  assert.match(checker.lockError() ?? "", /b takes lock/);
  checker.ends("a", 4_050);
  assert.equal(checker.lockError(), undefined);
});
