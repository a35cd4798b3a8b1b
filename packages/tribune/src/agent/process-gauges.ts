import { type IntervalHistogram, monitorEventLoopDelay, PerformanceObserver } from "node:perf_hooks";
import type { MetricLabels, Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import { CONSUL_VERSION } from "../lib/version.ts";

const PERIOD_MS = 10_000;
const VERSION: MetricLabels = [
  ["version", CONSUL_VERSION],
  ["pre_release", ""],
];

/** What the process itself measures, under the names that Consul's dashboards read where there is such a thing. */
export class ProcessGauges {
  readonly #metrics: Metrics;
  readonly #timers: Timers;
  #delay: IntervalHistogram | undefined;
  #collections: PerformanceObserver | undefined;
  #pauseNs = 0;
  #runs = 0;
  #cancel: Cancel = () => {};

  constructor(metrics: Metrics, timers: Timers) {
    this.#metrics = metrics;
    this.#timers = timers;
  }

  start(): void {
    this.#delay = monitorEventLoopDelay({ resolution: 20 });
    this.#delay.enable();
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
    this.#delay?.disable();
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
    this.#metrics.gauge("runtime.event_loop_delay_ms", (this.#delay?.max ?? 0) / 1e6);
    this.#delay?.reset();
    this.#cancel = this.#timers.after(PERIOD_MS, () => this.#measure());
  }
}
