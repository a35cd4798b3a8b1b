/**
 * Runs Raft clusters through faults, one seed after another.
 *
 *   node packages/tribune/dist/sim/raft-main.js --seeds 2000 --servers 3,5
 *   node packages/tribune/dist/sim/raft-main.js --seed 17 --servers 3 --trace  one seed, with its trace
 *   node packages/tribune/dist/sim/raft-main.js --break vote-before-durable    must find a violation
 *   node packages/tribune/dist/sim/raft-main.js --hours 24 --servers 3         poor disks and links, no election
 */
import { parseArgs } from "node:util";
import { brokenRule, fail, profileNamed, SEED_OPTIONS, seedsOf } from "./main-options.ts";
import { exitStatus } from "./outcome.ts";
import { runLongRaft } from "./raft/long-run.ts";
import { runRaft } from "./raft/run.ts";
import { BROKEN_RULES } from "./raft/world.ts";

const { values } = parseArgs({
  options: {
    ...SEED_OPTIONS,
    seeds: { type: "string", default: "100" },
    servers: { type: "string", default: "3,5" },
    hours: { type: "string" },
    profile: { type: "string", default: "slow-disk" },
  },
});

const broken = brokenRule(BROKEN_RULES, values.break);
const sizes = values.servers.split(",").map(Number);
const { first, count } = seedsOf(values);
if (sizes.some((size) => !(size >= 1 && size <= 9))) {
  fail("--servers takes sizes from 1 to 9");
}

const startedAt = performance.now();
const totals = {
  runs: 0,
  elections: 0,
  operations: 0,
  unknown: 0,
  faults: 0,
  messages: 0,
  committed: 0,
  violations: 0,
  crashes: 0,
};

function progress(): string {
  const minutes = (performance.now() - startedAt) / 60_000;
  const { runs, elections, operations, unknown, faults, messages, committed, violations } = totals;
  return (
    `${runs} runs, ${Math.round(runs / minutes)} a minute: ${elections} elections, ${committed} entries committed, ` +
    `${operations} operations (${unknown} more without an answer), ${faults} faults, ${messages} messages, ${violations} violations`
  );
}

if (values.hours !== undefined) {
  const hours = Number(values.hours);
  if (!(hours > 0)) fail("--hours takes a number above 0");
  for (const servers of sizes) {
    const result = runLongRaft({
      ...{ seed: first, servers, hours, goodMaxMs: profileNamed(values.profile) },
      ...(values.trace
        ? { onLeaderless: (ms, trace) => console.log(`${trace}nobody led for ${ms.toFixed(0)} ms\n`) }
        : {}),
    });
    console.log(
      `seed ${first}, ${result.hours.toFixed(1)} hours of ${servers} servers: ${result.elections} elections behind the ` +
        `first, ${result.excused} of them with a reason, ${result.handOvers} times a leader whose disk stalled handed over, ` +
        `at most ${result.leaderlessMs.toFixed(0)} ms without a leader, ${result.messages} messages, ${result.retransmitted} of them late, ${result.slowTimes} times with a slow ` +
        `disk, ${result.committed} entries committed, the slowest in ${result.slowestMs.toFixed(0)} ms, ` +
        `${result.failed} failed${result.violation === undefined ? "" : `: ${result.violation}`}`,
    );
    if (result.violation !== undefined) process.exitCode = 1;
  }
  process.exit();
}

search: for (let seed = first; seed < first + count; seed++) {
  for (const servers of sizes) {
    const result = runRaft({ seed, servers, ...broken, keepLines: values.trace });
    totals.runs++;
    if (values.trace) console.log(result.trace);
    for (const key of ["elections", "operations", "unknown", "faults", "messages", "committed"] as const) {
      totals[key] += result[key];
    }
    if (result.violation !== undefined) {
      totals.violations++;
      if (result.crashed) totals.crashes++;
      const again = runRaft({ seed, servers, ...broken, keepLines: true });
      if (!values.trace) console.log(again.trace);
      console.log(`seed ${seed}, ${servers} servers: ${result.violation}`);
      if (again.fingerprint !== result.fingerprint)
        console.log("and the seed does not replay: something reads the outside");
      if (!values["keep-going"]) break search;
    } else if (values.seed !== undefined) {
      console.log(`seed ${seed}, ${servers} servers: fingerprint ${result.fingerprint}`);
    }
  }
  if ((seed - first + 1) % 100 === 0) console.log(progress());
}
console.log(progress());
process.exitCode = exitStatus(totals);
