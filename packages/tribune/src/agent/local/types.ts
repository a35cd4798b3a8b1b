/** What passes between the agent's local registry, the doors in front of it and the catalog behind it. */
import type { DeregisterRequest, HealthCheck, Node, NodeService, RegisterRequest } from "@tribune/api";
import type { CheckType } from "../../checks/check-type.ts";

/** Where a registration came from: the agent's own configuration, or a call to its API. */
export type Source = "local" | "remote";

export interface AddServiceRequest {
  readonly service: NodeService;
  readonly checkTypes: readonly CheckType[];
  /** Used for this service's catalog writes; "" is the agent's user token. */
  readonly token: string;
  readonly source: Source;
  /** Survives a restart. False for what the configuration defines. */
  readonly persist: boolean;
  /** Checks of this service that the request does not name are removed. */
  readonly replaceExistingChecks: boolean;
}

export interface AddCheckRequest {
  readonly check: HealthCheck;
  /** Undefined for a check that nothing runs, such as maintenance mode. */
  readonly checkType: CheckType | undefined;
  readonly token: string;
  readonly source: Source;
  readonly persist: boolean;
}

/** What the agent knows of its own node in the catalog. */
export interface NodeIdentity {
  readonly ID: string;
  readonly Node: string;
  readonly Address: string;
  readonly Datacenter: string;
  readonly TaggedAddresses: Readonly<Record<string, string>>;
  readonly Meta: Readonly<Record<string, string>>;
}

/**
 * The catalog as anti-entropy sees it: four calls, answered by this process or by a server elsewhere. Each may
 * reject; a `TribuneError` of kind `permissionDenied` means that asking again is useless for now.
 */
export interface CatalogPort {
  register(request: RegisterRequest): Promise<void>;
  /** Removing what is not there succeeds. */
  deregister(request: DeregisterRequest): Promise<void>;
  /** The services of one node, read stale (at most 2 s old). `node` is null where the catalog has no such node. */
  nodeServices(request: NodeQuery): Promise<{ readonly node: Node | null; readonly services: readonly NodeService[] }>;
  nodeChecks(request: NodeQuery): Promise<readonly HealthCheck[]>;
}

export interface NodeQuery {
  readonly node: string;
  readonly token: string;
}

/** Tokens that stand in where a registration brought none. Read at each use: they change at run time. */
export interface AgentTokens {
  /** For registering services and checks. */
  userToken(): string;
  /** For the node's own row and for what has to be removed. */
  agentToken(): string;
}
