import type { SnapshotApi } from "../endpoints/agent-api.ts";
import type { ByteSink } from "../endpoints/answer.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { SnapshotMeta } from "../raft/types.ts";
import { readSnapshotArchive, SnapshotArchiveError, writeSnapshotArchive } from "../storage/snapshot-archive.ts";
import type { Leadership } from "./leadership.ts";
import type { RaftHost } from "./raft-host.ts";
import { sliced } from "./sliced.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper } from "./storage-port.ts";

export interface SnapshotServiceDependencies {
  readonly host: RaftHost;
  readonly log: DurableLog;
  readonly keeper: SnapshotKeeper | undefined;
  readonly stateMachine: StateMachine;
  readonly leadership: Leadership;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  /** Nothing may be proposed from now on, not even by the leader itself. */
  readonly onRestoring: () => void;
  /** Everything anybody waits for has changed, as of `index`; or nothing, and the leader's duties go on. */
  readonly onRestored: (index: number | undefined) => Promise<void>;
  readonly onFatal: (error: Error) => void;
}

/** Saves the state as Consul's archive and restores it from one (`wire/snapshot.md`). */
export class SnapshotService implements SnapshotApi {
  readonly #d: SnapshotServiceDependencies;
  #restoring = false;

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
    const unixMs = runtime.clock.wallMs();
    const meta = {
      id: `${term}-${index}-${unixMs}`,
      index,
      term,
      configuration: status.committedConfiguration,
      configurationIndex: status.committedConfigurationIndex,
    };
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
    try {
      const state: Uint8Array[] = [];
      const archived = await readSnapshotArchive(archive, (chunk) => void state.push(Uint8Array.from(chunk)));
      await this.#install(archived.index, state);
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
  async #install(archivedIndex: number, state: readonly Uint8Array[]): Promise<void> {
    const { host, log, keeper, stateMachine, leadership, onFatal } = this.#d;
    const prepared = await stateMachine.prepareRestore(asAsync(state)).catch((error: unknown) => {
      throw TribuneError.internal(
        `failed to restore snapshot: ${error instanceof Error ? error.message : String(error)}`,
        error,
      );
    });
    leadership.lost();
    this.#d.onRestoring();
    try {
      await host.barrier();
    } catch (error) {
      leadership.gained();
      await this.#d.onRestored(undefined);
      throw error;
    }
    const status = host.status();
    const snapshot: SnapshotMeta = {
      index: Math.max(archivedIndex, status.lastLogIndex) + 1,
      term: status.term,
      configuration: status.committedConfiguration,
      configurationIndex: status.committedConfigurationIndex,
    };
    try {
      await keeper?.save(snapshot, asAsync(state));
      await log.reset(snapshot.index, snapshot.term);
      prepared.commit(snapshot.index);
      host.restored(snapshot);
    } catch (error) {
      // Half of it may be on disk: only a start from there knows which state holds.
      onFatal(error instanceof Error ? error : new Error(String(error)));
      throw error;
    }
    await this.#d.onRestored(snapshot.index);
    leadership.gained();
  }
}

async function* asAsync(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
