import { type ContractClient, type ContractClientOptions, contractClient } from "./contract-client.ts";
import { Registration, type RegistrationOptions, type ServiceDefinition } from "./discovery/registration.ts";
import { type Endpoint, type ResolveOptions, Resolver } from "./discovery/resolver.ts";
import { Kv } from "./kv.ts";
import { Election } from "./locks/election.ts";
import { Lock, type LockOptions } from "./locks/lock.ts";
import { Semaphore, type SemaphoreOptions } from "./locks/semaphore.ts";
import { onAbort, type Surroundings, theWorld } from "./surroundings.ts";
import { blockingQueries } from "./watch/blocking-queries.ts";
import type { WatchTransport } from "./watch/transport.ts";
import { Watches } from "./watch/watches.ts";

export interface ClientSetup extends ContractClientOptions {
  /** How changes come to watches. Default: blocking queries. */
  readonly watchTransport?: WatchTransport;
}

/** What the client does beyond single calls. */
export interface Helpers {
  readonly kv: Kv;
  readonly watch: Watches;
  /** Registers a service with the agent and keeps it registered. */
  register(definition: ServiceDefinition, options?: RegistrationOptions): Promise<Registration>;
  /** One healthy instance of a service. Same service and options: same list, dropped after a minute without use. */
  resolve(service: string, options?: ResolveOptions & { readonly signal?: AbortSignal }): Promise<Endpoint>;
  /** A list of one's own, to be closed by its owner. */
  resolver(service: string, options?: ResolveOptions): Resolver;
  /** @param where a prefix, as for `consul lock`, or a key, as in Consul's library for Go */
  lock(where: string | { readonly key: string }, options?: LockOptions): Lock;
  semaphore(prefix: string, limit: number, options?: SemaphoreOptions): Semaphore;
  election(key: string, options?: LockOptions): Election;
  /** Ends watches and resolvers, and deregisters services. Locks are their holders' own. */
  close(): void;
}

export type Client = ContractClient & Helpers;

const IDLE_MS = 60_000;

export function createClient(options: ClientSetup = {}): Client {
  const { world = theWorld, watchTransport: transport = blockingQueries } = options;
  const calls = contractClient(options);
  const ending = new AbortController();
  const closed = ending.signal;
  const watch = new Watches(calls, { world, transport, closed });
  const ports = { client: calls, watches: watch, world, closed };
  const resolvers = new Resolvers((service, given) => new Resolver(service, ports, given), world, closed);
  const helpers: Helpers = {
    kv: new Kv(calls, world),
    watch,
    register: (definition, given = {}) => Registration.start(definition, calls, world, closed, given),
    resolve: (service, { signal, ...given } = {}) =>
      resolvers.get(service, given).pick(signal === undefined ? {} : { signal }),
    resolver: (service, given) => new Resolver(service, ports, given),
    lock: (where, given = {}) => new Lock(where, calls, world, given),
    semaphore: (prefix, limit, given = {}) => new Semaphore(prefix, limit, calls, world, given),
    election: (key, given = {}) => new Election(key, calls, world, watch, given),
    close: () => ending.abort(new Error("the client is closed")),
  };
  return Object.assign(calls, helpers);
}

/** Resolvers that are shared, until nobody has asked for a while. */
class Resolvers {
  readonly #make: (service: string, options: ResolveOptions) => Resolver;
  readonly #world: Surroundings;
  readonly #closed: AbortSignal;
  readonly #resolvers = new Map<string, { readonly resolver: Resolver; usedMs: number }>();

  constructor(make: (service: string, options: ResolveOptions) => Resolver, world: Surroundings, closed: AbortSignal) {
    this.#make = make;
    this.#world = world;
    this.#closed = closed;
  }

  get(service: string, options: ResolveOptions): Resolver {
    this.#closed.throwIfAborted();
    const key = JSON.stringify([service, Object.entries(options).sort(([a], [b]) => (a < b ? -1 : 1))]);
    let shared = this.#resolvers.get(key);
    if (shared === undefined) {
      shared = { resolver: this.#make(service, options), usedMs: 0 };
      this.#resolvers.set(key, shared);
      this.#checkLater(key, shared);
    }
    shared.usedMs = this.#world.nowMs();
    return shared.resolver;
  }

  #checkLater(key: string, shared: { readonly resolver: Resolver; readonly usedMs: number }): void {
    const cancel = this.#world.after(IDLE_MS, () => {
      release();
      if (this.#world.nowMs() - shared.usedMs < IDLE_MS && !shared.resolver.refused)
        return this.#checkLater(key, shared);
      this.#resolvers.delete(key);
      shared.resolver.close();
    });
    const release = onAbort(this.#closed, cancel);
  }
}
