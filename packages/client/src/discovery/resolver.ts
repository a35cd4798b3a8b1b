import type { CallOptions, ContractClient } from "../contract-client.ts";
import { follow, type Surroundings, unlessAborted } from "../surroundings.ts";
import type { Index } from "../watch/change.ts";
import type { ServiceInstance, ServiceSelection, Watches } from "../watch/watches.ts";
import { type Candidate, choose, type Strategy, settle } from "./balance.ts";
import { ranksInOrder, ranksOf } from "./nearness.ts";

export interface ResolveOptions
  extends Omit<ServiceSelection, "passing">,
    Pick<CallOptions, "dc" | "stale" | "cached" | "token"> {
  /**
   * Default `round-robin`. `nearest` takes in turn those with the least round-trip time from the agent, or from the node
   * `near`, and others only while all of them rest.
   */
  readonly strategy?: Strategy;
  /** Instances with a check that warns count too, by their weight for it. */
  readonly warning?: boolean;
}

/** One instance, chosen for one piece of work. */
export interface Endpoint {
  /** Of the service, or of its node where the service has none of its own. */
  readonly address: string;
  readonly port: number;
  /** `address:port`, brackets where they belong. */
  readonly host: string;
  readonly node: string;
  readonly id: string;
  readonly tags: readonly string[];
  readonly meta: Readonly<Record<string, string>>;
  /** For how long the list that it was chosen from could not be checked: 0 while the agent answers. */
  readonly ageMs: number;
  /**
   * The work is done, well or not. An instance that failed rests a little while there are others. Who forgets to say so
   * is only found out when the endpoint is collected as garbage.
   */
  release(outcome?: "failed"): void;
}

/** Nobody to turn to. */
export class NoInstancesError extends Error {
  override readonly name = "NoInstancesError";
}

const REST_MS = 5_000;
const WAIT_MS = 30_000;
/** After a question an agent that lives has answered; a server adds a sixteenth to what it waits. */
const SILENCE_MS = WAIT_MS + WAIT_MS / 16 + 2_000;
/** Round trips change although nothing of the service does. */
const NEAR_EVERY_MS = 60_000;

interface Instance extends Candidate {
  row: ServiceInstance;
}

export interface ResolverPorts {
  readonly client: ContractClient;
  readonly watches: Watches;
  readonly world: Surroundings;
  /** Aborted when the client is closed. */
  readonly closed: AbortSignal;
}

/** Endpoints that nobody holds any more, and was never told to be done with. */
const forgotten = new FinalizationRegistry<() => void>((release) => release());

/** The instances of a service, kept up to date, and a choice among them. What it knows stays while the agent is away. */
export class Resolver {
  readonly service: string;
  readonly #client: ContractClient;
  readonly #watches: Watches;
  readonly #world: Surroundings;
  readonly #options: ResolveOptions;
  readonly #stop: AbortController;
  readonly #release: () => void;
  /** Whoever can be chosen. */
  #instances: readonly Instance[] = [];
  /** They, and those that are gone while somebody still works with them. */
  #known = new Map<string, Instance>();
  #index: Index | undefined;
  #awayReason: unknown;
  #isAway = false;
  #contactMs: number;
  #rankedMs: number | undefined;
  #failure: unknown;
  #ready: Promise<void> | undefined;

  constructor(service: string, { client, watches, world, closed }: ResolverPorts, options: ResolveOptions = {}) {
    this.service = service;
    this.#client = client;
    this.#watches = watches;
    this.#world = world;
    this.#options = options;
    this.#contactMs = world.nowMs();
    const { controller, release } = follow(closed);
    this.#stop = controller;
    this.#release = release;
  }

  /** How many there are to choose from. */
  get size(): number {
    return this.#instances.length;
  }

  /** Index of the list; undefined before the first answer. */
  get index(): Index | undefined {
    return this.#index;
  }

