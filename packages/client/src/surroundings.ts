/** What the client asks of the world besides requests. Tests pass their own. */
export interface Surroundings {
  /** Monotonic; its origin means nothing. */
  nowMs(): number;
  /** Runs `run` once, `delayMs` from now. @returns what cancels it; calling that late or twice is harmless. */
  after(delayMs: number, run: () => void): () => void;
  /** Uniform in [0, 1). */
  random(): number;
}

/** Longer timers would run at once. */
const DELAY_MS_MAX = 2 ** 31 - 1;

export const theWorld: Surroundings = {
  nowMs: () => performance.now(),
  after: (delayMs, run) => {
    const timer = setTimeout(run, Math.min(delayMs, DELAY_MS_MAX));
    return () => clearTimeout(timer);
  },
  random: Math.random,
};

/** Rejects with the signal's reason once it is aborted. */
export function delay(world: Surroundings, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) return reject(signal.reason);
    const stop = (): void => {
      cancel();
      reject(signal?.reason);
    };
    const cancel = world.after(delayMs, () => {
      signal?.removeEventListener("abort", stop);
      resolve();
    });
    signal?.addEventListener("abort", stop, { once: true });
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
    const pass = (): void => controller.abort(signal.reason);
    signal.addEventListener("abort", pass, { once: true });
    releases.push(() => signal.removeEventListener("abort", pass));
  }
  return { controller, release };
}
