// How long the event loop is held while a server does its largest pieces of work: node bench/loop-delay.mjs [keys]
// A histogram in the server's own process sees every delay; the load comes from another process. Where the kernel tells,
// the CPU time that the loop's thread used between two ticks is what counts: a busy machine does not add to it.
import { fork } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

const BOUND_MS = 20;
const RESOLUTION_MS = 1;
const SETTLE_MS = 20;

if (process.argv[2] === "--serve") await serve(process.argv[3]);
else await measure(Number(process.argv[2] ?? 100_000));

async function serve(dataDir) {
  const { startAgent } = await import("../packages/tribune/dist/index.js");
  const startedMs = performance.now();
  const agent = await startAgent({ dataDir, config: { limits: { txn_max_req_len: 8 << 20 } } });
  const startMs = performance.now() - startedMs;
  let delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let ticks;
  let cpuMaxMs = 0;
  let lastMs = 0;
  const tick = () => {
    const nowMs = threadCpuMs();
    cpuMaxMs = Math.max(cpuMaxMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  process.on("disconnect", () => agent.stop());
  process.on("message", (message) => {
    if (message === "begin") {
      delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      delay.enable();
      cpuMaxMs = 0;
      lastMs = threadCpuMs();
      ticks = setInterval(tick, RESOLUTION_MS);
      // It counts from its first tick on: what begins before that would not be seen. Likewise at the end.
      setTimeout(() => process.send("begun"), SETTLE_MS);
    } else setTimeout(report, SETTLE_MS);
  });
  function report() {
    delay.disable();
    tick();
    clearInterval(ticks);
    // The histogram counts the interval itself as part of each delay.
    const ms = (ns) => Math.max(0, ns / 1e6 - RESOLUTION_MS);
    process.send({
      maxMs: ms(delay.max),
      cpuMaxMs,
      p99Ms: ms(delay.percentile(99)),
      rssMb: process.memoryUsage.rss() / 2 ** 20,
    });
  }
  process.send({ url: agent.url, startMs });
}

async function measure(keys) {
  const dataDir = mkdtempSync(join(tmpdir(), "tribune-loop-"));
  const child = fork(fileURLToPath(import.meta.url), ["--serve", dataDir]);
  const next = () => new Promise((resolve) => child.once("message", resolve));
  const { url, startMs } = await next();
  let worst = 0;
  const during = async (what, run) => {
    child.send("begin");
    await next();
    const startedMs = performance.now();
    await run();
    const tookMs = performance.now() - startedMs;
    child.send("end");
    const { maxMs, cpuMaxMs, p99Ms, rssMb } = await next();
    worst = Math.max(worst, Number.isNaN(cpuMaxMs) ? maxMs : cpuMaxMs);
    console.log(
      `${what.padEnd(46)} ${tookMs.toFixed(0).padStart(7)} ms   loop held at most ${maxMs.toFixed(1).padStart(6)} ms, p99 ${p99Ms.toFixed(1)} ms; of CPU ${cpuMaxMs.toFixed(1)} ms   rss ${rssMb.toFixed(0)} MB`,
    );
  };
  const request = async (path, method = "GET", body = undefined) => {
    const response = await fetch(url + path, { method, ...(body === undefined ? {} : { body }) });
    const bytes = await response.arrayBuffer();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${Buffer.from(bytes).toString()}`);
    return bytes;
  };
  const value = Buffer.alloc(100, "v").toString("base64");
  const load = async (prefix, count) => {
    for (let from = 0; from < count; from += 64) {
      const ops = Array.from({ length: Math.min(64, count - from) }, (_, at) => ({
        KV: { Verb: "set", Key: `${prefix}/${from + at}`, Value: value },
      }));
      await request("/v1/txn", "PUT", JSON.stringify(ops));
    }
  };
  const register = async (count) => {
    const one = (at) =>
      request(
        "/v1/catalog/register",
        "PUT",
        JSON.stringify({
          Node: `n${at}`,
          Address: "10.0.0.1",
          Service: {
            Service: "wide",
            ID: `w${at}`,
            Port: at,
            Tags: ["a", "b"],
            Meta: { zone: at % 5 === 0 ? "a" : "b" },
          },
          Check: { CheckID: `c${at}`, ServiceID: `w${at}`, Name: "c", Status: "passing" },
        }),
      );
    for (let from = 0; from < count; from += 32)
      await Promise.all(Array.from({ length: Math.min(32, count - from) }, (_, at) => one(from + at)));
  };
  try {
    console.log(`start, in this process's child, until it leads: ${startMs.toFixed(0)} ms`);
    await during(`load ${keys} keys in transactions of 64`, () => load("load", keys));
    await during("register 2,000 instances of one service", () => register(2_000));
    await during("health of 2,000 instances", () => request("/v1/health/service/wide?passing"));
    await during("the same with a filter", () => request('/v1/health/service/wide?filter=Service.Meta.zone=="a"'));
    await during(`GET ?recurse of ${keys} keys`, () => request("/v1/kv/load/?recurse"));
    await during(`GET ?keys of ${keys} keys`, () => request("/v1/kv/load/?keys"));
    let archive;
    await during("snapshot save", async () => {
      archive = await request("/v1/snapshot");
    });
    await during("snapshot restore", () => request("/v1/snapshot", "PUT", archive));
    await during(`delete ${keys} keys by prefix`, () => request("/v1/kv/load/?recurse", "DELETE"));
    console.log(
      worst <= BOUND_MS ? `never above ${BOUND_MS} ms` : `ABOVE THE BOUND of ${BOUND_MS} ms: ${worst.toFixed(1)} ms`,
    );
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.disconnect();
    await ended;
    rmSync(dataDir, { recursive: true, force: true });
  }
  process.exitCode = worst <= BOUND_MS ? 0 : 1;
}

function threadCpuMs() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "latin1").split(" ")[0]) / 1e6;
  } catch {
    return Number.NaN; // not Linux
  }
}
