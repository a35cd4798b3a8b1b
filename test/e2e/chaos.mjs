// Breaks a datacenter of real processes on purpose, under load, and judges what its clients saw: acknowledged writes that
// are gone, reads that are no linearizable history, and for how long no write went through.
//
//   node test/e2e/chaos.mjs --fault kill-leader --runs 10
//   node test/e2e/chaos.mjs --fault partition-leader --runs 3 --command /usr/bin/consul     another program, to compare
//   node test/e2e/chaos.mjs --fault replace --from /usr/bin/consul                          one program by the other, server by server
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { until } from "./agent-process.mjs";
import { Clocks, clocksRefusal } from "./cluster/clocks.mjs";
import { Cluster } from "./cluster/cluster.mjs";
import { disksFor, FAULTS, needsClocks, needsNamespaces } from "./cluster/faults.mjs";
import { LoopbackHosts, NamespaceHosts, namespacesRefusal } from "./cluster/hosts.mjs";
import { ACKNOWLEDGED_MIN, Load } from "./cluster/load.mjs";
import { SmallDisks, smallDisksRefusal } from "./cluster/small-disks.mjs";

const { values } = parseArgs({
  options: {
    fault: { type: "string", default: "kill-leader" },
    runs: { type: "string", default: "3" },
    servers: { type: "string", default: "3" },
    clients: { type: "string", default: "1" },
    net: { type: "string", default: "1" },
    command: { type: "string" },
    from: { type: "string" },
    "raft-multiplier": { type: "string", default: "" },
    keep: { type: "boolean", default: false },
    verbose: { type: "boolean", default: false },
  },
});

const names = values.fault === "all" ? Object.keys(FAULTS) : values.fault.split(",");
let passed = 0;
let failed = 0;
let skipped = 0;
for (const name of names) {
  const fault = FAULTS[name];
  if (fault === undefined) {
    console.log(`there is no fault ${name}; there are ${Object.keys(FAULTS).join(", ")}`);
    process.exit(2);
  }
  const refusal = refusalOf(name);
  if (refusal !== undefined) {
    console.log(`SKIPPED ${name}: ${refusal}`);
    skipped++;
    continue;
  }
  const outcome = await play(name, fault);
  console.log(
    `${name}: ${outcome.runs} runs, ${outcome.acknowledged} acknowledged writes, ${outcome.lost} lost, ${outcome.reads} reads, ` +
      `without a write for ${outcome.gapsMs.map((gap) => `${Math.round(gap)}`).join(" / ")} ms (longest of each run), ${outcome.errors} errors seen`,
  );
  for (const problem of outcome.problems) console.log(`FAIL ${name}: ${problem}`);
  if (outcome.problems.length === 0) passed++;
  else failed++;
}
console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
process.exit(failed === 0 ? 0 : 1);

/** Why the fault cannot be played here. */
function refusalOf(name) {
  if (needsNamespaces(name)) return namespacesRefusal();
  if (needsClocks(name)) return clocksRefusal();
  const kind = disksFor(name);
  if (kind === undefined) return undefined;
  const directory = mkdtempSync(join(tmpdir(), "tribune-disk-"));
  const refusal = smallDisksRefusal(kind, directory);
  rmSync(directory, { recursive: true, force: true });
  return refusal;
}

async function play(name, fault) {
  const net = Number(values.net);
  const hosts = needsNamespaces(name) ? new NamespaceHosts(net) : new LoopbackHosts(net);
  const directory = mkdtempSync(join(tmpdir(), "tribune-chaos-"));
  const disks = disksFor(name) === undefined ? undefined : new SmallDisks(disksFor(name));
  const clocks = needsClocks(name) ? new Clocks(directory) : undefined;
  const multiplier = values["raft-multiplier"];
  const cluster = new Cluster({
    hosts,
    directory,
    servers: Number(values.servers),
    clients: Number(values.clients),
    command: (values.from ?? values.command)?.split(" "),
    disks,
    env: clocks === undefined ? undefined : (number) => clocks.env(number),
    config: multiplier === "" ? {} : { performance: { raft_multiplier: Number(multiplier) } },
  });
  const outcome = { runs: 0, acknowledged: 0, lost: 0, reads: 0, errors: 0, gapsMs: [], problems: [] };
  try {
    await cluster.start();
    for (let run = 0; run < Number(values.runs) && outcome.problems.length === 0; run++) {
      const load = new Load(cluster, run);
      load.start();
      await underLoad(load);
      await fault(cluster, { hosts, load, disks, clocks, directory, command: values.command?.split(" ") });
      await cluster.writable();
      await underLoad(load);
      await load.stop();
      const judged = await load.judge();
      outcome.runs++;
      outcome.acknowledged += load.acknowledged;
      outcome.reads += load.reads;
      outcome.errors += load.errors;
      outcome.lost += judged.lost;
      outcome.gapsMs.push(load.longestGapMs);
      outcome.problems.push(...judged.problems);
    }
  } catch (error) {
    outcome.problems.push(String(error.stack ?? error));
  } finally {
    if (outcome.problems.length > 0 && values.verbose) console.log(cluster.outputs(20_000));
    await cluster.stop({ keep: values.keep });
    if (values.keep) console.log(`data is in ${directory}`);
  }
  return outcome;
}

/** For a while, and until enough was acknowledged to prove something, however slow the machine is. */
async function underLoad(load) {
  const before = load.acknowledged;
  await sleep(1500);
  await until(
    () => load.acknowledged >= before + ACKNOWLEDGED_MIN,
    () => `${load.acknowledged - before} writes were acknowledged, ${ACKNOWLEDGED_MIN} are wanted`,
  );
}

function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
