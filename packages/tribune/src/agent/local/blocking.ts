import { randomStagger } from "../../lib/random.ts";
import type { Cancel, Runtime } from "../../lib/runtime.ts";

const DEFAULT_WAIT_MS = 5 * 60_000;
const MAX_WAIT_MS = 10 * 60_000;
/** A wait is lengthened by a random part of up to this fraction, so that clients do not return in step. */
const JITTER_FRACTION = 1 / 16;

export interface Hashed<T> {
  readonly hash: string;
  readonly value: T;
}

export interface LocalBlockingQuery<T> {
  /** What the client has seen; "" answers at once. */
  readonly hash: string;
  /** 0 waits five minutes; more than ten count as ten. */
  readonly waitMs: number;
  /** Reads the present answer. A throw ends the query with it. */
  readonly read: () => Hashed<T>;
  /** Calls `wake` once, when the answer may have changed. */
  readonly onChange: (wake: () => void) => Cancel;
  /** Ends the wait early: the client has gone, or the agent stops. */
  readonly signal?: AbortSignal;
}

/**
 * Hash-based blocking on the agent's own state, which has no index: answers once the hash differs from the
 * client's, or with the unchanged answer when the time is up.
 */
export function localBlockingQuery<T>(
  query: LocalBlockingQuery<T>,
  deps: { runtime: Pick<Runtime, "timers" | "rng"> },
): Promise<Hashed<T>> {
  return new Promise((resolve, reject) => {
    let unwatch: Cancel = () => {};
    let cancelTimer: Cancel = () => {};
    let expired = query.hash === "";
    const finish = (answer: () => void): void => {
      unwatch();
      cancelTimer();
      query.signal?.removeEventListener("abort", expire);
      answer();
    };
    const look = (): void => {
      unwatch();
      try {
        const found = query.read();
        if (expired || found.hash !== query.hash) finish(() => resolve(found));
        else unwatch = query.onChange(() => deps.runtime.timers.soon(look));
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const expire = (): void => {
      if (expired) return;
      expired = true;
      look();
    };
    if (!expired) {
      const waitMs = Math.min(MAX_WAIT_MS, query.waitMs || DEFAULT_WAIT_MS);
      const jitterMs = randomStagger(deps.runtime.rng, waitMs * JITTER_FRACTION);
      cancelTimer = deps.runtime.timers.after(waitMs + jitterMs, expire);
      if (query.signal?.aborted) expired = true;
      else query.signal?.addEventListener("abort", expire);
    }
    look();
  });
}
