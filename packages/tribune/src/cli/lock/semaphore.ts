import { posix } from "node:path";
import type { ConsulClient, KvPair } from "@tribune/client/node";
import {
  attemptClock,
  type Contender,
  type ContenderOptions,
  failed,
  type Held,
  LOCK_KEY,
  monitor,
} from "./contender.ts";
import { LockSession } from "./lock-session.ts";

export const SEMAPHORE_FLAGS = 0xe0f69a2baa414de0n;
const CONFLICT = "Existing key does not match semaphore use";

/** What all contenders agree on, in one key: whose sessions hold a slot. */
interface Slots {
  readonly limit: number;
  readonly holders: ReadonlySet<string>;
}

/**
 * Some holders at a time. Every contender has a key of its own, held by its session: a holder whose key lost its
 * session is dead, and its slot free.
 */
export class Semaphore implements Contender {
  readonly #prefix: string;
  readonly #key: string;
  readonly #limit: number;
  readonly #client: ConsulClient;
  readonly #options: ContenderOptions;

  constructor(prefix: string, limit: number, client: ConsulClient, options: ContenderOptions) {
    this.#prefix = prefix;
    this.#key = posix.join(prefix, LOCK_KEY);
    this.#limit = limit;
    this.#client = client;
    this.#options = options;
  }

  async acquire(signal: AbortSignal): Promise<Held | undefined> {
    const { timers, sessionName } = this.#options;
    const request = { Name: sessionName, Behavior: "delete" } as const;
    const session = await LockSession.open(this.#client, timers, request);
    let held = false;
    try {
      await this.#announce(session.id);
      held = await this.#contend(session.id, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!held) await session.close();
    }
    return held ? this.#hold(session) : undefined;
  }

  async #announce(session: string): Promise<void> {
    const pair = { key: this.#contenderKey(session), value: Buffer.alloc(0), flags: SEMAPHORE_FLAGS };
    let made = false;
    try {
      made = await this.#client.kv.write(pair, { acquire: session });
    } catch (cause) {
      throw failed("failed to make contender entry", cause);
    }
    if (!made) throw new Error("failed to make contender entry: <nil>");
  }

  async #contend(session: string, signal: AbortSignal): Promise<boolean> {
    const nextWaitMs = attemptClock(this.#options);
    let index = 0n;
    while (!signal.aborted) {
      const waitMs = nextWaitMs();
      if (waitMs === undefined) return false;
      const read = await this.#list("failed to read prefix", { index, waitMs, signal });
      const pair = this.#find(read.pairs);
      if (pair !== undefined && pair.Flags !== SEMAPHORE_FLAGS) throw new Error(CONFLICT);
      const slots = this.#decode(pair);
      if (slots.limit !== this.#limit)
        throw new Error(`semaphore limit conflict (lock: ${slots.limit}, local: ${this.#limit})`);
      const alive = living(slots, read.pairs);
      if (alive.size >= slots.limit) {
        index = read.index;
        continue;
      }
      if (await this.#swap({ ...slots, holders: new Set([...alive, session]) }, pair?.ModifyIndex ?? 0)) return true;
    }
    return false;
  }

  #hold(session: LockSession): Held {
    const stop = new AbortController();
    const check = async (index: bigint) => {
      const read = await this.#list(undefined, { index, consistent: true, signal: stop.signal });
      const held = living(this.#decode(this.#find(read.pairs)), read.pairs).has(session.id);
      return { held, index: read.index };
    };
    return {
      lost: monitor(check, this.#options, stop.signal),
      release: async () => {
        stop.abort();
        try {
          await this.#leave(session.id);
        } finally {
          await session.close();
        }
      },
    };
  }

  async #leave(session: string): Promise<void> {
    for (;;) {
      const pair = await this.#client.kv.read(this.#key);
      const { limit, holders } = this.#decode(pair);
      if (!holders.has(session)) break;
      const others = new Set([...holders].filter((id) => id !== session));
      if (await this.#swap({ limit, holders: others }, pair?.ModifyIndex ?? 0)) break;
    }
    await this.#client.kv.delete(this.#contenderKey(session));
  }

  async cleanup(): Promise<"removed" | "inUse"> {
    const { pairs } = await this.#list("failed to read prefix", {});
    const pair = this.#find(pairs);
    if (pair === undefined) return "removed";
    if (pair.Flags !== SEMAPHORE_FLAGS) throw new Error(CONFLICT);
    if (living(this.#decode(pair), pairs).size > 0) return "inUse";
    try {
      return (await this.#client.kv.delete(this.#key, { cas: pair.ModifyIndex })) ? "removed" : "inUse";
    } catch (cause) {
      throw failed("failed to remove semaphore", cause);
    }
  }

  #contenderKey(session: string): string {
    return posix.join(this.#prefix, session);
  }

  async #list(what: string | undefined, options: Parameters<ConsulClient["kv"]["watch"]>[1]) {
    try {
      return await this.#client.kv.watch(this.#prefix, { ...options, recurse: true });
    } catch (cause) {
      throw what === undefined ? cause : failed(what, cause);
    }
  }

  #find(pairs: readonly KvPair[]): KvPair | undefined {
    return pairs.find(({ Key }) => Key === this.#key);
  }

  #decode(pair: KvPair | undefined): Slots {
    if (pair === undefined || pair.Value.length === 0) return { limit: this.#limit, holders: new Set() };
    try {
      const { Limit, Holders } = JSON.parse(pair.Value.toString()) as {
        readonly Limit?: number;
        readonly Holders?: Readonly<Record<string, boolean>> | null;
      };
      return { limit: Limit ?? 0, holders: new Set(Object.keys(Holders ?? {})) };
    } catch (cause) {
      throw failed("lock decoding failed", cause);
    }
  }

  /** @returns false when somebody changed it since `index`. */
  async #swap({ limit, holders }: Slots, index: number): Promise<boolean> {
    const body = { Limit: limit, Holders: Object.fromEntries([...holders].sort().map((id) => [id, true])) };
    const pair = { key: this.#key, value: Buffer.from(JSON.stringify(body)), flags: SEMAPHORE_FLAGS };
    try {
      return await this.#client.kv.write(pair, { cas: index });
    } catch (cause) {
      throw failed("failed to update lock", cause);
    }
  }
}

/** Holders whose session still holds a key below the prefix. */
function living({ holders }: Slots, pairs: readonly KvPair[]): ReadonlySet<string> {
  const sessions = new Set(pairs.map(({ Session }) => Session));
  return new Set([...holders].filter((id) => sessions.has(id)));
}
