import type { LogEntry } from "../raft/types.ts";
import type { History } from "../state/history/history.ts";
import type { Database } from "../state/memdb/types.ts";

/** The replicated state as the server drives it (`state/fsm.ts`). */
export interface StateMachine {
  readonly db: Database;
  /** What this server has seen happen in the catalog; absent where nobody asks. */
  readonly history?: History;
  /** A refusal comes back as an Error: it is a result like any other, the same on every server. */
  apply(entry: LogEntry): unknown;
  /** The state as of now, as record chunks; making them is lazy, so the reader sets the pace. */
  snapshot(): { readonly chunks: Iterable<Uint8Array>; release(): void };
  /**
   * Reads a whole snapshot aside. The live state changes, in one step, with `commit`; `index` is the one it
   * stands for from then on. It answers whether something went back: then somebody brought back an earlier state.
   */
  prepareRestore(chunks: AsyncIterable<Uint8Array>): Promise<{ commit(index: number): boolean }>;
}
