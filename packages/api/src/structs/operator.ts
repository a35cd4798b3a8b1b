/** Raft and autopilot operations. Fields and order are Consul 1.10's. */
import { bool, duration, durationText, type Infer, list, nullable, struct, text, uint } from "../schema.ts";
import { raftIndex } from "./common.ts";

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

const textDuration = { ...durationText, omitEmpty: false };
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
