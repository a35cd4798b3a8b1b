import assert from "node:assert/strict";
import { test } from "node:test";
import type { CheckStatus } from "./status.ts";
import { StatusGate } from "./status-gate.ts";

const CASES: readonly {
  name: string;
  thresholds: readonly [passing: number, warning: number, critical: number];
  /** p, w and c are what the probe finds; the second line is what is published, `-` nothing. */
  found: string;
  published: string;
}[] = [
  { name: "no thresholds", thresholds: [0, 0, 0], found: "pcwpc", published: "pcwpc" },
  { name: "the first verdict counts at once", thresholds: [3, 0, 3], found: "p", published: "p" },
  { name: "the first failure counts at once", thresholds: [3, 0, 3], found: "c", published: "c" },
  { name: "failures in a row", thresholds: [0, 0, 3], found: "pccpcccc", published: "p--p--cc" },
  { name: "successes in a row", thresholds: [3, 0, 0], found: "cppcpppp", published: "c--c--pp" },
  { name: "warnings count as successes", thresholds: [2, 0, 0], found: "cwpw", published: "c-pw" },
  { name: "warning before critical", thresholds: [0, 2, 4], found: "pcccccp", published: "p-wwccp" },
];

const STATUS: Record<string, CheckStatus> = { p: "passing", w: "warning", c: "critical" };

for (const { name, thresholds, found, published } of CASES)
  test(name, () => {
    const [successBeforePassing, failuresBeforeWarning, failuresBeforeCritical] = thresholds;
    const gate = new StatusGate({ successBeforePassing, failuresBeforeWarning, failuresBeforeCritical });
    const got = [...found].map((letter) => gate.offer({ status: STATUS[letter]!, output: "" })?.slice(0, 1) ?? "-");
    assert.equal(got.join(""), published);
  });
