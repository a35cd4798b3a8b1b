// Kills a durable server with SIGKILL at random moments under load, starts it again, and compares everything that was
// acknowledged or seen before with what it answers after.
//
//   node test/e2e/kill-9.mjs --kills 200 --seed 7
//   node test/e2e/kill-9.mjs --workers 'kv|txn'        only these of kill-9-workers.mjs
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { serverProcess, until } from "./agent-process.mjs";
import { makeWorkers } from "./kill-9-workers.mjs";

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "5" },
    seed: { type: "string", default: String(Date.now() % 100_000) },
    address: { type: "string", default: "127.77.9.1" },
    "load-ms": { type: "string", default: "1000" },
    workers: { type: "string", default: "" },
    keep: { type: "boolean", default: false },
  },
});
/** Between a start and the kill after it. */
const ACKNOWLEDGED_MIN = 10;
const kills = Number(values.kills);
const random = mulberry32(Number(values.seed));
const dataDir = mkdtempSync(join(tmpdir(), "tribune-kill-9-"));
// Snapshots and compaction come often enough to be hit as well.
const config = { raft_snapshot_threshold: 400, raft_snapshot_interval: "1s", raft_trailing_logs: 200 };
const start = () => serverProcess({ address: values.address, dataDir, config });
const workers = makeWorkers(random).filter(({ name }) => name.match(values.workers));

let agent = start();
let passed = 0;
const problems = [];
const startedAt = Date.now();
try {
  for (let kill = 0; kill <= kills; kill++) {
    if (kill < kills && random() < 0.15) {
      // Hit the start as well: recovery must bear a crash of its own.
      await sleep(random() * 700);
      await agent.kill();
      agent = start();
    }
    await agent.ready();
    const found = (await Promise.all(workers.map((worker) => worker.verify(agent)))).flat();
    if (found.length === 0) passed++;
    else problems.push(...found.map((text) => `after kill ${kill}: ${text}`));
    for (const text of found) console.log(`LOST after kill ${kill}: ${text}`);
    report(kill);
    if (found.length > 0 || kill === kills) break;
    const load = { on: true };
    const running = workers.map((worker) => worker.load(agent, load));
    const before = acknowledged();
    await sleep(50 + random() * Number(values["load-ms"]));
    // However slow the machine is: a kill of a server that has done nothing proves nothing.
    await until(
      () => acknowledged() >= before + ACKNOWLEDGED_MIN,
      () => `${acknowledged() - before} writes were acknowledged since the last start, ${ACKNOWLEDGED_MIN} are wanted`,
    );
    await agent.kill();
    load.on = false;
    await Promise.all(running);
    agent = start();
  }
} catch (error) {
  problems.push(String(error));
  console.log(error);
} finally {
  await agent.kill();
  if (problems.length === 0 && !values.keep) rmSync(dataDir, { recursive: true, force: true });
  else console.log(`The data directory is ${dataDir}`);
}
if (acknowledged() < ACKNOWLEDGED_MIN * kills)
  problems.push(`only ${acknowledged()} writes were acknowledged: that proves nothing`);
for (const problem of problems) console.log(`FAIL ${problem}`);
console.log(
  `seed ${values.seed}: ${acknowledged()} acknowledged writes, ${((Date.now() - startedAt) / 1000).toFixed(0)} s`,
);
console.log(`${passed} passed, ${problems.length} failed, 0 skipped`);
process.exit(problems.length === 0 ? 0 : 1);

function acknowledged() {
  return workers.reduce((sum, worker) => sum + worker.acknowledged, 0);
}
function report(kill) {
  if (kills > 20 && kill % 10 !== 0) return;
  console.log(`${kill} kills, ${acknowledged()} acknowledged writes`);
}
function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let z = state;
    z = Math.imul(z ^ (z >>> 15), z | 1);
    z ^= z + Math.imul(z ^ (z >>> 7), z | 61);
    return ((z ^ (z >>> 14)) >>> 0) / 2 ** 32;
  };
}
