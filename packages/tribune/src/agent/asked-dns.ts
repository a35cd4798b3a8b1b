import {
  make,
  PreparedQueryExecuteRequest,
  type PreparedQueryExecuteResponse,
  QuerySource,
  type ServiceNode,
} from "@tribune/api";
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
import type { Endpoint } from "../endpoints/binding.ts";
import type { ReadCall, ReadOutcome } from "../http/backend.ts";
import { parseGoDuration } from "../lib/duration.ts";
import type { Indexed } from "../server/query-engine.ts";
import { type Asking, endpointNamed, ownRead } from "./asking.ts";

const INSTANCES = endpointNamed("healthService");
const INSTANCES_MESH = endpointNamed("healthConnect");
const INSTANCES_INGRESS = endpointNamed("healthIngress");
const NODE = endpointNamed("catalogNode");
const NODES = endpointNamed("catalogNodes");
const AT_ADDRESS = endpointNamed("catalogService");

const EXECUTE = endpointNamed("queryExecute");
/** What a server answers for a query that there is not. */
const QUERY_NOT_FOUND = "Query not found";
const NS_PER_MS = 1e6;
/** Durations above this do not fit what carries them (`max_stale` is ten years by default). */
const STALE_NS_MAX = Number.MAX_SAFE_INTEGER;

/** Rows in a reply, the very same ones as long as the reply is. */
type RowsOf<T> = (reply: Reply) => T;
/** The fields of the replies that are asked for here. */
interface Reply extends Indexed {
  readonly Nodes: readonly unknown[] | null;
  readonly NodeServices: { readonly Node: NodeRow | null } | null;
  readonly ServiceNodes: readonly (ServiceNode | null)[] | null;
}

/**
 * DNS from answers that a backend gives to an agent's clients as well: of a server, or of the agent's cache. A reply
 * that did not change is the same object as before, and so are its rows, which the DNS room's prepared answers hang on.
 */
export class AskedDnsBackend implements DnsBackend {
  readonly #asking: Asking;
  readonly #datacenter: string;
  readonly #nodeName: string;
  readonly #token: () => string;
  /** A repeated question is the same object (see `DnsBackend`): its call is made once. */
  readonly #calls = new WeakMap<object, ReadCall>();

  constructor(
    options: { readonly datacenter: string; readonly nodeName: string },
    { asking, token }: { readonly asking: Asking; readonly token: () => string },
  ) {
    this.#asking = asking;
    this.#datacenter = options.datacenter;
    this.#nodeName = options.nodeName;
    this.#token = token;
  }

  serviceNodes(query: ServiceQuery): MaybePromise<readonly ServiceRow[]> {
    const call = this.#call(query, () => {
      const { dc, service, tag, connect, ingress, freshness } = query;
      return this.#read(ingress ? INSTANCES_INGRESS : connect ? INSTANCES_MESH : INSTANCES, dc, freshness, {
        ServiceName: service,
        ServiceTags: tag === "" ? null : [tag],
        TagFilter: tag !== "",
        Connect: connect,
        Ingress: ingress,
      });
    });
    return this.#rows(call, (reply) => (reply.Nodes ?? NO_ROWS) as readonly ServiceRow[]);
  }

  node(query: NodeQuery): MaybePromise<NodeRow | undefined> {
    const call = this.#call(query, () => this.#read(NODE, query.dc, query.freshness, { Node: query.node }));
    return this.#rows(call, (reply) => reply.NodeServices?.Node ?? undefined);
  }

  nodeByAddress(address: string, freshness: Freshness): MaybePromise<NodeRow | undefined> {
    const call = this.#read(NODES, this.#datacenter, freshness, { Filter: `Address == ${JSON.stringify(address)}` });
    return this.#rows(call, (reply) => (reply.Nodes?.[0] ?? undefined) as NodeRow | undefined);
  }

  serviceByAddress(address: string, freshness: Freshness): MaybePromise<ServiceAtAddress | undefined> {
    const call = this.#read(AT_ADDRESS, this.#datacenter, freshness, { ServiceAddress: address });
    return this.#rows(call, (reply) => {
      const found = (reply.ServiceNodes ?? []).find((row) => row?.ServiceAddress === address);
      return found ? { service: found.ServiceName, dc: found.Datacenter || this.#datacenter } : undefined;
    });
  }

  /** The server that answers has shuffled the rows already, unless the query sorts them by distance. */
  async executeQuery({ dc, nameOrId, sourceAddress, freshness }: PreparedQuery): Promise<PreparedResult | undefined> {
    const request = make(PreparedQueryExecuteRequest, {
      Datacenter: dc,
      QueryIDOrName: nameOrId,
      Source: make(QuerySource, { Datacenter: this.#datacenter, Ip: sourceAddress }),
      Agent: make(QuerySource, { Datacenter: this.#datacenter, Node: this.#nodeName }),
      Token: this.#token(),
      ...staleness(freshness),
    });
    let reply: PreparedQueryExecuteResponse;
    try {
      reply = (await this.#asking.call(EXECUTE, request)) as PreparedQueryExecuteResponse;
    } catch (error) {
      if (error instanceof Error && error.message.includes(QUERY_NOT_FOUND)) return undefined;
      throw error;
    }
    const ttlNs = reply.DNS.TTL === "" ? undefined : parseGoDuration(reply.DNS.TTL);
    return {
      rows: (reply.Nodes ?? []) as readonly ServiceRow[],
      service: reply.Service,
      dc: reply.Datacenter,
      ttlMs: ttlNs === undefined ? undefined : ttlNs / NS_PER_MS,
    };
  }

  #read(endpoint: Endpoint, dc: string, freshness: Freshness, given: Readonly<Record<string, unknown>>): ReadCall {
    return ownRead(endpoint, {
      Datacenter: dc,
      Token: this.#token(),
      ...staleness(freshness),
      ...given,
    });
  }

  #call(query: object, make: () => ReadCall): ReadCall {
    let call = this.#calls.get(query);
    if (call === undefined) {
      call = make();
      this.#calls.set(query, call);
    }
    return call;
  }

  #rows<T>(call: ReadCall, rowsOf: RowsOf<T>): MaybePromise<T> {
    const now = this.#asking.readNow(call);
    if (now !== undefined) return rowsOf(now.answer.reply as Reply);
    return new Promise((resolve, reject) => {
      this.#asking.read(call, (outcome: ReadOutcome | Error) => {
        if (outcome instanceof Error) reject(outcome);
        else resolve(rowsOf(outcome.answer.reply as Reply));
      });
    });
  }
}

const NO_ROWS: readonly ServiceRow[] = [];

function staleness({ allowStale, maxStaleMs, useCache, cacheMaxAgeMs }: Freshness) {
  return {
    AllowStale: allowStale,
    MaxStaleDuration: allowStale ? Math.min(STALE_NS_MAX, maxStaleMs * NS_PER_MS) : 0,
    UseCache: useCache,
    MaxAge: useCache ? Math.min(STALE_NS_MAX, cacheMaxAgeMs * NS_PER_MS) : 0,
  };
}
