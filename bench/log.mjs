// Durable appends per second of the Raft log on the real disk, and what one client waits for.
//
//   node bench/log.mjs [directory]     a few seconds; needs `npm run build` before
//
// batch N: N clients that each append one 300-byte entry and wait until it is durable, so up to N entries share
// a sync. Numbers of different machines, or of a busy one, do not compare.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { nodeRuntime } from "../packages/tribune/dist/net/node-runtime.js";
import { RaftLog } from "../packages/tribune/dist/storage/raft-log.js";

const ENTRY_BYTES = 300;
const RUN_MS = 1_000;
const runtime = nodeRuntime();
const directory = mkdtempSync(join(process.argv[2] ?? tmpdir(), "tribune-log-bench-"));

function percentile(samples, part) {
  return samples.sort((left, right) => left - right)[Math.floor(samples.length * part)];
}

async function measure(name, { clients, perAppend = 1 }) {
  const { log } = await RaftLog.open(join(directory, name.replaceAll(" ", "-")), runtime);
  const data = Buffer.alloc(ENTRY_BYTES, 7);
  const waitsUs = [];
  let appended = 0;
  const endMs = performance.now() + RUN_MS;
  const cpu = process.cpuUsage();
  const client = async () => {
    while (performance.now() < endMs) {
      const entries = Array.from({ length: perAppend }, (_, at) => ({
        index: log.lastIndex + 1 + at,
        term: 1,
        type: "command",
        data,
      }));
      const startMs = performance.now();
      await log.append({ entries });
      waitsUs.push((performance.now() - startMs) * 1_000);
      appended += perAppend;
    }
  };
  await Promise.all(Array.from({ length: clients }, client));
  const { user, system } = process.cpuUsage(cpu);
  await log.close();
  const startMs = performance.now();
  const { log: again } = await RaftLog.open(join(directory, name.replaceAll(" ", "-")), runtime);
  const reopenMs = performance.now() - startMs;
  await again.close();
  const row = [
    name.padEnd(26),
    `${String(Math.round((appended / RUN_MS) * 1_000)).padStart(8)} entries/s`,
    `p50 ${percentile(waitsUs, 0.5).toFixed(0).padStart(5)} us`,
    `p99 ${percentile(waitsUs, 0.99).toFixed(0).padStart(6)} us`,
    `cpu ${((user + system) / appended).toFixed(1).padStart(5)} us/entry`,
    `reopen ${reopenMs.toFixed(0)} ms`,
  ];
  console.log(row.join("   "));
}

try {
  await measure("warm-up", { clients: 8 });
  await measure("batch 1", { clients: 1 });
  await measure("batch 8", { clients: 8 });
  await measure("batch 64", { clients: 64 });
  await measure("64 entries per append", { clients: 1, perAppend: 64 });
} finally {
  rmSync(directory, { recursive: true });
}
