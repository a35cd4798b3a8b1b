import type { LogEntry } from "../raft/types.ts";
import { Fsm } from "../state/fsm.ts";
import { createDatabase, type MemDatabase } from "../state/memdb/database.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import type { StateMachine } from "./state-machine-port.ts";

/** The state machine of the state room, in the shape the server drives. */
export class ReplicatedState implements StateMachine {
  readonly db: MemDatabase = createDatabase();
  readonly #fsm: Fsm;

  constructor(lockDelays: LockDelays) {
    this.#fsm = new Fsm({
      db: this.db,
      // Tombstones are reaped by the leader's own clock, from the index it had reached.
      effects: { lockDelayed: (key, delayMs) => lockDelays.set(key, delayMs), tombstoned: () => {} },
    });
  }

  apply(entry: LogEntry): unknown {
    return entry.type === "command" ? this.#fsm.apply(entry) : undefined;
  }

  snapshot(): { readonly chunks: Iterable<Uint8Array>; release(): void } {
    return this.#fsm.snapshot();
  }

  async prepareRestore(chunks: AsyncIterable<Uint8Array>): Promise<{ commit(): void }> {
    const restore = this.#fsm.restore();
    for await (const chunk of chunks) restore.push(chunk);
    return { commit: () => restore.finish() };
  }
}
