import { type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { LogEntry } from "../raft/types.ts";
import type { CatalogChange } from "../state/effects.ts";
import { type DecodedCommand, Fsm, type StateRestore } from "../state/fsm.ts";
import { History } from "../state/history/history.ts";
import { allIndexes, goesBack } from "../state/index-table.ts";
import { createDatabase, type MemDatabase } from "../state/memdb/database.ts";
import { FsmTimes } from "./fsm-times.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import { TimeSlice } from "./sliced.ts";
import type { PreparedRestore, StateMachine, StateRestoring } from "./state-machine-port.ts";

/** Restored at a stretch, some hundred records: what is looked at the clock for. */
const RESTORE_BYTES = 32 * 1_024;

/** The state machine of the state room, in the shape the server drives. */
export class ReplicatedState implements StateMachine {
  readonly db: MemDatabase = createDatabase();
  readonly history = new History();
  readonly #fsm: Fsm;
  /** Of the command that is being applied. */
  #changes: CatalogChange[] = [];
  readonly #times: FsmTimes | undefined;
  readonly #runtime: Pick<Runtime, "clock" | "timers">;

  constructor(lockDelays: LockDelays, runtime: Pick<Runtime, "clock" | "timers">, metrics: Metrics = noMetrics) {
    this.#runtime = runtime;
    this.#times = metrics === noMetrics ? undefined : new FsmTimes(metrics);
    this.#fsm = new Fsm({
      db: this.db,
      // Tombstones are reaped by the leader's own clock, from the index it had reached.
      effects: {
        locksDelayed: (keys, delayMs) => lockDelays.set(keys, delayMs),
        tombstoned: () => {},
        catalogChanged: (change) => this.#changes.push(change),
        ...(this.#times === undefined ? {} : { operation: this.#times.operation }),
      },
    });
  }

  apply(entry: LogEntry, decoded?: DecodedCommand): unknown {
    this.history.applied(entry);
    if (entry.type !== "command") return undefined;
    const result = this.#applyMeasured(entry, decoded);
    if (this.#changes.length > 0) {
      this.history.record(entry, this.#changes);
      this.#changes = [];
    }
    return result;
  }

  #applyMeasured(entry: LogEntry, decoded: DecodedCommand | undefined): unknown {
    if (this.#times === undefined) return this.#fsm.apply(entry, decoded);
    const { clock } = this.#runtime;
    const startedMs = clock.nowMs();
    const result = this.#fsm.apply(entry, decoded);
    // Of a command in pieces the last one carries it out, and its first byte says nothing.
    if (entry.extensions === undefined) this.#times.applied(entry.data[0], clock.nowMs() - startedMs);
    return result;
  }

  snapshot(): { readonly chunks: Iterable<Uint8Array>; release(): void } {
    return this.#fsm.snapshot();
  }

  async prepareRestore(chunks: AsyncIterable<Uint8Array>): Promise<PreparedRestore> {
    const restoring = this.beginRestore();
    for await (const chunk of chunks) await restoring.push(chunk);
    return restoring.prepared();
  }

  beginRestore(): StateRestoring {
    const restore = this.#fsm.restore();
    const slice = new TimeSlice(this.#runtime);
    return {
      push: async (chunk) => {
        for (let at = 0; at < chunk.length; at += RESTORE_BYTES) {
          restore.push(chunk.subarray(at, at + RESTORE_BYTES));
          if (slice.used) await slice.giveWay();
        }
      },
      prepared: () => {
        restore.check();
        return { laterParts: restore.laterParts(), commit: () => this.#replace(restore) };
      },
    };
  }

  #replace(restore: StateRestore): boolean {
    const before = this.db.peek(allIndexes);
    restore.finish();
    this.history.replaced();
    return goesBack(before, this.db.peek(allIndexes));
  }
}
