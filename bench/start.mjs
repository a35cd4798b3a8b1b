// Process start until a leader is known, with an empty data directory, and memory when idle: node bench/start.mjs [rounds]
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../packages/tribune/bin/tribune.js", import.meta.url));
const ADDRESS = "127.0.77.200";
const IDLE_MS = 4_000;

const startsMs = [];
for (let round = 0; round < Number(process.argv[2] ?? 5); round++) {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-start-"));
  const startedMs = performance.now();
  const flags = ["-server", "-bootstrap-expect=1", `-data-dir=${dataDir}`, `-bind=${ADDRESS}`, `-client=${ADDRESS}`];
  const child = spawn(process.execPath, [program, "agent", ...flags], { stdio: "ignore" });
  const ended = new Promise((resolve) => child.once("exit", resolve));
  while (!(await leads())) {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${child.exitCode}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  startsMs.push(performance.now() - startedMs);
  if (round === 0) {
    await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    console.log(`idle: ${residentMb(child.pid)} MB resident`);
  }
  child.kill("SIGKILL");
  await ended;
  rmSync(dataDir, { recursive: true, force: true });
}
startsMs.sort((a, b) => a - b);
const [least, median, most] = [startsMs[0], startsMs[startsMs.length >> 1], startsMs.at(-1)].map(Math.round);
console.log(`start until a leader is known: ${median} ms (${least} to ${most})`);

async function leads() {
  try {
    return (await (await fetch(`http://${ADDRESS}:8500/v1/status/leader`)).text()).includes(":");
  } catch {
    return false; // not listening yet
  }
}

function residentMb(pid) {
  try {
    return Math.round(Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024);
  } catch {
    return "unknown"; // no /proc on this system
  }
}
