/** Whom a pool lets in: Consul's rules and texts (sheet serf §8, Merge rules). */
import { serverOf } from "./server-tags.ts";
import type { PoolMember } from "./types.ts";

export interface MergeRules {
  /**
   * Asked with one member for each that announces itself, and with all that a push/pull brings.
   * @returns why they are ignored, or undefined.
   */
  refuse(members: readonly PoolMember[]): string | undefined;
}

export interface LanIdentity {
  readonly datacenter: string;
  readonly nodeId: string;
  readonly nodeName: string;
  /** "" for the default one. */
  readonly segment: string;
}

/** One datacenter, one segment, and no node id twice. */
export function lanMergeRules(self: LanIdentity): MergeRules {
  return {
    refuse(members) {
      const nameOfId = new Map<string, string>();
      for (const member of members) {
        const refusal = nodeIdRefusal(member, self, nameOfId) ?? datacenterRefusal(member, self);
        if (refusal !== undefined) return refusal;
      }
      return undefined;
    },
  };
}

/** Only servers meet over the WAN. */
export function wanMergeRules(): MergeRules {
  return {
    refuse(members) {
      const other = members.find((member) => serverOf(member, "wan") === undefined);
      return other && `Member '${other.name}' is not a server`;
    },
  };
}

/** @param nameOfId of the members before this one. */
function nodeIdRefusal(member: PoolMember, self: LanIdentity, nameOfId: Map<string, string>): string | undefined {
  const id = member.tags.get("id") ?? "";
  if (id === "" || member.status === "left") return undefined;
  const conflict = `Member '${member.name}' has conflicting node ID '${id}' with`;
  if (id === self.nodeId && member.name !== self.nodeName) return `${conflict} this agent's ID`;
  const other = nameOfId.get(id);
  if (other !== undefined) return `${conflict} member '${other}'`;
  if (hasUniqueId(member)) nameOfId.set(id, member.name);
  return undefined;
}

function datacenterRefusal(member: PoolMember, self: LanIdentity): string | undefined {
  const datacenter =
    member.tags.get("role") === "node" ? (member.tags.get("dc") ?? "") : serverOf(member, "lan")?.datacenter;
  if (datacenter !== undefined && datacenter !== self.datacenter) {
    return `Member '${member.name}' part of wrong datacenter '${datacenter}'`;
  }
  const segment = member.tags.get("segment") ?? "";
  if (segment === self.segment) return undefined;
  return `Member '${member.name}' part of wrong segment '${segment}' (expected '${self.segment}')`;
}

/** Versions before 0.8.5 took the id from the host, and hosts share images. */
function hasUniqueId(member: PoolMember): boolean {
  const version = /(\d+)\.(\d+)\.(\d+)/.exec(member.tags.get("build") ?? "");
  if (version === null) return false;
  const [major, minor, patch] = version.slice(1).map(Number) as [number, number, number];
  return major > 0 || minor > 8 || (minor === 8 && patch >= 5);
}
