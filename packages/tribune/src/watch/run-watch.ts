import { stringifyGo } from "../lib/go-json.ts";
import type { Logger } from "../lib/log.ts";
import type { Timers } from "../lib/runtime.ts";
import type { Marker, WatchAnswer, WatchPlan, WatchQuestion } from "./plan.ts";

/** Asks the API, as the holder of the watch's token. @throws Error with Consul's words when there is no answer. */
export type AskWatch = (question: WatchQuestion, plan: WatchPlan, signal: AbortSignal) => Promise<WatchAnswer>;

/** Called for every change. The watch asks nothing until it is done; what it throws ends the watch. */
export type WatchHandler = (marker: Marker, result: unknown) => Promise<void> | void;

export interface WatchPorts {
  readonly ask: AskWatch;
  readonly handle: WatchHandler;
  readonly timers: Timers;
  readonly logger: Logger;
}

export const RETRY_MS = 5_000;
export const RETRY_MS_MAX = 180_000;

/**
 * Asks until `signal` stops it. The handler gets the first answer, and every one that differs from the last; after a
 * failure the next answer counts as a first one, as Consul has it.
 */
export async function runWatch(plan: WatchPlan, ports: WatchPorts, signal: AbortSignal): Promise<void> {
  let last: Marker | undefined;
  let lastText: string | undefined;
  let failures = 0;
  while (!signal.aborted) {
    const asked = await ask(plan, last, ports, signal);
    if (signal.aborted) return;
    if (asked instanceof Error) {
      failures++;
      last = undefined;
      const waitMs = Math.min(RETRY_MS * failures * failures, RETRY_MS_MAX);
      const fields = { type: plan.type, error: asked.message, retry: `${waitMs / 1_000}s` };
      ports.logger.error("Watch errored", fields);
      await pause(ports.timers, waitMs, signal);
      continue;
    }
    failures = 0;
    const { marker, result } = asked;
    if (same(last, marker)) continue;
    const text = stringifyGo(result);
    const changed = last === undefined || text !== lastText;
    last = marker;
    if (!changed) continue;
    lastText = text;
    await ports.handle(marker, result);
  }
}

async function ask(plan: WatchPlan, last: Marker | undefined, ports: WatchPorts, signal: AbortSignal) {
  try {
    return plan.read(await ports.ask(plan.question(last), plan, signal), last);
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error));
  }
}

function same(a: Marker | undefined, b: Marker): boolean {
  if (a?.kind === "index" && b.kind === "index") return a.index === b.index;
  return a?.kind === "hash" && b.kind === "hash" && a.hash === b.hash;
}

function pause(timers: Timers, waitMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      cancel();
      signal.removeEventListener("abort", done);
      resolve();
    };
    const cancel = timers.after(waitMs, done);
    signal.addEventListener("abort", done);
    if (signal.aborted) done();
  });
}
