/** What gossip says of the members of a pool. */
export interface PoolMember {
  readonly Name: string;
  readonly Addr: string;
  readonly Port: number;
  readonly Tags: Readonly<Record<string, string>> | null;
  readonly Status: number;
}

export const memberStatus = ["none", "alive", "leaving", "left", "failed"] as const;
export type MemberStatus = (typeof memberStatus)[number];

export const statusOf = (member: { readonly Status: number }): MemberStatus => memberStatus[member.Status] ?? "none";

export function memberCounts(members: readonly { readonly Status: number }[]): Record<MemberStatus, number> {
  const counts = { none: 0, alive: 0, leaving: 0, left: 0, failed: 0 };
  for (const member of members) counts[statusOf(member)]++;
  return counts;
}

export const roleOf = ({ Tags }: { readonly Tags: Readonly<Record<string, string>> | null }): string =>
  Tags?.role === "consul" ? "server" : "client";

/** The version without the build's name behind the colon. */
export const versionOf = ({ Tags }: { readonly Tags: Readonly<Record<string, string>> | null }): string =>
  (Tags?.build ?? "").split(":")[0]!;
