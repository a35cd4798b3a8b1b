import type { Logger } from "../../lib/log.ts";
import { shuffle } from "../../lib/random.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";
import { type ServerMember, serverOf, serverText } from "../../pool/server-tags.ts";
import type { GossipPool, PoolEvent, PoolMember } from "../../pool/types.ts";

/** Rebalancing happens this often at most, and up to `REBALANCE_JITTER_MS` later (sheet consul-rpc §7). */
const REBALANCE_MIN_MS = 120_000;
const REBALANCE_JITTER_MS = 60_000;
/** In a large datacenter the servers see no more than 64 agents a second reconnect. */
const REBALANCE_MS_PER_NODE = 15.625;

export interface ServerListDependencies {
  readonly datacenter: string;
  readonly runtime: Pick<Runtime, "timers" | "rng">;
  readonly logger: Logger;
  /** Whether the server answers. Never rejects. */
  readonly ping: (server: ServerMember) => Promise<boolean>;
  /** Members of the LAN pool, for the pace of rebalancing. */
  readonly nodes: () => number;
}

/**
 * The servers that a client agent knows, in the order in which it would use them: the first is the active one. New
 * ones go to the end, a failed one too. From time to time the order is drawn anew, so that servers that came later
 * get their share of the clients.
 */
export class ServerList {
  #servers: readonly ServerMember[] = [];
  readonly #d: ServerListDependencies;
  readonly #added = new Set<() => void>();
  #cancel: Cancel = () => {};
  #stopped = false;

  constructor(dependencies: ServerListDependencies) {
    this.#d = dependencies;
  }

  /** In the order of use. */
  get servers(): readonly ServerMember[] {
    return this.#servers;
  }

  get active(): ServerMember | undefined {
    return this.#servers[0];
  }

  /** @param run is called whenever a server is added. @returns unsubscribe */
  onAdded(run: () => void): Cancel {
    this.#added.add(run);
    return () => this.#added.delete(run);
  }

  /** Starts to follow the pool and to rebalance. @returns nothing; `stop` ends both. */
  follow(pool: Pick<GossipPool, "members" | "subscribe">): void {
    const unsubscribe = pool.subscribe((event) => this.poolEvent(event));
    for (const member of pool.members()) if (member.status === "alive") this.#join(member);
    this.#rebalanceLater();
    const cancelTimer = () => this.#cancelTimer();
    this.#cancel = () => {
      unsubscribe();
      cancelTimer();
    };
  }

  stop(): void {
    this.#stopped = true;
    this.#cancel();
  }

  poolEvent(event: PoolEvent): void {
    switch (event.type) {
      case "join":
      case "update":
        for (const member of event.members) this.#join(member);
        return;
      case "leave":
      case "failed":
      case "reap":
        for (const member of event.members) this.remove(member.name);
        return;
      default: // events and queries of users
    }
  }

  #join(member: PoolMember): void {
    const server = serverOf(member, "lan");
    if (server === undefined || server.datacenter !== this.#d.datacenter) return;
    this.add(server);
  }

  /** A known server keeps its place. */
  add(server: ServerMember): void {
    const known = this.#servers.findIndex((each) => each.name === server.name);
    if (known >= 0) {
      this.#servers = this.#servers.with(known, server);
      return;
    }
    this.#servers = [...this.#servers, server];
    this.#d.logger.info("adding server", { server: serverText(server) });
    for (const run of [...this.#added]) run();
  }

  remove(name: string): void {
    const gone = this.#servers.find((server) => server.name === name);
    if (gone === undefined) return;
    this.#servers = this.#servers.filter((server) => server.name !== name);
    this.#d.logger.info("removing server", { server: serverText(gone) });
  }

  /** The active server could not answer: the next one is used. Nothing happens if it is not active any more. */
  failed(server: ServerMember): void {
    const [first, ...rest] = this.#servers;
    if (first === undefined || rest.length === 0 || first.name !== server.name) return;
    this.#servers = [...rest, first];
    this.#d.logger.debug("cycled away from server", { server: server.name });
  }

  /** Draws the order anew and uses the first server that answers; without one the order stays as it is. */
  async rebalance(): Promise<void> {
    const drawn = shuffle(this.#d.runtime.rng, [...this.#servers]);
    for (const [at, server] of drawn.entries()) {
      if (!(await this.#d.ping(server))) continue;
      // The pool may have changed its mind meanwhile.
      const chosen = this.#servers.find((each) => each.name === server.name);
      if (chosen === undefined) return;
      const order = [...drawn.slice(at), ...drawn.slice(0, at)].map((each) => each.name);
      const place = (each: ServerMember): number => {
        const found = order.indexOf(each.name);
        return found < 0 ? order.length : found;
      };
      this.#servers = [...this.#servers].sort((a, b) => place(a) - place(b));
      return;
    }
    this.#d.logger.debug("No healthy servers during rebalance, aborting");
  }

  #cancelTimer: Cancel = () => {};

  #rebalanceLater(): void {
    const { runtime, nodes } = this.#d;
    const delayMs = rebalanceDelayMs(this.#servers.length, nodes(), runtime.rng.next());
    this.#cancelTimer = runtime.timers.after(delayMs, () => {
      void this.rebalance().then(() => {
        if (!this.#stopped) this.#rebalanceLater();
      });
    });
  }
}

/** @param chance uniform in [0, 1) */
export function rebalanceDelayMs(servers: number, nodes: number, chance: number): number {
  const minMs = REBALANCE_MIN_MS + chance * REBALANCE_JITTER_MS;
  return servers === 0 ? minMs : Math.max(minMs, (nodes * REBALANCE_MS_PER_NODE) / servers);
}
