import type { Rng } from "../lib/runtime.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import type { CoordinateMaps, CoordinateUpdates } from "./coordinate.ts";

/**
 * What endpoints may ask of the leader they run on. Grows by area: each file of this room that needs more
 * declares its part as an interface and extends this one here.
 */
export interface LeaderApi extends CoordinateUpdates {
  readonly datacenter: string;
  readonly rng: Rng;
  wallMs(): number;
  /** Reads committed state, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T;
  /** Milliseconds until the key's lock may be taken again after a session lost it; 0: now. */
  lockDelayMs(key: string): number;
  /** Proposes a further command and answers the state machine's result. */
  apply(raftType: number, request: object): Promise<unknown>;
}

/** What agent-local endpoints may ask of the agent; extended by the files that need it. */
export interface AgentApi extends CoordinateMaps {
  readonly datacenter: string;
  readonly nodeName: string;
}
