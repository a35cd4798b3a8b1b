/**
 * What the leader does to catalog and peer set for one gossip member (sheet serf §8, last line). Pure: what is there
 * and who it is about go in, what has to change comes out.
 */
import { DeregisterRequest, HealthCheck, make, type Node, NodeService, RegisterRequest, zero } from "@tribune/api";
import { type ServerMember, serverOf } from "../../pool/server-tags.ts";
import type { PoolMember, PoolMemberStatus } from "../../pool/types.ts";
import { CONSUL_SERVICE, SERF_HEALTH } from "./self-registration.ts";

const CHECK_NAME = "Serf Health Status";
const ALIVE_OUTPUT = "Agent alive and reachable";
const FAILED_OUTPUT = "Agent not live or unreachable";

/** What the catalog says about a member's node. */
export interface CatalogView {
  readonly node: Node | undefined;
  /** Status of its `serfHealth` check. */
  readonly serfHealth: string | undefined;
  /** Metadata of its `consul` service; undefined where it has none. */
  readonly serverMeta: Readonly<Record<string, string>> | null | undefined;
}

export type Reconciliation =
  | { readonly type: "register"; readonly request: RegisterRequest }
  | { readonly type: "deregister"; readonly request: DeregisterRequest }
  | { readonly type: "addServer"; readonly server: ServerMember }
  | { readonly type: "removeServer"; readonly id: string };

/** How a member is seen; `reap`: erased from the pool for good. */
export type SeenStatus = PoolMemberStatus | "reap";

export interface Self {
  readonly name: string;
  readonly datacenter: string;
}

/** In the order to be carried out; empty when all is as it should be, or it is none of our members. */
export function reconcileMember(
  member: PoolMember,
  status: SeenStatus,
  view: CatalogView,
  self: Self,
): readonly Reconciliation[] {
  const server = serverOf(member, "lan");
  if (!isOurs(member, server, self)) return [];
  switch (status) {
    case "alive":
      return aliveMember(member, server, view, self);
    case "failed":
      return failedMember(member, view, self);
    case "left":
    case "reap":
      return goneMember(member, server, view, self);
    case "leaving":
      return []; // it says so itself, and is there until it left
  }
}

function isOurs(member: PoolMember, server: ServerMember | undefined, { datacenter }: Self): boolean {
  if (server !== undefined) return server.datacenter === datacenter && server.segment === "";
  return member.tags.get("role") === "node" && member.tags.get("dc") === datacenter;
}

function aliveMember(
  member: PoolMember,
  server: ServerMember | undefined,
  { node, serfHealth, serverMeta }: CatalogView,
  { datacenter }: Self,
): readonly Reconciliation[] {
  const first: Reconciliation[] = server === undefined ? [] : [{ type: "addServer", server }];
  const service = server === undefined ? undefined : serverService(member, server);
  const serviceFits = service === undefined || sameMeta(serverMeta, service.Meta);
  if (node?.Address === member.host && serviceFits && serfHealth === "passing") return first;
  const request = make(RegisterRequest, {
    Datacenter: datacenter,
    Node: member.name,
    ID: member.tags.get("id") ?? "",
    Address: member.host,
    Check: serfCheck(member.name, "passing", ALIVE_OUTPUT),
    // What the agent itself has said about its node stays.
    ...(node === undefined ? {} : { TaggedAddresses: node.TaggedAddresses, NodeMeta: node.Meta }),
    ...(service === undefined ? {} : { Service: service }),
  });
  return [...first, { type: "register", request }];
}

function failedMember(
  member: PoolMember,
  { node, serfHealth }: CatalogView,
  { datacenter }: Self,
): readonly Reconciliation[] {
  // Never there, or deregistered by hand: a failure is no reason to enter it.
  if (node === undefined || (node.Address === member.host && serfHealth === "critical")) return [];
  const request = make(RegisterRequest, {
    Datacenter: datacenter,
    Node: member.name,
    ID: member.tags.get("id") ?? "",
    Address: member.host,
    SkipNodeUpdate: true,
    Check: serfCheck(member.name, "critical", FAILED_OUTPUT),
  });
  return [{ type: "register", request }];
}

function goneMember(
  member: PoolMember,
  server: ServerMember | undefined,
  { node }: CatalogView,
  self: Self,
): readonly Reconciliation[] {
  // A leader that leaves is deregistered by the next one.
  if (member.name === self.name) return [];
  const removal: Reconciliation[] =
    server === undefined || server.id === "" ? [] : [{ type: "removeServer", id: server.id }];
  if (node === undefined) return removal;
  const request = make(DeregisterRequest, { Datacenter: self.datacenter, Node: member.name });
  return [...removal, { type: "deregister", request }];
}

function serfCheck(node: string, status: string, output: string): HealthCheck {
  return make(HealthCheck, { Node: node, CheckID: SERF_HEALTH, Name: CHECK_NAME, Status: status, Output: output });
}

function serverService({ tags, protocol }: PoolMember, { port, raftVersion, version }: ServerMember): NodeService {
  return {
    ...zero(NodeService),
    ID: CONSUL_SERVICE,
    Service: CONSUL_SERVICE,
    Port: port,
    Weights: { Passing: 1, Warning: 1 },
    Meta: {
      non_voter: String(tags.get("nonvoter") === "1"),
      raft_version: String(raftVersion),
      read_replica: String(tags.get("read_replica") === "1"),
      serf_protocol_current: String(protocol.current),
      serf_protocol_max: String(protocol.max),
      serf_protocol_min: String(protocol.min),
      version,
    },
  };
}

function sameMeta(
  left: Readonly<Record<string, string>> | null | undefined,
  right: Readonly<Record<string, string>> | null,
): boolean {
  if (left === null || left === undefined || right === null) return false;
  const keys = Object.keys(left);
  return keys.length === Object.keys(right).length && keys.every((key) => left[key] === right[key]);
}
