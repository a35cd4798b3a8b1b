/** What all kinds of locks have in common while they are contended for and watched. */
import type { CallOptions, ContractClient } from "../contract-client.ts";
import type { Surroundings } from "../surroundings.ts";
import { blockingQueries } from "../watch/blocking-queries.ts";
import type { Subject } from "../watch/transport.ts";
import { LockSession, type SessionOptions } from "./lock-session.ts";

export const TTL_MS = 15_000;
/** Consul's own default. */
export const LOCK_DELAY_MS = 15_000;
/** Longest single wait for the holder. */
const WAIT_MS = 15_000;

/** Opens a session and lets `take` have it, which resolves with undefined or throws where nothing is held: then it is closed. */
export async function underSession<H>(
  client: ContractClient,
  world: Surroundings,
  settings: SessionOptions,
  call: CallOptions,
  take: (session: LockSession) => Promise<H | undefined>,
): Promise<H | undefined> {
  const session = await LockSession.open(client, world, settings, call);
  try {
    const held = await take(session);
    if (held !== undefined) return held;
  } catch (error) {
    await session.close();
    throw error;
  }
  await session.close();
  return undefined;
}

/** How long the next look may wait, each time it is asked for; undefined when the time is up. The first is never. */
export function looks(world: Surroundings, tryMs: number | undefined): () => number | undefined {
  const untilMs = tryMs === undefined ? undefined : world.nowMs() + tryMs;
  let isFirst = true;
  return () => {
    const leftMs = untilMs === undefined ? WAIT_MS : Math.min(WAIT_MS, untilMs - world.nowMs());
    if (!isFirst && leftMs <= 0) return undefined;
    isFirst = false;
    return leftMs;
  };
}

/** As a Go duration; never 0, which would be the server's own default. */
export const waitOf = (leftMs: number): string => `${Math.max(1, Math.round(leftMs))}ms`;

/**
 * Follows what is held until it is not.
 *
 * @param lost of an answer, why it says so; undefined while all is well
 * @returns why it is lost; undefined when `signal` ended the watch
 */
export async function watchHeld<V>(
  subject: Subject<V>,
  world: Surroundings,
  call: CallOptions,
  signal: AbortSignal,
  lost: (value: V) => Error | undefined,
): Promise<Error | undefined> {
  const context = {
    world,
    signal,
    call: { ...call, consistent: true },
    contact: () => {},
    failure: () => {}, // whether they cost what is held is for the session's TTL to say
  };
  try {
    for await (const { value } of blockingQueries(subject, undefined, context)) {
      const why = lost(value);
      if (why !== undefined) return why;
    }
  } catch (error) {
    return error as Error;
  }
  return undefined;
}
