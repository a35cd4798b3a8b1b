/**
 * Runs gossiping clusters through faults, one seed after another, or measures large ones.
 *
 *   node packages/tribune/dist/sim/gossip-main.js --seeds 20 --members 50,200
 *   node packages/tribune/dist/sim/gossip-main.js --seed 17 --members 50 --trace    one seed, with its trace
 *   node packages/tribune/dist/sim/gossip-main.js --break no-refute                 must find a violation
 *   node packages/tribune/dist/sim/gossip-main.js --measure spread --members 10000 --loss 0.01
 *   node packages/tribune/dist/sim/gossip-main.js --measure slow --members 128      false failures, with and without Lifeguard
 *   node packages/tribune/dist/sim/gossip-main.js --measure bytes --members 100,1000,10000
 */
import { parseArgs } from "node:util";
import { measureBytes, measureSlow, measureSpread, VARIANTS } from "./gossip/measure.ts";
import { runGossip } from "./gossip/run.ts";
import { BROKEN_RULES } from "./gossip/sim-member.ts";
import { brokenRule, fail, SEED_OPTIONS, seedsOf } from "./main-options.ts";
import { exitStatus } from "./outcome.ts";

const { values } = parseArgs({
  options: {
    ...SEED_OPTIONS,
    seeds: { type: "string", default: "10" },
    members: { type: "string", default: "50,200" },
    loss: { type: "string", default: "0.2" },
    measure: { type: "string" },
    /** Virtual time of a measurement. */
    minutes: { type: "string", default: "10" },
  },
});

const broken = brokenRule(BROKEN_RULES, values.break);
const sizes = values.members.split(",").map(Number);
const { first, count } = seedsOf(values);
const loss = Number(values.loss);
if (sizes.some((size) => !(size >= 2)) || !(loss >= 0 && loss < 1)) {
  fail("--members takes sizes from 2, --loss a share below 1");
}

const startedAt = performance.now();
const totals = { runs: 0, faults: 0, changes: 0, suspicions: 0, falseDeaths: 0, packets: 0, violations: 0, crashes: 0 };

function progress(): string {
  const { runs, faults, changes, suspicions, falseDeaths, packets, violations } = totals;
  const seconds = Math.round((performance.now() - startedAt) / 1_000);
  return (
    `${runs} runs in ${seconds} s: ${faults} faults, ${packets} packets, ${changes} changes seen, ` +
    `${suspicions} suspicions, ${falseDeaths} deaths of the living (under faults), ${violations} violations`
  );
}

function search(): void {
  for (let seed = first; seed < first + count; seed++) {
    for (const members of sizes) if (!holds(seed, members) && !values["keep-going"]) return;
  }
}

/** @returns whether every promise was kept. */
function holds(seed: number, members: number): boolean {
  const result = runGossip({ seed, members, loss, ...broken, keepLines: values.trace });
  totals.runs++;
  if (values.trace) console.log(result.trace);
  for (const key of ["faults", "changes", "suspicions", "falseDeaths", "packets"] as const) totals[key] += result[key];
  if (result.violation === undefined) {
    if (values.seed !== undefined) console.log(`seed ${seed}, ${members} members: fingerprint ${result.fingerprint}`);
    return true;
  }
  totals.violations++;
  if (result.crashed) totals.crashes++;
  const again = runGossip({ seed, members, loss, ...broken, keepLines: true });
  if (!values.trace) console.log(again.trace);
  console.log(`seed ${seed}, ${members} members: ${result.violation}`);
  if (again.fingerprint !== result.fingerprint)
    console.log("and the seed does not replay: something reads the outside");
  return false;
}

function measure(what: string): void {
  const forMs = Number(values.minutes) * 60_000;
  for (const members of sizes) {
    const options = { seed: first, members, loss };
    if (what === "spread") {
      console.log(`${members} members, ${loss * 100} % loss`);
      measureSpread(options, console.log);
    } else if (what === "bytes") measureBytes(options, forMs, console.log);
    else if (what === "slow") {
      for (const how of ["stopped", "deaf"] as const)
        for (const [variant, settings] of Object.entries(VARIANTS)) {
          const result = measureSlow(options, settings, how, forMs);
          console.log(`${members} members, 5 % ${how}, ${variant}: ${JSON.stringify(result)}`);
        }
    } else fail("--measure takes spread, slow or bytes");
  }
  console.log(`${Math.round((performance.now() - startedAt) / 1_000)} s`);
}

if (values.measure !== undefined) measure(values.measure);
else {
  search();
  console.log(progress());
}
process.exitCode = exitStatus(totals);
