import type {
  AutopilotConfig,
  DatacenterMap,
  KeyringRequest,
  KeyringResponses,
  LaterPart,
  RpcContract,
  TxnError,
  TxnResult,
} from "@tribune/api";
import type { Rng } from "../lib/runtime.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import type { AgentLocalApi } from "./agent-local-api.ts";
import type { Answer, ByteSink } from "./answer.ts";
import type { HttpView, Query } from "./binding.ts";
import type { CoordinateUpdates } from "./coordinate.ts";

/** What a call may ask of the server that answers it, leader or not. */
export interface ServerApi {
  readonly datacenter: string;
  readonly nodeName: string;
  /** Whether the mesh is switched on (`connect.enabled`). */
  readonly connectEnabled: boolean;
  /** Whether services may talk of whom no intention speaks (`default_intention_policy`). */
  readonly intentionsDefaultAllow: boolean;
  readonly rng: Rng;
  readonly operator: OperatorApi;
  readonly pools: PoolsApi;
  /** Reads committed state, unwatched. */
  peek<T>(read: (tx: ReadTx) => T): T;
}

/** What servers know from gossip. */
export interface PoolsApi {
  /** Nearest first; the own one alone without a WAN pool. */
  datacenters(): readonly string[];
  /** The servers of each datacenter with their coordinates, LAN left out. */
  datacenterMaps(): readonly DatacenterMap[];
  /** @param payload the event as gossip carries it. Throws a TribuneError when it is too large. */
  fireEvent(name: string, payload: Uint8Array | null): void;
  /** Failures stand in the responses. */
  keyring(request: KeyringRequest): Promise<KeyringResponses>;
}

/**
 * What endpoints may ask of the leader they run on. Grows by area: each file of this room that needs more
 * declares its part as an interface, and it is joined here.
 */
export interface LeaderApi extends ServerApi, CoordinateUpdates {
  /** Smallest TTL a session may have (`session_ttl_min`), in nanoseconds. */
  readonly sessionTtlMinNs: number;
  wallMs(): number;
  /** Milliseconds until the key's lock may be taken again after a session lost it; 0: now. */
  lockDelayMs(key: string): number;
  /** Starts (again) the time after which the session is destroyed. */
  resetSessionTimer(sessionId: string, ttl: string): void;
  clearSessionTimer(sessionId: string): void;
  /**
   * For what Consul 1.10 does not know: an entry's kind or fields, or to delete one with a condition.
   *
   * @throws TribuneError while a server is about that might make something else of it.
   */
  requireKeepers(part: LaterPart | "delete-cas"): void;
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
  /** Rejects with a TribuneError when the server, or the one most up to date, did not take over. */
  transferLeadership(id?: string): Promise<void>;
  removePeer(by: { readonly id: string } | { readonly address: string }): Promise<void>;
  /** How far this server's own log is; the contact is undefined while it never heard from a leader. */
  raftStats(): { readonly lastContactMs: number | undefined; readonly lastTerm: number; readonly lastIndex: number };
  autopilotConfig(): AutopilotConfig | undefined;
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
  /** Rejects with a TribuneError for filters that are no regular expressions, and where the datacenter is not reached. */
  fire(
    event: Omit<UserEvent, "id" | "version" | "lamportTime">,
    on: { readonly datacenter: string; readonly token: string },
  ): Promise<UserEvent>;
  /** Oldest first. */
  recent(): readonly UserEvent[];
  /** Calls back once, at the next event or after `waitMs`. @returns cancel */
  onNext(waitMs: number, wake: () => void): () => void;
}

/** Where a snapshot is taken or restored, and on whose behalf. */
export interface SnapshotOptions {
  readonly datacenter: string;
  readonly token: string;
  /** Any server may give its state. */
  readonly stale: boolean;
}

export interface SavedSnapshot {
  readonly meta: { readonly index: number; readonly knownLeader: boolean; readonly lastContactMs: number };
  /** Writes the archive to the sink, and aborts the sink on an error half-way. Once. */
  start(sink: ByteSink): void;
}

export interface SnapshotApi {
  save(options: SnapshotOptions): Promise<SavedSnapshot>;
  /** @throws TribuneError with what is wrong with the archive; the state is then as before. */
  restore(archive: AsyncIterable<Uint8Array>, options: SnapshotOptions): Promise<void>;
}

export interface TxnOutcome {
  readonly Results: readonly (TxnResult | null)[] | null;
  readonly Errors: readonly (TxnError | null)[] | null;
}

/** Carries out a method that no route leads to, wherever it is answered. */
export type AskServers = <C extends RpcContract>(contract: C, request: RequestOf<C>) => Promise<ReplyOf<C>>;
export type RequestOf<C extends RpcContract> = C["request"] extends { readonly __type?: infer Q }
  ? NonNullable<Q>
  : never;
export type ReplyOf<C extends RpcContract> = C["reply"] extends { readonly __type?: infer R } ? NonNullable<R> : never;

export interface StreamsApi {
  /**
   * A stream of events: what these reads of the API answer, and what changes in it.
   *
   * @param watches URLs, or parts of them that are decoded already.
   * @throws TribuneError for what cannot be watched, and where a bound is reached
   */
  open(
    watches: readonly (string | { readonly path: string; readonly query: Query })[],
    options: { readonly after: string; readonly heartbeat: string },
    asker: HttpView,
  ): Answer;
}

/** What agent-local endpoints may ask of the agent. */
export interface AgentApi extends AgentLocalApi {
  readonly datacenter: string;
  readonly nodeName: string;
  /** Whether the mesh is switched on (`connect.enabled`). */
  readonly connectEnabled: boolean;
  readonly events: EventApi;
  readonly snapshots: SnapshotApi;
  readonly ask: AskServers;
  readonly streams: StreamsApi;
}
