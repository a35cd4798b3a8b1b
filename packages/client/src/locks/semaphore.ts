import type { CallOptions, ContractClient } from "../contract-client.ts";
import { follow, type Surroundings } from "../surroundings.ts";
import type { Index } from "../watch/change.ts";
import type { KvEntry } from "../watch/watches.ts";
import { LOCK_DELAY_MS, looks, TTL_MS, underSession, waitOf, watchHeld } from "./contending.ts";
import { guard, type Held, joined, LOCK_KEY, LockConflictError, whileHeld } from "./held.ts";
import type { AcquireOptions } from "./lock.ts";
import type { LockSession } from "./lock-session.ts";

export interface SemaphoreOptions extends Pick<CallOptions, "dc" | "token"> {
  /** Kept in our own key below the prefix. */
  readonly value?: Uint8Array | string;
  /** Default 15 s. */
  readonly ttlMs?: number;
  readonly sessionName?: string;
}

export const SEMAPHORE_FLAGS = 0xe0f69a2baa414de0n;

/** What all contenders agree on, in one key: whose sessions hold a slot. */
interface Slots {
  readonly limit: number;
  readonly holders: ReadonlySet<string>;
}

/**
 * Some holders at a time, as in Consul's own library and `consul lock -n`. Every contender has a key of its own, held by
 * its session: a holder whose key has lost its session is dead, and its slot free.
 */
export class Semaphore {
  readonly key: string;
  readonly limit: number;
  readonly #prefix: string;
  readonly #client: ContractClient;
  readonly #world: Surroundings;
  readonly #options: SemaphoreOptions;
  readonly #call: CallOptions;

  constructor(prefix: string, limit: number, client: ContractClient, world: Surroundings, options: SemaphoreOptions) {
    if (!Number.isInteger(limit) || limit < 1) throw new RangeError("semaphore limit must be positive");
    this.key = joined(prefix, LOCK_KEY);
    this.limit = limit;
    this.#prefix = joined(prefix, "");
    this.#client = client;
    this.#world = world;
    this.#options = options;
    this.#call = { dc: options.dc, token: options.token };
  }

  /**
   * Waits for a slot.
   * @returns undefined when `tryMs` were over first
   * @throws LockConflictError, also when others think otherwise of the limit; the signal's reason; ResponseError and RequestError
   */
  acquire(options?: AcquireOptions & { readonly tryMs?: undefined }): Promise<Held>;
  acquire(options: AcquireOptions): Promise<Held | undefined>;
  async acquire({ signal, tryMs }: AcquireOptions = {}): Promise<Held | undefined> {
    const { ttlMs = TTL_MS, sessionName = "Tribune semaphore", value = "" } = this.#options;
    const settings = { name: sessionName, ttlMs, lockDelayMs: LOCK_DELAY_MS, behavior: "delete" } as const;
    return underSession(this.#client, this.#world, settings, { ...this.#call, signal }, async (session) => {
      const own = { key: this.#ownKey(session.id), value, flags: SEMAPHORE_FLAGS, acquire: session.id };
      const made = await this.#client.kvPut(own, { ...this.#call, signal });
      return made.value && (await this.#contend(session, signal, tryMs)) ? this.#hold(session) : undefined;
    });
  }

  /** Acquires, runs `use`, releases. */
  async run<T>(use: (held: Held) => T | Promise<T>, { signal }: Pick<AcquireOptions, "signal"> = {}): Promise<T> {
    return whileHeld(await this.acquire({ signal }), use);
  }

  /** Deletes the common key, unless somebody holds a slot. @throws LockConflictError */
  async cleanup(): Promise<"removed" | "inUse"> {
    const { entries } = await this.#list({});
    const entry = this.#common(entries);
    if (entry === undefined) return "removed";
    if (living(this.#slotsOf(entry), entries).size > 0) return "inUse";
    const { value } = await this.#client.kvDelete({ key: this.key, cas: entry.ModifyIndex }, this.#call);
    return value ? "removed" : "inUse";
  }

  async #contend(session: LockSession, outer: AbortSignal | undefined, tryMs: number | undefined): Promise<boolean> {
    const nextLook = looks(this.#world, tryMs);
    const { controller, release } = follow(outer, session.lost);
    const { signal } = controller;
    try {
      let index: Index | undefined;
      for (let leftMs = nextLook(); leftMs !== undefined; leftMs = nextLook()) {
        const seen = await this.#list(index === undefined ? { signal } : { index, wait: waitOf(leftMs), signal });
        const entry = this.#common(seen.entries);
        const slots = this.#slotsOf(entry);
        if (slots.limit !== this.limit)
          throw new LockConflictError(`semaphore limit conflict (lock: ${slots.limit}, local: ${this.limit})`);
        const alive = living(slots, seen.entries);
        // One of our own tries may have got through without our being told.
        if (slots.holders.has(session.id)) return true;
        index = seen.index;
        if (alive.size >= this.limit) continue;
        if (await this.#swap([...alive, session.id], entry, signal)) return true;
        index = undefined;
      }
      return false;
    } finally {
      release();
    }
  }

  #hold(session: LockSession): Held {
    return {
      key: this.#ownKey(session.id),
      ...guard(
        session,
        (signal) => this.#watch(session.id, signal),
        () => this.#leave(session.id),
      ),
    };
  }

  #watch(session: string, signal: AbortSignal): Promise<Error | undefined> {
    const given = { key: `${this.#prefix}/` };
    const subject = {
      endpoint: "kvList",
      given,
      ask: (options: CallOptions) => this.#client.kvList(given, options),
    } as const;
    return watchHeld(subject, this.#world, this.#call, signal, (value) => {
      const entries = present(value);
      const isHeld = living(this.#slotsOf(this.#common(entries)), entries).has(session);
      return isHeld ? undefined : new Error(`the slot of ${this.#prefix} is no longer held`);
    });
  }

  async #leave(session: string): Promise<void> {
    for (;;) {
      const { value } = await this.#client.kvGet({ key: this.key }, this.#call);
      const entry = value?.[0] ?? undefined;
      const { holders } = this.#slotsOf(entry);
      if (!holders.has(session)) break;
      if (
        await this.#swap(
          [...holders].filter((id) => id !== session),
          entry,
          undefined,
        )
      )
        break;
    }
    await this.#client.kvDelete({ key: this.#ownKey(session) }, this.#call);
  }

