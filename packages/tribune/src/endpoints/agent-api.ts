import type { AutopilotConfig, TxnError, TxnOp, TxnResult } from "@tribune/api";
import type { Rng } from "../lib/runtime.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import type { AgentLocalApi } from "./agent-local-api.ts";
import type { ByteSink } from "./answer.ts";
import type { CoordinateMaps, CoordinateUpdates } from "./coordinate.ts";

/**
 * What endpoints may ask of the leader they run on. Grows by area: each file of this room that needs more
 * declares its part as an interface, and it is joined here.
 */
export interface LeaderApi extends CoordinateUpdates {
  readonly datacenter: string;
  readonly rng: Rng;
  /** Smallest TTL a session may have (`session_ttl_min`), in nanoseconds. */
  readonly sessionTtlMinNs: number;
  wallMs(): number;
  /** Reads committed state, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T;
  /** Milliseconds until the key's lock may be taken again after a session lost it; 0: now. */
  lockDelayMs(key: string): number;
  /** Starts (again) the time after which the session is destroyed. */
  resetSessionTimer(sessionId: string, ttl: string): void;
  clearSessionTimer(sessionId: string): void;
}

export interface RaftPeer {
  readonly id: string;
  readonly node: string;
  readonly address: string;
  readonly leader: boolean;
  readonly protocolVersion: string;
  readonly voter: boolean;
}

/** Health of one server as autopilot sees it. */
export interface ServerHealth {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly version: string;
  readonly leader: boolean;
  readonly serfStatus: "alive" | "left" | "failed" | "none";
  /** Nanoseconds since the leader last heard from it; 0 for the leader. */
  readonly lastContactNs: number;
  readonly lastTerm: number;
  readonly lastIndex: number;
  readonly healthy: boolean;
  readonly voter: boolean;
  /** Unix milliseconds. */
  readonly stableSinceMs: number;
  readonly meta: Readonly<Record<string, string>>;
}

export interface OperatorApi {
  /** `host:port` of the leader; "" when there is none. */
  leaderAddress(): string;
  peerAddresses(): readonly string[];
  raftPeers(): readonly RaftPeer[];
  removePeer(by: { readonly id: string } | { readonly address: string }): Promise<void>;
  autopilotConfig(): AutopilotConfig | undefined;
  setAutopilotConfig(config: AutopilotConfig, cas: boolean): Promise<boolean>;
  serverHealth(): {
    readonly healthy: boolean;
    readonly failureTolerance: number;
    readonly servers: readonly ServerHealth[];
  };
  /** Index and freshness of what this server holds: for answers that carry query headers. */
  queryMeta(): { readonly index: number; readonly knownLeader: boolean; readonly lastContactMs: number };
}

export interface UserEvent {
  readonly id: string;
  readonly name: string;
  readonly payload: Uint8Array | null;
  readonly nodeFilter: string;
  readonly serviceFilter: string;
  readonly tagFilter: string;
  readonly version: number;
  readonly lamportTime: number;
}

export interface EventApi {
  /** @throws TribuneError for filters that are no regular expressions. */
  fire(event: Omit<UserEvent, "id" | "version" | "lamportTime">): Promise<UserEvent>;
  /** Oldest first. */
  recent(): readonly UserEvent[];
  /** Calls back once, at the next event or after `waitMs`. @returns cancel */
  onNext(waitMs: number, wake: () => void): () => void;
}

export interface SnapshotApi {
  /** Writes the archive to the sink, and aborts the sink on an error half-way. */
  save(sink: ByteSink): void;
  /** @throws TribuneError with what is wrong with the archive; the state is then as before. */
  restore(archive: AsyncIterable<Uint8Array>): Promise<void>;
}

export interface TxnOutcome {
  readonly Results: readonly (TxnResult | null)[] | null;
  readonly Errors: readonly (TxnError | null)[] | null;
}

export interface TxnApi {
  apply(ops: readonly TxnOp[]): Promise<TxnOutcome>;
  read(ops: readonly TxnOp[], mode: "leader" | "stale" | "consistent"): Promise<TxnOutcome>;
}

/** What agent-local endpoints may ask of the agent. */
export interface AgentApi extends CoordinateMaps, AgentLocalApi {
  readonly datacenter: string;
  readonly nodeName: string;
  /** Whether the mesh is switched on (`connect.enabled`). */
  readonly connectEnabled: boolean;
  readonly operator: OperatorApi;
  readonly events: EventApi;
  readonly snapshots: SnapshotApi;
  readonly txn: TxnApi;
  readonly rng: Rng;
  /** Reads the state as this server has it, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T;
}