  /**
   * How long ago the agent last answered, once that is longer than it should be: 0 while all is well. A lost connection is
   * noticed at once, an agent that hangs after half a minute.
   */
  get ageMs(): number {
    const silentMs = this.#world.nowMs() - this.#contactMs;
    return this.#isAway || (this.#index !== undefined && silentMs > SILENCE_MS) ? silentMs : 0;
  }

  /** The agent said something that will not get better: it is asked again only when somebody wants an instance. */
  get refused(): boolean {
    return this.#failure !== undefined;
  }

  /** Why the list cannot be checked; undefined while the agent answers. */
  get awayReason(): unknown {
    return this.#awayReason;
  }

  /**
   * One instance.
   * @throws NoInstancesError; what the agent said, when it refuses or has not answered once
   */
  async pick({ signal }: { readonly signal?: AbortSignal } = {}): Promise<Endpoint> {
    await this.#start(signal);
    if (this.#options.strategy === "nearest") this.#rankAgain();
    if (this.#instances.length === 0) throw new NoInstancesError(`no healthy instance of ${this.service}`);
    const instance = choose(this.#instances, this.#options.strategy ?? "round-robin", this.#world.nowMs());
    instance.load++;
    return this.#endpoint(instance);
  }

  /** Picks an instance for `work`. Work that rejects counts as the instance's failure, unless `signal` ended it. */
  async use<T>(
    work: (endpoint: Endpoint) => T | Promise<T>,
    options: { readonly signal?: AbortSignal } = {},
  ): Promise<T> {
    const endpoint = await this.pick(options);
    try {
      const result = await work(endpoint);
      endpoint.release();
      return result;
    } catch (error) {
      endpoint.release(options.signal?.aborted === true ? undefined : "failed");
      throw error;
    }
  }

  /** All of them, nearest first where that was asked for. */
  async all(options: { readonly signal?: AbortSignal } = {}): Promise<readonly ServiceInstance[]> {
    await this.#start(options.signal);
    return this.#instances.map(({ row }) => row);
  }

  close(): void {
    this.#release();
    this.#stop.abort(new Error(`the resolver of ${this.service} is closed`));
  }

  /** Resolves after the first answer. */
  async #start(signal: AbortSignal | undefined): Promise<void> {
    this.#stop.signal.throwIfAborted();
    signal?.throwIfAborted();
    if (this.#failure !== undefined) this.#forget();
    // The newest reason rather than the first.
    if (this.#index === undefined && this.#isAway) throw this.#awayReason;
    this.#ready ??= new Promise((resolve, reject) => {
      void this.#follow(resolve, reject);
    });
    if (this.#index === undefined) await (signal === undefined ? this.#ready : unlessAborted(signal, this.#ready));
  }

  /** What was refused may be allowed by now. */
  #forget(): void {
    this.#failure = undefined;
    this.#ready = undefined;
    this.#index = undefined;
    this.#isAway = false;
  }

  async #follow(ready: () => void, refuse: (reason: unknown) => void): Promise<void> {
    try {
      const changes = this.#watches.service(this.service, {
        ...this.#selection(),
        wait: `${WAIT_MS}ms`,
        signal: this.#stop.signal,
        onContact: () => {
          this.#isAway = false;
          this.#contactMs = this.#world.nowMs();
          this.#awayReason = undefined;
        },
        onFailure: ({ error }) => {
          this.#isAway = true;
          this.#awayReason = error;
          // Whoever waits for the first answer, now or later, hears why there is none.
          refuse(error);
        },
      });
      for await (const { all, index } of changes) {
        this.#take(all);
        this.#index = index;
        ready();
      }
      refuse(this.#stop.signal.reason);
    } catch (error) {
      this.#failure = error;
      refuse(error);
    }
  }

