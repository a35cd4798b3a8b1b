import type { MemberTags } from "../codec/serf-tags.ts";
import type { RuntimeConfig } from "../config/types.ts";
import type { DnsBackend } from "../dns/backend.ts";
import type { SnapshotApi } from "../endpoints/agent-api.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel, Runtime } from "../lib/runtime.ts";
import type { GossipPool, PoolEvent } from "../pool/types.ts";
import type { Asking } from "./asking.ts";
import type { CacheSource } from "./cache/agent-cache.ts";

export type StatsGroup = Readonly<Record<string, string>>;

export interface ModeDependencies {
  readonly runtime: Runtime;
  /** `agent.server` or `agent.client`. */
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly onFatal: (error: Error) => void;
}

/** What an agent does differently as a server and as a client. Calls come in the order in which they stand here. */
export interface AgentMode {
  /** Opens what the tags tell others about: ports of its own. */
  open(): Promise<void>;
  /** What this agent says of itself in the LAN pool. */
  readonly lanTags: MemberTags;
  /** The LAN pool's sockets are open; nobody was joined yet. */
  start(lan: GossipPool): Promise<void>;

  /** Answers what clients, DNS and this agent ask. */
  readonly asking: Asking;
  /** How the agent's cache keeps its answers fresh, where that is not `asking` itself. */
  readonly refreshing?: CacheSource;
  /** Whole states of the datacenter, saved and restored. */
  readonly snapshots: SnapshotApi;
  /** @param asking `asking` behind the agent's cache */
  dns(asking: Asking): DnsBackend;
  /** Only servers have one. */
  readonly wan: GossipPool | undefined;
  /** Resolves once the datacenter can be asked: a server waits for its own leadership, or for a leader it knows. */
  ready(): Promise<void>;
  /** Groups of `/v1/agent/self` about the mode; `consul` is always there. */
  stats(): Readonly<Record<string, StatsGroup>>;
  /** @param run is called when a server came up, so that the catalog may be behind. */
  onServerUp(run: () => void): Cancel;

  poolEvent(event: PoolEvent): void;
  reload(config: RuntimeConfig): void;
  /** Says good-bye in the LAN pool too, at the moment that is right for the mode. */
  leave(lan: GossipPool): Promise<void>;
  stop(): Promise<void>;
}
