import { arch, availableParallelism, platform } from "node:os";
import type { RuntimeConfig } from "../../config/types.ts";
import { CONSUL_VERSION } from "../../lib/version.ts";
import type { RaftStatus } from "../../raft/types.ts";

type Group = Readonly<Record<string, string>>;

export interface StatsSources {
  readonly config: RuntimeConfig;
  readonly raft: RaftStatus;
  readonly isLeader: boolean;
  readonly leaderAddress: string;
  readonly registered: {
    readonly services: number;
    readonly checks: number;
    readonly scripts: number;
    readonly ttls: number;
  };
}

/** `Stats` of `/v1/agent/self`: what `info` prints. All values are texts, keys are sorted. */
export function agentStats(sources: StatsSources): Readonly<Record<string, Group>> {
  const { config, registered } = sources;
  return {
    agent: {
      check_monitors: String(registered.scripts),
      check_ttls: String(registered.ttls),
      checks: String(registered.checks),
      services: String(registered.services),
    },
    build: { prerelease: "", revision: "", version: CONSUL_VERSION },
    consul: {
      acl: "disabled",
      bootstrap: String(config.bootstrap),
      known_datacenters: "1",
      leader: String(sources.isLeader),
      leader_addr: sources.leaderAddress,
      server: "true",
    },
    raft: raftStats(sources),
    runtime: runtimeStats(),
    serf_lan: poolStats(),
    serf_wan: poolStats(),
  };
}

function raftStats({ raft, isLeader, config }: StatsSources): Group {
  const servers = raft.configuration.servers.map(
    ({ id, address, suffrage }) =>
      `{Suffrage:${suffrage === "voter" ? "Voter" : "Nonvoter"} ID:${id} Address:${address}}`,
  );
  const voters = raft.configuration.servers.filter(({ suffrage }) => suffrage === "voter").length;
  return {
    applied_index: String(raft.appliedIndex),
    commit_index: String(raft.commitIndex),
    fsm_pending: "0",
    last_contact: isLeader || raft.lastContactAtMs !== undefined ? "0" : "never",
    last_log_index: String(raft.lastLogIndex),
    last_log_term: String(raft.lastLogTerm),
    last_snapshot_index: String(raft.snapshotIndex),
    last_snapshot_term: String(raft.snapshotTerm),
    latest_configuration: `[${servers.join(" ")}]`,
    latest_configuration_index: "0",
    num_peers: String(Math.max(0, voters - 1)),
    protocol_version: String(config.raft.protocol),
    protocol_version_max: "3",
    protocol_version_min: "0",
    snapshot_version_max: "1",
    snapshot_version_min: "0",
    state: ROLE[raft.role] ?? raft.role,
    term: String(raft.term),
  };
}

const ROLE: Readonly<Record<string, string>> = { leader: "Leader", follower: "Follower", candidate: "Candidate" };

/** Node has no goroutines: what keeps its loop alive comes nearest. */
function runtimeStats(): Group {
  return {
    arch: arch() === "x64" ? "amd64" : arch(),
    cpu_count: String(availableParallelism()),
    goroutines: String(process.getActiveResourcesInfo().length),
    max_procs: String(availableParallelism()),
    os: platform(),
    version: `node ${process.version}`,
  };
}

/** A pool of one: nothing was ever queued, nobody failed. */
function poolStats(): Group {
  return {
    coordinate_resets: "0",
    encrypted: "false",
    event_queue: "0",
    event_time: "1",
    failed: "0",
    health_score: "0",
    intent_queue: "0",
    left: "0",
    member_time: "1",
    members: "1",
    query_queue: "0",
    query_time: "1",
  };
}
