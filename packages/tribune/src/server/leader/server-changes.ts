/** Who becomes and stays a member of the Raft peer set: raft-autopilot's rules, as Consul 1.10 runs them. Pure. */
import type { Configuration, ConfigurationChange, Server, ServerId } from "../../raft/types.ts";

/** What autopilot must know of a server that the members name. */
export interface KnownServer {
  readonly id: string;
  readonly name: string;
  /** `host:port` of its RPC listener. */
  readonly address: string;
  /** `leaving` counts as alive: it is still there until it left. */
  readonly alive: boolean;
  /** Gone on purpose. */
  readonly left: boolean;
}

function isVoter(server: Server): boolean {
  return server.suffrage === "voter";
}

function votersOf(configuration: Configuration): number {
  return configuration.servers.filter(isVoter).length;
}

function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/**
 * Changes that bring in a server, one at a time and in this order: others that claim its address go first. It does
 * not vote before autopilot promotes it.
 */
export function additionOf(
  configuration: Configuration,
  { id, address }: Pick<KnownServer, "id" | "address">,
): { readonly changes: readonly ConfigurationChange[] } | { readonly refused: string } {
  const known = configuration.servers.find((server) => server.id === id);
  if (known?.address === address) return { changes: [] };
  const rivals = configuration.servers.filter((server) => server.id !== id && server.address === address);
  const voters = votersOf(configuration);
  const leaving = rivals.filter(isVoter);
  if (leaving.length > voters - quorumOf(voters))
    return {
      refused:
        "Preventing server addition that would require removal of too many servers and cause cluster instability",
    };
  const removals = [...leaving, ...rivals.filter((server) => !isVoter(server))];
  const voted = known !== undefined && known.suffrage !== "nonvoter";
  return {
    changes: [
      ...removals.map((server) => ({ type: "removeServer", id: server.id }) as const),
      { type: voted ? "addVoter" : "addNonvoter", id: id as ServerId, address },
    ],
  };
}

export interface DeadServers {
  /** In the peer set, and no member has their id. */
  readonly stale: readonly ServerId[];
  /** Members that failed or left: the pool is told to forget them, which takes them out of everything. */
  readonly failed: readonly KnownServer[];
}

/**
 * Servers to remove now: never one that answers Raft, whatever the members say of it (but that another is at its address),
 * never so many that the rest is not a majority of the voters there were, and never down to fewer voters than `minQuorum`.
 */
export function deadServers(
  configuration: Configuration,
  known: readonly KnownServer[],
  heard: ReadonlySet<ServerId>,
  rules: { readonly cleanup: boolean; readonly minQuorum: number },
): DeadServers {
  if (!rules.cleanup) return { stale: [], failed: [] };
  let voters = votersOf(configuration);
  let removable = Math.floor((voters - 1) / 2);
  const mayGo = (server: Server): boolean => {
    if (!isVoter(server)) return true;
    if (voters - 1 < rules.minQuorum || removable < 1) return false;
    voters--;
    removable--;
    return true;
  };
  const byId = new Map(known.map((server) => [server.id, server]));
  // A server whose disk was lost answers at its old address with a new id: the old one is gone.
  const isHeard = ({ id, address }: Server): boolean =>
    heard.has(id) && !known.some((other) => other.alive && other.id !== id && other.address === address);
  const servers = configuration.servers.filter((server) => !isHeard(server)).sort((a, b) => (a.id < b.id ? -1 : 1));
  const inOrder = [...servers.filter((server) => !isVoter(server)), ...servers.filter(isVoter)];
  const stale = inOrder.filter((server) => !byId.has(server.id)).filter(mayGo);
  const failed = inOrder.filter((server) => byId.get(server.id)?.alive === false).filter(mayGo);
  return { stale: stale.map(({ id }) => id), failed: failed.map(({ id }) => byId.get(id)!) };
}
