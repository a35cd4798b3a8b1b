import { parseJson } from "../lib/json-numbers.ts";
import { Slots } from "../lib/slots.ts";
import type { Watcher } from "./live.ts";
import { query, readText, send } from "./send.ts";

/**
 * Browsers hold six connections to one agent, for all tabs together. Held questions get at most four of them; where
 * more of a page's parts want to wait, they take turns.
 */
const slots = new Slots(4);
const waitLong = "55s";
const waitInTurn = "2s";

/** Asks again and again, each time until something has changed (Consul's blocking queries). */
export function watchByBlocking(path: string, watcher: Watcher, stop: AbortSignal): void {
  void (async () => {
    watcher.way("blocking");
    slots.join(stop);
    let index: string | undefined;
    try {
      while (!stop.aborted) {
        const { response, turned } = await ask(path, index, stop);
        if (turned) continue;
        const next = response!.headers.get("x-consul-index") ?? undefined;
        if (index !== undefined && next === index) {
          watcher.answer(undefined);
          continue;
        }
        watcher.answer(parseJson(await readText(response!)));
        // An index that is missing, zero or went back starts the round anew, as Consul's manual asks for.
        const usable = next !== undefined && Number(next) > 0 && !(index !== undefined && Number(next) < Number(index));
        index = usable ? next : undefined;
        if (index === undefined) await pause(2000, stop);
      }
    } catch (error) {
      if (!stop.aborted) watcher.failed(error);
    }
  })();
}

interface Asked {
  readonly response?: Response;
  /** Somebody else needed the connection. */
  readonly turned?: boolean;
}

async function ask(path: string, index: string | undefined, stop: AbortSignal): Promise<Asked> {
  if (index === undefined) return { response: await send(path, { signal: stop }) };
  const slot = await slots.take(stop);
  try {
    const wait = slots.crowded ? waitInTurn : waitLong;
    return { response: await send(query(path, { index, wait }), { signal: AbortSignal.any([stop, slot.asked]) }) };
  } catch (error) {
    if (slot.asked.aborted && !stop.aborted) return { turned: true };
    throw error;
  } finally {
    slot.free();
  }
}

/** For what the agent answers at once whatever the index. */
export function watchByPolling(path: string, everyMs: number, watcher: Watcher, stop: AbortSignal): void {
  void (async () => {
    watcher.way("poll");
    let last: string | undefined;
    try {
      while (!stop.aborted) {
        const text = await readText(await send(path, { signal: stop }));
        // The same answer is the same value: nobody draws it again.
        watcher.answer(text === last ? undefined : parseJson(text));
        last = text;
        await pause(everyMs, stop);
      }
    } catch (error) {
      if (!stop.aborted) watcher.failed(error);
    }
  })();
}

function pause(ms: number, stop: AbortSignal): Promise<void> {
  return new Promise((done) => {
    const timer = setTimeout(done, ms);
    stop.addEventListener("abort", () => {
      clearTimeout(timer);
      done();
    });
  });
}
