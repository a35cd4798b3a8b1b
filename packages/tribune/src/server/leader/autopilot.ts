import type { AutopilotConfig } from "@tribune/api";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import type { Configuration, ConfigurationChange, RaftStatus, ServerId } from "../../raft/types.ts";
import { additionOf, deadServers, type KnownServer } from "./server-changes.ts";
import {
  type ClusterHealth,
  type HealthInput,
  type Moment,
  nextHealth,
  promotions,
  type RaftStats,
} from "./server-health.ts";

/** Consul's `ServerHealthInterval`: stats are asked for, and those fit to vote are promoted. */
const HEALTH_INTERVAL_MS = 2_000;
/** What does not answer by then counts with what it said before. */
const STATS_TIMEOUT_MS = HEALTH_INTERVAL_MS / 2;
/** Rounds of health between two looks for dead servers (`AutopilotInterval`, 10 s). */
const ROUNDS_PER_CLEANUP = 5;
/**
 * Who has answered Raft so recently is there, whatever the pool says of it: a live server must not lose its vote over a
 * quarrel about its name. Gossip takes about as long to give somebody up, so the dead are removed no later for it.
 */
const HEARD_MS = 5_000;

/** A server as the members describe it. */
export interface AutopilotServer extends KnownServer {
  readonly serfStatus: HealthInput["serfStatus"];
  readonly version: string;
  readonly raftVersion: number;
  /** A read replica, which never votes. */
  readonly replica: boolean;
}

export interface AutopilotDependencies {
  readonly self: ServerId;
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly status: () => RaftStatus;
  readonly rules: () => AutopilotConfig;
  readonly servers: () => readonly AutopilotServer[];
  readonly stats: (id: string) => Promise<RaftStats>;
  readonly change: (change: ConfigurationChange) => Promise<unknown>;
  readonly removeFailed: (name: string) => void;
}

/** Keeps the peer set in order while this server leads: adds, promotes, removes, and says how healthy the servers are. */
export class Autopilot {
  readonly #d: AutopilotDependencies;
  #health: ClusterHealth | undefined;
  #cancel: Cancel = () => {};
  /** Counts leaderships: what an earlier one began is not finished by a later. */
  #era = 0;
  #leading = false;
  #round = 0;

  constructor(dependencies: AutopilotDependencies) {
    this.#d = dependencies;
  }

  begin(): void {
    this.#leading = true;
    this.#era++;
    this.#round = 0;
    this.#health = undefined;
    this.#run(this.#era);
  }

  end(): void {
    this.#leading = false;
    this.#health = undefined;
    this.#cancel();
    this.#d.metrics.gauge("autopilot.healthy", Number.NaN);
    this.#d.metrics.gauge("autopilot.failure_tolerance", Number.NaN);
  }

  /** As computed last; before the first round from what this server knows by itself. */
  health(): ClusterHealth {
    return this.#health ?? this.#next(new Map());
  }

  /** Takes a server into the peer set, or follows it to a new address. */
  async addServer(server: { readonly id: string; readonly address: string }): Promise<void> {
    if (server.id === "") return;
    const addition = additionOf(this.#configuration, server);
    if ("refused" in addition) throw new Error(addition.refused);
    for (const change of addition.changes) await this.#d.change(change);
    if (addition.changes.length > 0) this.#cleanUp();
  }

  async removeServer(id: string): Promise<void> {
    const known = this.#configuration.servers.some((server) => server.id === id);
    if (known) await this.#d.change({ type: "removeServer", id: id as ServerId });
  }

  get #configuration(): Configuration {
    return this.#d.status().configuration;
  }

