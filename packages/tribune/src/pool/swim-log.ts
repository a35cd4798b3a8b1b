/** What SWIM does, for the log and the metrics, in memberlist's words. */
import type { MemberState } from "../gossip/swim/types.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";

export class SwimLog {
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  #healthScore = -1;

  constructor(logger: Logger, metrics: Metrics) {
    this.#logger = logger;
    this.#metrics = metrics;
  }

  changed(before: MemberState | undefined, after: MemberState): void {
    if (before?.status === after.status) return;
    const { name, status } = after;
    if (status === "suspect") {
      this.#metrics.count("memberlist.msg.suspect");
      this.#logger.info(`memberlist: Suspect ${name} has failed, no acks received`);
    } else if (status === "alive") this.#metrics.count("memberlist.msg.alive");
    else {
      this.#metrics.count("memberlist.msg.dead");
      if (status === "dead") this.#logger.info(`memberlist: Marking ${name} as failed, suspect timeout reached`);
    }
  }

  reachedByStreamOnly(name: string): void {
    this.#logger.warn(
      `memberlist: Was able to connect to ${name} but other probes failed, network may be misconfigured`,
    );
  }

  /** What an operator finds of a host that was given another name, or another one's address. */
  pingForOther(name: string, from: string): void {
    this.#metrics.count("memberlist.dropped");
    this.#logger.warn(`memberlist: Got ping for unexpected node '${name}' from=${from}`);
  }

  dropped(reason: string): void {
    this.#metrics.count("memberlist.dropped");
    this.#logger.debug(`memberlist: ${reason}`);
  }

  probed(tookMs: number): void {
    this.#metrics.sample("memberlist.probeNode", tookMs);
  }

  gossiped(tookMs: number): void {
    this.#metrics.sample("memberlist.gossip", tookMs);
  }

  health(score: number): void {
    if (score === this.#healthScore) return;
    this.#healthScore = score;
    this.#metrics.gauge("memberlist.health.score", score);
  }
}
