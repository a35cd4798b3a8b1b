import { asksCloud } from "../codec/discover-text.ts";
import { hideCloudSecrets } from "../config/secrets.ts";
import type { Logger } from "../lib/log.ts";
import type { Cancel, Rng, Timers } from "../lib/runtime.ts";
import { serverOf } from "../pool/server-tags.ts";
import type { GossipPool, PoolEvent, PoolMember } from "../pool/types.ts";
import type { Discovery } from "./discovery.ts";

/** Trying costs a refused connection: no need to wait as long as serf does between its tries (30 s). */
const INTERVAL_MS_MAX = 5_000;
/** Addresses of former servers and of members of the last life that are tried. */
export const FORMER_MEMBERS_MAX = 64;

export interface RejoinOptions {
  readonly nodeName: string;
  readonly datacenter: string;
  /** Servers serve by themselves: they look for others only if they have known any. */
  readonly server: boolean;
  /** What the configuration says to join; asked anew each time, since it may be reloaded. */
  readonly configured: () => readonly string[];
  readonly retryIntervalMs: number;
}

export interface RejoinDependencies {
  readonly lan: Pick<GossipPool, "members" | "subscribe" | "join" | "remembered">;
  readonly discovery: Discovery;
  readonly timers: Timers;
  readonly rng: Rng;
  readonly logger: Logger;
}

/**
 * Brings an agent back that sees no other server any more. Serf tries those that failed, one now and then, and never
 * those that left; a client whose only server left would stay alone until somebody joins it by hand. While there is no
 * server this tries all it knows: where servers were, who was there when the last life ended, what the configuration
 * names. One that answers is enough. With a server there, there is no timer.
 */
export class Rejoin {
  readonly #options: RejoinOptions;
  readonly #d: RejoinDependencies;
  /** Name → where to join it. */
  readonly #former = new Map<string, string>();
  /** Servers that are there, without ourselves. */
  readonly #present = new Set<string>();
  #hasSeenOthers = false;
  #unsubscribe: Cancel = () => {};
  #cancelTimer: Cancel | undefined;
  #trying = false;
  #tries = 0;
  #stopped = false;

  constructor(options: RejoinOptions, dependencies: RejoinDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  start(): void {
    const { lan } = this.#d;
    this.#unsubscribe = lan.subscribe((event) => this.poolEvent(event));
    for (const member of lan.members()) this.#saw(member);
    this.#look();
  }

  stop(): void {
    this.#stopped = true;
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
  }

  poolEvent(event: PoolEvent): void {
    if (event.type === "user" || event.type === "query") return;
    for (const member of event.members) {
      if (event.type === "join" || event.type === "update") this.#saw(member);
      else this.#present.delete(member.name);
      // Reaped while others are there: nobody needs it any more.
      if (event.type === "reap" && this.#present.size > 0) this.#former.delete(member.name);
    }
    this.#look();
  }

  #saw(member: PoolMember): void {
    const { nodeName, datacenter } = this.#options;
    if (member.name === nodeName) return;
    this.#hasSeenOthers = true;
    const server = serverOf(member, "lan");
    if (server === undefined || server.datacenter !== datacenter) return;
    if (member.status === "alive") this.#present.add(member.name);
    else this.#present.delete(member.name);
    this.#former.delete(member.name); // the newest last
    this.#former.set(member.name, joinAddress(member));
    if (this.#former.size > FORMER_MEMBERS_MAX) this.#former.delete(this.#former.keys().next().value!);
  }

  /** Before anybody was seen, `retry_join` is at work. */
  get #isAlone(): boolean {
    if (this.#present.size > 0) return false;
    if (this.#former.size > 0) return true;
    return !this.#options.server && (this.#hasSeenOthers || this.#d.lan.remembered().length > 0);
  }

  #look(): void {
    if (this.#stopped || this.#trying) return;
    if (!this.#isAlone) {
      this.#cancelTimer?.();
      this.#cancelTimer = undefined;
      return;
    }
    if (this.#cancelTimer !== undefined) return;
    const { timers, rng } = this.#d;
    const intervalMs = Math.min(this.#options.retryIntervalMs, INTERVAL_MS_MAX);
    this.#cancelTimer = timers.after(intervalMs * (0.5 + rng.next()), () => {
      this.#cancelTimer = undefined;
      void this.#try();
    });
  }

  /** Clouds count the questions of all agents that are alone: they are asked as seldom as at the start. */
  #configured(): readonly string[] {
    const triesPerQuestion = Math.ceil(this.#options.retryIntervalMs / INTERVAL_MS_MAX);
    const configured = this.#options.configured();
    return this.#tries++ % triesPerQuestion === 0 ? configured : configured.filter((address) => !asksCloud(address));
  }

  /** All at once: an address that swallows packets must not hold up the others. */
  async #try(): Promise<void> {
    const { lan, discovery, logger } = this.#d;
    this.#trying = true;
    const remembered = this.#options.server ? [] : lan.remembered().slice(0, FORMER_MEMBERS_MAX);
    const addresses = [...new Set([...this.#former.values(), ...remembered, ...this.#configured()])];
    const shown = addresses.map(hideCloudSecrets);
    logger.debug("no server in the pool, trying to join again", { addresses: shown.join(", ") });
    const outcomes = await Promise.allSettled(
      addresses.map(async (address) => {
        const found = await discovery.addresses([address], "LAN");
        if (found.length === 0) throw new Error("No servers to join");
        return lan.join(found);
      }),
    );
    this.#trying = false;
    if (this.#stopped) return;
    const answered = shown.filter((_, at) => outcomes[at]?.status === "fulfilled");
    if (this.#present.size > 0) logger.info("found servers again", { through: answered.join(", ") });
    this.#look();
  }
}

function joinAddress({ name, host, port }: PoolMember): string {
  return `${name}/${host.includes(":") ? `[${host}]` : host}:${port}`;
}