  #run(era: number): void {
    this.#oneRound(era)
      .catch((error: unknown) => {
        if (era === this.#era && this.#leading) this.#d.logger.warn("autopilot could not finish a round", { error });
      })
      .finally(() => {
        if (era !== this.#era || !this.#leading) return;
        this.#cancel = this.#d.runtime.timers.after(HEALTH_INTERVAL_MS, () => this.#run(era));
      });
  }

  async #oneRound(era: number): Promise<void> {
    const { metrics, runtime } = this.#d;
    // The leader's log as of before the others were asked: what came in meanwhile is not what they lag behind by.
    const { lastLogTerm, lastLogIndex } = this.#d.status();
    const stats = await this.#gather();
    if (era !== this.#era || !this.#leading) return;
    const health = this.#next(stats, { lastLogTerm, lastLogIndex });
    this.#health = health;
    metrics.gauge("autopilot.healthy", health.healthy ? 1 : 0);
    metrics.gauge("autopilot.failure_tolerance", health.failureTolerance);
    const nowMs = runtime.clock.nowMs();
    for (const peer of this.#d.status().peers) metrics.sample("raft.leader.lastContact", nowMs - peer.lastContactAtMs);
    if (await this.#promote(health)) return;
    if (++this.#round % ROUNDS_PER_CLEANUP === 0) this.#cleanUp();
  }

  /** Stats of the other servers, as far as they answer in time. */
  #gather(): Promise<ReadonlyMap<string, RaftStats>> {
    const found = new Map<string, RaftStats>();
    const asked = this.#d.servers().filter((server) => !server.left && server.id !== this.#d.self);
    if (asked.length === 0) return Promise.resolve(found);
    return new Promise((resolve) => {
      let left = asked.length;
      const cancel = this.#d.runtime.timers.after(STATS_TIMEOUT_MS, () => resolve(found));
      for (const { id } of asked) {
        this.#d
          .stats(id)
          .then((stats) => void found.set(id, stats))
          .catch((error: unknown) => this.#d.logger.debug("no raft stats", { server: id, error }))
          .finally(() => {
            if (--left > 0) return;
            cancel();
            resolve(found);
          });
      }
    });
  }

  #next(
    stats: ReadonlyMap<string, RaftStats>,
    log: Pick<RaftStatus, "lastLogTerm" | "lastLogIndex"> = this.#d.status(),
  ): ClusterHealth {
    const { configuration } = this.#d.status();
    const { LastContactThreshold, MaxTrailingLogs } = this.#d.rules();
    const own: RaftStats = { lastContactMs: 0, lastTerm: log.lastLogTerm, lastIndex: log.lastLogIndex };
    const inputs = new Map<ServerId, HealthInput>();
    for (const { id, serfStatus } of this.#d.servers())
      inputs.set(id as ServerId, { serfStatus, stats: id === this.#d.self ? own : stats.get(id) });
    return nextHealth(
      this.#health,
      configuration,
      inputs,
      { term: log.lastLogTerm, lastIndex: log.lastLogIndex },
      { lastContactThresholdMs: Number(LastContactThreshold) / 1e6, maxTrailingLogs: Number(MaxTrailingLogs) },
      this.#now(),
    );
  }

  #now(): Moment {
    const { clock } = this.#d.runtime;
    return { nowMs: clock.nowMs(), unixMs: clock.wallMs() };
  }

  /** @returns whether somebody was promoted: nothing else happens in that round. */
  async #promote(health: ClusterHealth): Promise<boolean> {
    const { logger, runtime, rules } = this.#d;
    const { configuration } = this.#d.status();
    const replicas = new Set(this.#d.servers().flatMap((server) => (server.replica ? [server.id] : [])));
    const stabilizationMs = Number(rules().ServerStabilizationTime) / 1e6;
    const isReplica = (id: ServerId): boolean => replicas.has(id);
    const chosen = promotions(health, configuration, isReplica, stabilizationMs, runtime.clock.nowMs());
    for (const id of chosen) {
      const address = configuration.servers.find((server) => server.id === id)!.address;
      logger.info("Promoting server", { id, address });
      await this.#d.change({ type: "addVoter", id, address });
    }
    return chosen.length > 0;
  }

  #heard(): ReadonlySet<ServerId> {
    const sinceMs = this.#d.runtime.clock.nowMs() - HEARD_MS;
    const recent = this.#d.status().peers.filter(({ lastContactAtMs }) => lastContactAtMs > sinceMs);
    return new Set(recent.map(({ id }) => id));
  }

  #cleanUp(): void {
    const { logger, servers, rules, removeFailed } = this.#d;
    const { CleanupDeadServers: cleanup, MinQuorum } = rules();
    const dead = deadServers(this.#configuration, servers(), this.#heard(), { cleanup, minQuorum: Number(MinQuorum) });
    for (const { id, name, address } of dead.failed) {
      logger.info("Attempting removal of failed server node", { id, name, address });
      removeFailed(name);
    }
    for (const id of dead.stale) {
      if (id === this.#d.self) continue;
      logger.info("removing stale raft server from configuration", { id });
      this.removeServer(id).catch((error: unknown) => logger.error("failed to remove raft server", { id, error }));
    }
  }
}
