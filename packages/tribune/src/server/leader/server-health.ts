/** Health of the servers as autopilot computes it every two seconds from what they say of themselves. Pure. */
import type { Configuration, ServerId } from "../../raft/types.ts";

/** `Status.RaftStats` of a server. */
export interface RaftStats {
  /** Since its leader was heard from; 0 for the leader; undefined: never. */
  readonly lastContactMs: number | undefined;
  readonly lastTerm: number;
  readonly lastIndex: number;
}

export interface HealthRules {
  readonly lastContactThresholdMs: number;
  readonly maxTrailingLogs: number;
}

/** What is known of a server at one moment. */
export interface HealthInput {
  readonly serfStatus: "alive" | "left" | "failed" | "none";
  /** Undefined where it did not answer in time: what it said last is kept, as hashicorp does. */
  readonly stats: RaftStats | undefined;
}

export interface HealthState {
  readonly serfStatus: HealthInput["serfStatus"];
  readonly stats: RaftStats | undefined;
  readonly healthy: boolean;
  /** When `healthy` became what it is. */
  readonly stableSince: Moment;
}

export interface ClusterHealth {
  readonly healthy: boolean;
  readonly failureTolerance: number;
  readonly servers: ReadonlyMap<ServerId, HealthState>;
  /** Of the first state this leader computed. */
  readonly firstAt: Moment;
}

/** Monotonic time, to count by, and Unix time, to show: the wall clock may jump. */
export interface Moment {
  readonly nowMs: number;
  readonly unixMs: number;
}

export function nextHealth(
  before: ClusterHealth | undefined,
  configuration: Configuration,
  inputs: ReadonlyMap<ServerId, HealthInput>,
  leader: { readonly term: number; readonly lastIndex: number },
  rules: HealthRules,
  now: Moment,
): ClusterHealth {
  const servers = new Map<ServerId, HealthState>();
  let voters = 0;
  let healthyVoters = 0;
  let allHealthy = configuration.servers.length > 0;
  for (const { id, suffrage } of configuration.servers) {
    const input = inputs.get(id) ?? { serfStatus: "none", stats: undefined };
    const known = before?.servers.get(id);
    const stats = input.stats ?? known?.stats;
    const healthy = isHealthy(input.serfStatus, stats, leader, rules);
    const stableSince = known?.healthy === healthy ? known.stableSince : now;
    servers.set(id, { serfStatus: input.serfStatus, stats, healthy, stableSince });
    allHealthy &&= healthy;
    if (suffrage !== "voter") continue;
    voters++;
    if (healthy) healthyVoters++;
  }
  const failureTolerance = Math.max(0, healthyVoters - (Math.floor(voters / 2) + 1));
  return { healthy: allHealthy, failureTolerance, servers, firstAt: before?.firstAt ?? now };
}

function isHealthy(
  serfStatus: HealthInput["serfStatus"],
  stats: RaftStats | undefined,
  leader: { readonly term: number; readonly lastIndex: number },
  { lastContactThresholdMs, maxTrailingLogs }: HealthRules,
): boolean {
  if (serfStatus !== "alive" || stats === undefined) return false;
  if (stats.lastContactMs === undefined || stats.lastContactMs > lastContactThresholdMs) return false;
  return stats.lastTerm === leader.term && stats.lastIndex + maxTrailingLogs >= leader.lastIndex;
}

/**
 * Non-voters that have been healthy long enough to vote. A leader that is new itself waits for nobody: at the start of
 * a datacenter, and after an election, servers are known to be stable before their time is (raft-autopilot).
 */
export function promotions(
  health: ClusterHealth,
  configuration: Configuration,
  isReplica: (id: ServerId) => boolean,
  stabilizationMs: number,
  nowMs: number,
): readonly ServerId[] {
  const waitMs = nowMs - health.firstAt.nowMs > 1.1 * stabilizationMs ? stabilizationMs : 0;
  return configuration.servers
    .filter(({ id, suffrage }) => {
      const state = health.servers.get(id);
      if (suffrage !== "nonvoter" || state === undefined || isReplica(id)) return false;
      return state.healthy && nowMs - state.stableSince.nowMs >= waitMs;
    })
    .map(({ id }) => id);
}
