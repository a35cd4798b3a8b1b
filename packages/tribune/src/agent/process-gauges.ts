import { type IntervalHistogram, monitorEventLoopDelay } from "node:perf_hooks";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";

const PERIOD_MS = 10_000;

/** What the process itself measures, under the names that Consul's dashboards read where there is such a thing. */
export class ProcessGauges {
  readonly #metrics: Metrics;
  readonly #timers: Timers;
  #delay: IntervalHistogram | undefined;
  #cancel: Cancel = () => {};

  constructor(metrics: Metrics, timers: Timers) {
    this.#metrics = metrics;
    this.#timers = timers;
  }

  start(): void {
    this.#delay = monitorEventLoopDelay({ resolution: 20 });
    this.#delay.enable();
    this.#measure();
  }

  stop(): void {
    this.#cancel();
    this.#delay?.disable();
  }

  #measure(): void {
    const { heapUsed, rss, external } = process.memoryUsage();
    this.#metrics.gauge("runtime.alloc_bytes", heapUsed + external);
    this.#metrics.gauge("runtime.sys_bytes", rss);
    // Go counts goroutines; the nearest thing here is how long work waits for its turn.
    this.#metrics.gauge("runtime.event_loop_delay_ms", (this.#delay?.max ?? 0) / 1e6);
    this.#delay?.reset();
    this.#cancel = this.#timers.after(PERIOD_MS, () => this.#measure());
  }
}
