import { readFile, statfs } from "node:fs/promises";
import { cpus, freemem, totalmem, uptime } from "node:os";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";

const PERIOD_MS = 10_000;

/** CPU time in the states that a system tells apart, in any unit. */
export type CpuTimes = { readonly [state in "user" | "system" | "idle" | "iowait" | "other"]: number };

/** What of the time between two looks went where, in percent. An idle machine, if no time has passed. */
export function cpuShares(before: CpuTimes, now: CpuTimes): Omit<CpuTimes, "other"> & { readonly total: number } {
  const spent = (state: keyof CpuTimes): number => now[state] - before[state];
  const all = spent("user") + spent("system") + spent("idle") + spent("iowait") + spent("other");
  const share = (time: number): number => (all > 0 ? (100 * time) / all : 0);
  return {
    user: share(spent("user")),
    system: share(spent("system")),
    iowait: share(spent("iowait")),
    idle: all > 0 ? share(spent("idle")) : 100,
    total: share(all - spent("idle")),
  };
}

/** Times of each CPU as Linux counts them (`/proc/stat`, proc(5)); undefined where the text has none. */
export function cpuTimesOfStat(text: string): readonly CpuTimes[] | undefined {
  const lines = [...text.matchAll(/^cpu\d+ +(.+)$/gm)].map(([, numbers = ""]) => numbers.split(" ").map(Number));
  if (lines.length === 0) return undefined;
  return lines.map(([user = 0, nice = 0, system = 0, idle = 0, iowait = 0, ...more]) => {
    const other = more.reduce((sum, time) => sum + time, nice);
    return { user, system, idle, iowait, other };
  });
}

/** Bytes of memory by `/proc/meminfo`; undefined where the text has none. */
export function memoryOfMeminfo(
  text: string,
): { readonly total: number; readonly free: number; readonly available: number; readonly used: number } | undefined {
  const line = (name: string): number => Number(new RegExp(`^${name}: +(\\d+) kB$`, "m").exec(text)?.[1] ?? 0) * 1024;
  const total = line("MemTotal");
  if (total === 0) return undefined;
  const free = line("MemFree");
  const used = total - free - line("Buffers") - line("Cached") - line("SReclaimable");
  return { total, free, available: line("MemAvailable"), used: Math.max(0, used) };
}

/** `telemetry.enable_host_metrics`: the machine's memory, CPUs, uptime, and the disk of the data directory. */
export class HostGauges {
  readonly #metrics: Metrics;
  readonly #timers: Timers;
  readonly #dataDir: string;
  #cpus: readonly CpuTimes[] = [];
  #cancel: Cancel = () => {};
  #stopped = false;

  /** @param dataDir whose disk to measure; none if empty. */
  constructor(metrics: Metrics, { timers, dataDir }: { readonly timers: Timers; readonly dataDir: string }) {
    this.#metrics = metrics;
    this.#timers = timers;
    this.#dataDir = dataDir;
  }

  start(): void {
    void this.#measure();
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  async #measure(): Promise<void> {
    this.#metrics.gauge("host.uptime", Math.floor(uptime()));
    this.#memory(await textOf("/proc/meminfo"));
    this.#cpu(await textOf("/proc/stat"));
    await this.#disk();
    if (!this.#stopped) this.#cancel = this.#timers.after(PERIOD_MS, () => void this.#measure());
  }

  #memory(meminfo: string): void {
    const [total, free] = [totalmem(), freemem()];
    const memory = memoryOfMeminfo(meminfo) ?? { total, free, available: free, used: total - free };
    this.#metrics.gauge("host.memory.total", memory.total);
    this.#metrics.gauge("host.memory.available", memory.available);
    this.#metrics.gauge("host.memory.free", memory.free);
    this.#metrics.gauge("host.memory.used", memory.used);
    this.#metrics.gauge("host.memory.used_percent", (100 * memory.used) / memory.total);
  }

  #cpu(stat: string): void {
    const now =
      cpuTimesOfStat(stat) ??
      cpus().map(({ times }) => {
        return { user: times.user, system: times.sys, idle: times.idle, iowait: 0, other: times.nice + times.irq };
      });
    for (const [at, times] of now.entries()) {
      const shares = cpuShares(this.#cpus[at] ?? times, times);
      const labels = [["cpu", `cpu${at}`]] as const;
      this.#metrics.gauge("host.cpu.total", shares.total, labels);
      this.#metrics.gauge("host.cpu.user", shares.user, labels);
      this.#metrics.gauge("host.cpu.system", shares.system, labels);
      this.#metrics.gauge("host.cpu.iowait", shares.iowait, labels);
      this.#metrics.gauge("host.cpu.idle", shares.idle, labels);
    }
    this.#cpus = now;
  }

  async #disk(): Promise<void> {
    if (this.#dataDir === "") return;
    const disk = await statfs(this.#dataDir).catch(() => undefined); // the next look may find it
    if (disk === undefined) return;
    const used = disk.blocks - disk.bfree;
    const labels = [["path", this.#dataDir]] as const;
    const percent = (part: number, whole: number): number => (whole > 0 ? (100 * part) / whole : 0);
    this.#metrics.gauge("host.disk.size", disk.blocks * disk.bsize, labels);
    this.#metrics.gauge("host.disk.used", used * disk.bsize, labels);
    this.#metrics.gauge("host.disk.available", disk.bavail * disk.bsize, labels);
    this.#metrics.gauge("host.disk.used_percent", percent(used, used + disk.bavail), labels);
    this.#metrics.gauge("host.disk.inodes_percent", percent(disk.files - disk.ffree, disk.files), labels);
  }
}

/** Empty where the system has no such file. */
function textOf(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