  #selection() {
    const { strategy, warning, near, ...rest } = this.#options;
    const nearest = near ?? (strategy === "nearest" ? "_agent" : undefined);
    return { ...rest, ...(nearest === undefined ? {} : { near: nearest }), passing: warning !== true };
  }

  #take(rows: ReadonlyMap<string, ServiceInstance>): void {
    const known = new Map<string, Instance>();
    const instances: Instance[] = [];
    for (const [key, row] of rows) {
      const weight = weightOf(row);
      if (weight === 0) continue;
      // Who stays keeps its load and its turn.
      const instance = this.#known.get(key) ?? { load: 0, restsUntilMs: 0, credit: 0, weight, rank: 0, row };
      known.set(key, Object.assign(instance, { weight, row }));
      instances.push(instance);
    }
    for (const [key, instance] of this.#known) if (!known.has(key) && instance.load > 0) known.set(key, instance);
    settle(instances);
    this.#known = known;
    this.#instances = instances;
    this.#rank(ranksInOrder(nodesOf(rows.values())));
    this.#rankedMs = undefined;
  }

  #rank(ranks: ReadonlyMap<string, number>): void {
    for (const instance of this.#instances) instance.rank = ranks.get(nodeOf(instance.row)) ?? ranks.size;
  }

  /** Asks who is equally near, not more often than now and then. Until that is known, what was known counts. */
  #rankAgain(): void {
    const nowMs = this.#world.nowMs();
    if (this.#rankedMs !== undefined && nowMs - this.#rankedMs < NEAR_EVERY_MS) return;
    const isFirst = this.#rankedMs === undefined;
    this.#rankedMs = nowMs;
    const instances = this.#instances;
    // The watch does not tell when only the order is another.
    const nodes = isFirst ? Promise.resolve(nodesOf(instances.map(({ row }) => row))) : this.#nodesInOrder();
    nodes
      .then((inOrder) => ranksOf(inOrder, this.#options.near, this.#client, this.#call()))
      .then((ranks) => {
        // Another list has come, with an order of its own.
        if (instances === this.#instances) this.#rank(ranks);
      })
      .catch(() => {}); // the order that is known is good enough; whether the agent is away is the watch's to say
  }

  async #nodesInOrder(): Promise<readonly string[]> {
    const { tag, dc, stale, cached, token, ...selection } = this.#selection();
    const given = { ...selection, service: this.service, tag: typeof tag === "string" ? [tag] : tag };
    const { value } = await this.#client.healthService(given, { ...this.#call(), cached });
    return nodesOf((value ?? []).filter((row) => row !== null));
  }

  #call(): CallOptions {
    const { dc, stale, token } = this.#options;
    return { dc, stale, token, signal: this.#stop.signal };
  }

  #endpoint(instance: Instance): Endpoint {
    const { Node, Service } = instance.row;
    const address = Service?.Address || Node?.Address || "";
    const port = Service?.Port ?? 0;
    let held = true;
    const release = (outcome?: "failed"): void => {
      if (!held) return;
      held = false;
      instance.load--;
      if (outcome === "failed") instance.restsUntilMs = this.#world.nowMs() + REST_MS;
    };
    const endpoint: Endpoint = {
      address,
      port,
      host: `${address.includes(":") ? `[${address}]` : address}:${port}`,
      node: Node?.Node ?? "",
      id: Service?.ID ?? "",
      tags: Service?.Tags ?? [],
      meta: Service?.Meta ?? {},
      ageMs: this.ageMs,
      release,
    };
    forgotten.register(endpoint, release);
    return endpoint;
  }
}

/** 0 for one that must not be used. */
function weightOf({ Service, Checks }: ServiceInstance): number {
  const statuses = new Set((Checks ?? []).map((check) => check?.Status));
  if (statuses.has("critical")) return 0;
  const weights = Service?.Weights;
  return Math.max(0, (statuses.has("warning") ? weights?.Warning : weights?.Passing) ?? 1);
}

const nodeOf = ({ Node }: ServiceInstance): string => Node?.Node ?? "";
const nodesOf = (rows: Iterable<ServiceInstance>): readonly string[] => [...new Set(Array.from(rows, nodeOf))];
