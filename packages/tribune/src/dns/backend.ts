/**
 * What the DNS door asks of the agent. Rows are shaped like Consul's JSON (`/v1/health/service/NAME`).
 *
 * Rows are immutable, and **identity means equality**: an implementation that has its data in memory returns the
 * very same array or object until something in it changes. Prepared answers are kept per returned object, so this is
 * what makes answers cheap; a fresh object on each call is still answered correctly, only slower. Likewise, the query
 * object of a repeated question is the same one as before, so it can serve as a key.
 *
 * A method may answer at once (a server with its state in memory: the hot path) or with a promise. It throws, or
 * rejects with, a TribuneError: NO_DC_PATH becomes NXDOMAIN, anything else SERVFAIL.
 */
export interface DnsBackend {
  /** Every instance, whatever its health; empty when there is none. */
  serviceNodes(query: ServiceQuery): MaybePromise<readonly ServiceRow[]>;
  /** Compared without regard to case. */
  node(query: NodeQuery): MaybePromise<NodeRow | undefined>;
  /** The local datacenter's node with this address (canonical text, see `formatIp`). */
  nodeByAddress(address: string, freshness: Freshness): MaybePromise<NodeRow | undefined>;
  /** The local datacenter's service with an instance whose own `Service.Address` is exactly this text. */
  serviceByAddress(address: string, freshness: Freshness): MaybePromise<ServiceAtAddress | undefined>;
  /** Executes a prepared query by name or ID; undefined when there is no such query. */
  executeQuery(query: PreparedQuery): MaybePromise<PreparedResult | undefined>;
}

export type MaybePromise<T> = T | Promise<T>;

/** How old an answer may be (dns_config: allow_stale, max_stale, use_cache, cache_max_age). */
export interface Freshness {
  readonly allowStale: boolean;
  readonly maxStaleMs: number;
  readonly useCache: boolean;
  readonly cacheMaxAgeMs: number;
}

/** Names are lower case as they come from DNS; the catalog compares services and tags without regard to case. */
export interface ServiceQuery {
  readonly dc: string;
  readonly service: string;
  /** "" for any. */
  readonly tag: string;
  /** Instances that can serve mesh traffic for `service`: its proxies and native instances. */
  readonly connect: boolean;
  /** Ingress gateways that expose `service`. */
  readonly ingress: boolean;
  readonly freshness: Freshness;
}

export interface NodeQuery {
  readonly dc: string;
  readonly node: string;
  readonly freshness: Freshness;
}

export interface PreparedQuery {
  readonly dc: string;
  readonly nameOrId: string;
  /** Address to measure "near" from: the client's subnet where it sent one, else the client's own. */
  readonly sourceAddress: string;
  readonly freshness: Freshness;
}

export interface PreparedResult {
  /** Health-filtered, sorted and limited by the query; the order is kept. */
  readonly rows: readonly ServiceRow[];
  readonly service: string;
  /** Where the rows come from: another datacenter after a failover. */
  readonly dc: string;
  /** Of the query's DNS options; undefined lets `service_ttl` decide. */
  readonly ttlMs: number | undefined;
}

export interface ServiceAtAddress {
  /** Spelt as registered. */
  readonly service: string;
  readonly dc: string;
}

export interface NodeRow {
  readonly Node: string;
  /** An IP address or a host name. */
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses?: Readonly<Record<string, string>> | null;
  readonly Meta?: Readonly<Record<string, string>> | null;
}

export interface CheckRow {
  readonly CheckID: string;
  readonly Status: string;
  /** "" for a check of the node. */
  readonly ServiceName: string;
}

export interface ServiceRow {
  readonly Node: NodeRow;
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    /** "" stands for the node's. */
    readonly Address: string;
    readonly Port: number;
    readonly TaggedAddresses?: Readonly<Record<string, { readonly Address: string; readonly Port: number }>> | null;
    readonly Weights?: { readonly Passing: number; readonly Warning: number } | null;
  };
  readonly Checks: readonly CheckRow[];
}
