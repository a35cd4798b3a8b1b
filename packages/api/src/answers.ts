/** What endpoints answer: the JSON behind each name in a contract's `answers`, or that it is none. */
import {
  any,
  bool,
  bytes,
  duration,
  durationText,
  float,
  type Infer,
  int,
  list,
  map,
  nullable,
  omitEmpty,
  type Schema,
  struct,
  text,
  time,
  u64,
  uint,
} from "./schema.ts";
import { AgentService } from "./structs/agent.ts";
import {
  CheckServiceNode,
  DatacenterMap,
  GatewayService,
  Node,
  NodeInfo,
  NodeServiceList,
  NodeServices,
  ServiceNode,
} from "./structs/catalog.ts";
import { HealthCheck, ServiceHealthCheck } from "./structs/check.ts";
import { nothing, queryMeta } from "./structs/common.ts";
import { ResolvedExportedService } from "./structs/config-entry.ts";
import { ConfigEntryJson } from "./structs/config-entry-kinds.ts";
import { IndexedCARoots } from "./structs/connect-ca.ts";
import { Coordinate, NetworkCoordinate } from "./structs/coordinate.ts";
import { DiscoveryChainJson } from "./structs/discovery-chain.ts";
import { HistoryJson } from "./structs/history.ts";
import { Intention, IntentionQueryCheckResponse } from "./structs/intention.ts";
import { CatalogSummary, ServiceListingSummary, ServiceSummary, ServiceTopologyJson } from "./structs/internal.ts";
import { DirEntry } from "./structs/kv.ts";
import {
  AutopilotConfiguration,
  RaftConfigurationResponse,
  ServiceUsage,
  TransferLeaderResponse,
} from "./structs/operator.ts";
import { PreparedQuery, QueryDNSOptions } from "./structs/prepared-query.ts";
import { Session } from "./structs/session.ts";
import { TxnError, TxnResult } from "./structs/txn.ts";

export type AnswerForm<T> =
  | { readonly body: "json"; readonly schema: Schema<T> }
  | { readonly body: "none"; readonly __type?: T }
  /** The whole body is the value. */
  | { readonly body: "bytes"; readonly mediaType: string; readonly __type?: T }
  /** Sent as it comes, perhaps without end. */
  | { readonly body: "stream"; readonly mediaType: string; readonly __type?: T };

const json = <T>(schema: Schema<T>) => ({ body: "json", schema }) as const;
const none: { readonly body: "none"; readonly __type?: null } = { body: "none" };
const asBytes = (mediaType: string): { body: "bytes"; mediaType: string; __type?: Uint8Array } => ({
  body: "bytes",
  mediaType,
});
const stream = (mediaType: string): { body: "stream"; mediaType: string; __type?: AsyncIterable<Uint8Array> } => ({
  body: "stream",
  mediaType,
});

const textDuration = { ...durationText, omitEmpty: false };

const Member = struct("Member", {
  Name: text,
  Addr: text,
  Port: int,
  Tags: map(text),
  Status: int,
  ProtocolMin: int,
  ProtocolMax: int,
  ProtocolCur: int,
  DelegateMin: int,
  DelegateMax: int,
  DelegateCur: int,
});

const AgentSelf = struct("AgentSelf", {
  Config: map(any),
  DebugConfig: map(any),
  Coord: nullable(NetworkCoordinate),
  Member,
  Stats: map(map(text)),
  Meta: map(text),
  xDS: any,
});

const AgentHost = struct("AgentHost", {
  Memory: any,
  CPU: any,
  Host: any,
  Disk: any,
  /** Unix nanoseconds. */
  CollectionTime: u64,
  Errors: any,
});

const AgentVersion = struct("AgentVersion", { SHA: text, BuildDate: text, HumanVersion: text, FIPS: text });

/** Keys of the configuration file whose values changed, by what comes of it. */
const ReloadReport = struct("ReloadReport", {
  Applied: list(text),
  NeedsRestart: list(text),
  /** How many keys are as before. */
  Unchanged: int,
});

const MetricValue = struct("MetricValue", { Name: text, Value: float, Labels: map(text) });
const MetricSummary = struct("MetricSummary", {
  Name: text,
  Count: int,
  Rate: float,
  Sum: float,
  Min: float,
  Max: float,
  Mean: float,
  Stddev: float,
  Labels: map(text),
});
const AgentMetrics = struct("AgentMetrics", {
  Timestamp: text,
  Gauges: list(MetricValue),
  Points: list(any),
  Counters: list(MetricSummary),
  Samples: list(MetricSummary),
});

const AgentServiceHealth = struct("AgentServiceHealth", {
  AggregatedStatus: text,
  Service: nullable(AgentService),
  Checks: list(ServiceHealthCheck),
});

const UserEvent = struct("UserEvent", {
  ID: text,
  Name: text,
  Payload: bytes,
  NodeFilter: text,
  ServiceFilter: text,
  TagFilter: text,
  Version: int,
  LTime: uint,
});

