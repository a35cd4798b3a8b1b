import assert from "node:assert/strict";
import { test } from "node:test";
import { LAN_SETTINGS } from "../../gossip/swim/settings.ts";
import { detectionMs, gossipRounds } from "./bounds.ts";
import { measureSlow, VARIANTS } from "./measure.ts";
import { runGossip } from "./run.ts";
import type { BrokenRule } from "./sim-member.ts";

test("clusters form, live in peace, notice failures and find together after faults", () => {
  let faults = 0;
  let falseDeaths = 0;
  for (const [seed, members] of [
    [1, 2],
    [2, 5],
    [3, 12],
    [4, 30],
  ] as const) {
    const result = runGossip({ seed, members });
    assert.equal(result.violation, undefined, `seed ${seed}, ${members} members`);
    faults += result.faults;
    falseDeaths += result.falseDeaths;
  }
  assert.ok(faults > 100, "a run without faults proves nothing");
  assert.ok(falseDeaths > 10, "nobody was ever wrong, so nobody had to be convinced");
});

test("a seed replays exactly, and another seed does not", () => {
  const once = runGossip({ seed: 7, members: 8 });
  assert.equal(runGossip({ seed: 7, members: 8, keepLines: true }).fingerprint, once.fingerprint);
  assert.notEqual(runGossip({ seed: 8, members: 8 }).fingerprint, once.fingerprint);
});

/** The checkers are only worth what they catch: each rule is broken in the host, and must show. */
const CAUGHT: readonly [BrokenRule, RegExp][] = [
  ["no-refute", /(Convergence|Refutation): .* as (dead|suspect|unknown), which runs/],
  ["suspect-forever", /Completeness: .* as (suspect|alive), which is gone/],
  ["forge-incarnation", /which it never was in/],
  ["no-gossip", /(Formation|Completeness): .* as (unknown|alive|suspect)/],
];

for (const [broken, expected] of CAUGHT) {
  test(`the checkers catch ${broken}`, () => {
    for (let seed = 1; seed <= 10; seed++) {
      const { violation } = runGossip({ seed, members: 25, broken });
      if (violation === undefined) continue;
      assert.match(violation, expected);
      return;
    }
    assert.fail("no seed from 1 to 10 shows it");
  });
}

test("Lifeguard §V: members that do not hear for seconds take far fewer healthy ones for dead", () => {
  const run = (variant: keyof typeof VARIANTS) =>
    measureSlow({ seed: 1, members: 40, loss: 0 }, VARIANTS[variant], "deaf", 300_000);
  const without = run("swim");
  const withLifeguard = run("tribune");
  assert.ok(without.healthyViews > 500, `${without.healthyViews} without`);
  assert.ok(withLifeguard.healthyViews * 50 <= without.healthyViews, `${withLifeguard.healthyViews} with`);
  assert.ok(withLifeguard.slowFailures > 0, "the slow ones themselves are found out");
});

test("what runs are measured against", () => {
  assert.ok(Math.abs(gossipRounds(10_000, 3, 0) - (Math.log(10_000) / Math.log(4) + Math.log(10_000) / 3)) < 1e-9);
  const detection = detectionMs(100, LAN_SETTINGS, 0);
  assert.ok(detection > 8_000 + 2_500 && detection < 8_000 + 2_600 + 1_100);
});
