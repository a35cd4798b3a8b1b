import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { RaftHost } from "./raft-host.ts";
import type { DurableLog } from "./storage-port.ts";

const LOOKS_PER_STALL = 4;

export interface DiskWatchDependencies {
  readonly host: RaftHost;
  readonly log: DurableLog;
  readonly runtime: Pick<Runtime, "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Watches how long the log's flush takes. Heartbeats need no disk, so a leader whose disk hangs would lead on and
 * commit through its followers' disks alone, ever slower; with other voters there it hands over instead.
 */
export class DiskWatch {
  readonly #options: { readonly stallMs: number };
  readonly #d: DiskWatchDependencies;
  #cancel: Cancel = () => {};
  #handingOver = false;

  constructor(options: { readonly stallMs: number }, dependencies: DiskWatchDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  start(): void {
    this.#cancel = this.#d.runtime.timers.after(this.#options.stallMs / LOOKS_PER_STALL, () => {
      this.start();
      this.#look();
    });
  }

  stop(): void {
    this.#cancel();
  }

  #look(): void {
    const { host, log, logger, metrics } = this.#d;
    const pendingMs = log.pendingSyncMs ?? 0;
    if (pendingMs < this.#options.stallMs || this.#handingOver) return;
    const { role, configuration } = host.status();
    if (role !== "leader" || configuration.servers.filter(({ suffrage }) => suffrage !== "nonvoter").length < 2) return;
    metrics.count("raft.leader.diskStalled");
    logger.error("the disk has not finished a flush for too long; handing leadership over", {
      milliseconds: Math.round(pendingMs),
    });
    this.#handingOver = true;
    host
      .transferLeadership()
      .catch((error: unknown) => {
        logger.warn("nobody took leadership over; stepping down", { error: String(error) });
        host.feed({ type: "stepDown" });
      })
      .finally(() => {
        this.#handingOver = false;
      });
  }
}
