/** When servers that wait for each other (`bootstrap_expect`) become a datacenter (sheet serf §8 Server discovery). */
import type { ServerMember } from "../pool/server-tags.ts";
import type { Configuration, ServerId } from "../raft/types.ts";
import { hostPort } from "./identity.ts";

export type BootstrapDecision =
  /** Not enough servers yet. */
  | { readonly type: "wait" }
  /** Not like this: what is wrong is the operator's to put right. */
  | { readonly type: "conflict"; readonly reason: string; readonly member: string }
  /** Ask each for its peers: if all have none, this is the first configuration, the same on every server. */
  | { readonly type: "ask"; readonly servers: readonly ServerMember[]; readonly configuration: Configuration };

export function decideBootstrap(
  members: readonly ServerMember[],
  self: { readonly datacenter: string; readonly expect: number },
): BootstrapDecision {
  const servers = members.filter((server) => server.datacenter === self.datacenter && server.status === "alive");
  const other = servers.find((server) => server.expect !== 0 && server.expect !== self.expect);
  if (other !== undefined)
    return {
      type: "conflict",
      reason: "Member has a conflicting expect value. All nodes should expect the same number.",
      member: other.name,
    };
  const alone = servers.find((server) => server.bootstrap);
  if (alone !== undefined)
    return { type: "conflict", reason: "Member has bootstrap mode. Expect disabled.", member: alone.name };
  if (servers.some((server) => server.id === "")) return { type: "wait" };
  if (servers.filter((server) => !server.nonVoter).length < self.expect) return { type: "wait" };
  const sorted = [...servers].sort((a, b) => (a.id < b.id ? -1 : 1));
  return {
    type: "ask",
    servers: sorted,
    configuration: {
      servers: sorted.map((server) => ({
        id: server.id as ServerId,
        address: hostPort(server.host, server.port),
        suffrage: server.nonVoter ? "nonvoter" : "voter",
      })),
    },
  };
}
