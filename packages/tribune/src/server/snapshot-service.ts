import type { LaterPart } from "@tribune/api";
import type { ByteSink } from "../endpoints/answer.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { readSnapshotArchive, SnapshotArchiveError, writeSnapshotArchive } from "../storage/snapshot-archive.ts";
import type { Leadership } from "./leadership.ts";
import type { RaftHost } from "./raft-host.ts";
import { sliced } from "./sliced.ts";
import type { PreparedRestore, StateMachine, StateRestoring } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper } from "./storage-port.ts";

export interface SnapshotServiceDependencies {
  readonly host: RaftHost;
  readonly log: DurableLog;
  readonly keeper: SnapshotKeeper;
  readonly stateMachine: StateMachine;
  readonly leadership: Leadership;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Nothing may be proposed from now on, not even by the leader itself. */
  readonly onRestoring: () => void;
  /** See `LeaderApi`. */
  readonly requireKeepers: (part: LaterPart) => void;
  /** Everything anybody waits for has changed, as of `index`. */
  readonly onReplaced: (index: number, wentBack: boolean) => void;
  /** The leader's duties go on, whether something was restored or not. */
  readonly onRestored: () => Promise<void>;
  readonly onFatal: (error: Error) => void;
}

/** Saves the state as Consul's archive and restores it from one (`wire/snapshot.md`). */
export class SnapshotService {
  readonly #d: SnapshotServiceDependencies;
  #restoring = false;
  #failed = false;

  constructor(dependencies: SnapshotServiceDependencies) {
    this.#d = dependencies;
  }

  save(sink: ByteSink): void {
    this.#save(sink).catch((error: unknown) => {
      this.#d.logger.error("failed to save a snapshot", {
        error: error instanceof Error ? error.message : String(error),
      });
      sink.abort();
    });
  }

  async #save(sink: ByteSink): Promise<void> {
    const { host, log, stateMachine, runtime } = this.#d;
    const status = host.status();
    const view = stateMachine.snapshot();
    const index = host.appliedIndex;
    const term = log.term(index) ?? status.snapshotTerm;
    const { index: configurationIndex, configuration } = host.appliedConfiguration();
    const unixMs = runtime.clock.wallMs();
    const meta = { id: `${term}-${index}-${unixMs}`, index, term, configuration, configurationIndex };
    let gone = false;
    let wake = (): void => {};
    sink.closed = () => {
      gone = true;
      wake();
    };
    sink.drained = () => wake();
    // The state is not held for a client that is slow to take the archive.
    async function* state(): AsyncGenerator<Uint8Array> {
      try {
        yield* sliced(view.chunks, runtime);
      } finally {
        view.release();
      }
    }
    for await (const piece of writeSnapshotArchive(meta, state(), unixMs)) {
      if (gone) return;
      if (!sink.write(piece)) await new Promise<void>((resolve) => (wake = resolve));
    }
    sink.end();
  }

  async restore(archive: AsyncIterable<Uint8Array>): Promise<void> {
    const { leadership } = this.#d;
    if (!leadership.ready) await leadership.waitReady();
    if (this.#restoring) throw TribuneError.internal("another snapshot is being restored; try again when it is done");
    this.#restoring = true;
    const { metrics } = this.#d;
    const { clock } = this.#d.runtime;
    const startedMs = clock.nowMs();
    try {
      const state: Uint8Array[] = [];
      const reading = new StateReading(this.#d.stateMachine);
      const archived = await readSnapshotArchive(archive, (chunk) => {
        state.push(chunk);
        return reading.push(chunk);
      });
      const prepared = reading.prepared();
      // It is read while the archive comes in, so both of Consul's times of reading are this one.
      const readMs = clock.nowMs() - startedMs;
      metrics.sample("raft.fsm.restore", readMs);
      metrics.gauge("raft.fsm.lastRestoreDuration", readMs);
      await this.#install(archived.index, prepared, state);
      metrics.sample("raft.restoreUserSnapshot", clock.nowMs() - startedMs);
    } catch (error) {
      if (error instanceof SnapshotArchiveError) throw TribuneError.internal(error.message, error);
      throw error;
    } finally {
      this.#restoring = false;
    }
  }

  /**
   * The state becomes our newest snapshot at an index beyond everything in log and archive, so that indexes never
   * go back and no follower has it. Requests are held meanwhile; a crash at any point leaves either the old
   * state with the old log, or the new snapshot, behind which an older log is thrown away at the next start.
   */
  async #install(archivedIndex: number, prepared: PreparedRestore, state: readonly Uint8Array[]): Promise<void> {
    const { host, leadership } = this.#d;
    for (const part of prepared.laterParts) this.#d.requireKeepers(part);
    const { term } = host.status();
    leadership.lost();
    this.#d.onRestoring();
    try {
      await this.#replace(archivedIndex, prepared, state);
    } finally {
      const now = host.status();
      // In another term whoever leads has begun anew; and a process that must stop serves nobody.
      if (now.role === "leader" && now.term === term && !this.#failed) {
        try {
          await this.#d.onRestored();
        } finally {
          leadership.gained(); // who leads answers, whatever became of its duties
        }
      }
    }
  }

  /** Resolves once a quorum has the new state. */
  async #replace(archivedIndex: number, prepared: PreparedRestore, state: readonly Uint8Array[]): Promise<void> {
    const { host, log, keeper, metrics, onReplaced, onFatal } = this.#d;
    await host.barrier();
    const before = host.status();
    const snapshot: SnapshotMeta = {
      index: Math.max(archivedIndex, before.lastLogIndex) + 1,
      term: before.term,
      configuration: before.committedConfiguration,
      configurationIndex: before.committedConfigurationIndex,
    };
    const sink = keeper.create(snapshot);
    try {
      for (const chunk of state) await sink.write(chunk);
      // Last moment to change our mind: what follows is short.
      const { role, term, lastLogIndex } = host.status();
      if (role !== "leader" || term !== before.term) throw TribuneError.of("NO_LEADER");
      if (lastLogIndex !== before.lastLogIndex || host.appliedIndex !== lastLogIndex)
        throw TribuneError.internal("the servers of this datacenter changed while the snapshot was read; try again");
    } catch (error) {
      await sink.abort();
      throw error;
    }
    try {
      await sink.commit();
      await log.reset(snapshot.index, snapshot.term);
      const wentBack = prepared.commit(snapshot.index);
      host.restored(snapshot);
      metrics.count("raft.restore");
      onReplaced(snapshot.index, wentBack);
    } catch (error) {
      // Half of it may be on disk: only a start from there knows which state holds.
      this.#failed = true;
      onFatal(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    // Alone this server has it for good; others must have it before anybody is told, or they go on without it.
    await host.barrier();
  }
}

/** Reads a state while its archive still comes in. What is wrong with it counts only if the archive is whole. */
class StateReading {
  readonly #restoring: StateRestoring;
  #failure: { readonly error: unknown } | undefined;

  constructor(stateMachine: StateMachine) {
    this.#restoring = stateMachine.beginRestore();
  }

  async push(chunk: Uint8Array): Promise<void> {
    if (this.#failure !== undefined) return;
    try {
      await this.#restoring.push(chunk);
    } catch (error) {
      this.#failure = { error };
    }
  }

  /** @throws TribuneError for a state that cannot be read. */
  prepared(): PreparedRestore {
    try {
      if (this.#failure !== undefined) throw this.#failure.error;
      return this.#restoring.prepared();
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw TribuneError.internal(`failed to restore snapshot: ${reason}`, error);
    }
  }
}