  async #swap(
    holders: readonly string[],
    entry: KvEntry | undefined,
    signal: AbortSignal | undefined,
  ): Promise<boolean> {
    const value = JSON.stringify({ Limit: this.limit, Holders: Object.fromEntries(holders.map((id) => [id, true])) });
    const given = { key: this.key, value, flags: SEMAPHORE_FLAGS, cas: entry?.ModifyIndex ?? 0 };
    // Whether one that got lost was carried out shows in the key: those who swap look again.
    return (await this.#client.kvPut(given, { ...this.#call, signal, retry: "always" })).value;
  }

  #ownKey(session: string): string {
    return joined(this.#prefix, session);
  }

  async #list(
    options: CallOptions,
  ): Promise<{ readonly entries: readonly KvEntry[]; readonly index: Index | undefined }> {
    const { value, index } = await this.#client.kvList({ key: `${this.#prefix}/` }, { ...this.#call, ...options });
    return { entries: present(value), index };
  }

  #common(entries: readonly KvEntry[]): KvEntry | undefined {
    const entry = entries.find(({ Key }) => Key === this.key);
    if (entry !== undefined && BigInt(entry.Flags) !== SEMAPHORE_FLAGS)
      throw new LockConflictError("Existing key does not match semaphore use");
    return entry;
  }

  #slotsOf(entry: KvEntry | undefined): Slots {
    if (entry === undefined || entry.Value === null || entry.Value.length === 0)
      return { limit: this.limit, holders: new Set() };
    const { Limit, Holders } = JSON.parse(new TextDecoder().decode(entry.Value)) as {
      readonly Limit?: number;
      readonly Holders?: Readonly<Record<string, boolean>> | null;
    };
    return { limit: Limit ?? 0, holders: new Set(Object.keys(Holders ?? {})) };
  }
}

/** Holders whose own keys their sessions still hold. */
function living({ holders }: Slots, entries: readonly KvEntry[]): ReadonlySet<string> {
  const sessions = new Set(entries.flatMap(({ Session }) => (Session === "" ? [] : [Session])));
  return new Set([...holders].filter((holder) => sessions.has(holder)));
}

const present = (entries: readonly (KvEntry | null)[] | null): readonly KvEntry[] =>
  (entries ?? []).filter((entry) => entry !== null);
