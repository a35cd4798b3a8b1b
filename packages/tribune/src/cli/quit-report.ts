import { writeSync } from "node:fs";
import { getHeapStatistics } from "node:v8";
import { TRIBUNE_VERSION } from "../lib/version.ts";

/** Go's exit code for it; its programs print the stacks of their goroutines. */
const EXIT_CODE = 2;
const STDERR = 2;

/** What a process holds, as the report shows it. */
export interface ProcessFacts {
  readonly version: string;
  readonly node: string;
  readonly pid: number;
  readonly uptimeS: number;
  readonly cpuUserS: number;
  readonly cpuSystemS: number;
  /** Share of its time in which the event loop ran code, 0 to 1. */
  readonly loopBusy: number;
  readonly residentBytes: number;
  readonly heapUsedBytes: number;
  readonly heapLimitBytes: number;
  readonly bufferBytes: number;
  /** Kinds of what keeps the event loop going, one for each. */
  readonly resources: readonly string[];
}

const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;

/** Nothing of the environment, the command line or the configuration: it goes where logs go. */
export function quitReport(facts: ProcessFacts): string {
  const counts = new Map<string, number>();
  for (const kind of facts.resources) counts.set(kind, (counts.get(kind) ?? 0) + 1);
  const open = [...counts].sort(([, a], [, b]) => b - a).map(([kind, count]) => `${count} ${kind}`);
  return `${[
    "SIGQUIT: quit",
    `process: ${facts.pid}, version ${facts.version}, node ${facts.node}, up ${facts.uptimeS.toFixed(1)} s`,
    `cpu: ${facts.cpuUserS.toFixed(2)} s user, ${facts.cpuSystemS.toFixed(2)} s system; event loop busy ${(100 * facts.loopBusy).toFixed(1)} %`,
    `memory: ${mb(facts.residentBytes)} resident; heap ${mb(facts.heapUsedBytes)} of at most ${mb(facts.heapLimitBytes)}; buffers ${mb(facts.bufferBytes)}`,
    `open: ${open.join(", ")}`,
  ].join("\n")}\n`;
}

function processFacts(): ProcessFacts {
  const { rss, heapUsed, arrayBuffers } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return {
    version: TRIBUNE_VERSION,
    node: process.version,
    pid: process.pid,
    uptimeS: process.uptime(),
    cpuUserS: user / 1e6,
    cpuSystemS: system / 1e6,
    loopBusy: performance.eventLoopUtilization().utilization,
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    heapLimitBytes: getHeapStatistics().heap_size_limit,
    bufferBytes: arrayBuffers,
    resources: process.getActiveResourcesInfo(),
  };
}

/**
 * From here on SIGQUIT ends the process at once, as a crash does, with a report on standard error. A process whose event
 * loop stands still does not get that far.
 */
export function endOnQuit(): void {
  process.once("SIGQUIT", () => {
    try {
      writeSync(STDERR, quitReport(processFacts()));
    } catch {
      // Nobody reads it, or the pipe is full: the process ends all the same.
    }
    process.exit(EXIT_CODE);
  });
}
