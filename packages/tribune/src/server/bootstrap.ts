import type { Logger } from "../lib/log.ts";
import type { Cancel, Timers } from "../lib/runtime.ts";
import type { ServerMember } from "../pool/server-tags.ts";
import type { Configuration } from "../raft/types.ts";
import { decideBootstrap } from "./bootstrap-decision.ts";

/**
 * Asked so often whether a server has peers: about a minute, as in Consul. The first pauses are short, for a server that
 * starts with us opens its port before it can tell.
 */
const TRIES = 10;
const FIRST_PAUSE_MS = 60;

export interface BootstrapDependencies {
  readonly datacenter: string;
  readonly expect: number;
  readonly timers: Timers;
  readonly logger: Logger;
  /** Servers of the LAN pool. */
  readonly servers: () => readonly ServerMember[];
  /** `Status.Peers` of a server: addresses of the peers it has. */
  readonly statusPeers: (server: ServerMember) => Promise<readonly string[]>;
  /** Whether this server holds any log, state or peer set: then there is nothing left to start. */
  readonly hasState: () => boolean;
  readonly bootstrap: (configuration: Configuration) => void;
}

/** Starts Raft once as many servers as expected have found each other. Ends by itself. */
export class Bootstrap {
  readonly #d: BootstrapDependencies;
  #running = false;
  #again = false;
  #over = false;
  #lastConflict = "";
  #cancelWait: Cancel = () => {};

  constructor(dependencies: BootstrapDependencies) {
    this.#d = dependencies;
  }

  /** To be called whenever the members changed. */
  look(): void {
    if (this.#over) return;
    if (this.#running) {
      this.#again = true;
      return;
    }
    this.#running = true;
    this.#look()
      .catch((error: unknown) => this.#d.logger.error("failed to bootstrap", { error }))
      .finally(() => {
        this.#running = false;
        if (!this.#again) return;
        this.#again = false;
        this.look();
      });
  }

  stop(): void {
    this.#over = true;
    this.#cancelWait();
  }

  /** Once, not with each look. */
  #logConflict(conflict: { readonly reason: string; readonly member: string } | undefined): void {
    const text = conflict === undefined ? "" : `${conflict.member}: ${conflict.reason}`;
    if (conflict !== undefined && text !== this.#lastConflict)
      this.#d.logger.error(conflict.reason, { member: conflict.member });
    this.#lastConflict = text;
  }

  async #look(): Promise<void> {
    const { datacenter, expect, logger, hasState } = this.#d;
    if (hasState()) {
      this.#over = true;
      return;
    }
    const decision = decideBootstrap(this.#d.servers(), { datacenter, expect });
    this.#logConflict(decision.type === "conflict" ? decision : undefined);
    if (decision.type !== "ask") return;
    for (const server of decision.servers) {
      const peers = await this.#peersOf(server);
      if (this.#over || hasState()) return;
      if (peers.length === 0) continue;
      // It will be taken in by the servers that are there.
      logger.info("Existing Raft peers reported by server, disabling bootstrap mode", { server: server.name });
      this.#over = true;
      return;
    }
    const peers = decision.configuration.servers.map(({ address }) => address).join(",");
    logger.info("Found expected number of peers, attempting bootstrap", { peers });
    this.#over = true;
    this.#d.bootstrap(decision.configuration);
  }

  /** Empty as well for a server that never answers, as in Consul: it is one of those expected. */
  async #peersOf(server: ServerMember): Promise<readonly string[]> {
    for (let attempt = 0; attempt < TRIES && !this.#over; attempt++) {
      try {
        return await this.#d.statusPeers(server);
      } catch (error) {
        const waitMs = FIRST_PAUSE_MS * 2 ** attempt;
        const details = { server: server.name, retry_interval: `${waitMs / 1000}s`, error };
        this.#d.logger.error("Failed to confirm peer status for server (will retry).", details);
        await new Promise<void>((resolve) => {
          const cancel = this.#d.timers.after(waitMs, resolve);
          this.#cancelWait = () => {
            cancel();
            resolve();
          };
        });
      }
    }
    return [];
  }
}
