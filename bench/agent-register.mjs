// 1,000 services with TTL checks registered on one durable agent by 16 clients: until accepted, and until visible in the
// catalog. The agent is a server itself; in a process of its own.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

const COUNT = 1_000;
const CLIENTS = 16;

if (process.argv[2] === "--serve") {
  const { startAgent } = await import("../packages/tribune/dist/index.js");
  const agent = await startAgent({ dataDir: process.argv[3] });
  process.on("disconnect", () => agent.stop());
  process.send(agent.url);
} else {
  for (let round = 0; round < 3; round++) await measure();
}

async function measure() {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-register-"));
  const child = fork(fileURLToPath(import.meta.url), ["--serve", dataDir]);
  const url = await new Promise((resolve) => child.once("message", resolve));
  const startedMs = performance.now();
  let at = 0;
  const client = async () => {
    while (at < COUNT) {
      const body = { ID: `s${at}`, Name: `s${at}`, Port: at, Check: { TTL: "10m" } };
      at++;
      const response = await fetch(`${url}/v1/agent/service/register`, { method: "PUT", body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
      await response.arrayBuffer();
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  const acceptedMs = performance.now() - startedMs;
  let index = 0;
  for (;;) {
    const response = await fetch(`${url}/v1/catalog/services?index=${index}&wait=10s`);
    index = response.headers.get("x-consul-index");
    if (Object.keys(await response.json()).length > COUNT) break;
  }
  const visibleMs = performance.now() - startedMs;
  console.log(
    `${COUNT} services: accepted after ${acceptedMs.toFixed(0)} ms, all visible after ${visibleMs.toFixed(0)} ms`,
  );
  const ended = new Promise((resolve) => child.once("exit", resolve));
  child.disconnect();
  await ended;
  rmSync(dataDir, { recursive: true, force: true });
}
