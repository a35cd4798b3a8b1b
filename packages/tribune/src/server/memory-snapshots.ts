import type { SnapshotMeta } from "../raft/types.ts";
import { type SnapshotKeeper, type SnapshotSink, type StoredSnapshot, saveSnapshot } from "./storage-port.ts";

/** The newest snapshot of a server that keeps nothing (`-dev`): for peers that are too far behind its log. */
export class MemorySnapshots implements SnapshotKeeper {
  #newest: StoredSnapshot | undefined;
  #count = 0;

  newest(): StoredSnapshot | undefined {
    return this.#newest;
  }

  create(meta: SnapshotMeta): SnapshotSink {
    let chunks: Uint8Array[] = [];
    return {
      write: (chunk) => {
        chunks.push(Uint8Array.from(chunk));
        return Promise.resolve();
      },
      commit: () => {
        const state = chunks;
        const bytes = state.reduce((sum, chunk) => sum + chunk.length, 0);
        const id = `${meta.term}-${meta.index}-${++this.#count}`;
        const stored: StoredSnapshot = { id, bytes, meta, read: () => asAsync(state) };
        const known = this.#newest?.meta;
        if (known === undefined || meta.term > known.term || meta.index >= known.index) this.#newest = stored;
        return Promise.resolve(stored);
      },
      abort: () => {
        chunks = [];
        return Promise.resolve();
      },
    };
  }

  save(meta: SnapshotMeta, state: AsyncIterable<Uint8Array>): Promise<StoredSnapshot> {
    return saveSnapshot(this.create(meta), state);
  }
}

async function* asAsync(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}
