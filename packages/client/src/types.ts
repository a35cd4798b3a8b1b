/** The parts of Consul's answers the client names. Wire spelling throughout; answers may hold more. */

export interface KvPair {
  readonly Key: string;
  readonly Value: Buffer;
  /** 64 bits, the user's own. */
  readonly Flags: bigint;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
  readonly LockIndex: number;
  readonly Session: string;
}

export interface KvWrite {
  readonly key: string;
  readonly value: Uint8Array;
  readonly flags?: bigint;
}

export interface CatalogNode {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>> | null;
  readonly Meta: Readonly<Record<string, string>> | null;
}

export interface CatalogService extends Omit<CatalogNode, "Meta"> {
  readonly NodeMeta: Readonly<Record<string, string>> | null;
  readonly ServiceName: string;
}

export interface AgentMember {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>>;
  readonly Status: number;
}

export interface AgentCheck {
  readonly CheckID: string;
  readonly Name: string;
  readonly Notes: string;
  readonly ServiceID: string;
}

export interface AgentSelf {
  readonly Config: Readonly<Record<string, unknown>> & { readonly NodeName: string; readonly Datacenter: string };
  readonly Stats: Readonly<Record<string, Readonly<Record<string, string>>>>;
}

export interface RaftServer {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Leader: boolean;
  readonly Voter: boolean;
  readonly ProtocolVersion: string;
}

/** Durations are Go texts: `"200ms"`. */
export interface AutopilotConfiguration {
  readonly CleanupDeadServers: boolean;
  readonly LastContactThreshold: string;
  readonly MaxTrailingLogs: number;
  readonly MinQuorum: number;
  readonly ServerStabilizationTime: string;
  readonly RedundancyZoneTag: string;
  readonly DisableUpgradeMigration: boolean;
  readonly UpgradeVersionTag: string;
  readonly ModifyIndex: number;
}

export interface AutopilotServer {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly NodeStatus: string;
  readonly Version: string;
  readonly LastContact: string;
  readonly LastTerm: number;
  readonly LastIndex: number;
  readonly Healthy: boolean;
  readonly Status: string;
  readonly NodeType: string;
  readonly Meta: Readonly<Record<string, string>> | null;
}

export interface AutopilotState {
  readonly Healthy: boolean;
  readonly FailureTolerance: number;
  readonly OptimisticFailureTolerance: number;
  readonly Leader: string;
  readonly Voters: readonly string[] | null;
  readonly Servers: Readonly<Record<string, AutopilotServer>> | null;
}

/** Vivaldi coordinate; times in seconds. */
export interface Coordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}

export interface CoordinateEntry {
  readonly Node: string;
  readonly Segment: string;
  readonly Coord: Coordinate;
}

export interface CoordinateDatacenter {
  readonly Datacenter: string;
  readonly AreaID: string;
  readonly Coordinates: readonly CoordinateEntry[];
}

export interface UserEvent {
  readonly name: string;
  readonly payload?: Uint8Array;
  readonly nodeFilter?: string;
  readonly serviceFilter?: string;
  readonly tagFilter?: string;
}
