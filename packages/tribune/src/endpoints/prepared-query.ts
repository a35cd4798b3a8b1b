import {
  durationFault,
  IndexedPreparedQueries,
  make,
  nullable,
  PreparedQuery,
  PreparedQueryExecuteRequest,
  PreparedQueryExplainResponse,
  PreparedQueryRequest,
  parseGoDuration,
  preparedQueryContracts,
  preparedQueryRpcContracts,
  type QuerySource,
  toJson,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { parseGoBool } from "../lib/go-bool.ts";
import { parseInteger } from "../lib/go-number.ts";
import { goQuote } from "../lib/go-quote.ts";
import { randomUuid, shuffle } from "../lib/random.ts";
import { isSteps, type Steps } from "../lib/steps.ts";
import type { Instance } from "../state/catalog/health-queries.ts";
import { listNodes } from "../state/catalog/node-queries.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import { preparedQueryGet, preparedQueryListSteps, preparedQueryResolve } from "../state/prepared-query.ts";
import type { LeaderApi, ServerApi } from "./agent-api.ts";
import { type Answer, empty, json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type RpcBindings } from "./binding.ts";
import { DRAWN_FROM, type Found, findByQuery, inOrder } from "./execute-query.ts";
import { type Executed, foundByQuery, metaOf } from "./query-answer.ts";
import { structsJson } from "./row-text.ts";
import { wireMeta } from "./wire-meta.ts";

const QUERY = nullable(PreparedQuery);

/** These routes answer for their methods themselves, with Go's empty struct as a body. */
const takes = (methods: string) => ({
  answer: (): Answer => ({ kind: "json", value: {}, headers: ["Allow", `OPTIONS,${methods}`] }),
});

const notFound = (): TribuneError => TribuneError.of("QUERY_NOT_FOUND");

export const preparedQueryEndpoints = bind(preparedQueryContracts, {
  queryCreate: {
    request: ({ query }, http) => apply("create", query, http),
    ops: ["create"],
    prepare(request, leader) {
      const query = request.Query!;
      if (query.ID !== "") throw TribuneError.internal("ID must be empty when creating a new prepared query");
      let id = randomUuid(leader.rng);
      while (leader.peek((tx) => preparedQueryGet(tx, id).query) !== undefined) id = randomUuid(leader.rng);
      admit(query);
      return { ...request, Query: { ...query, ID: id } };
    },
    errorPrefix: "raft apply failed: ",
    show: (id) => json({ ID: id }),
  },
  queryUpdate: {
    request: ({ id, query }, http) => apply("update", { ...make(PreparedQuery), ...query, ID: id }, http),
    ops: ["update"],
    prepare(request, leader) {
      requireExisting(request.Query!.ID, leader);
      admit(request.Query!);
      return request;
    },
    errorPrefix: "raft apply failed: ",
    show: () => empty(),
  },
  queryDelete: {
    request: ({ id }, http) => apply("delete", make(PreparedQuery, { ID: id }), http),
    ops: ["delete"],
    prepare(request, leader) {
      requireExisting(request.Query!.ID, leader);
      return request;
    },
    errorPrefix: "raft apply failed: ",
    show: () => empty(),
  },
  queryOptions: takes("GET,PUT,DELETE"),
  queryExecuteOptions: takes("GET"),
  queryExplainOptions: takes("GET"),
  queryList: {
    request: (_values, _http, common) => common,
    *query(tx) {
      const { index, queries } = yield* preparedQueryListSteps(tx);
      return make(IndexedPreparedQueries, { Index: index, Queries: queries });
    },
    show: (reply) => structsJson(QUERY, reply.Queries ?? []),
  },
  queryGet: {
    request: ({ id }, _http, common) => ({ ...common, QueryID: id }),
    query(tx, request) {
      requireUuid(request.QueryID);
      const { index, query } = preparedQueryGet(tx, request.QueryID);
      // The RPC's own error: what a client agent of either kind gives its caller is this text, and 404.
      if (query === undefined) throw notFound();
      return make(IndexedPreparedQueries, { Index: index, Queries: [query] });
    },
    show: (reply): Answer => structsJson(QUERY, reply.Queries ?? []),
  },
  queryExecute: {
    request({ id, limit, near, connect }, http, common) {
      const Limit = limitOf(limit);
      const Connect = connect === "" ? false : parseGoBool(connect);
      if (Connect === undefined) {
        const why = `strconv.ParseBool: parsing ${goQuote(connect)}: invalid syntax`;
        throw TribuneError.internal(`Error parsing 'connect' value: ${why}`);
      }
      return {
        ...common,
        QueryIDOrName: id,
        Limit,
        Connect,
        Source: { ...common.Source, Node: near, Ip: near === "_ip" ? http.sourceAddress : "" },
        Agent: asker(http),
      };
    },
    answer(request, server) {
      const query = resolve(request.QueryIDOrName, server);
      return execute(query, request, server);
    },
    show: foundByQuery,
  },
  queryExplain: {
    // The limit changes nothing that is shown, but has to be one.
    request: ({ id, limit }, http, common) => ({
      ...common,
      QueryIDOrName: id,
      Limit: limitOf(limit),
      Agent: asker(http),
    }),
    answer(request, server) {
      const Query = resolve(request.QueryIDOrName, server);
      return make(PreparedQueryExplainResponse, { ...wireMeta(server.operator.queryMeta()), Index: NO_INDEX, Query });
    },
    show(reply: PreparedQueryExplainResponse, request) {
      const { ConsistencyLevel, headers } = metaOf(reply, request);
      return {
        kind: "json",
        value: { ...reply, Query: toJson(PreparedQuery, reply.Query), ConsistencyLevel },
        headers,
      };
    },
  },
} satisfies Bindings<typeof preparedQueryContracts>);

export const preparedQueryMethods = bindRpc(preparedQueryRpcContracts, {
  queryExecuteRemote: {
    answer(request, server) {
      const { Query, Limit, Connect } = request;
      // From another datacenter: nobody here is near to who asks.
      const nowhere = make(PreparedQueryExecuteRequest, { Limit, Connect });
      return execute({ ...Query, Service: { ...Query.Service, Near: "" } }, nowhere, server);
    },
  },
} satisfies RpcBindings<typeof preparedQueryRpcContracts>);

/** Nobody waits for the next answer of an execution, so Consul says the least index that there is. */
const NO_INDEX = 1;

function limitOf(limit: string): number {
  if (limit === "") return 0;
  const { value, fault } = parseInteger(limit);
  if (fault !== undefined) throw TribuneError.internal(`Bad limit: ${fault}`);
  return value;
}

const asker = (http: HttpView): QuerySource => ({
  Datacenter: http.datacenter,
  Segment: "",
  Node: http.nodeName,
  Ip: "",
});

function resolve(idOrName: string, server: ServerApi): PreparedQuery {
  const query = server.peek((tx) => preparedQueryResolve(tx, idOrName));
  if (query === undefined) throw notFound();
  return query;
}

/** Shuffled, then by the distance from what the caller names, or else the query; the node named itself comes first. */
function execute(
  query: PreparedQuery,
  request: PreparedQueryExecuteRequest,
  server: ServerApi,
): Executed | Steps<Executed> {
  const { datacenter } = server;
  const asked = request.Source.Node || query.Service.Near;
  // The query itself where it can be: what it found last is kept with it.
  const asks = request.Connect && !query.Service.Connect;
  const wanted = asks ? { ...query, Service: { ...query.Service, Connect: true } } : query;
  const shuffled = (found: readonly Instance[]): readonly Instance[] => shuffle(server.rng, [...found]);
  return server.peek((tx) => {
    const near = asked === "_agent" ? request.Agent.Node : asked === "_ip" ? nodeAt(tx, request.Source.Ip) : asked;
    const reply = (found: Found) => executed(query, request, server, found, inOrder(found, shuffled));
    const found = findByQuery(tx, wanted, near, datacenter);
    if (!isSteps(found)) return reply(found);
    return (function* () {
      return reply(yield* found);
    })();
  });
}

function executed(
  query: PreparedQuery,
  request: PreparedQueryExecuteRequest,
  { operator, datacenter }: ServerApi,
  found: Found,
  rows: readonly Instance[],
): Executed {
  const { knownLeader, lastContactMs } = operator.queryMeta();
  const isOfProxies = request.Connect || query.Service.Connect;
  return {
    // A limited answer's rows are to be drawn for themselves, those of one that is sorted are not drawn, and the proxies
    // of a service are found anew each time.
    [DRAWN_FROM]: request.Limit > 0 || found.near !== "" || isOfProxies ? undefined : found,
    Service: query.Service.Service,
    Nodes: request.Limit > 0 ? rows.slice(0, request.Limit) : rows,
    DNS: query.DNS,
    Datacenter: datacenter,
    Failovers: 0,
    Index: NO_INDEX,
    LastContact: Math.round(lastContactMs * 1e6),
    KnownLeader: knownLeader,
    ConsistencyLevel: "",
    NotModified: false,
    Backend: 0,
  };
}

/** The name of the node with an address; "" for none. */
function nodeAt(tx: ReadTx, address: string): string {
  if (address === "") return "";
  return listNodes(tx).nodes.find((node) => node.Address === address)?.Node ?? "";
}

function apply(op: string, query: PreparedQuery, http: HttpView): PreparedQueryRequest {
  return make(PreparedQueryRequest, { Datacenter: http.datacenter, Token: http.token, Op: op, Query: query });
}

function requireUuid(id: string, doing = ""): void {
  if (id.length !== 36)
    throw TribuneError.internal(`${doing}failed prepared query lookup: index error: UUID must be 36 characters`);
}

function requireExisting(id: string, leader: LeaderApi): void {
  requireUuid(id, "Prepared Query lookup failed: ");
  if (leader.peek((tx) => preparedQueryGet(tx, id).query) === undefined)
    throw TribuneError.internal(`Cannot modify non-existent prepared query: '${id}'`);
}

/** What a query must say. @throws TribuneError with Consul's text. */
function admit(query: PreparedQuery): void {
  const refuse = (why: string): never => {
    throw TribuneError.internal(`Invalid prepared query: ${why}`);
  };
  const { Name, Template, Session, Service, DNS } = query;
  if (Name === "" && Template.Type === "" && Session === "") refuse("Must be bound to a session");
  if (Service.Service === "") refuse("Must provide a Service name to query");
  if (Service.Failover.NearestN < 0) refuse(`Bad NearestN '${Service.Failover.NearestN}', must be >= 0`);
  if (DNS.TTL !== "") {
    const ttlNs = parseGoDuration(DNS.TTL);
    if (ttlNs === undefined) refuse(`Bad DNS TTL '${DNS.TTL}': ${durationFault(DNS.TTL)}`);
    else if (ttlNs < 0) refuse(`DNS TTL '${ttlNs}', must be >=0`);
  }
}
