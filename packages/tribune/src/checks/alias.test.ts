import assert from "node:assert/strict";
import { test } from "node:test";
import { type AliasedCheck, type AliasSource, aliasVerdict, followLocal, followRemote } from "./alias.ts";
import { VirtualTime } from "./virtual-time.test.support.ts";

const OPTIONS = { checkId: "alias", node: "", serviceId: "web", token: "" };

function check(given: Partial<AliasedCheck>): AliasedCheck {
  return { CheckID: "c", Name: "C", Node: "n1", Status: "passing", Output: "", ServiceID: "web", ...given };
}

test("the verdict is the worst of the service's and the node's checks", () => {
  const cases: readonly (readonly [checks: AliasedCheck[], status: string, output: string])[] = [
    [[], "passing", "No checks found."],
    [[check({})], "passing", "All checks passing."],
    [[check({ Status: "warning", Output: "hm" }), check({})], "warning", 'Aliased check "C" failing: hm'],
    [
      [check({ Status: "warning" }), check({ Status: "critical", Name: "D", Output: "gone" })],
      "critical",
      'Aliased check "D" failing: gone',
    ],
    [[check({ ServiceID: "", Status: "critical" })], "critical", 'Aliased check "C" failing: '],
    [[check({ ServiceID: "other", Status: "critical" })], "passing", "No checks found."],
    [[check({ ServiceID: "", CheckID: "alias", Status: "critical" })], "passing", "No checks found."],
  ];
  for (const [checks, status, output] of cases) {
    const found = aliasVerdict(checks, OPTIONS);
    assert.deepEqual([found.status, found.output], [status, output]);
  }
});

test("a local alias follows changes, and is critical while its service is not there", async () => {
  const time = new VirtualTime();
  let checks: AliasedCheck[] = [];
  let exists = false;
  let wake = (): void => {};
  const source = {
    localChecks: () => checks,
    localServiceExists: () => exists,
    onLocalChange: (_service: string, changed: () => void) => {
      wake = changed;
      return () => {};
    },
  } as unknown as AliasSource;
  const seen: string[] = [];
  const stop = followLocal(
    { ...OPTIONS, onResult: (status, output) => seen.push(`${status}: ${output}`) },
    {
      source,
      timers: time.timers,
    },
  );
  await time.advance(0);
  exists = true;
  checks = [check({ Status: "warning", Output: "slow" })];
  wake();
  wake();
  await time.advance(0);
  stop();
  wake();
  await time.advance(120_000);
  assert.deepEqual(seen, [
    "critical: Service web could not be found on node ",
    'warning: Aliased check "C" failing: slow',
  ]);
  assert.equal(time.pendingTimers, 0);
});

test("a remote alias blocks on the index it has seen, and tells of repeated failures", async () => {
  const time = new VirtualTime();
  const asked: number[] = [];
  const answers = [
    { index: 7, checks: [check({})] },
    new Error("no leader"),
    new Error("no leader"),
    { index: 9, checks: [check({ Status: "critical", Output: "x" })] },
  ];
  const source = {
    remoteChecks: ({ minIndex }: { minIndex: number }) => {
      asked.push(minIndex);
      const answer = answers.shift();
      if (answer === undefined) return new Promise(() => {});
      return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
    },
    remoteServiceExists: () => Promise.resolve(true),
  } as unknown as AliasSource;
  const seen: string[] = [];
  const stop = followRemote(
    { ...OPTIONS, node: "n1", onResult: (status, output) => seen.push(`${status}: ${output}`) },
    {
      source,
      timers: time.timers,
    },
  );
  await time.advance(1_000);
  stop();
  assert.deepEqual(asked, [0, 7, 7, 7, 9]);
  assert.deepEqual(seen, [
    "passing: All checks passing.",
    "critical: Failure checking aliased node or service: no leader",
    'critical: Aliased check "C" failing: x',
  ]);
});
