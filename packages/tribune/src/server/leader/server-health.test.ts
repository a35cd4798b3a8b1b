import assert from "node:assert/strict";
import { test } from "node:test";
import type { Configuration, ServerId, Suffrage } from "../../raft/types.ts";
import { type ClusterHealth, type HealthInput, type Moment, nextHealth, promotions } from "./server-health.ts";

const RULES = { lastContactThresholdMs: 200, maxTrailingLogs: 250 };
const LEADER = { term: 3, lastIndex: 1000 };
const FINE: HealthInput = { serfStatus: "alive", stats: { lastContactMs: 20, lastTerm: 3, lastIndex: 990 } };

/** Unix time runs backwards: nothing may be decided by it. */
function at(nowMs: number): Moment {
  return { nowMs, unixMs: 1_700_000_000_000 - 10 * nowMs };
}

function peers(...suffrages: Suffrage[]): Configuration {
  return { servers: suffrages.map((suffrage, at) => ({ id: `s${at}` as ServerId, address: `s${at}:8300`, suffrage })) };
}

function health(
  inputs: readonly (HealthInput | undefined)[],
  nowMs = 0,
  before?: ClusterHealth,
  suffrages: readonly Suffrage[] = inputs.map(() => "voter"),
): ClusterHealth {
  const given = new Map(
    inputs.flatMap((input, at) => (input === undefined ? [] : [[`s${at}` as ServerId, input] as const])),
  );
  return nextHealth(before, peers(...suffrages), given, LEADER, RULES, at(nowMs));
}

const CASES: readonly [string, HealthInput | undefined, boolean][] = [
  ["all is well", FINE, true],
  ["no member has its id", undefined, false],
  ["it failed", { ...FINE, serfStatus: "failed" }, false],
  ["it never answered", { ...FINE, stats: undefined }, false],
  ["it never heard of a leader", { ...FINE, stats: { ...FINE.stats!, lastContactMs: undefined } }, false],
  ["it hears of its leader too rarely", { ...FINE, stats: { ...FINE.stats!, lastContactMs: 201 } }, false],
  ["its log ends in an older term", { ...FINE, stats: { ...FINE.stats!, lastTerm: 2 } }, false],
  ["its log is a little behind", { ...FINE, stats: { ...FINE.stats!, lastIndex: 750 } }, true],
  ["its log is too far behind", { ...FINE, stats: { ...FINE.stats!, lastIndex: 749 } }, false],
];
for (const [name, input, healthy] of CASES)
  test(`health of a server: ${name}`, () => {
    const found = health([FINE, FINE, input]);
    assert.equal(found.servers.get("s2" as ServerId)?.healthy, healthy);
    assert.deepEqual([found.healthy, found.failureTolerance], [healthy, healthy ? 1 : 0]);
  });

test("one that misses a round counts with what it said before, and stability counts from the last change", () => {
  const first = health([FINE, FINE], 1_000);
  const second = health([FINE, { ...FINE, stats: undefined }], 3_000, first);
  assert.equal(second.servers.get("s1" as ServerId)?.healthy, true);
  assert.deepEqual(second.servers.get("s1" as ServerId)?.stableSince, at(1_000));
  const third = health([FINE, { ...FINE, serfStatus: "failed" }], 5_000, second);
  assert.deepEqual(third.servers.get("s1" as ServerId)?.stableSince, at(5_000));
  assert.deepEqual(third.firstAt, at(1_000));
});

test("an empty peer set is not healthy", () => {
  assert.equal(health([]).healthy, false);
});

const PROMOTED: readonly [string, firstAtMs: number, stableSinceMs: number, promoted: boolean][] = [
  ["a new leader waits for nobody", 95_000, 99_000, true],
  ["later a new server waits", 50_000, 95_000, false],
  ["until it has been stable long enough", 50_000, 90_000, true],
];
for (const [name, firstAtMs, stableSinceMs, promoted] of PROMOTED)
  test(`promotion: ${name}`, () => {
    const state = health([FINE, FINE], 0, undefined, ["voter", "nonvoter"]);
    const servers = new Map([...state.servers].map(([id, one]) => [id, { ...one, stableSince: at(stableSinceMs) }]));
    const of = (isReplica: boolean): readonly ServerId[] =>
      promotions(
        { ...state, firstAt: at(firstAtMs), servers },
        peers("voter", "nonvoter"),
        () => isReplica,
        10_000,
        100_000,
      );
    assert.deepEqual(of(false), promoted ? ["s1"] : []);
    assert.deepEqual(of(true), [], "a replica never votes");
  });

test("promotion: not of one that is not healthy", () => {
  const state = health([FINE, { ...FINE, serfStatus: "failed" }], 0, undefined, ["voter", "nonvoter"]);
  assert.deepEqual(
    promotions(state, peers("voter", "nonvoter"), () => false, 10_000, 0),
    [],
  );
});
