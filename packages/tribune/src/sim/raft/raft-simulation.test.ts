import assert from "node:assert/strict";
import { test } from "node:test";
import { runLongRaft } from "./long-run.ts";
import { runRaft } from "./run.ts";
import type { BrokenRule } from "./world.ts";

test("clusters of one, three and five servers keep every promise under faults", () => {
  let elections = 0;
  let operations = 0;
  for (let seed = 1; seed <= 14; seed++) {
    for (const servers of [1, 3, 5]) {
      const result = runRaft({ seed, servers });
      assert.equal(result.violation, undefined, `seed ${seed}, ${servers} servers`);
      elections += result.elections;
      operations += result.operations;
    }
  }
  assert.ok(elections > 100, "a run without elections proves nothing");
  assert.ok(operations > 2000, "a run without operations proves nothing");
});

test("a seed replays exactly, and another seed does not", () => {
  const once = runRaft({ seed: 7, servers: 3 });
  assert.equal(runRaft({ seed: 7, servers: 3, keepLines: true }).fingerprint, once.fingerprint);
  assert.notEqual(runRaft({ seed: 8, servers: 3 }).fingerprint, once.fingerprint);
});

test("on disks that stall a leader hands over to one that is quick, and nobody else loses its place", () => {
  const result = runLongRaft({ seed: 1, servers: 3, hours: 1, goodMaxMs: 8_000 });
  assert.equal(result.violation, undefined);
  assert.ok(result.handOvers > 2, "a run without hand-overs proves nothing");
  assert.ok(result.leaderlessMs < 1_000, `${result.leaderlessMs} ms without a leader`);
});

/** The checkers are only worth what they catch: each rule is broken in the host, and must show. */
const CAUGHT: readonly [BrokenRule, RegExp, first: number, last: number, servers: number][] = [
  ["vote-before-durable", /voted for|Election Safety|Leader Completeness|Log Matching|Liveness|commits/, 1, 100, 5],
  ["ack-before-durable", /durable on 1 of 3|Leader Completeness|State Machine Safety/, 1, 5, 3],
  ["fsync-lies", /durable on|Leader Completeness/, 1, 5, 3],
  ["forget-vote", /voted for|Election Safety/, 1, 100, 5],
  ["unconfirmed-reads", /Linearizability/, 1, 40, 3],
  ["endless-lease", /Linearizability/, 1, 60, 5],
];

for (const [broken, expected, first, last, servers] of CAUGHT) {
  test(`the checkers catch ${broken}`, () => {
    for (let seed = first; seed <= last; seed++) {
      const { violation } = runRaft({ seed, servers, broken });
      if (violation === undefined) continue;
      assert.match(violation, expected);
      return;
    }
    assert.fail(`no seed from ${first} to ${last} shows it`);
  });
}
