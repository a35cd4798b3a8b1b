/**
 * What the endpoints under `/v1/agent` ask of the agent they run on, by area. All of it is this agent's own:
 * nothing here is forwarded.
 */
import type { Coordinate, HealthCheck, NodeService } from "@tribune/api";
import type { LogLevel } from "../lib/log.ts";
import type { LogSubscription } from "../lib/logger/log-hub.ts";
import type { Answer } from "./answer.ts";

/** A member of a gossip pool, with the names Consul shows. */
export interface Member {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>>;
  /** 1 alive, 2 leaving, 3 left, 4 failed. */
  readonly Status: number;
  readonly ProtocolMin: number;
  readonly ProtocolMax: number;
  readonly ProtocolCur: number;
  readonly DelegateMin: number;
  readonly DelegateMax: number;
  readonly DelegateCur: number;
}

/** `/v1/agent/self`. */
export interface AgentSelf {
  readonly config: Readonly<Record<string, unknown>>;
  /** Every setting, without secrets. */
  readonly debugConfig: Readonly<Record<string, unknown>>;
  /** Undefined where coordinates are disabled. */
  readonly coordinate: Coordinate["Coord"] | undefined;
  readonly member: Member;
  readonly stats: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** The node's metadata. */
  readonly meta: Readonly<Record<string, string>>;
}

export interface AgentInfoApi {
  self(): AgentSelf;
  lanMembers(): readonly Member[];
  /** Undefined in an agent that is in no such pool. */
  wanMembers(): readonly Member[] | undefined;
  /** Why the members of a network segment cannot be listed. */
  noSegment(segment: string): string;
  /** Memory, processors, disk and system, in the shape of `/v1/agent/host`. */
  host(): Promise<unknown>;
}

export interface MetricsApi {
  /** The last finished interval, in the shape of `/v1/agent/metrics`. @throws TribuneError where none is kept. */
  summary(): unknown;
  /** The Prometheus text; undefined where `prometheus_retention_time` is not positive. */
  prometheus(): { readonly contentType: string; readonly text: string } | undefined;
  /** Hands out the summary of each interval from now on, when it is over. @returns cancel. @throws as `summary` */
  follow(listener: (summary: unknown) => void): () => void;
}

export interface MonitorApi {
  /** Lines from now on. The caller must stop it. @throws TribuneError where this agent has no log of its own. */
  subscribe(level: LogLevel, json: boolean): LogSubscription;
  /** Tells the operator that a client read too slowly. */
  dropped(lines: number): void;
}

/** Keys of the configuration file. */
export interface ReloadReport {
  /** Changed, and in effect. */
  readonly applied: readonly string[];
  /** Changed, but only a restart will notice. */
  readonly needsRestart: readonly string[];
  readonly unchanged: number;
}

export interface LifecycleApi {
  /** @throws TribuneError with what is wrong with the configuration; nothing is changed then. */
  reload(): Promise<ReloadReport>;
  /** Resolves before the agent ends, so that the caller can still be answered. */
  leave(): Promise<void>;
  /** @throws TribuneError with one line for each address that could not be joined. */
  join(address: string, wan: boolean): Promise<void>;
  /** @throws TribuneError where there is no such node. */
  forceLeave(node: string, prune: boolean): Promise<void>;
  enableMaintenance(reason: string, token: string): Promise<void>;
  disableMaintenance(): Promise<void>;
}

export interface Hashed<T> {
  readonly hash: string;
  readonly value: T;
}

/** A query that waits until the hash of its answer is another than the client's. */
export interface HashQuery<T> {
  readonly hash: string;
  /** Milliseconds; 0 is the default. */
  readonly waitMs: number;
  /** Reads the answer as it is now. A throw ends the query with it. */
  readonly read: () => Hashed<T>;
  /** Tells when the client has gone; returns how to stop listening. */
  readonly onGone: (run: () => void) => () => void;
}

/** Changes resolve once they would survive a crash and the catalog has been told, or could not be. */
export interface LocalServicesApi {
  all(): Iterable<NodeService>;
  find(id: string): NodeService | undefined;
  /** Its own checks and those of the node. */
  checksOf(id: string): readonly HealthCheck[];
  waitFor<T>(id: string, query: HashQuery<T>): Promise<Hashed<T>>;
  /** @param definition the JSON text. @throws TribuneError with Consul's text */
  register(
    definition: string,
    options: { readonly token: string; readonly replaceExistingChecks: boolean },
  ): Promise<void>;
  deregister(id: string): Promise<void>;
  /** @throws TribuneError (notFound) */
  enableMaintenance(id: string, reason: string, token: string): Promise<void>;
  disableMaintenance(id: string): Promise<void>;
}

export interface LocalChecksApi {
  all(): Iterable<HealthCheck>;
  /** @param definition the JSON text. @throws TribuneError with Consul's text */
  register(definition: string, token: string): Promise<void>;
  deregister(id: string): Promise<void>;
  /** @throws TribuneError where it is no TTL check. */
  report(id: string, status: "passing" | "warning" | "critical", output: string): Promise<void>;
  /** As `report`, with status and output in a JSON text. */
  reportJson(id: string, report: string): Promise<void>;
}

export interface TokensApi {
  /** Without ACLs the agent has no tokens to keep. */
  readonly enabled: boolean;
  /** Takes effect at once. @throws TribuneError (notFound) for a kind there is not */
  update(kind: string, token: string): Promise<void>;
}

export interface MetricsProxyApi {
  /**
   * Asks the metrics' backend that is configured for the web page, and hands on what it says.
   *
   * @param path below the backend's URL; `query` as it came; `accept` the header, or ""
   * @throws TribuneError where none is configured, the path is not allowed, or the backend does not answer
   */
  ask(path: string, query: string, accept: string): Promise<Answer>;
}

/** The part of the agent that stands behind `/v1/agent`. */
export interface AgentLocalApi {
  readonly info: AgentInfoApi;
  readonly metrics: MetricsApi;
  readonly monitor: MonitorApi;
  readonly lifecycle: LifecycleApi;
  readonly services: LocalServicesApi;
  readonly checks: LocalChecksApi;
  readonly tokens: TokensApi;
  readonly metricsProxy: MetricsProxyApi;
}
