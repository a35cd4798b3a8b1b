/** Raft and autopilot operations. Fields and order are Consul 1.10's. */
import {
  any,
  bool,
  duration,
  durationText,
  type Infer,
  int,
  list,
  map,
  nullable,
  struct,
  text,
  time,
  uint,
} from "../schema.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";

export const AutopilotConfig = struct("AutopilotConfig", {
  CleanupDeadServers: bool,
  LastContactThreshold: duration,
  MaxTrailingLogs: uint,
  MinQuorum: uint,
  ServerStabilizationTime: duration,
  RedundancyZoneTag: text,
  DisableUpgradeMigration: bool,
  UpgradeVersionTag: text,
  ...raftIndex,
});
export type AutopilotConfig = Infer<typeof AutopilotConfig>;

export const AutopilotSetConfigRequest = struct("AutopilotSetConfigRequest", {
  Datacenter: text,
  Config: AutopilotConfig,
  CAS: bool,
  Token: text,
});
export type AutopilotSetConfigRequest = Infer<typeof AutopilotSetConfigRequest>;

export const RaftServer = struct("RaftServer", {
  ID: text,
  Node: text,
  Address: text,
  Leader: bool,
  ProtocolVersion: text,
  Voter: bool,
});
export type RaftServer = Infer<typeof RaftServer>;

export const RaftConfigurationResponse = struct("RaftConfigurationResponse", {
  Servers: list(nullable(RaftServer)),
  Index: uint,
});
export type RaftConfigurationResponse = Infer<typeof RaftConfigurationResponse>;

export const RaftRemovePeerRequest = struct("RaftRemovePeerRequest", {
  Datacenter: text,
  Address: text,
  ID: text,
  Token: text,
});
export type RaftRemovePeerRequest = Infer<typeof RaftRemovePeerRequest>;

const textDuration = { ...durationText, omitEmpty: false, readable: true };
/** `AutopilotConfig` as HTTP shows it: durations are text where the wire has nanoseconds. */
export const AutopilotConfiguration = struct("AutopilotConfiguration", {
  CleanupDeadServers: bool,
  LastContactThreshold: textDuration,
  MaxTrailingLogs: uint,
  MinQuorum: uint,
  ServerStabilizationTime: textDuration,
  RedundancyZoneTag: text,
  DisableUpgradeMigration: bool,
  UpgradeVersionTag: text,
  ...raftIndex,
});
export type AutopilotConfiguration = Infer<typeof AutopilotConfiguration>;

/** Body of the keyring's writes; the key is base64. */
export const KeyringKey = struct("keyringArgs", { Key: text });

/** `Key` is base64. `Operation`: list, install, use, remove. */
export const KeyringRequest = struct("KeyringRequest", {
  Operation: text,
  Key: text,
  Datacenter: text,
  /** Was sent here by another server, which asks all others as well. */
  Forwarded: bool,
  RelayFactor: uint,
  LocalOnly: bool,
  ...queryOptions,
});
export type KeyringRequest = Infer<typeof KeyringRequest>;

export const KeyringResponse = struct("KeyringResponse", {
  WAN: bool,
  Datacenter: text,
  Segment: text,
  Messages: map(text),
  Keys: map(int),
  PrimaryKeys: map(int),
  NumNodes: int,
  Error: text,
});
export type KeyringResponse = Infer<typeof KeyringResponse>;

export const KeyringResponses = struct("KeyringResponses", {
  Responses: list(nullable(KeyringResponse)),
  ...queryMeta,
});
export type KeyringResponses = Infer<typeof KeyringResponses>;

/** How far a server's log is. `LastContact`: a Go duration, "0" on the leader, or "never". */
export const RaftStats = struct("RaftStats", { LastContact: text, LastTerm: uint, LastIndex: uint });
export type RaftStats = Infer<typeof RaftStats>;

/** `SerfStatus`: serf's number, 0 none, 1 alive, 2 leaving, 3 left, 4 failed. */
export const AutopilotServerHealth = struct("AutopilotServerHealth", {
  ID: text,
  Name: text,
  Address: text,
  SerfStatus: int,
  Version: text,
  Leader: bool,
  LastContact: duration,
  LastTerm: uint,
  LastIndex: uint,
  Healthy: bool,
  Voter: bool,
  StableSince: time,
});
export type AutopilotServerHealth = Infer<typeof AutopilotServerHealth>;

export const AutopilotHealthReply = struct("AutopilotHealthReply", {
  Healthy: bool,
  FailureTolerance: int,
  Servers: list(AutopilotServerHealth),
});
export type AutopilotHealthReply = Infer<typeof AutopilotHealthReply>;

/** Autopilot's own view, as its library has it; HTTP shows it flattened. `State`: leader, voter, non-voter, staging, none. */
const AutopilotServerState = struct("raft-autopilot.ServerState", {
  Server: struct("raft-autopilot.Server", {
    ID: text,
    Name: text,
    Address: text,
    NodeStatus: text,
    Version: text,
    Meta: map(text),
    RaftVersion: int,
    IsLeader: bool,
    NodeType: text,
    Ext: any,
  }),
  State: text,
  Stats: struct("raft-autopilot.ServerStats", { LastContact: duration, LastTerm: uint, LastIndex: uint }),
  Health: struct("raft-autopilot.ServerHealth", { Healthy: bool, StableSince: time }),
});
export type AutopilotServerState = Infer<typeof AutopilotServerState>;

export const AutopilotState = struct("raft-autopilot.State", {
  Healthy: bool,
  FailureTolerance: int,
  Servers: map(nullable(AutopilotServerState)),
  Leader: text,
  Voters: list(text),
  Ext: any,
});
export type AutopilotState = Infer<typeof AutopilotState>;

/** Made for Tribune's servers among each other: Consul hands leadership over by gRPC. */
export const RaftTransferLeaderRequest = struct("RaftTransferLeaderRequest", {
  Datacenter: text,
  ID: text,
  Token: text,
});
export type RaftTransferLeaderRequest = Infer<typeof RaftTransferLeaderRequest>;
export const TransferLeaderResponse = struct("TransferLeaderResponse", { Success: bool });
export type TransferLeaderResponse = Infer<typeof TransferLeaderResponse>;

/** How much a datacenter holds. */
export const ServiceUsage = struct("ServiceUsage", {
  Services: int,
  ServiceInstances: int,
  ConnectServiceInstances: map(int),
  BillableServiceInstances: int,
  Nodes: int,
});
export type ServiceUsage = Infer<typeof ServiceUsage>;

export const OperatorUsageRequest = struct("OperatorUsageRequest", {
  Datacenter: text,
  /** Of all datacenters. */
  Global: bool,
  ...queryOptions,
});
export type OperatorUsageRequest = Infer<typeof OperatorUsageRequest>;

/** By datacenter. */
export const Usage = struct("Usage", { Usage: map(ServiceUsage), ...queryMeta });
export type Usage = Infer<typeof Usage>;