const autopilotServer = {
  ID: text,
  Name: text,
  Address: text,
  Version: text,
  LastContact: textDuration,
  LastTerm: uint,
  LastIndex: uint,
  Healthy: bool,
  StableSince: time,
};
const AutopilotHealth = struct("AutopilotHealth", {
  Healthy: bool,
  FailureTolerance: int,
  Servers: list(struct("AutopilotServerHealth", { ...autopilotServer, SerfStatus: text, Leader: bool, Voter: bool })),
});
const AutopilotState = struct("AutopilotState", {
  Healthy: bool,
  FailureTolerance: int,
  OptimisticFailureTolerance: int,
  Servers: map(
    struct("AutopilotServerState", {
      ...autopilotServer,
      NodeStatus: text,
      ReadReplica: bool,
      Status: text,
      Meta: map(text),
      NodeType: text,
    }),
  ),
  Leader: text,
  Voters: list(text),
});

export const KeyringResponseJson = struct("KeyringResponse", {
  WAN: bool,
  Datacenter: text,
  Segment: text,
  Messages: omitEmpty(map(text)),
  Keys: map(int),
  PrimaryKeys: map(int),
  NumNodes: int,
  Error: omitEmpty(text),
});

const PreparedQueryResult = struct("PreparedQueryResult", {
  Service: text,
  Nodes: list(CheckServiceNode),
  DNS: QueryDNSOptions,
  Datacenter: text,
  Failovers: int,
  ...queryMeta,
});
const PreparedQueryExplained = struct("PreparedQueryExplained", { Query: PreparedQuery, ...queryMeta });
const Created = struct("Created", { ID: text });

/** With what a read carries where the transaction only reads. */
const TxnAnswer = struct("TxnAnswer", {
  Results: list(nullable(TxnResult)),
  Errors: list(nullable(TxnError)),
  Index: omitEmpty(uint),
  LastContact: omitEmpty(duration),
  KnownLeader: omitEmpty(bool),
  ConsistencyLevel: omitEmpty(text),
  NotModified: omitEmpty(bool),
  Backend: omitEmpty(int),
});

export const ANSWERS = {
  Address: json(text),
  Addresses: json(list(text)),
  AgentChecks: json(map(HealthCheck)),
  AgentHost: json(AgentHost),
  AgentMembers: json(list(Member)),
  AgentMetrics: json(AgentMetrics),
  AgentSelf: json(AgentSelf),
  AgentService: json(AgentService),
  AgentServiceHealth: json(AgentServiceHealth),
  AgentServiceHealths: json(list(AgentServiceHealth)),
  AgentServices: json(map(AgentService)),
  Archive: stream("application/x-gzip"),
  CARoots: json(IndexedCARoots),
  ConfigEntries: json(list(ConfigEntryJson)),
  ConfigEntry: json(ConfigEntryJson),
  AutopilotConfiguration: json(AutopilotConfiguration),
  AutopilotHealth: json(AutopilotHealth),
  AutopilotState: json(AutopilotState),
  Boolean: json(bool),
  CheckServiceNodes: json(list(CheckServiceNode)),
  Coordinates: json(list(Coordinate)),
  DatacenterMaps: json(list(DatacenterMap)),
  DatacenterNames: json(list(text)),
  DiscoveryChain: json(DiscoveryChainJson),
  DirEntries: json(list(DirEntry)),
  EmptyObject: json(nothing),
  GatewayServices: json(list(GatewayService)),
  HealthChecks: json(list(HealthCheck)),
  Intention: json(Intention),
  IntentionCheck: json(IntentionQueryCheckResponse),
  Events: stream("text/event-stream"),
  History: json(HistoryJson),
  IntentionId: json(Created),
  IntentionMatches: json(map(list(Intention))),
  Intentions: json(list(Intention)),
  KeyringResponses: json(list(KeyringResponseJson)),
  Keys: json(list(text)),
  Log: stream("text/plain"),
  MetricsStream: stream("application/json"),
  NodeInfo: json(NodeInfo),
  NodeInfos: json(list(NodeInfo)),
  NodeServiceList: json(nullable(NodeServiceList)),
  NodeServices: json(nullable(NodeServices)),
  Nodes: json(list(Node)),
  Nothing: none,
  ReloadReport: json(ReloadReport),
  TransferLeader: json(TransferLeaderResponse),
  Usage: json(struct("OperatorUsage", { Usage: map(ServiceUsage) })),
  AgentVersion: json(AgentVersion),
  CatalogSummary: json(CatalogSummary),
  OpenApi: json(any),
  PreparedQueries: json(list(PreparedQuery)),
  PreparedQueryExplained: json(PreparedQueryExplained),
  PreparedQueryId: json(Created),
  PreparedQueryResult: json(PreparedQueryResult),
  RaftConfiguration: json(RaftConfigurationResponse),
  ResolvedExportedServices: json(list(ResolvedExportedService)),
  ServiceListing: json(list(ServiceListingSummary)),
  ServiceNodes: json(list(ServiceNode)),
  ServiceSummaries: json(list(ServiceSummary)),
  ServiceTopology: json(ServiceTopologyJson),
  Services: json(map(list(text))),
  SessionId: json(Created),
  Sessions: json(list(Session)),
  TxnResponse: json(TxnAnswer),
  UserEvent: json(UserEvent),
  UserEvents: json(list(UserEvent)),
  ValueBytes: asBytes("text/plain"),
} as const satisfies Readonly<Record<string, AnswerForm<any>>>;

export type AnswerName = keyof typeof ANSWERS;
/** The static type of an answer. */
export type AnswerOf<A extends AnswerName> = (typeof ANSWERS)[A] extends { readonly schema: infer S }
  ? Infer<S>
  : (typeof ANSWERS)[A] extends { readonly __type?: infer T }
    ? Exclude<T, undefined>
    : never;
