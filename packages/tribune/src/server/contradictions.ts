/** What this server does when its leader's log and what it holds as committed cannot both be right. */
import type { Logger } from "../lib/log.ts";
import type { Clock } from "../lib/runtime.ts";
import type { Contradiction } from "./raft-host.ts";

const SAY_EVERY_MS = 60_000;

/** How a server that may begin anew has that done at its next start. */
export interface StartOverPort {
  /** Resolves when the next start will begin anew, with this term and vote. */
  order(hardState: { readonly term: number; readonly votedFor: string | undefined }): Promise<void>;
  /** Where the state would go; for the operator. */
  readonly asideDirectory: (term: number) => string;
}

export interface ContradictionsDependencies {
  readonly startOver: StartOverPort | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFatal: (error: Error) => void;
}

/** Says what is wrong and what to do; where nothing acknowledged can be lost, does it. */
export class Contradictions {
  readonly #d: ContradictionsDependencies;
  #saidAtMs: number | undefined;
  #ordered = false;

  constructor(dependencies: ContradictionsDependencies) {
    this.#d = dependencies;
  }

  seen({ from, reason, startOver: mayStartOver, term, votedFor, index }: Contradiction): void {
    const { startOver, clock, logger, onFatal } = this.#d;
    if (this.#ordered) return;
    if (mayStartOver && startOver !== undefined) {
      this.#ordered = true;
      const where = startOver.asideDirectory(term);
      startOver.order({ term, votedFor }).then(
        () =>
          onFatal(
            new Error(
              `this server holds a snapshot (index ${index}) that its datacenter never took over (${reason}). When it is ` +
                `started again it sets its Raft state aside in ${where} and gets everything from the leader`,
            ),
          ),
        (error: unknown) => onFatal(error instanceof Error ? error : new Error(String(error))),
      );
      return;
    }
    if (this.#saidAtMs !== undefined && clock.nowMs() - this.#saidAtMs < SAY_EVERY_MS) return;
    this.#saidAtMs = clock.nowMs();
    logger.error(
      "the leader's log contradicts what this server holds as committed: a majority of the servers has lost what it " +
        "acknowledged, or this data directory belongs to another datacenter. Nothing is taken from the leader. To keep " +
        "the leader's state, stop this server, move its raft directory away and start it again; to keep this server's " +
        "instead, stop all servers and let this one go on alone by a peers.json, then let the others join it with " +
        "empty data directories",
      { leader: from, reason, term, index },
    );
  }
}
