import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Cancel } from "../lib/runtime.ts";
import { hostPort, type ServerIdentity } from "./identity.ts";
import type { Leadership } from "./leadership.ts";
import type { RoleChange } from "./raft-host.ts";

export interface RoleWatchDependencies {
  readonly identity: ServerIdentity;
  readonly leadership: Leadership;
  /** Raft's. */
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/** The role in which the Raft core has this server: counted, logged, and told to who waits for a leader. */
export class RoleWatch {
  readonly #d: RoleWatchDependencies;
  readonly #onLeader = new Set<() => void>();
  #current: RoleChange = { role: "follower", term: 0, leader: undefined, leaderAddress: undefined };

  constructor(dependencies: RoleWatchDependencies) {
    this.#d = dependencies;
  }

  get current(): RoleChange {
    return this.#current;
  }

  /** The core's `roleChanged`: another role, term or leader. */
  changed(change: RoleChange): void {
    const { metrics } = this.#d;
    const before = this.#current;
    if (change.role !== before.role) metrics.count(`raft.state.${change.role}`);
    if (change.role === "candidate" && change.leadershipTransfer !== true)
      metrics.count("raft.transition.heartbeat_timeout");
    if (change.role !== before.role) this.#log(change, before);
    this.#current = change;
    if (change.leader !== undefined && change.leader !== before.leader && change.role !== "leader")
      for (const run of [...this.#onLeader]) run();
  }

  /**
   * Runs once: when this server is ready to lead, at once if it is, or when another begins to be known as the leader.
   *
   * @returns cancel
   */
  onLeader(run: () => void): Cancel {
    let over = false;
    const cancel = (): void => {
      over = true;
      this.#onLeader.delete(once);
      cancelLeading();
    };
    const once = (): void => {
      if (over) return;
      cancel();
      run();
    };
    let cancelLeading = (): void => {};
    this.#onLeader.add(once);
    cancelLeading = this.#d.leadership.whenReady((refusal) => {
      if (refusal === undefined) once();
    });
    return cancel;
  }

  /** Consul's lines about who leads, since alerts are made of them. */
  #log({ role, term, leaderAddress = "", leadershipTransfer = false }: RoleChange, before: RoleChange): void {
    const { logger, identity } = this.#d;
    const node = `Node at ${hostPort(identity.address, identity.rpcPort)}`;
    switch (role) {
      case "candidate":
        if (!leadershipTransfer)
          logger.warn("heartbeat timeout reached, starting election", { "last-leader": before.leaderAddress ?? "" });
        logger.info("entering candidate state", { node: `${node} [Candidate]`, term });
        return;
      case "leader":
        logger.info("election won", { term });
        logger.info("entering leader state", { leader: `${node} [Leader]` });
        return;
      case "follower":
        logger.info("entering follower state", { follower: `${node} [Follower]`, leader: leaderAddress });
    }
  }
}
