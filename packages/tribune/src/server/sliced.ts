import type { Runtime } from "../lib/runtime.ts";

/** Making chunks holds the event loop at most this long at a stretch. */
const SLICE_MS = 4;

/** Turns lazily made chunks into an asynchronous stream that lets other work in between. */
export async function* sliced(
  chunks: Iterable<Uint8Array>,
  runtime: Pick<Runtime, "clock" | "timers">,
): AsyncGenerator<Uint8Array> {
  let startedMs = runtime.clock.nowMs();
  for (const chunk of chunks) {
    yield chunk;
    if (runtime.clock.nowMs() - startedMs < SLICE_MS) continue;
    await new Promise<void>((resolve) => runtime.timers.soon(resolve));
    startedMs = runtime.clock.nowMs();
  }
}
