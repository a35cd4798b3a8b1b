import { type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import { CONSUL_VERSION } from "../lib/version.ts";

const PERIOD_MS = 10_000;
/**
 * How often the delay of the event loop is looked at. Each look wakes the process: every 20 ms it took a tenth of what a
 * server takes that has nothing to do, and has nothing to measure.
 */
const RESOLUTION_MS = { busy: 20, idle: 200 };
/** Of one core, over the last period. */
const BUSY_FRACTION = 0.05;
const VERSION: MetricLabels = [
  ["version", CONSUL_VERSION],
  ["pre_release", ""],
];

/** Where the measures of the event loop come from. */
export interface LoopProbe {
  /** Nanoseconds from one look to the next. */
  readonly delays: (resolutionMs: number) => Pick<IntervalHistogram, "enable" | "disable" | "reset" | "max">;
  /** CPU that the process has taken so far. */
  readonly usedMs: () => number;
}

const NODE_PROBE: LoopProbe = {
  delays: (resolution) => monitorEventLoopDelay({ resolution }),
  usedMs: () => {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  },
};

/** What the process itself measures, under the names that Consul's dashboards read where there is such a thing. */
export class ProcessGauges {
  readonly #metrics: Metrics;
  readonly #timers: Timers;
  readonly #probe: LoopProbe;
  #delay: { readonly histogram: ReturnType<LoopProbe["delays"]>; readonly resolutionMs: number } | undefined;
  #usedMs = 0;
  #collections: PerformanceObserver | undefined;
  #pauseNs = 0;
  #runs = 0;
  #cancel: Cancel = () => {};

  constructor(metrics: Metrics, timers: Timers, probe: LoopProbe = NODE_PROBE) {
    this.#metrics = metrics;
    this.#timers = timers;
    this.#probe = probe;
  }

  start(): void {
    this.#watchDelay(RESOLUTION_MS.busy);
    this.#collections = new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) {
        this.#runs++;
        this.#pauseNs += duration * 1e6;
        this.#metrics.sample("runtime.gc_pause_ns", duration * 1e6);
      }
    });
    this.#collections.observe({ entryTypes: ["gc"] });
    this.#measure();
  }

  stop(): void {
    this.#cancel();
    this.#delay?.histogram.disable();
    this.#collections?.disconnect();
  }

  #measure(): void {
    const { heapUsed, rss, external } = process.memoryUsage();
    this.#metrics.gauge("version", 1, VERSION);
    // Go counts goroutines: one for each connection, timer and call under way. These are what Node has in their place.
    this.#metrics.gauge("runtime.num_goroutines", process.getActiveResourcesInfo().length);
    this.#metrics.gauge("runtime.alloc_bytes", heapUsed + external);
    this.#metrics.gauge("runtime.sys_bytes", rss);
    this.#metrics.gauge("runtime.total_gc_pause_ns", this.#pauseNs);
    this.#metrics.gauge("runtime.total_gc_runs", this.#runs);
    this.#metrics.gauge("runtime.event_loop_delay_ms", this.#longestDelayMs());
    const usedMs = this.#probe.usedMs();
    this.#watchDelay(usedMs - this.#usedMs > BUSY_FRACTION * PERIOD_MS ? RESOLUTION_MS.busy : RESOLUTION_MS.idle);
    this.#usedMs = usedMs;
    this.#cancel = this.#timers.after(PERIOD_MS, () => this.#measure());
  }

  /** What the histogram holds is the time from one look to the next. */
  #longestDelayMs(): number {
    if (this.#delay === undefined) return 0;
    const { histogram, resolutionMs } = this.#delay;
    return Math.max(0, histogram.max / 1e6 - resolutionMs);
  }

  #watchDelay(resolutionMs: number): void {
    if (this.#delay?.resolutionMs === resolutionMs) return this.#delay.histogram.reset();
    this.#delay?.histogram.disable();
    this.#delay = { histogram: this.#probe.delays(resolutionMs), resolutionMs };
    this.#delay.histogram.enable();
  }
}
