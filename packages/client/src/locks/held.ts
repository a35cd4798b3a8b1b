import { follow } from "../surroundings.ts";
import type { LockSession } from "./lock-session.ts";

/** What all kinds of locks have in common once they are held. */
export interface Held {
  /** The key that stands for what is held. */
  readonly key: string;
  readonly session: string;
  /** Aborted when it is no longer certain that we hold it. Stop then: somebody else may have begun. */
  readonly signal: AbortSignal;
  /** Gives it back. Safe to call when it is lost, or twice. */
  release(): Promise<void>;
}

/** Key used for something else, or by contenders who think otherwise of the limit. The words are Consul's. */
export class LockConflictError extends Error {
  override readonly name = "LockConflictError";
}

/** Name of the key below a prefix that `consul lock` uses, for locks and semaphores alike. */
export const LOCK_KEY = ".lock";

/** `path.Join` of Go for what keys are made of. */
export function joined(prefix: string, name: string): string {
  const parts = `${prefix}/${name}`.split("/").filter((part) => part !== "" && part !== ".");
  return parts.join("/");
}

/** Runs `use` while holding, and gives back whatever happens. */
export async function whileHeld<H extends Held, T>(held: H, use: (held: H) => T | Promise<T>): Promise<T> {
  try {
    return await use(held);
  } finally {
    await held.release();
  }
}

/**
 * Watches over what a session holds until it is released. `watch` resolves with why it is lost, and with undefined when
 * its signal ends it.
 */
export function guard(
  session: LockSession,
  watch: (signal: AbortSignal) => Promise<Error | undefined>,
  giveBack: () => Promise<unknown>,
): Pick<Held, "session" | "signal" | "release"> {
  const { controller, release } = follow(session.lost);
  const watching = follow(controller.signal);
  void watch(watching.controller.signal).then((reason) => {
    if (reason !== undefined) controller.abort(reason);
  });
  let released: Promise<void> | undefined;
  const end = async (): Promise<void> => {
    watching.controller.abort();
    release();
    // Destroying the session gives it back as well, and the TTL when nobody can be reached.
    if (!session.lost.aborted) await giveBack().catch(() => {});
    await session.close();
  };
  return {
    session: session.id,
    signal: controller.signal,
    release: () => {
      released ??= end();
      return released;
    },
  };
}
