import type { AutopilotConfig, ConfigEntry } from "@tribune/api";
import type { PoolsApi } from "../endpoints/agent-api.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { StartOverPort } from "./contradictions.ts";
import type { ServerIdentity } from "./identity.ts";
import type { LockDelays } from "./leader/lock-delay.ts";
import type { PeersPort } from "./peers-port.ts";
import type { PeersRecovery } from "./peers-recovery.ts";
import type { StateMachine } from "./state-machine-port.ts";
import type { DurableLog, SnapshotKeeper } from "./storage-port.ts";

export interface ServerOptions {
  readonly identity: ServerIdentity;
  readonly raft: {
    readonly heartbeatTimeoutMs: number;
    readonly electionTimeoutMs: number;
    readonly leaderLeaseTimeoutMs: number;
    readonly snapshotIntervalMs: number;
    readonly snapshotThreshold: number;
    readonly trailingLogs: number;
    /** Ask the others before campaigning; yes when left out. */
    readonly preVote?: boolean;
  };
  /** Make this server the first of its datacenter if it holds no state (`bootstrap`, `bootstrap_expect` 1). */
  readonly bootstrap: boolean;
  /** `bootstrap_expect` above 1: begin once so many servers have found each other. 0 or absent: wait to be added. */
  readonly bootstrapExpect?: number;
  readonly rpcHoldTimeoutMs: number;
  /** The mesh is switched on. */
  readonly connectEnabled: boolean;
  /** `default_intention_policy`; yes when left out. */
  readonly intentionsDefaultAllow?: boolean;
  readonly sessionTtlMinMs: number;
  readonly autopilot: AutopilotConfig;
  /** As `decodeBootstrapEntries` makes them; none when left out. */
  readonly bootstrapEntries?: readonly ConfigEntry[];
}

export interface ServerDependencies {
  readonly runtime: Runtime;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly stateMachine: StateMachine;
  readonly lockDelays: LockDelays;
  readonly log: DurableLog;
  /** Term and vote as the log had them. */
  readonly hardState: { readonly term: number; readonly votedFor: string | undefined };
  /** In dev mode they are kept in memory. */
  readonly snapshots: SnapshotKeeper;
  /** Undefined: a server alone, without a pool or an RPC port. */
  readonly peers?: PeersPort | undefined;
  /** A peer set from an operator's `peers.json`, which replaces the one in log and snapshots at this start. */
  readonly recovery?: PeersRecovery | undefined;
  /** How to begin anew; absent in dev mode. */
  readonly startOver?: StartOverPort | undefined;
  /** See `RaftOptions`: this server began anew and is not filled again yet. */
  readonly refillTerm?: number | undefined;
  readonly onFatal: (error: Error) => void;
  /** What gossip knows; absent for a server without. */
  readonly pools?: PoolsApi;
}
