import type { CallOptions, ContractClient } from "../contract-client.ts";
import { delay, follow, type Surroundings } from "../surroundings.ts";
import type { Index } from "../watch/change.ts";
import type { KvEntry } from "../watch/watches.ts";
import { LOCK_DELAY_MS, looks, TTL_MS, underSession, waitOf, watchHeld } from "./contending.ts";
import { guard, type Held, joined, LOCK_KEY, LockConflictError, whileHeld } from "./held.ts";
import type { LockSession } from "./lock-session.ts";

export interface LockOptions extends Pick<CallOptions, "dc" | "token"> {
  /** Kept in the key while we hold it: who we are, where we can be reached. */
  readonly value?: Uint8Array | string;
  /** Default 15 s. Longer rides out longer outages of the servers, and costs that much when we die. */
  readonly ttlMs?: number;
  /** Default 15 s. */
  readonly lockDelayMs?: number;
  readonly sessionName?: string;
}

export interface AcquireOptions {
  readonly signal?: AbortSignal | undefined;
  /** Give up after so long; 0 tries once. Default: for ever. */
  readonly tryMs?: number | undefined;
}

export interface HeldLock extends Held {
  /**
   * Grows with every holder: send it along with what you do under the lock, and let the receiver refuse smaller ones
   * than it has seen. The key's ModifyIndex, for LockIndex begins anew when somebody deletes the key.
   */
  readonly fence: number;
  /** How often the key was taken since it is there. */
  readonly lockIndex: number;
}

/** Marks keys of locks, so that a lock is not taken on a key of something else. */
export const LOCK_FLAGS = 0x2ddccbc058a50c18n;
/** A lock-delay keeps everybody away and ends without a change to see. */
const DELAYED_RETRY_MS = 1_000;

/** One holder at a time: whoever's session holds the key. As in Consul's own library, with which it shares its keys. */
export class Lock {
  readonly key: string;
  readonly #client: ContractClient;
  readonly #world: Surroundings;
  readonly #options: LockOptions;
  readonly #call: CallOptions;

  /** @param where a prefix, as for `consul lock`, or a key, as in Consul's library for Go */
  constructor(
    where: string | { readonly key: string },
    client: ContractClient,
    world: Surroundings,
    options: LockOptions,
  ) {
    this.key = typeof where === "string" ? joined(where, LOCK_KEY) : where.key;
    this.#client = client;
    this.#world = world;
    this.#options = options;
    this.#call = { dc: options.dc, token: options.token };
  }

  /**
   * Waits for the lock.
   * @returns undefined when `tryMs` were over first
   * @throws LockConflictError; the signal's reason; ResponseError and RequestError
   */
  acquire(options?: AcquireOptions & { readonly tryMs?: undefined }): Promise<HeldLock>;
  acquire(options: AcquireOptions): Promise<HeldLock | undefined>;
  async acquire({ signal, tryMs }: AcquireOptions = {}): Promise<HeldLock | undefined> {
    const { ttlMs = TTL_MS, lockDelayMs = LOCK_DELAY_MS, sessionName = "Tribune lock" } = this.#options;
    const settings = { name: sessionName, ttlMs, lockDelayMs, behavior: "release" } as const;
    return underSession(this.#client, this.#world, settings, { ...this.#call, signal }, async (session) => {
      const entry = await this.#contend(session, signal, tryMs);
      return entry === undefined ? undefined : this.#hold(session, entry);
    });
  }

  /** Acquires, runs `use`, releases. */
  async run<T>(use: (held: HeldLock) => T | Promise<T>, { signal }: Pick<AcquireOptions, "signal"> = {}): Promise<T> {
    return whileHeld(await this.acquire({ signal }), use);
  }

  /** Deletes the key, unless somebody holds it. @throws LockConflictError */
  async cleanup(): Promise<"removed" | "inUse"> {
    const { entry } = await this.#read({});
    if (entry === undefined) return "removed";
    mustBeLock(entry);
    if (entry.Session !== "") return "inUse";
    const { value } = await this.#client.kvDelete({ key: this.key, cas: entry.ModifyIndex }, this.#call);
    return value ? "removed" : "inUse";
  }

  /** The key once it is ours. */
  async #contend(
    session: LockSession,
    outer: AbortSignal | undefined,
    tryMs: number | undefined,
  ): Promise<KvEntry | undefined> {
    const nextLook = looks(this.#world, tryMs);
    const { controller, release } = follow(outer, session.lost);
    const { signal } = controller;
    try {
      let index: Index | undefined;
      for (let leftMs = nextLook(); leftMs !== undefined; leftMs = nextLook()) {
        const before = await this.#read(index === undefined ? { signal } : { index, wait: waitOf(leftMs), signal });
        index = before.index;
        if (before.entry !== undefined) mustBeLock(before.entry);
        if (before.entry?.Session === session.id) return before.entry;
        if ((before.entry?.Session ?? "") !== "") continue;
        if (await this.#take(session.id, signal)) {
          index = undefined;
          continue; // the next look shows it, with its indexes
        }
        // Somebody was quicker: wait for a change. Or a lock-delay is on: nothing will change, so wait for time.
        const after = await this.#read({ signal });
        index = after.index;
        if ((after.entry?.Session ?? "") !== "") continue;
        index = undefined;
        await delay(this.#world, Math.max(0, Math.min(DELAYED_RETRY_MS, leftMs)), signal);
      }
      return undefined;
    } finally {
      release();
    }
  }

  async #take(session: string, signal: AbortSignal): Promise<boolean> {
    const { value = "" } = this.#options;
    const given = { key: this.key, value, flags: LOCK_FLAGS, acquire: session };
    return (await this.#client.kvPut(given, { ...this.#call, signal })).value;
  }

  #hold(session: LockSession, { ModifyIndex, LockIndex }: KvEntry): HeldLock {
    const { value = "" } = this.#options;
    const given = { key: this.key, value, flags: LOCK_FLAGS, release: session.id };
    return {
      key: this.key,
      fence: ModifyIndex,
      lockIndex: LockIndex,
      ...guard(
        session,
        (signal) => this.#watch(session.id, signal),
        () => this.#client.kvPut(given, { ...this.#call, retry: "always" }),
      ),
    };
  }

  #watch(session: string, signal: AbortSignal): Promise<Error | undefined> {
    const subject = {
      endpoint: "kvGet",
      given: { key: this.key },
      ask: (options: CallOptions) => this.#client.kvGet({ key: this.key }, options),
    } as const;
    return watchHeld(subject, this.#world, this.#call, signal, (value) =>
      value?.[0]?.Session === session ? undefined : new Error(`the lock ${this.key} is no longer held`),
    );
  }

  async #read(
    options: CallOptions,
  ): Promise<{ readonly entry: KvEntry | undefined; readonly index: Index | undefined }> {
    const { value, index } = await this.#client.kvGet({ key: this.key }, { ...this.#call, ...options });
    return { entry: value?.[0] ?? undefined, index };
  }
}

function mustBeLock({ Flags }: KvEntry): void {
  if (BigInt(Flags) !== LOCK_FLAGS) throw new LockConflictError("Existing key does not match lock use");
}
