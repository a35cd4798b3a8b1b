import type { Logger } from "../lib/log.ts";
import type { Runtime } from "../lib/runtime.ts";
import type { History } from "../state/history/history.ts";
import { decodeHistory, encodeHistory, type KeptHistory } from "../state/history/kept-history.ts";
import { sliced } from "./sliced.ts";
import type { StoredSnapshot } from "./storage-port.ts";

type Surroundings = Pick<Runtime, "clock" | "timers"> & { readonly logger: Logger };

/**
 * Keeps the history beside the snapshot of the same log entry. It is a comfort, and no reason to fail.
 *
 * @param history as it was when the snapshot began.
 */
export async function keepHistory(
  history: KeptHistory,
  snapshot: StoredSnapshot,
  { clock, timers, logger }: Surroundings,
): Promise<void> {
  if (snapshot.history === undefined) return;
  try {
    const chunks: Uint8Array[] = [];
    for await (const chunk of sliced(encodeHistory(history), { clock, timers })) chunks.push(chunk);
    await snapshot.history.write(Buffer.concat(chunks));
  } catch (error) {
    logger.warn("the history is not kept beside the snapshot: after a restart it begins there", {
      error: reasonOf(error),
    });
  }
}

/** The history goes on where it was at the snapshot that was restored just now, as far as its file tells. */
export async function resumeHistory(
  history: History,
  snapshot: StoredSnapshot,
  { logger }: Pick<Surroundings, "logger">,
): Promise<void> {
  try {
    const bytes = await snapshot.history?.read();
    if (bytes === undefined) return; // of an earlier version, or sent by the leader
    const kept = decodeHistory(bytes);
    if (kept === undefined) throw new Error("it is not whole");
    history.resume(kept);
  } catch (error) {
    logger.warn("the history beside the newest snapshot cannot be read: it begins there", { error: reasonOf(error) });
  }
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
