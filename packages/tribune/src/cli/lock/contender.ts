import { RequestError, ResponseError } from "@tribune/client/node";
import type { Clock, Timers } from "../../lib/runtime.ts";

/** Who wants a lock, or a slot of a semaphore. */
export interface Contender {
  /** Waits for it. @returns undefined when `signal` or the time limit came first. @throws Error with Consul's words */
  acquire(signal: AbortSignal): Promise<Held | undefined>;
  /** Removes what the lock left in the store, unless somebody uses it. @throws Error */
  cleanup(): Promise<"removed" | "inUse">;
}

export interface Held {
  /** Resolves when it is no longer certain that we hold it. */
  readonly lost: Promise<void>;
  /** @throws Error */
  release(): Promise<void>;
}

export interface ContenderOptions {
  readonly sessionName: string;
  /** How long to try; undefined for ever. */
  readonly tryMs: number | undefined;
  /** Failures in a row that watching the lock rides out. */
  readonly monitorRetries: number;
  readonly clock: Clock;
  readonly timers: Timers;
}

/** Longest single blocking query while waiting. */
export const WAIT_MS = 15_000;
/** How long to wait when a lock-delay keeps everybody away: it ends without any change to see. */
export const LOCK_DELAY_RETRY_MS = 5_000;
export const MONITOR_RETRY_MS = 1_000;

/** Go's name for the key that a lock is kept in; the same for both kinds, so that they notice each other. */
export const LOCK_KEY = ".lock";

/** How long the next blocking query may take; undefined when the time is up. The first try is always made. */
export function attemptClock({ tryMs, clock }: ContenderOptions): () => number | undefined {
  const startMs = clock.nowMs();
  let attempts = 0;
  return () => {
    if (tryMs === undefined) return WAIT_MS;
    if (attempts++ === 0) return tryMs;
    const leftMs = tryMs - (clock.nowMs() - startMs);
    return leftMs < 0 ? undefined : leftMs;
  };
}

export function delay(timers: Timers, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(delayMs, done);
    signal?.addEventListener("abort", done);
    if (signal?.aborted === true) done();
  });
}

/**
 * Watches what we hold. `check` asks behind an index and says whether we still hold it.
 * Resolves when we do not, when too many failures came in a row, or when `signal` stops it.
 */
export async function monitor(
  check: (index: bigint) => Promise<{ readonly held: boolean; readonly index: bigint }>,
  { monitorRetries, timers }: ContenderOptions,
  signal: AbortSignal,
): Promise<void> {
  let retries = monitorRetries;
  let index = 0n;
  while (!signal.aborted) {
    try {
      const answer = await check(index);
      if (!answer.held) return;
      index = answer.index;
      retries = monitorRetries;
    } catch (error) {
      if (retries <= 0 || !isRetryable(error)) return;
      await delay(timers, MONITOR_RETRY_MS, signal);
      retries--;
      index = 0n;
    }
  }
}

/** The servers were unwell, or not to be reached. */
function isRetryable(error: unknown): boolean {
  return error instanceof RequestError || (error instanceof ResponseError && error.status === 500);
}

export const failed = (what: string, cause: unknown): Error =>
  new Error(`${what}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
