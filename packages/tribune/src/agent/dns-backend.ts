import type { PreparedQuery as StoredQuery } from "@tribune/api";
import type {
  DnsBackend,
  Freshness,
  MaybePromise,
  NodeQuery,
  NodeRow,
  PreparedQuery,
  PreparedResult,
  ServiceAtAddress,
  ServiceQuery,
  ServiceRow,
} from "../dns/backend.ts";
import { chain } from "../dns/chain.ts";
import { type Found, findByQuery, inOrder } from "../endpoints/execute-query.ts";
import { parseGoDuration } from "../lib/duration.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Metrics } from "../lib/metrics.ts";
import { shuffle } from "../lib/random.ts";
import type { Rng } from "../lib/runtime.ts";
import { isSteps, type Steps } from "../lib/steps.ts";
import type { Answered, Indexed, QueryEngine } from "../server/query-engine.ts";
import { connectHealth, ingressHealth, serviceHealthSteps } from "../state/catalog/health-queries.ts";
import { getNode, getNodeByAddress } from "../state/catalog/nodes.ts";
import { serviceNodesAtAddress } from "../state/catalog/service-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { preparedQueryResolve } from "../state/prepared-query.ts";

interface Rows extends Indexed {
  readonly rows: readonly ServiceRow[];
}
interface One<T> extends Indexed {
  readonly row: T | undefined;
}
interface FoundBy {
  readonly query: StoredQuery;
  readonly found: Found;
}

/**
 * DNS from the state in memory. Questions go through the query engine, so the very same rows come back until
 * something in them changes, which is what the DNS room's prepared answers hang on.
 */
export class StateDnsBackend implements DnsBackend {
  readonly #engine: QueryEngine;
  readonly #datacenter: string;
  readonly #nodeName: string;
  readonly #rng: Rng;

  constructor(
    options: { readonly datacenter: string; readonly nodeName: string },
    { engine, rng }: { readonly engine: QueryEngine; readonly rng: Rng },
  ) {
    this.#engine = engine;
    this.#datacenter = options.datacenter.toLowerCase();
    this.#nodeName = options.nodeName;
    this.#rng = rng;
  }

  serviceNodes({ dc, service, tag, connect, ingress }: ServiceQuery): MaybePromise<readonly ServiceRow[]> {
    this.#check(dc);
    const through = ingress ? "ingress" : connect ? "connect" : "";
    // The length tells `a b` + `c` from `a` + `b c`: names in DNS may hold any byte.
    const found = this.#askLong<Rows>(`dns service ${through} ${tag.length} ${tag} ${service}`, function* (tx) {
      const { index, rows } = ingress
        ? ingressHealth(tx, service)
        : connect
          ? connectHealth(tx, service)
          : yield* serviceHealthSteps(tx, service, tag === "" ? [] : [tag]);
      return { Index: index, rows: rows as readonly ServiceRow[] };
    });
    return chain(found, ({ reply }) => reply.rows);
  }

  node({ dc, node }: NodeQuery): NodeRow | undefined {
    this.#check(dc);
    return this.#ask<One<NodeRow>>(`dns node ${node}`, (tx) => ({ Index: tx.index, row: getNode(tx, node) })).reply.row;
  }

  nodeByAddress(address: string): NodeRow | undefined {
    return this.#ask<One<NodeRow>>(`dns address ${address}`, (tx) => ({
      Index: tx.index,
      row: getNodeByAddress(tx, address),
    })).reply.row;
  }

  serviceByAddress(address: string): ServiceAtAddress | undefined {
    return this.#ask<One<ServiceAtAddress>>(`dns service at ${address}`, (tx) => {
      const found = serviceNodesAtAddress(tx, address).rows.find((row) => row.ServiceAddress === address);
      return {
        Index: tx.index,
        row: found && { service: found.ServiceName, dc: found.Datacenter || this.#datacenter },
      };
    }).reply.row;
  }

  executeQuery({ dc, nameOrId, sourceAddress }: PreparedQuery): MaybePromise<PreparedResult | undefined> {
    this.#check(dc);
    const first = this.#foundBy(nameOrId, `dns query ${nameOrId}`, () => "");
    const found = chain(first, (row) => {
      if (row?.query.Service.Near !== "_ip" || sourceAddress === "") return row;
      const key = `dns query-from ${sourceAddress.length} ${sourceAddress} ${nameOrId}`;
      return this.#foundBy(nameOrId, key, (tx) => getNodeByAddress(tx, sourceAddress)?.Node ?? "");
    });
    return chain(found, (row) => row && this.#inOrder(row));
  }

  #foundBy(nameOrId: string, key: string, asker: (tx: ReadTx) => string): MaybePromise<FoundBy | undefined> {
    const [nodeName, datacenter] = [this.#nodeName, this.#datacenter];
    const found = this.#askLong<One<FoundBy>>(key, function* (tx) {
      const query = preparedQueryResolve(tx, nameOrId);
      if (query === undefined) return { Index: tx.index, row: undefined };
      const { Near } = query.Service;
      const near = Near === "_agent" ? nodeName : Near === "_ip" ? asker(tx) : Near;
      const { index: Index } = tx;
      const instances = findByQuery(tx, query, near, datacenter);
      return { Index, row: { query, found: isSteps(instances) ? yield* instances : instances } };
    });
    return chain(found, ({ reply }) => reply.row);
  }

  /** Callers shall not all go to the same instance, unless it is nearer to them than all others. */
  #inOrder({ query: { DNS, Service }, found }: FoundBy): PreparedResult {
    const ttlNs = DNS.TTL === "" ? undefined : parseGoDuration(DNS.TTL);
    return {
      rows: inOrder(found, (rows) => shuffle(this.#rng, [...rows])) as readonly ServiceRow[],
      service: Service.Service,
      dc: this.#datacenter,
      ttlMs: ttlNs === undefined ? undefined : ttlNs / 1e6,
    };
  }

  #check(dc: string): void {
    if (dc.toLowerCase() !== this.#datacenter) throw TribuneError.of("NO_DC_PATH");
  }

  #ask<R extends Indexed>(key: string, compute: (tx: ReadTx) => R): Answered<R> {
    return this.#engine.ask(key, compute);
  }

  /** What may have thousands of rows: at once all the same, unless there are. */
  #askLong<R extends Indexed>(key: string, compute: (tx: ReadTx) => Steps<R>): MaybePromise<Answered<R>> {
    const now = this.#engine.askNow(key, compute);
    if (now !== undefined) return now;
    return new Promise((resolve, reject) => this.#engine.askLater(key, compute, resolve, reject));
  }
}

