/**
 * Runs whole datacenters through faults, one seed after another.
 *
 *   node packages/tribune/dist/sim/datacenter-main.js --seeds 100 --servers 3 --clients 3
 *   node packages/tribune/dist/sim/datacenter-main.js --seed 17 --trace           one seed, with its trace
 *   node packages/tribune/dist/sim/datacenter-main.js --break reconcile-off       must find a violation
 *   node packages/tribune/dist/sim/datacenter-main.js --hours 24 --profile slow-disk --clients 1
 *                                                          poor disks and links, and no needless election
 */
import { parseArgs } from "node:util";
import { type LongRunResult, runLong } from "./datacenter/long-run.ts";
import { runDatacenter } from "./datacenter/run.ts";
import { BROKEN_RULES } from "./datacenter/seams.ts";
import { brokenRule, fail, profileNamed, SEED_OPTIONS, seedsOf } from "./main-options.ts";
import { exitStatus } from "./outcome.ts";

const { values } = parseArgs({
  options: {
    ...SEED_OPTIONS,
    seeds: { type: "string", default: "20" },
    servers: { type: "string", default: "3" },
    clients: { type: "string", default: "3" },
    "faults-s": { type: "string", default: "60" },
    hours: { type: "string" },
    profile: { type: "string", default: "slow-disk" },
  },
});

const broken = brokenRule(BROKEN_RULES, values.break);
const [servers, clients, faultsMs] = [
  Number(values.servers),
  Number(values.clients),
  Number(values["faults-s"]) * 1000,
];
const { first, count } = seedsOf(values);
if (!(servers >= 1 && servers <= 9) || !(clients >= 0 && clients <= 1000) || !(faultsMs >= 0)) {
  fail("--servers takes 1 to 9, --clients up to 1000, --faults-s seconds");
}

if (values.hours !== undefined) {
  if (!(Number(values.hours) > 0)) fail("--hours takes a number above 0");
  await playHours(Number(values.hours));
  process.exit();
}

async function playHours(hours: number): Promise<void> {
  const show = (result: LongRunResult): string =>
    `seed ${first}, ${result.hours.toFixed(2)} hours of ${servers} servers and ${clients} clients: ` +
    `${result.elections} elections behind the first, ${result.excused} of them with a reason, at most ` +
    `${result.leaderlessMs.toFixed(0)} ms without a leader; ` +
    `${result.slowTimes} times with a slow disk, ${result.holdUps} hold-ups of a process above 100 ms, the longest ` +
    `${result.longestHoldUpMs.toFixed(0)} ms, ${result.retransmitted} pieces of streams lost; ` +
    `${result.writes} writes (slowest ${result.slowestWriteMs.toFixed(0)} ms), ${result.reads} reads, ` +
    `${result.failed} failed, ${result.entries} entries, ${result.states} states compared`;
  const result = await runLong({
    ...{ seed: first, servers, clients, hours, goodMaxMs: profileNamed(values.profile) },
    onHour: (now) => console.log(show(now)),
    onLeaderless: (ms, trace) => {
      if (values.trace) console.log(`${trace}nobody led for ${ms.toFixed(0)} ms`);
    },
  });
  if (result.violation === undefined) return;
  console.log(result.trace);
  console.log(show(result));
  console.log(`seed ${first}: ${result.violation}`);
  process.exitCode = 1;
}

/** The end of a failed run's trace; all of it with `--trace`. */
const TRACE_LINES = 200;
/** A line of sums after so many seeds. */
const PROGRESS_SEEDS = 25;

const startedAt = performance.now();
const COUNTED = [
  "elections",
  "operations",
  "unknown",
  "locks",
  "registrations",
  "blocked",
  "wakes",
  "cached",
  "faults",
  "entries",
  "states",
  "answers",
  "virtualMs",
] as const;
const totals = {
  runs: 0,
  violations: 0,
  crashes: 0,
  ...Object.fromEntries(COUNTED.map((name) => [name, 0])),
} as Record<(typeof COUNTED)[number] | "runs" | "violations" | "crashes", number>;

function progress(): string {
  const minutes = (performance.now() - startedAt) / 60_000;
  const {
    runs,
    elections,
    operations,
    unknown,
    locks,
    registrations,
    blocked,
    wakes,
    cached,
    faults,
    entries,
    states,
    answers,
  } = totals;
  return (
    `${runs} runs of ${servers} servers and ${clients} clients, ${(runs / minutes).toFixed(1)} a minute, ` +
    `${(totals.virtualMs / 60_000).toFixed(0)} virtual minutes: ${faults} faults, ${elections} elections, ` +
    `${entries} entries, ${states} states and ${answers} answers compared, ${operations} key operations (${unknown} more without an answer), ` +
    `${locks} locks taken, ${registrations} registrations, ${blocked} blocking queries (${wakes} woken), ` +
    `${cached} answers of caches, ` +
    `${totals.violations} violations`
  );
}

for (let seed = first; seed < first + count; seed++) {
  const options = { seed, servers, clients, faultsMs, ...broken };
  const keepLines = values.trace || values.seed !== undefined;
  const result = await runDatacenter({ ...options, keepLines });
  totals.runs++;
  for (const name of COUNTED) totals[name] += result[name];
  if (values.trace) console.log(result.trace);
  if (result.violation !== undefined) {
    totals.violations++;
    if (result.crashed) totals.crashes++;
    const again = keepLines ? result : await runDatacenter({ ...options, keepLines: true });
    if (!values.trace) console.log(again.trace.split("\n").slice(-TRACE_LINES).join("\n"));
    console.log(`seed ${seed}, ${servers} servers, ${clients} clients: ${result.violation}`);
    if (again.fingerprint !== result.fingerprint)
      console.log("and the seed does not replay: something reads the outside");
    if (!values["keep-going"]) break;
  } else if (values.seed !== undefined) {
    console.log(
      `seed ${seed}: well again ${(result.calmMs / 1000).toFixed(0)} s after the faults, fingerprint ${result.fingerprint}`,
    );
  }
  if ((seed - first + 1) % PROGRESS_SEEDS === 0 && seed < first + count - 1) console.log(progress());
}
console.log(progress());
process.exitCode = exitStatus(totals);
