import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import { randomStagger } from "../lib/random.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import { keepHistory } from "./history-file.ts";
import type { RaftHost } from "./raft-host.ts";
import { sliced } from "./sliced.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper } from "./storage-port.ts";

export interface SnapshotterOptions {
  /** `raft_snapshot_interval`: how often to look, staggered. */
  readonly intervalMs: number;
  /** `raft_snapshot_threshold`: new entries that make a snapshot worth it. */
  readonly threshold: number;
  /** `raft_trailing_logs`: entries kept behind a snapshot for slow followers. */
  readonly trailingLogs: number;
}

export interface SnapshotterDependencies {
  readonly host: RaftHost;
  readonly log: DurableLog;
  readonly keeper: SnapshotKeeper;
  readonly stateMachine: StateMachine;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onFatal: (error: Error) => void;
}

/** Takes a snapshot now and then, so that the log stays short and a restart quick. */
export class Snapshotter {
  readonly #options: SnapshotterOptions;
  readonly #d: SnapshotterDependencies;
  #cancel: Cancel = () => {};
  #running: Promise<void> | undefined;

  constructor(options: SnapshotterOptions, dependencies: SnapshotterDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  start(): void {
    this.#arm();
  }

  async stop(): Promise<void> {
    this.#cancel();
    await this.#running;
  }

  /** Takes one now, after the one that is under way. */
  async take(): Promise<void> {
    while (this.#running !== undefined) await this.#running;
    this.#running = this.#take().finally(() => {
      this.#running = undefined;
    });
    await this.#running;
  }

  #arm(): void {
    const { runtime } = this.#d;
    const delayMs = this.#options.intervalMs + randomStagger(runtime.rng, this.#options.intervalMs);
    this.#cancel = runtime.timers.after(delayMs, () => {
      this.#arm();
      const status = this.#d.host.status();
      if (status.lastLogIndex - status.snapshotIndex < this.#options.threshold) return;
      if (this.#running === undefined) this.take().catch((error: unknown) => this.#failed(error));
    });
  }

  async #take(): Promise<void> {
    const { host, log, keeper, stateMachine, runtime, logger, metrics } = this.#d;
    const status = host.status();
    const startedMs = runtime.clock.nowMs();
    // All of these in one turn: state, history, index and peer set belong together.
    const view = stateMachine.snapshot();
    metrics.sample("raft.fsm.snapshot", runtime.clock.nowMs() - startedMs);
    // The applied index may already be ahead of what the view holds entries for (configurations, no-ops).
    const index = host.appliedIndex;
    try {
      if (index === 0 || index <= status.snapshotIndex) return;
      const term = log.term(index) ?? status.snapshotTerm;
      const { index: configurationIndex, configuration } = host.appliedConfiguration();
      const meta = { index, term, configuration, configurationIndex };
      const history = stateMachine.history?.kept();
      const persistedMs = runtime.clock.nowMs();
      const stored = await keeper.save(meta, sliced(view.chunks, runtime));
      const persistMs = runtime.clock.nowMs() - persistedMs;
      // Making the bytes and writing them go hand in hand, so both of Consul's times are this one.
      metrics.sample("fsm.persist", persistMs);
      metrics.sample("raft.snapshot.persist", persistMs);
      const firstIndex = Math.max(log.firstIndex, Math.min(index + 1, log.lastIndex + 1 - this.#options.trailingLogs));
      host.snapshotTaken(meta, firstIndex);
      const compactedMs = runtime.clock.nowMs();
      await log.compact(firstIndex - 1);
      metrics.sample("raft.compactLogs", runtime.clock.nowMs() - compactedMs);
      metrics.sample("raft.snapshot.takeSnapshot", runtime.clock.nowMs() - startedMs);
      logger.info("snapshot complete", { index, term, bytes: stored.bytes });
      // One that came from the leader meanwhile may be newer.
      if (history !== undefined && stored.meta.index === index && stored.meta.term === term)
        await keepHistory(history, stored, { ...runtime, logger });
    } finally {
      view.release();
    }
  }

  #failed(error: unknown): void {
    // The log still holds everything: a snapshot that could not be written is no loss, only a longer restart.
    this.#d.logger.error("failed to take a snapshot; the log is kept and it is tried again later", {
      error: error instanceof Error ? error.message : String(error),
    });
  }
}
