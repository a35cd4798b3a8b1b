/** Joins: addresses resolved, one push/pull after the other, and SWIM's word on how each went. */
import type { Endpoint } from "../gossip/swim/endpoint.ts";
import type { Logger } from "../lib/log.ts";
import { shuffle } from "../lib/random.ts";
import type { Rng } from "../lib/runtime.ts";
import { cloudOf, endpointsOf } from "./join-address.ts";
import { Joins } from "./joins.ts";

export interface JoiningOptions {
  /** Our own name: nobody joins itself. */
  readonly name: string;
  readonly rng: Rng;
  readonly serfLogger: Logger;
  readonly memberlistLogger: Logger;
  readonly resolveHost: ((host: string) => Promise<readonly string[]>) | undefined;
  /** Of the pool, as bound. */
  readonly defaultPort: () => number;
  /** Starts a push/pull; `settle` says how it went. */
  readonly start: (endpoint: Endpoint) => void;
}

export interface JoinOutcome {
  readonly joined: number;
  readonly errors: readonly string[];
}

export class Joining {
  readonly #options: JoiningOptions;
  readonly #joins = new Joins();
  #stopped = false;

  constructor(options: JoiningOptions) {
    this.#options = options;
  }

  async joinAll(addresses: readonly string[]): Promise<JoinOutcome> {
    const errors: string[] = [];
    let joined = 0;
    for (const address of addresses) {
      const outcome = await this.#join(address);
      joined += outcome.joined;
      errors.push(...outcome.errors);
    }
    return { joined, errors };
  }

  /**
   * Tries the members of the last run in random order. One is enough: it knows the others.
   * @param alive name → `ip:port`
   * @returns whether there was one
   */
  async rejoin(alive: ReadonlyMap<string, string>): Promise<boolean> {
    const { name: self, rng, serfLogger } = this.#options;
    const previous = shuffle(
      rng,
      [...alive].filter(([name]) => name !== self),
    );
    if (previous.length === 0) return false;
    for (const [name, address] of previous) {
      serfLogger.info(`serf: Attempting re-join to previously known node: ${name}: ${address}`);
      const { joined } = await this.#join(`${name}/${address}`);
      if (this.#stopped) return false;
      if (joined === 0) continue;
      serfLogger.info(`serf: Re-joined to previously known node: ${name}: ${address}`);
      return true;
    }
    serfLogger.warn("serf: Failed to re-join any previously known node");
    return false;
  }

  /** Every address of one name. */
  async #join(address: string): Promise<JoinOutcome> {
    const errors: string[] = [];
    let joined = 0;
    for (const endpoint of await this.#resolved(address, errors)) {
      if (this.#stopped) break;
      const settled = this.#joins.wait(endpoint);
      this.#options.start(endpoint);
      const failure = await settled;
      if (failure === undefined) joined++;
      else errors.push(this.#logged(endpoint, failure));
    }
    return { joined, errors };
  }

  async #resolved(address: string, errors: string[]): Promise<readonly Endpoint[]> {
    const { resolveHost = namesAreUnknown, defaultPort, memberlistLogger } = this.#options;
    try {
      return await endpointsOf(address, defaultPort(), resolveHost);
    } catch (error) {
      const text = `Failed to resolve ${cloudOf(address) ?? address}: ${(error as Error).message}`;
      memberlistLogger.warn(`memberlist: ${text}`);
      errors.push(text);
      return [];
    }
  }

  /** How a join went, ours or one that serf's layer began by itself. */
  settle(endpoint: Endpoint, failure: string | undefined): void {
    const isOurs = this.#joins.settle(endpoint, failure);
    if (!isOurs && failure !== undefined) this.#logged(endpoint, failure);
  }

  #logged(endpoint: Endpoint, failure: string): string {
    const text = `Failed to join ${endpoint}: ${failure}`;
    this.#options.memberlistLogger.debug(`memberlist: ${text}`);
    return text;
  }

  stop(): void {
    this.#stopped = true;
    this.#joins.failAll("the pool was stopped");
  }
}

const namesAreUnknown = (): Promise<never> => Promise.reject(new Error("names are not resolved here"));
