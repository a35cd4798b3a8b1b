import type { PoolMember } from "../../pool/types.ts";

const VERSIONS = { min: 2, max: 5, current: 4 };
const SERVER_TAGS = { role: "consul", dc: "dc1", vsn: "2", raft_vsn: "3", build: "1.10.11:", port: "8300" };

/** A server as the pool shows it; its address ends in the number of its name. */
export function serverMember(name: string, tags: Readonly<Record<string, string>> = {}): PoolMember {
  return {
    name,
    host: `10.0.0.${/\d+/.exec(name)?.[0] ?? 1}`,
    port: 8301,
    tags: new Map(Object.entries({ ...SERVER_TAGS, id: `id-${name}`, ...tags })),
    status: "alive",
    protocol: VERSIONS,
    delegate: VERSIONS,
  };
}

export function clientMember(name: string): PoolMember {
  return serverMember(name, { role: "node" });
}
