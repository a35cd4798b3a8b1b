import { posix } from "node:path";
import type { ConsulClient, KvPair } from "@tribune/client/node";
import {
  attemptClock,
  type Contender,
  type ContenderOptions,
  delay,
  failed,
  type Held,
  LOCK_DELAY_RETRY_MS,
  LOCK_KEY,
  monitor,
} from "./contender.ts";
import { LockSession } from "./lock-session.ts";

/** Marks keys of locks, so that a lock is not taken on a key of something else. */
export const MUTEX_FLAGS = 0x2ddccbc058a50c18n;
const CONFLICT = "Existing key does not match lock use";

/** One holder at a time: whoever's session holds the key. */
export class Mutex implements Contender {
  readonly key: string;
  readonly #client: ConsulClient;
  readonly #options: ContenderOptions;

  constructor(prefix: string, client: ConsulClient, options: ContenderOptions) {
    this.key = posix.join(prefix, LOCK_KEY);
    this.#client = client;
    this.#options = options;
  }

  async acquire(signal: AbortSignal): Promise<Held | undefined> {
    const { timers, sessionName } = this.#options;
    const session = await LockSession.open(this.#client, timers, { Name: sessionName });
    let held = false;
    try {
      held = await this.#contend(session.id, signal);
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      if (!held) await session.close();
    }
    return held ? this.#hold(session) : undefined;
  }

  async #contend(session: string, signal: AbortSignal): Promise<boolean> {
    const nextWaitMs = attemptClock(this.#options);
    let index = 0n;
    while (!signal.aborted) {
      const waitMs = nextWaitMs();
      if (waitMs === undefined) return false;
      const before = await this.#read("failed to read lock", { index, waitMs, signal });
      if (before.pair !== undefined && before.pair.Flags !== MUTEX_FLAGS) throw new Error(CONFLICT);
      if (before.pair?.Session === session) return true;
      if (before.pair !== undefined && before.pair.Session !== "") {
        index = before.index;
        continue;
      }
      if (await this.#write({ acquire: session }, "failed to acquire lock")) return true;
      // Somebody was quicker: wait for a change. Or a lock-delay is on: nothing will change, so wait for time.
      const after = await this.#read(undefined, { signal });
      index = after.pair !== undefined && after.pair.Session !== "" ? after.index : 0n;
      if (index === 0n) await delay(this.#options.timers, LOCK_DELAY_RETRY_MS, signal);
    }
    return false;
  }

  #hold(session: LockSession): Held {
    const stop = new AbortController();
    const check = async (index: bigint) => {
      const answer = await this.#read(undefined, { index, consistent: true, signal: stop.signal });
      return { held: answer.pair?.Session === session.id, index: answer.index };
    };
    return {
      lost: monitor(check, this.#options, stop.signal),
      release: async () => {
        stop.abort();
        try {
          await this.#write({ release: session.id }, "failed to release lock");
        } finally {
          await session.close();
        }
      },
    };
  }

  async cleanup(): Promise<"removed" | "inUse"> {
    const { pair } = await this.#read("failed to read lock", {});
    if (pair === undefined) return "removed";
    if (pair.Flags !== MUTEX_FLAGS) throw new Error(CONFLICT);
    if (pair.Session !== "") return "inUse";
    try {
      return (await this.#client.kv.delete(this.key, { cas: pair.ModifyIndex })) ? "removed" : "inUse";
    } catch (cause) {
      throw failed("failed to remove lock", cause);
    }
  }

  async #read(
    what: string | undefined,
    options: Parameters<ConsulClient["kv"]["watch"]>[1],
  ): Promise<{ readonly pair: KvPair | undefined; readonly index: bigint }> {
    try {
      const { pairs, index } = await this.#client.kv.watch(this.key, options);
      return { pair: pairs[0], index };
    } catch (cause) {
      throw what === undefined ? cause : failed(what, cause);
    }
  }

  async #write(condition: { acquire: string } | { release: string }, what: string): Promise<boolean> {
    try {
      return await this.#client.kv.write({ key: this.key, value: Buffer.alloc(0), flags: MUTEX_FLAGS }, condition);
    } catch (cause) {
      throw failed(what, cause);
    }
  }
}
