// The benchmark table, measured by the harness in peers/ (its README says how each cell is measured).
//
//   npm run bench                                            Tribune alone, about ten minutes
//   npm run bench -- --only W1,loop                          some of it
//   npm run bench -- --full                                  with 5,000 watchers, 10,000 services, 100,000 keys
//   npm run bench -- --peer 'consul=consul agent -config-file={config_file} {join}'     ratios, pair by pair
//
// The machine's own limits are measured before and after: on a virtual machine absolute figures move by a factor of two.
// Needs wrk and dnsperf on PATH, `ulimit -n` of 16,000 or more, and its --work directory on a real disk.
import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const here = fileURLToPath(new URL(".", import.meta.url));
const program = `node ${join(here, "../packages/tribune/bin/tribune.js")}`;
/** Everything that one server, alone or with a client agent, can be asked. `--only` names what takes three servers. */
const CELLS = ["W1", "W2.single", "W3.catalog", "W3.agent", "W4", "W5", "W6.services", "W6.kv", "W8"];
const OWN = {
  start: "start.mjs",
  loop: "loop-delay.mjs",
  lists: "list-delay.mjs",
  register: "agent-register.mjs",
  dns: "dns.mjs",
  instances: "dns-instances.mjs",
  log: "log.mjs",
  client: "client.mjs",
  answers: "answers.mjs",
};

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    full: { type: "boolean", default: false },
    peer: { type: "string" },
    pairs: { type: "string" },
    secs: { type: "string" },
    net: { type: "string", default: "127.0.77" },
    work: { type: "string", default: join(tmpdir(), `tribune-bench-${process.pid}`) },
  },
});
const only = values.only?.split(",");
const cells = only === undefined ? CELLS : only.filter((name) => name.startsWith("W"));
const own = Object.keys(OWN).filter((name) => only === undefined || only.includes(name));
for (const tool of ["wrk", "dnsperf"]) {
  if (cells.length > 0 && spawnSync(tool, ["-h"]).error !== undefined) {
    console.error(`${tool} is not on PATH; on Debian: apt-get install wrk dnsperf strace`);
    process.exit(1);
  }
}
const results = join(here, "results/local", new Date().toISOString().replace(/[:.]/g, "-"));
mkdirSync(results, { recursive: true });
mkdirSync(values.work, { recursive: true });

let failed = false;
function step(title, script, args) {
  console.log(`\n## ${title}\n`);
  const { status } = spawnSync(process.execPath, [join(here, script), ...args], { stdio: "inherit" });
  if (status !== 0) {
    failed = true;
    console.log(`FAILED: ${title} ended with ${status}`);
  }
}
const limits = (when) =>
  step(`What this machine can do, ${when}`, "peers/limits.mjs", [
    ...["--net", values.net, "--secs", values.secs ?? "1", "--work", values.work],
    ...["--json", join(results, `limits-${when}.json`)],
  ]);

if (cells.length > 0) {
  limits("before");
  const pair = values.peer === undefined ? [] : ["--b", values.peer];
  const counts = ["pairs", "secs"].flatMap((name) => (values[name] === undefined ? [] : [`--${name}`, values[name]]));
  step("Workloads", "peers/bench.mjs", [
    ...["--a", `tribune=${program} agent -config-file={config_file} {join}`, ...pair, "--only", cells.join(",")],
    ...["--profile", values.full ? "full" : "quick", ...counts, "--net", values.net, "--work", values.work],
    ...["--json", join(results, "workloads.json")],
  ]);
  limits("after");
}
for (const name of own) step(`bench/${OWN[name]}`, OWN[name], []);
console.log(`\nRaw results: ${results}`);
process.exitCode = failed ? 1 : 0;
