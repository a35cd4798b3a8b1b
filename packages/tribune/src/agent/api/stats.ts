import { arch, availableParallelism, platform } from "node:os";
import { formatGoDuration, MS_NS } from "../../lib/duration.ts";
import { CONSUL_VERSION } from "../../lib/version.ts";
import type { GossipPool } from "../../pool/types.ts";
import type { RaftStatus } from "../../raft/types.ts";
import type { StatsGroup } from "../mode.ts";

export interface StatsSources {
  /** Groups of the mode. */
  readonly mode: Readonly<Record<string, StatsGroup>>;
  readonly lan: GossipPool;
  readonly wan: GossipPool | undefined;
  readonly registered: {
    readonly services: number;
    readonly checks: number;
    readonly scripts: number;
    readonly ttls: number;
  };
}

/** `Stats` of `/v1/agent/self`: what `info` prints. All values are texts, keys are sorted. */
export function agentStats({ mode, lan, wan, registered }: StatsSources): Readonly<Record<string, StatsGroup>> {
  const groups: Record<string, StatsGroup> = {
    agent: {
      check_monitors: String(registered.scripts),
      check_ttls: String(registered.ttls),
      checks: String(registered.checks),
      services: String(registered.services),
    },
    build: { prerelease: "", revision: "", version: CONSUL_VERSION },
    ...mode,
    runtime: runtimeStats(),
    serf_lan: lan.stats(),
    ...(wan === undefined ? {} : { serf_wan: wan.stats() }),
  };
  return Object.fromEntries(Object.entries(groups).sort(([one], [other]) => (one < other ? -1 : 1)));
}

export interface RaftStatsSources {
  readonly raft: RaftStatus;
  readonly isLeader: boolean;
  /** Since the leader was heard from; undefined: never. */
  readonly lastContactMs: number | undefined;
  readonly protocolVersion: number;
}

/** The group `raft`, in the words of HashiCorp's library. */
export function raftStats({ raft, isLeader, lastContactMs, protocolVersion }: RaftStatsSources): StatsGroup {
  const servers = raft.configuration.servers.map(
    ({ id, address, suffrage }) =>
      `{Suffrage:${suffrage === "voter" ? "Voter" : "Nonvoter"} ID:${id} Address:${address}}`,
  );
  const voters = raft.configuration.servers.filter(({ suffrage }) => suffrage === "voter").length;
  return {
    applied_index: String(raft.appliedIndex),
    commit_index: String(raft.commitIndex),
    fsm_pending: "0",
    last_contact: isLeader ? "0" : sinceText(lastContactMs),
    last_log_index: String(raft.lastLogIndex),
    last_log_term: String(raft.lastLogTerm),
    last_snapshot_index: String(raft.snapshotIndex),
    last_snapshot_term: String(raft.snapshotTerm),
    latest_configuration: `[${servers.join(" ")}]`,
    latest_configuration_index: "0",
    num_peers: String(Math.max(0, voters - 1)),
    protocol_version: String(protocolVersion),
    protocol_version_max: "3",
    protocol_version_min: "0",
    snapshot_version_max: "1",
    snapshot_version_min: "0",
    state: ROLE[raft.role] ?? raft.role,
    term: String(raft.term),
  };
}

function sinceText(ms: number | undefined): string {
  return ms === undefined ? "never" : formatGoDuration(Math.round(ms * MS_NS));
}

const ROLE: Readonly<Record<string, string>> = { leader: "Leader", follower: "Follower", candidate: "Candidate" };

/** Node has no goroutines: what keeps its loop alive comes nearest. */
function runtimeStats(): StatsGroup {
  return {
    arch: arch() === "x64" ? "amd64" : arch(),
    cpu_count: String(availableParallelism()),
    goroutines: String(process.getActiveResourcesInfo().length),
    max_procs: String(availableParallelism()),
    os: platform(),
    version: `node ${process.version}`,
  };
}
