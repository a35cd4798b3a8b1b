/** Prepared queries. Fields and order are Consul 1.10's. */
import { bool, type Infer, int, list, map, nullable, struct, text, withSilent } from "../schema.ts";
import { CheckServiceNode, QuerySource } from "./catalog.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";

export const QueryDNSOptions = struct("QueryDNSOptions", {
  TTL: text,
});
export type QueryDNSOptions = Infer<typeof QueryDNSOptions>;

export const QueryDatacenterOptions = withSilent(
  struct("QueryDatacenterOptions", {
    NearestN: int,
    Datacenters: list(text),
  }),
  "Targets",
  "SkipLocalDatacenter",
);
export type QueryDatacenterOptions = Infer<typeof QueryDatacenterOptions>;

export const ServiceQuery = struct("ServiceQuery", {
  Service: text,
  Failover: QueryDatacenterOptions,
  OnlyPassing: bool,
  IgnoreCheckIDs: list(text),
  Near: text,
  Tags: list(text),
  NodeMeta: map(text),
  ServiceMeta: map(text),
  Connect: bool,
});
export type ServiceQuery = Infer<typeof ServiceQuery>;

export const QueryTemplateOptions = struct("QueryTemplateOptions", {
  Type: text,
  Regexp: text,
  RemoveEmptyTags: bool,
});
export type QueryTemplateOptions = Infer<typeof QueryTemplateOptions>;

export const PreparedQuery = struct("PreparedQuery", {
  ID: text,
  Name: text,
  Session: text,
  Token: text,
  Template: QueryTemplateOptions,
  Service: ServiceQuery,
  DNS: QueryDNSOptions,
  ...raftIndex,
});
export type PreparedQuery = Infer<typeof PreparedQuery>;

export const PreparedQueryRequest = struct("PreparedQueryRequest", {
  Datacenter: text,
  Op: text,
  Query: nullable(PreparedQuery),
  Token: text,
});
export type PreparedQueryRequest = Infer<typeof PreparedQueryRequest>;

export const PreparedQuerySpecificRequest = struct("PreparedQuerySpecificRequest", {
  Datacenter: text,
  QueryID: text,
  ...queryOptions,
});
export type PreparedQuerySpecificRequest = Infer<typeof PreparedQuerySpecificRequest>;

export const IndexedPreparedQueries = struct("IndexedPreparedQueries", {
  Queries: list(nullable(PreparedQuery)),
  ...queryMeta,
});
export type IndexedPreparedQueries = Infer<typeof IndexedPreparedQueries>;

export const PreparedQueryExecuteRequest = struct("PreparedQueryExecuteRequest", {
  Datacenter: text,
  QueryIDOrName: text,
  Limit: int,
  /** Only what reaches the service through the mesh. */
  Connect: bool,
  /** What the answer is sorted by the distance from. */
  Source: QuerySource,
  /** The agent that asks: `_agent` means it, and templates read it. */
  Agent: QuerySource,
  ...queryOptions,
});
export type PreparedQueryExecuteRequest = Infer<typeof PreparedQueryExecuteRequest>;

/** From another datacenter, which has no such query: it comes along. */
export const PreparedQueryExecuteRemoteRequest = struct("PreparedQueryExecuteRemoteRequest", {
  Datacenter: text,
  Query: PreparedQuery,
  Limit: int,
  Connect: bool,
  ...queryOptions,
});
export type PreparedQueryExecuteRemoteRequest = Infer<typeof PreparedQueryExecuteRemoteRequest>;

export const PreparedQueryExecuteResponse = struct("PreparedQueryExecuteResponse", {
  Service: text,
  Nodes: list(CheckServiceNode),
  DNS: QueryDNSOptions,
  Datacenter: text,
  Failovers: int,
  ...queryMeta,
});
export type PreparedQueryExecuteResponse = Infer<typeof PreparedQueryExecuteResponse>;

export const PreparedQueryExplainResponse = struct("PreparedQueryExplainResponse", {
  Query: PreparedQuery,
  ...queryMeta,
});
export type PreparedQueryExplainResponse = Infer<typeof PreparedQueryExplainResponse>;
