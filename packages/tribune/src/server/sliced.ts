import type { Runtime } from "../lib/runtime.ts";

/** Long work holds the event loop at most this long at a stretch. */
const SLICE_MS = 4;

/** What a long piece of work may still take of this turn of the event loop. */
export class TimeSlice {
  readonly #runtime: Pick<Runtime, "clock" | "timers">;
  #startedMs: number;

  constructor(runtime: Pick<Runtime, "clock" | "timers">) {
    this.#runtime = runtime;
    this.#startedMs = runtime.clock.nowMs();
  }

  /** Whether it is time to give way. */
  get used(): boolean {
    return this.#runtime.clock.nowMs() - this.#startedMs >= SLICE_MS;
  }

  /** Resolves on a later turn, with a new slice. */
  async giveWay(): Promise<void> {
    await new Promise<void>((resolve) => this.#runtime.timers.soon(resolve));
    this.#startedMs = this.#runtime.clock.nowMs();
  }
}

/** Turns lazily made chunks into an asynchronous stream that lets other work in between. */
export async function* sliced(
  chunks: Iterable<Uint8Array>,
  runtime: Pick<Runtime, "clock" | "timers">,
): AsyncGenerator<Uint8Array> {
  const slice = new TimeSlice(runtime);
  for (const chunk of chunks) {
    yield chunk;
    if (slice.used) await slice.giveWay();
  }
}
