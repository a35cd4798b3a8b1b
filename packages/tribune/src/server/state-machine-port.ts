import type { LaterPart } from "@tribune/api";
import type { LogEntry } from "../raft/types.ts";
import type { DecodedCommand } from "../state/fsm.ts";
import type { History } from "../state/history/history.ts";
import type { Database } from "../state/memdb/types.ts";

/** A state that was read aside. Dropping it is safe. */
export interface PreparedRestore {
  /** Kinds of configuration entries in it that Consul 1.10 does not know. */
  readonly laterParts: readonly LaterPart[];
  /**
   * Puts it into the place of the live state in one step; `index` is the one it stands for from then on. It answers
   * whether something went back: then somebody brought back an earlier state.
   */
  commit(index: number): boolean;
}

/** The replicated state as the server drives it (`state/fsm.ts`). */
export interface StateMachine {
  readonly db: Database;
  /** What this server has seen happen in the catalog; absent where nobody asks. */
  readonly history?: History;
  /**
   * A refusal comes back as an Error: it is a result like any other, the same on every server.
   *
   * @param decoded what the entry's bytes say, where it was proposed here.
   */
  apply(entry: LogEntry, decoded?: DecodedCommand): unknown;
  /** The state as of now, as record chunks; making them is lazy, so the reader sets the pace. */
  snapshot(): { readonly chunks: Iterable<Uint8Array>; release(): void };
  /** Reads a whole snapshot aside. Rejects with a TribuneError for one that cannot be read. */
  prepareRestore(chunks: AsyncIterable<Uint8Array>): Promise<PreparedRestore>;
  /** The same, for chunks as they come. */
  beginRestore(): StateRestoring;
}

/** A state that is being read aside. Dropping it is safe. */
export interface StateRestoring {
  /** Await it before the next one. Rejects with a TribuneError for what cannot be read. */
  push(chunk: Uint8Array): Promise<void>;
  /** @throws TribuneError when the state ends too soon. */
  prepared(): PreparedRestore;
}
