/**
 * Runs whole datacenters through faults, one seed after another.
 *
 *   node packages/tribune/dist/sim/datacenter-main.js --seeds 100 --servers 3 --clients 3
 *   node packages/tribune/dist/sim/datacenter-main.js --seed 17                   one seed, with its trace
 *   node packages/tribune/dist/sim/datacenter-main.js --break reconcile-off       must find a violation
 *   node packages/tribune/dist/sim/datacenter-main.js --hours 24 --profile slow-disk --clients 1
 *                                                          poor disks and links, and no needless election
 */
import { parseArgs } from "node:util";
import { type LongRunResult, runLong } from "./datacenter/long-run.ts";
import { runDatacenter } from "./datacenter/run.ts";
import { BROKEN_RULES, type BrokenRule } from "./datacenter/seams.ts";

const { values } = parseArgs({
  options: {
    seeds: { type: "string", default: "20" },
    first: { type: "string", default: "1" },
    seed: { type: "string" },
    servers: { type: "string", default: "3" },
    clients: { type: "string", default: "3" },
    "faults-s": { type: "string", default: "60" },
    break: { type: "string" },
    hours: { type: "string" },
    profile: { type: "string", default: "slow-disk" },
    trace: { type: "boolean", default: false },
    "keep-going": { type: "boolean", default: false },
  },
});

function fail(message: string): never {
  console.error(message);
  process.exit(2);
}

function asBrokenRule(text: string): BrokenRule {
  const rule = BROKEN_RULES.find((name) => name === text);
  return rule ?? fail(`--break takes one of ${BROKEN_RULES.join(", ")}; got ${text}`);
}

const broken = values.break === undefined ? {} : { broken: asBrokenRule(values.break) };
const [servers, clients, faultsMs] = [
  Number(values.servers),
  Number(values.clients),
  Number(values["faults-s"]) * 1000,
];
const first = Number(values.seed ?? values.first);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!(servers >= 1 && servers <= 9) || !(clients >= 0 && clients <= 1000) || !(count > 0) || !(faultsMs >= 0)) {
  fail("--servers takes 1 to 9, --clients up to 1000, --seeds a number above 0, --faults-s seconds");
}

if (values.hours !== undefined) {
  if (!(Number(values.hours) > 0) || values.profile !== "slow-disk")
    fail("--hours takes a number above 0, --profile takes slow-disk");
  await playHours(Number(values.hours));
  process.exit();
}

async function playHours(hours: number): Promise<void> {
  const show = (result: LongRunResult): string =>
    `seed ${first}, ${result.hours.toFixed(2)} hours of ${servers} servers and ${clients} clients: ` +
    `${result.elections} elections behind the first, ${result.excused} of them with a reason; ` +
    `${result.slowTimes} times with a slow disk, ${result.holdUps} hold-ups of a process above 100 ms, the longest ` +
    `${result.longestHoldUpMs.toFixed(0)} ms, ${result.retransmitted} pieces of streams lost; ` +
    `${result.writes} writes (slowest ${result.slowestWriteMs.toFixed(0)} ms), ${result.reads} reads, ` +
    `${result.failed} failed, ${result.entries} entries, ${result.states} states compared`;
  const result = await runLong({ seed: first, servers, clients, hours, onHour: (now) => console.log(show(now)) });
  if (result.violation === undefined) return;
  console.log(show(result));
  console.log(`seed ${first}: ${result.violation}`);
  process.exitCode = 1;
}

/** The end of a failed run's trace; all of it with `--trace`. */
const TRACE_LINES = 200;

const startedAt = performance.now();
const COUNTED = [
  "elections",
  "operations",
  "unknown",
  "locks",
  "registrations",
  "blocked",
  "wakes",
  "faults",
  "entries",
  "states",
  "answers",
  "virtualMs",
] as const;
const totals = { runs: 0, violations: 0, ...Object.fromEntries(COUNTED.map((name) => [name, 0])) } as Record<
  (typeof COUNTED)[number] | "runs" | "violations",
  number
>;

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
}
console.log(progress());
process.exitCode = totals.violations > 0 ? 1 : 0;
