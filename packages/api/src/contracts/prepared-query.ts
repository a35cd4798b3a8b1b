import { boolQuery, call, inPath, inQuery, jsonBody, local, numberQuery, read, rpcCall, write } from "../contract.ts";
import { text } from "../schema.ts";
import { DCSpecificRequest } from "../structs/catalog.ts";
import {
  IndexedPreparedQueries,
  PreparedQuery,
  PreparedQueryExecuteRemoteRequest,
  PreparedQueryExecuteRequest,
  PreparedQueryExecuteResponse,
  PreparedQueryExplainResponse,
  PreparedQueryRequest,
  PreparedQuerySpecificRequest,
} from "../structs/prepared-query.ts";

const raftType = 7;
const id = inPath("UUID of the query");
const query = jsonBody(PreparedQuery, "The query", { invalid: "Request decode failed: %s" });
/** Consul reads an empty one as a query without anything, whose ID decides what it says. */
const newQuery = jsonBody(PreparedQuery, "The query");
const acl = { by: "require", resource: "query", access: "write" } as const;

const options = (path: "/v1/query/:id" | `/v1/query/:id/${string}`) =>
  local({
    http: `OPTIONS ${path}`,
    parameters: { id },
    acl: { by: "none" },
    summary: "Methods that are taken here",
    answers: "Nothing",
  });

export const preparedQueryContracts = {
  queryCreate: write({
    http: "POST /v1/query",
    rpc: "PreparedQuery.Apply",
    parameters: { query },
    request: PreparedQueryRequest,
    raftType,
    reply: text,
    acl,
    summary: "Create a prepared query",
    answers: "PreparedQueryId",
  }),
  queryList: read({
    http: "GET /v1/query",
    rpc: "PreparedQuery.List",
    parameters: {},
    request: DCSpecificRequest,
    reply: IndexedPreparedQueries,
    blocking: true,
    saysConsistency: true,
    acl: { by: "filter" },
    summary: "List the prepared queries",
    answers: "PreparedQueries",
  }),
  queryExecute: call({
    http: "GET /v1/query/:id/execute",
    rpc: "PreparedQuery.Execute",
    request: PreparedQueryExecuteRequest,
    reply: PreparedQueryExecuteResponse,
    answeredBy: "asked",
    queryOptions: true,
    cacheable: true,
    saysConsistency: true,
    parameters: {
      id: inPath("UUID or name of the query"),
      limit: numberQuery("Instances at the most"),
      near: inQuery("Sort by round-trip time from this node; `_agent` is the agent's own"),
      connect: boolQuery("Proxies of the service, and instances that need none"),
    },
    acl: { by: "filter" },
    summary: "Execute a prepared query",
    answers: "PreparedQueryResult",
  }),
  queryExplain: call({
    http: "GET /v1/query/:id/explain",
    rpc: "PreparedQuery.Explain",
    request: PreparedQueryExecuteRequest,
    reply: PreparedQueryExplainResponse,
    answeredBy: "asked",
    queryOptions: true,
    saysConsistency: true,
    parameters: { id: inPath("UUID or name of the query"), limit: numberQuery("Instances at the most") },
    acl: { by: "filter" },
    summary: "Show the query as it would be executed",
    answers: "PreparedQueryExplained",
  }),
  queryGet: read({
    http: "GET /v1/query/:id",
    rpc: "PreparedQuery.Get",
    parameters: { id },
    request: PreparedQuerySpecificRequest,
    reply: IndexedPreparedQueries,
    blocking: true,
    saysConsistency: true,
    acl: { by: "filter" },
    summary: "Read a prepared query",
    answers: "PreparedQueries",
  }),
  queryUpdate: write({
    http: "PUT /v1/query/:id",
    rpc: "PreparedQuery.Apply",
    parameters: { id, query: newQuery },
    request: PreparedQueryRequest,
    raftType,
    reply: text,
    acl,
    summary: "Replace a prepared query",
    answers: "Nothing",
  }),
  queryDelete: write({
    http: "DELETE /v1/query/:id",
    rpc: "PreparedQuery.Apply",
    parameters: { id },
    request: PreparedQueryRequest,
    raftType,
    reply: text,
    acl,
    summary: "Delete a prepared query",
    answers: "Nothing",
  }),
  queryOptions: options("/v1/query/:id"),
  queryExecuteOptions: options("/v1/query/:id/execute"),
  queryExplainOptions: options("/v1/query/:id/explain"),
};

export const preparedQueryRpcContracts = {
  queryExecuteRemote: rpcCall({
    rpc: "PreparedQuery.ExecuteRemote",
    request: PreparedQueryExecuteRemoteRequest,
    reply: PreparedQueryExecuteResponse,
    answeredBy: "asked",
    summary: "Execute a prepared query of another datacenter here",
  }),
};
