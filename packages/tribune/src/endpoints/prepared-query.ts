import {
  CheckServiceNode,
  IndexedPreparedQueries,
  list,
  make,
  nullable,
  PreparedQuery,
  PreparedQueryRequest,
  parseGoDuration,
  preparedQueryContracts,
  toJson,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { randomUuid, shuffle } from "../lib/random.ts";
import { preparedQueryGet, preparedQueryList, preparedQueryResolve } from "../state/prepared-query.ts";
import type { AgentApi, LeaderApi } from "./agent-api.ts";
import { type Answer, empty, json } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";
import { requireOwnDatacenter } from "./datacenter.ts";
import { executeQuery } from "./execute-query.ts";

const QUERIES = list(nullable(PreparedQuery));
const NODES = list(nullable(CheckServiceNode));

/** These routes answer for their methods themselves, with Go's empty struct as a body. */
const takes = (methods: string) => ({
  answer: (): Answer => ({ kind: "json", value: {}, headers: ["Allow", `OPTIONS,${methods}`] }),
});

const notFound = (): TribuneError => new TribuneError("notFound", "Query not found");

export const preparedQueryEndpoints = bind(preparedQueryContracts, {
  queryCreate: {
    request: ({ query }, http) => apply("create", query, http),
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
    request: ({ id, query }, http) => apply("update", { ...query, ID: id }, http),
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
    query(tx) {
      const { index, queries } = preparedQueryList(tx);
      return make(IndexedPreparedQueries, { Index: index, Queries: queries });
    },
    show: (reply) => json(toJson(QUERIES, reply.Queries ?? [])),
  },
  queryGet: {
    request: ({ id }, _http, common) => ({ ...common, QueryID: id }),
    query(tx, request) {
      requireUuid(request.QueryID);
      const { index, query } = preparedQueryGet(tx, request.QueryID);
      return make(IndexedPreparedQueries, { Index: index, Queries: query === undefined ? null : [query] });
    },
    show(reply): Answer {
      if (reply.Queries === null) throw notFound(); // without the headers of an answer, as Consul
      return json(toJson(QUERIES, reply.Queries));
    },
  },
  queryExecute: {
    answer({ id, limit }, http, agent) {
      if (limit !== "" && !/^[+-]?\d+$/.test(limit))
        throw TribuneError.internal(`Bad limit: strconv.Atoi: parsing ${JSON.stringify(limit)}: invalid syntax`);
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const query = agent.peek((tx) => preparedQueryResolve(tx, id));
      if (query === undefined) throw notFound();
      const near = query.Service.Near === "_agent" ? agent.nodeName : query.Service.Near;
      const asked = http.query.get("near");
      const rows = agent.peek((tx) =>
        executeQuery(tx, query, asked === "_agent" ? agent.nodeName : asked || near, agent.datacenter),
      );
      const ordered = near === "" && asked === "" ? shuffle(agent.rng, [...rows]) : rows;
      const nodes = Number(limit) > 0 ? ordered.slice(0, Number(limit)) : ordered;
      const value = {
        Service: query.Service.Service,
        Nodes: toJson(NODES, nodes),
        DNS: { TTL: query.DNS.TTL },
        Datacenter: agent.datacenter,
        Failovers: 0,
      };
      return withMeta(value, agent);
    },
  },
  queryExplain: {
    answer({ id }, http, agent) {
      requireOwnDatacenter(http.datacenter, agent.datacenter);
      const query = agent.peek((tx) => preparedQueryResolve(tx, id));
      if (query === undefined) throw notFound();
      return withMeta({ Query: toJson(PreparedQuery, query) }, agent);
    },
  },
} satisfies Bindings<typeof preparedQueryContracts>);

function apply(op: string, query: PreparedQuery, http: HttpView): PreparedQueryRequest {
  return make(PreparedQueryRequest, { Datacenter: http.datacenter, Token: http.token, Op: op, Query: query });
}

/** Replies of these endpoints carry their freshness in the body as well as in the headers. */
function withMeta(value: object, agent: AgentApi): Answer {
  const { index, knownLeader, lastContactMs } = agent.operator.queryMeta();
  const meta = {
    Index: index,
    LastContact: lastContactMs * 1e6,
    KnownLeader: knownLeader,
    ConsistencyLevel: "leader",
    NotModified: false,
    Backend: 0,
  };
  return {
    kind: "json",
    value: { ...value, ...meta },
    headers: [
      "X-Consul-Index",
      String(index),
      "X-Consul-Knownleader",
      String(knownLeader),
      "X-Consul-Lastcontact",
      String(Math.floor(lastContactMs)),
      "X-Consul-Effective-Consistency",
      "leader",
    ],
  };
}

function requireUuid(id: string): void {
  if (id.length !== 36)
    throw TribuneError.internal("failed prepared query lookup: index error: UUID must be 36 characters");
}

function requireExisting(id: string, leader: LeaderApi): void {
  requireUuid(id);
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
    if (ttlNs === undefined) refuse(`Bad DNS TTL '${DNS.TTL}': time: invalid duration ${JSON.stringify(DNS.TTL)}`);
    else if (ttlNs < 0) refuse(`DNS TTL '${ttlNs}', must be >=0`);
  }
}
