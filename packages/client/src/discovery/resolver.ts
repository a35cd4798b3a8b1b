import type { CallOptions } from "../contract-client.ts";
import { follow, type Surroundings } from "../surroundings.ts";
import type { Index } from "../watch/change.ts";
import type { ServiceInstance, ServiceSelection, Watches } from "../watch/watches.ts";
import { type Candidate, choose, type Strategy } from "./balance.ts";

export interface ResolveOptions
  extends Omit<ServiceSelection, "passing">,
    Pick<CallOptions, "dc" | "stale" | "cached" | "token"> {
  /** Default `round-robin`. `nearest` asks the agent to sort by round-trip time from itself, or from `near`. */
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
  /** The work is done, well or not. An instance that failed rests a little while there are others. */
  release(outcome?: "failed"): void;
}

/** Nobody to turn to. */
export class NoInstancesError extends Error {
  override readonly name = "NoInstancesError";
}

const REST_MS = 5_000;
/** A hung agent is noticed after about this, so that the age of the list stays honest. */
const WAIT = "30s";

interface Instance extends Candidate {
  row: ServiceInstance;
}

/** The instances of a service, kept up to date, and a choice among them. What it knows stays while the agent is away. */
export class Resolver {
  readonly service: string;
  readonly #watches: Watches;
  readonly #world: Surroundings;
  readonly #options: ResolveOptions;
  readonly #stop: AbortController;
  readonly #release: () => void;
  #instances: readonly Instance[] = [];
  #known = new Map<string, Instance>();
  #index: Index | undefined;
  #awayReason: unknown;
  #awaySinceMs: number | undefined;
  #failure: unknown;
  #ready: Promise<void> | undefined;

  constructor(
    service: string,
    watches: Watches,
    world: Surroundings,
    closed: AbortSignal,
    options: ResolveOptions = {},
  ) {
    this.service = service;
    this.#watches = watches;
    this.#world = world;
    this.#options = options;
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

  /** How long ago the list was last known to be right: 0 while the agent answers. */
  get ageMs(): number {
    return this.#awaySinceMs === undefined ? 0 : this.#world.nowMs() - this.#awaySinceMs;
  }

  /** The agent said something that will not get better: it is not asked again. */
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
    if (this.#instances.length === 0) throw new NoInstancesError(`no healthy instance of ${this.service}`);
    const instance = choose(this.#instances, this.#options.strategy ?? "round-robin", this.#world.nowMs());
    instance.load++;
    return this.#endpoint(instance);
  }

  /** Picks an instance for `work`. Work that rejects counts as the instance's failure. */
  async use<T>(work: (endpoint: Endpoint) => T | Promise<T>, options?: { readonly signal?: AbortSignal }): Promise<T> {
    const endpoint = await this.pick(options);
    try {
      const result = await work(endpoint);
      endpoint.release();
      return result;
    } catch (error) {
      endpoint.release("failed");
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
    this.#ready ??= new Promise((resolve, reject) => {
      void this.#follow(resolve, reject);
    });
    if (this.#index === undefined)
      await (signal === undefined ? this.#ready : Promise.race([this.#ready, aborted(signal)]));
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #follow(ready: () => void, refuse: (reason: unknown) => void): Promise<void> {
    const { strategy, warning, near, ...rest } = this.#options;
    const nearest = near ?? (strategy === "nearest" ? "_agent" : undefined);
    try {
      const changes = this.#watches.service(this.service, {
        ...rest,
        ...(nearest === undefined ? {} : { near: nearest }),
        passing: warning !== true,
        wait: WAIT,
        signal: this.#stop.signal,
        onContact: () => {
          this.#awaySinceMs = undefined;
          this.#awayReason = undefined;
        },
        onFailure: ({ error }) => {
          this.#awaySinceMs ??= this.#world.nowMs();
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

  #take(rows: ReadonlyMap<string, ServiceInstance>): void {
    const known = new Map<string, Instance>();
    for (const [key, row] of rows) {
      const weight = weightOf(row);
      if (weight === 0) continue;
      // Who stays keeps its load and its turn.
      const instance = this.#known.get(key) ?? { load: 0, restsUntilMs: 0, credit: 0, weight, row };
      known.set(key, Object.assign(instance, { weight, row }));
    }
    this.#known = known;
    this.#instances = [...known.values()];
  }

  #endpoint(instance: Instance): Endpoint {
    const { Node, Service } = instance.row;
    const address = Service?.Address || Node?.Address || "";
    const port = Service?.Port ?? 0;
    let held = true;
    return {
      address,
      port,
      host: `${address.includes(":") ? `[${address}]` : address}:${port}`,
      node: Node?.Node ?? "",
      id: Service?.ID ?? "",
      tags: Service?.Tags ?? [],
      meta: Service?.Meta ?? {},
      ageMs: this.ageMs,
      release: (outcome) => {
        if (!held) return;
        held = false;
        instance.load--;
        if (outcome === "failed") instance.restsUntilMs = this.#world.nowMs() + REST_MS;
      },
    };
  }
}

/** 0 for one that must not be used. */
function weightOf({ Service, Checks }: ServiceInstance): number {
  const statuses = new Set((Checks ?? []).map((check) => check?.Status));
  if (statuses.has("critical")) return 0;
  const weights = Service?.Weights;
  return Math.max(0, (statuses.has("warning") ? weights?.Warning : weights?.Passing) ?? 1);
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener("abort", () => reject(signal.reason), { once: true });
  });
}
