// Tells how long the event loop of an agent is held while something is asked of it. It runs in a process of its own, which
// measures itself; the load comes from the caller's. Where the kernel tells, the CPU time that the loop's thread used
// between two ticks is what counts: a busy machine does not add to it. A full collection of garbage holds a loop for
// longer the more the process has in memory: whether there was one meanwhile is told beside it.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
import { constants, monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

/** No piece of work may hold the loop longer. */
export const BOUND_MS = 20;
const RESOLUTION_MS = 1;
const SETTLE_MS = 20;

if (process.argv[1] === fileURLToPath(import.meta.url)) await serve(process.argv[2], JSON.parse(process.argv[3]));

/**
 * @param join the LAN address of a server: the agent is a client then
 * @returns the agent's addresses, and `during`, which measures what it does while `run` is under way.
 */
export async function startWatched(dataDir, join = undefined) {
  const config = join === undefined ? {} : { server: false, node_name: "client", retry_join: [join] };
  const child = fork(fileURLToPath(import.meta.url), [dataDir, JSON.stringify(config)]);
  const next = () => new Promise((resolve) => child.once("message", resolve));
  const { url, lan, startMs } = await next();
  return {
    url,
    lan,
    startMs,
    async during(run) {
      child.send("begin");
      await next();
      const startedMs = performance.now();
      await run();
      const tookMs = performance.now() - startedMs;
      child.send("end");
      const found = await next();
      const heldMs = Number.isNaN(found.cpuMaxMs) ? found.maxMs : found.cpuMaxMs;
      return { ...found, tookMs, heldMs };
    },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.disconnect();
      await ended;
    },
  };
}

async function serve(dataDir, config) {
  const { startAgent } = await import("../packages/tribune/dist/index.js");
  const startedMs = performance.now();
  const agent = await startAgent({
    dataDir,
    config: { connect: { enabled: true }, limits: { txn_max_req_len: 8 << 20 }, ...config },
  });
  const startMs = performance.now() - startedMs;
  let delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  let ticks;
  let cpuMaxMs = 0;
  let lastMs = 0;
  let isCollected = false;
  new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries()) isCollected ||= detail.kind === constants.NODE_PERFORMANCE_GC_MAJOR;
  }).observe({ entryTypes: ["gc"] });
  const tick = () => {
    const nowMs = threadCpuMs();
    cpuMaxMs = Math.max(cpuMaxMs, nowMs - lastMs);
    lastMs = nowMs;
  };
  process.on("disconnect", () => agent.stop().finally(() => process.exit()));
  process.on("message", (message) => {
    if (message === "begin") {
      delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
      delay.enable();
      cpuMaxMs = 0;
      isCollected = false;
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
      isCollected,
      p99Ms: ms(delay.percentile(99)),
      rssMb: process.memoryUsage.rss() / 2 ** 20,
    });
  }
  const { host, port } = agent.lanAddress;
  process.send({ url: agent.url, lan: `${host}:${port}`, startMs });
}

function threadCpuMs() {
  try {
    return Number(readFileSync("/proc/self/schedstat", "latin1").split(" ")[0]) / 1e6;
  } catch {
    return Number.NaN; // not Linux
  }
}