/** Consul counts answers as stale whose server has not heard of its leader for so long. */
const STALE_COUNTED_MS = 5_000;

/** What a server's Raft says about the age of its state. */
export interface StateAge {
  readonly isLeader: boolean;
  freshness(): { readonly lastContactMs: number };
}

/** DNS of a server: from its own state where the question may be answered so, else by asking the leader. */
export class ServerDnsBackend implements DnsBackend {
  readonly #own: DnsBackend;
  readonly #asked: DnsBackend;
  readonly #age: StateAge;
  readonly #metrics: Metrics;
  readonly #limits: { readonly active: boolean };

  /** @param limits where requests are limited, the state is asked as anybody else would ask for it */
  constructor(
    own: DnsBackend,
    asked: DnsBackend,
    age: StateAge,
    metrics: Metrics,
    limits: { readonly active: boolean },
  ) {
    this.#limits = limits;
    this.#own = own;
    this.#asked = asked;
    this.#age = age;
    this.#metrics = metrics;
  }

  serviceNodes(query: ServiceQuery): ReturnType<DnsBackend["serviceNodes"]> {
    return this.#for(query.freshness).serviceNodes(query);
  }

  node(query: NodeQuery): ReturnType<DnsBackend["node"]> {
    return this.#for(query.freshness).node(query);
  }

  nodeByAddress(address: string, freshness: Freshness): ReturnType<DnsBackend["nodeByAddress"]> {
    return this.#for(freshness).nodeByAddress(address, freshness);
  }

  serviceByAddress(address: string, freshness: Freshness): ReturnType<DnsBackend["serviceByAddress"]> {
    return this.#for(freshness).serviceByAddress(address, freshness);
  }

  executeQuery(query: PreparedQuery): ReturnType<DnsBackend["executeQuery"]> {
    return this.#for(query.freshness).executeQuery(query);
  }

  #for({ allowStale, maxStaleMs }: Freshness): DnsBackend {
    if (this.#limits.active) return this.#asked;
    if (this.#age.isLeader) return this.#own;
    const { lastContactMs } = this.#age.freshness();
    if (!allowStale || lastContactMs > maxStaleMs) return this.#asked;
    if (lastContactMs > STALE_COUNTED_MS) this.#metrics.count("dns.stale_queries");
    return this.#own;
  }
}
