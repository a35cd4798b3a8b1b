/** What operators are shown of the peer set: Raft's view joined with the members'. Pure. */
import type { RaftPeer, ServerHealth } from "../endpoints/agent-api.ts";
import type { RaftStatus } from "../raft/types.ts";
import type { AutopilotServer } from "./leader/autopilot.ts";
import type { ClusterHealth } from "./leader/server-health.ts";

/** What is known of a server besides its place in the peer set. */
export type KnownServers = ReadonlyMap<string, AutopilotServer>;

export function raftPeersOf({ configuration, leader }: RaftStatus, known: KnownServers): readonly RaftPeer[] {
  return configuration.servers.map((server) => {
    const member = known.get(server.id);
    return {
      id: server.id,
      node: member?.name ?? "(unknown)",
      address: server.address,
      leader: leader === server.id,
      protocolVersion: member === undefined ? "unknown" : String(member.raftVersion),
      voter: server.suffrage === "voter",
    };
  });
}

export function serverHealthOf(
  { configuration, leader }: RaftStatus,
  known: KnownServers,
  health: ClusterHealth,
  metaOf: (id: string) => Readonly<Record<string, string>>,
): { readonly healthy: boolean; readonly failureTolerance: number; readonly servers: readonly ServerHealth[] } {
  const servers = configuration.servers.map((server): ServerHealth => {
    const member = known.get(server.id);
    const state = health.servers.get(server.id);
    const lastContactMs = state?.stats?.lastContactMs;
    return {
      id: server.id,
      name: member?.name ?? "(unknown)",
      address: server.address,
      version: member?.version ?? "",
      leader: server.id === leader,
      serfStatus: state?.serfStatus ?? "none",
      lastContactNs: lastContactMs === undefined ? 0 : Math.round(lastContactMs * 1e6),
      lastTerm: state?.stats?.lastTerm ?? 0,
      lastIndex: state?.stats?.lastIndex ?? 0,
      healthy: state?.healthy ?? false,
      voter: server.suffrage === "voter",
      stableSinceMs: (state?.stableSince ?? health.firstAt).unixMs,
      meta: metaOf(server.id),
    };
  });
  return { healthy: health.healthy, failureTolerance: health.failureTolerance, servers };
}
