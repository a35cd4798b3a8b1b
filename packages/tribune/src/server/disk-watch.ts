import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { RaftHost } from "./raft-host.ts";
import type { DurableLog } from "./storage-port.ts";

const LOOKS_PER_STALL = 4;
/** An election takes two writes, one after the other, and should be over soon beside what the stall has taken. */
const QUICKER_MIN = 8;

export interface DiskWatchDependencies {
  readonly host: Pick<RaftHost, "successionMs" | "transferLeadership" | "status">;
  readonly log: Pick<DurableLog, "pendingSyncMs">;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Watches how long the log's flush takes. Heartbeats need no disk, so a leader whose disk hangs would lead on and
 * commit through its followers' disks alone, ever slower. It hands over to one of them, if a majority without it is much
 * quicker: where theirs are slow as well, votes would wait for them, and nobody would lead meanwhile.
 */
export class DiskWatch {
  readonly #options: { readonly stallMs: number };
  readonly #d: DiskWatchDependencies;
  #cancel: Cancel = () => {};
  #handingOver = false;
  /** Who was asked in vain is left alone so long: a leader that hands over takes no proposals. */
  #notBeforeMs = 0;

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
    const { host, log, runtime, logger, metrics } = this.#d;
    const pendingMs = log.pendingSyncMs ?? 0;
    if (pendingMs < this.#options.stallMs || this.#handingOver || runtime.clock.nowMs() < this.#notBeforeMs) return;
    if (host.status().role !== "leader" || host.successionMs() * QUICKER_MIN > pendingMs) return;
    metrics.count("raft.leader.diskStalled");
    logger.error("the disk has not finished a flush for too long; handing leadership over", {
      milliseconds: Math.round(pendingMs),
    });
    this.#handingOver = true;
    host
      .transferLeadership()
      .catch((error: unknown) => {
        logger.warn("nobody took leadership over; leading on", { error });
        this.#notBeforeMs = runtime.clock.nowMs() + this.#options.stallMs;
      })
      .finally(() => {
        this.#handingOver = false;
      });
  }
}
