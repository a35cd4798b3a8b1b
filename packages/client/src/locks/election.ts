import type { ContractClient } from "../contract-client.ts";
import { isTransient } from "../failures.ts";
import { textOf } from "../kv.ts";
import { delay, follow, type Surroundings } from "../surroundings.ts";
import type { KvEntry, Watches } from "../watch/watches.ts";
import { type AcquireOptions, type HeldLock, Lock, type LockOptions } from "./lock.ts";

/** Who leads, as everybody can see. */
export interface Leader {
  /** What the leader says of itself. */
  readonly value: string;
  readonly session: string;
  readonly lockIndex: number;
}

export type Term = HeldLock;

/** Between campaigns that failed because nobody answered. */
const AGAIN_MS = 1_000;

/** One leader among those who campaign for the same key. */
export class Election {
  readonly key: string;
  readonly #lock: Lock;
  readonly #watches: Watches;
  readonly #client: ContractClient;
  readonly #world: Surroundings;

  constructor(key: string, client: ContractClient, world: Surroundings, watches: Watches, options: LockOptions) {
    this.key = key;
    this.#lock = new Lock({ key }, client, world, { sessionName: `election of ${key}`, ...options });
    this.#watches = watches;
    this.#client = client;
    this.#world = world;
  }

  /** Waits until we lead. End the term with `release()`; when its signal is aborted, it has ended by itself. */
  campaign({ signal }: Pick<AcquireOptions, "signal"> = {}): Promise<Term> {
    return this.#lock.acquire({ signal });
  }

  /**
   * Campaigns and runs `lead` during each term, until it returns or `signal` is aborted. A `lead` whose term is lost, or
   * that shall end, is told so by the term's signal and waited for; after a loss a new campaign begins.
   */
  async run(
    lead: (term: Term) => unknown,
    { signal, onFailure }: Pick<AcquireOptions, "signal"> & { readonly onFailure?: (error: unknown) => void } = {},
  ): Promise<void> {
    const ended = (): boolean => signal?.aborted === true;
    while (!ended()) {
      let term: Term;
      try {
        term = await this.campaign({ signal });
      } catch (error) {
        if (ended()) return;
        if (!isTransient(error)) throw error;
        onFailure?.(error);
        await delay(this.#world, AGAIN_MS, signal).catch(() => {}); // aborted: the loop ends
        continue;
      }
      const { controller, release } = follow(term.signal, signal);
      try {
        await lead({ ...term, signal: controller.signal });
      } finally {
        release();
        await term.release();
      }
      if (!term.signal.aborted) return;
    }
  }

  /** Undefined while there is none. */
  async leader(): Promise<Leader | undefined> {
    const { value } = await this.#client.kvGet({ key: this.key });
    return leaderOf(value?.[0] ?? undefined);
  }

  /** Who leads now, then each new one; undefined while there is none. */
  async *leaders(options: { readonly signal?: AbortSignal } = {}): AsyncIterable<Leader | undefined> {
    let last: Leader | undefined | null = null;
    for await (const { entry } of this.#watches.key(this.key, options)) {
      const leader = leaderOf(entry);
      if (last !== null && last?.session === leader?.session && last?.value === leader?.value) continue;
      last = leader;
      yield leader;
    }
  }
}

function leaderOf(entry: KvEntry | undefined): Leader | undefined {
  if (entry === undefined || entry.Session === "") return undefined;
  return { value: textOf(entry), session: entry.Session, lockIndex: entry.LockIndex };
}
