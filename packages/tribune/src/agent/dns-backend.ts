import type {
  DnsBackend,
  Freshness,
  NodeQuery,
  NodeRow,
  PreparedQuery,
  PreparedResult,
  ServiceAtAddress,
  ServiceQuery,
  ServiceRow,
} from "../dns/backend.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Answered, Indexed, QueryEngine } from "../server/query-engine.ts";
import { connectHealth, serviceHealth } from "../state/catalog/health-queries.ts";
import { listNodes } from "../state/catalog/node-queries.ts";
import { getNode } from "../state/catalog/nodes.ts";
import { serviceNodesAtAddress } from "../state/catalog/service-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";

interface Rows extends Indexed {
  readonly rows: readonly ServiceRow[];
}
interface One<T> extends Indexed {
  readonly row: T | undefined;
}

const NONE: readonly ServiceRow[] = [];

/**
 * DNS from the state in memory. Questions go through the query engine, so the very same rows come back until
 * something in them changes, which is what the DNS room's prepared answers hang on.
 */
export class StateDnsBackend implements DnsBackend {
  readonly #engine: QueryEngine;
  readonly #datacenter: string;
  readonly #hasLeader: () => boolean;

  constructor(engine: QueryEngine, datacenter: string, hasLeader: () => boolean) {
    this.#engine = engine;
    this.#datacenter = datacenter.toLowerCase();
    this.#hasLeader = hasLeader;
  }

  serviceNodes({ dc, service, tag, connect, ingress, freshness }: ServiceQuery): readonly ServiceRow[] {
    this.#check(dc, freshness);
    if (ingress) return NONE; // gateways expose nothing until config entries say what
    const tags = tag === "" ? [] : [tag];
    return this.#ask<Rows>(`dns service ${connect ? "connect" : ""} ${tag} ${service}`, (tx) => {
      const { index, rows } = connect ? connectHealth(tx, service) : serviceHealth(tx, service, tags);
      return { Index: index, rows: rows as unknown as readonly ServiceRow[] };
    }).reply.rows;
  }

  node({ dc, node, freshness }: NodeQuery): NodeRow | undefined {
    this.#check(dc, freshness);
    return this.#ask<One<NodeRow>>(`dns node ${node}`, (tx) => ({ Index: tx.index, row: getNode(tx, node) })).reply.row;
  }

  nodeByAddress(address: string, freshness: Freshness): NodeRow | undefined {
    this.#check(this.#datacenter, freshness);
    return this.#ask<One<NodeRow>>(`dns address ${address}`, (tx) => ({
      Index: tx.index,
      row: listNodes(tx).nodes.find((node) => node.Address === address),
    })).reply.row;
  }

  serviceByAddress(address: string, freshness: Freshness): ServiceAtAddress | undefined {
    this.#check(this.#datacenter, freshness);
    return this.#ask<One<ServiceAtAddress>>(`dns service at ${address}`, (tx) => {
      const found = serviceNodesAtAddress(tx, address).rows.find((row) => row.ServiceAddress === address);
      return {
        Index: tx.index,
        row: found && { service: found.ServiceName, dc: found.Datacenter || this.#datacenter },
      };
    }).reply.row;
  }

  executeQuery({ dc }: PreparedQuery): PreparedResult | undefined {
    if (dc.toLowerCase() !== this.#datacenter) throw TribuneError.of("NO_DC_PATH");
    return undefined;
  }

  #check(dc: string, freshness: Freshness): void {
    if (dc.toLowerCase() !== this.#datacenter) throw TribuneError.of("NO_DC_PATH");
    if (!freshness.allowStale && !this.#hasLeader()) throw TribuneError.of("NO_LEADER");
  }

  #ask<R extends Indexed>(key: string, compute: (tx: ReadTx) => R): Answered<R> {
    return this.#engine.ask(key, compute);
  }
}
