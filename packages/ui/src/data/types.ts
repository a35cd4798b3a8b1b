/** The fields of the API's answers that pages read. Lists that Go may say as null are typed so. */
import type { Permission } from "../lib/intention.ts";

export interface AgentSelf {
  readonly Config: {
    readonly Datacenter: string;
    readonly NodeName: string;
    readonly NodeID: string;
    readonly Server: boolean;
    readonly Version: string;
    readonly Revision?: string;
  };
  readonly DebugConfig?: {
    readonly ACLsEnabled?: boolean;
    readonly ACLDefaultPolicy?: string;
    readonly ACLResolverSettings?: { readonly ACLDefaultPolicy?: string };
  };
  readonly Stats?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly Member?: Member;
  readonly Coord?: Coordinate;
}

export interface Member {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>> | null;
  /** 0 none, 1 alive, 2 leaving, 3 left, 4 failed */
  readonly Status: number;
}

export interface ServiceSummary {
  readonly Name: string;
  readonly Datacenter: string;
  readonly Kind?: string;
  readonly Tags: readonly string[] | null;
  readonly Nodes: readonly string[] | null;
  readonly ExternalSources?: readonly string[] | null;
  readonly InstanceCount: number;
  readonly ChecksPassing: number;
  readonly ChecksWarning: number;
  readonly ChecksCritical: number;
  readonly ConnectedWithProxy?: boolean;
  readonly ConnectedWithGateway?: boolean;
}

export interface Check {
  readonly Node: string;
  readonly CheckID: string;
  readonly Name: string;
  readonly Status: string;
  readonly Notes: string;
  readonly Output: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly ServiceTags: readonly string[] | null;
  readonly Type?: string;
  /** As Go says it; empty where the agent has not told. */
  readonly Interval?: string;
  readonly Definition?: Readonly<Record<string, unknown>>;
  readonly ModifyIndex: number;
}

export interface TaggedAddress {
  readonly Address: string;
  readonly Port: number;
}

export interface Service {
  readonly ID: string;
  readonly Service: string;
  readonly Kind?: string;
  readonly Tags: readonly string[] | null;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly Address: string;
  readonly Port: number;
  readonly TaggedAddresses?: Readonly<Record<string, TaggedAddress>> | null;
  readonly Weights?: { readonly Passing: number; readonly Warning: number };
  readonly EnableTagOverride?: boolean;
  readonly Proxy?: ProxyConfig | null;
  readonly Connect?: { readonly Native?: boolean } | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface ProxyConfig {
  readonly DestinationServiceName?: string;
  readonly DestinationServiceID?: string;
  readonly LocalServiceAddress?: string;
  readonly LocalServicePort?: number;
  readonly Mode?: string;
  readonly Upstreams?: readonly Upstream[] | null;
  readonly Expose?: { readonly Checks?: boolean; readonly Paths?: readonly ExposePath[] | null };
}
export interface Upstream {
  readonly DestinationName: string;
  readonly Datacenter?: string;
  readonly LocalBindAddress?: string;
  readonly LocalBindPort?: number;
}
export interface ExposePath {
  readonly Path: string;
  readonly Protocol?: string;
  readonly ListenerPort: number;
  readonly LocalPathPort: number;
}

export interface Node {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>> | null;
  readonly Meta: Readonly<Record<string, string>> | null;
}

export interface ServiceInstance {
  readonly Node: Node;
  readonly Service: Service;
  readonly Checks: readonly Check[];
}

/** A node with all that is on it, of `/v1/internal/ui/nodes`. */
export interface NodeInfo extends Node {
  readonly Services: readonly Service[] | null;
  readonly Checks: readonly Check[] | null;
}

export interface Coordinate {
  readonly Vec: readonly number[];
  readonly Error: number;
  readonly Adjustment: number;
  readonly Height: number;
}
export interface NodeCoordinate {
  readonly Node: string;
  readonly Segment: string;
  readonly Coord: Coordinate;
}

export interface Session {
  readonly ID: string;
  readonly Name: string;
  readonly Node: string;
  readonly LockDelay: number;
  readonly Behavior: string;
  readonly TTL: string;
  readonly NodeChecks: readonly string[] | null;
  readonly ServiceChecks: readonly { readonly ID: string }[] | null;
  readonly CreateIndex: number;
}

export interface KvPair {
  readonly Key: string;
  readonly Value: string | null;
  readonly Flags: number | string;
  readonly LockIndex: number;
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

export interface Intention {
  readonly ID?: string;
  readonly SourceName: string;
  readonly DestinationName: string;
  readonly Action?: "allow" | "deny" | "";
  readonly Permissions?: readonly Permission[] | null;
  readonly Precedence: number;
  readonly Description?: string;
}

export interface RaftServer {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Leader: boolean;
  readonly Voter: boolean;
  readonly ProtocolVersion: string;
}

export interface ServerHealth {
  readonly ID: string;
  readonly Name: string;
  readonly Address: string;
  readonly SerfStatus: string;
  readonly Version: string;
  readonly Leader: boolean;
  readonly LastContact: string;
  readonly LastTerm: number;
  readonly LastIndex: number;
  readonly Healthy: boolean;
  readonly Voter: boolean;
  readonly StableSince: string;
}
export interface OperatorHealth {
  readonly Healthy: boolean;
  readonly FailureTolerance: number;
  readonly Servers: readonly ServerHealth[] | null;
}

export interface UserEvent {
  readonly ID: string;
  readonly Name: string;
  readonly Payload: string | null;
  readonly NodeFilter: string;
  readonly ServiceFilter: string;
  readonly TagFilter: string;
  readonly LTime: number;
}

export interface Transition {
  readonly Index: number;
  /** Empty where nobody knows. */
  readonly Time: string;
  readonly Kind: "check" | "service" | "node";
  readonly Node: string;
  readonly ServiceID: string;
  readonly ServiceName: string;
  readonly CheckID: string;
  readonly Name: string;
  /** Status, or `registered`; empty: was not there, is gone. */
  readonly From: string;
  readonly To: string;
  readonly Changed: readonly string[] | null;
  readonly Output: string;
  readonly By: string;
}
export interface History {
  readonly Since: { readonly Index: number; readonly Time: string };
  readonly Transitions: readonly Transition[] | null;
}

export interface AclLink {
  readonly ID: string;
  readonly Name: string;
}
/** A token, policy or role: they share most fields. What is not named here is kept when one is saved. */
export interface AclItem extends Readonly<Record<string, unknown>> {
  readonly ID?: string;
  readonly AccessorID?: string;
  readonly SecretID?: string;
  readonly Name?: string;
  readonly Description?: string;
  readonly Rules?: string;
  readonly Local?: boolean;
  readonly ExpirationTime?: string;
  readonly ExpirationTTL?: string;
  readonly AuthMethod?: string;
  readonly Datacenters?: readonly string[] | null;
  readonly Policies?: readonly AclLink[] | null;
  readonly Roles?: readonly AclLink[] | null;
  readonly ServiceIdentities?: readonly ServiceIdentity[] | null;
  readonly NodeIdentities?: readonly NodeIdentity[] | null;
  readonly ExpandedPolicies?: readonly (AclItem & { readonly ID: string })[] | null;
  readonly ExpandedRoles?: readonly (AclItem & { readonly ID: string })[] | null;
}
export interface ServiceIdentity {
  readonly ServiceName: string;
  readonly Datacenters?: readonly string[] | null;
}
export interface NodeIdentity {
  readonly NodeName: string;
  readonly Datacenter: string;
}
