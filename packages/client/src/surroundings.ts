/** What the client asks of the world besides requests. Tests pass their own. */
export interface Surroundings {
  /** Monotonic; its origin means nothing. */
  nowMs(): number;
  /**
   * Runs `run` once, `delayMs` from now. What runs in the `background` does not keep the program from ending.
   * @returns what cancels it; calling that late or twice is harmless
   */
  after(delayMs: number, run: () => void, options?: { readonly background: boolean }): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Longer timers would run at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

/** Node's and Bun's timers are objects, Deno's are numbers, and a page does not wait for any. */
function unref(timer: unknown): void {
  const { Deno } = globalThis as { readonly Deno?: { unrefTimer(timer: unknown): void } };
  if (typeof timer === "number") Deno?.unrefTimer(timer);
  else (timer as { unref(): void }).unref();
}

export const theWorld: Surroundings = {
  nowMs: () => performance.now(),
  after: (delayMs, run, { background } = { background: false }) => {
    const timer = setTimeout(run, Math.min(delayMs, DELAY_MS_MAX));
    if (background) unref(timer);
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

interface Waiting {
  readonly all: Set<() => void>;
  readonly tell: () => void;
}
const waitingFor = new WeakMap<AbortSignal, Waiting>();

/**
 * Runs `run` when the signal is aborted, if it is not yet. However many wait for one signal, it has one listener: a client
 * may have hundreds of watches that end with it, and Node warns of a leak from eleven on.
 * @returns what takes it back
 */
export function onAbort(signal: AbortSignal, run: () => void): () => void {
  const { all, tell } = waitingFor.get(signal) ?? firstFor(signal);
  // An entry of its own, so that the same function may wait twice.
  const entry = (): void => run();
  all.add(entry);
  return () => {
    // Listeners keep some signals alive.
    if (!all.delete(entry) || all.size > 0) return;
    signal.removeEventListener("abort", tell);
    waitingFor.delete(signal);
  };
}

function firstFor(signal: AbortSignal): Waiting {
  const all = new Set<() => void>();
  const tell = (): void => {
    for (const run of all) run();
    all.clear();
  };
  const waiting = { all, tell };
  waitingFor.set(signal, waiting);
  signal.addEventListener("abort", tell, { once: true });
  return waiting;
}

/** Rejects with the signal's reason once it is aborted. */
export function delay(world: Surroundings, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    // A world of one's own may run at once.
    let cancel = (): void => {};
    const release =
      signal &&
      onAbort(signal, () => {
        cancel();
        reject(signal.reason);
      });
    cancel = world.after(delayMs, () => {
      release?.();
      resolve();
    });
  });
}

/**
 * What is awaited, or the signal's reason as soon as it is aborted. A runtime may let what it aborts wait for ever: Deno
 * sometimes does with a body that is being read.
 */
export function unlessAborted<T>(signal: AbortSignal, awaited: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const stop = (): void => reject(signal.reason);
    const release = onAbort(signal, stop);
    if (signal.aborted) stop();
    void awaited.then(resolve, reject).finally(release);
  });
}

export interface Backoff {
  readonly minMs: number;
  readonly maxMs: number;
}

/** Before try `attempt` + 1: doubles from `minMs` to `maxMs`, and between half of that and all of it by chance. */
export function backoffMs({ minMs, maxMs }: Backoff, attempt: number, random: number): number {
  const whole = Math.min(maxMs, minMs * 2 ** Math.min(attempt, 30));
  return whole / 2 + (random * whole) / 2;
}

/** A controller that is aborted with any of the signals, and what takes it off them again. */
export function follow(...signals: readonly (AbortSignal | undefined)[]): {
  readonly controller: AbortController;
  release(): void;
} {
  const controller = new AbortController();
  const releases: (() => void)[] = [];
  const release = (): void => {
    for (const off of releases) off();
  };
  for (const signal of signals) {
    if (signal === undefined) continue;
    if (signal.aborted) controller.abort(signal.reason);
    releases.push(onAbort(signal, () => controller.abort(signal.reason)));
  }
  return { controller, release };
}
