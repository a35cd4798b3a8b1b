/** Sending a request again: when that is safe, when, and where to. */
import { ResponseError } from "./errors.ts";
import { isTransient, wasNotApplied } from "./failures.ts";
import type { Send } from "./send.ts";
import { type Backoff, backoffMs } from "./surroundings.ts";

export interface RetryOptions extends Partial<Backoff> {
  /** Tries in all, the first included. Default 5; 1 tries once. */
  readonly attempts?: number;
}

export interface RetryPolicy extends Backoff {
  readonly attempts: number;
}

/** Half a second in all: an agent holds a request through an election itself. */
const DEFAULT: RetryPolicy = { attempts: 5, minMs: 50, maxMs: 2_000 };

export function retryPolicy(options: RetryOptions | false | undefined): RetryPolicy {
  return options === false ? { ...DEFAULT, attempts: 1 } : { ...DEFAULT, ...options };
}

/** Whoever asks to be left alone for longer gets that: the call fails, and its caller knows better what to do meanwhile. */
const ASKED_MS_MAX = 30_000;

/**
 * How long to wait before another try; undefined when there must not be one. What may have been carried out is only
 * repeated when twice is as good as once.
 * @param tried how often it was tried
 * @param elsewhere another address has not been tried since the last pause: no need to wait before it
 */
export function retryInMs(
  error: unknown,
  tried: number,
  idempotent: boolean,
  policy: RetryPolicy,
  elsewhere: boolean,
  random: number,
): number | undefined {
  if (tried >= policy.attempts || !isTransient(error)) return undefined;
  if (!idempotent && !wasNotApplied(error)) return undefined;
  if (elsewhere) return 0;
  const asked = error instanceof ResponseError ? (error.retryAfterMs ?? 0) : 0;
  return asked > ASKED_MS_MAX ? undefined : Math.max(asked, backoffMs(policy, tried - 1, random));
}

/** Several agents that can answer for each other. All calls go to the one that answered last. */
export class Addresses {
  readonly #sends: readonly [Send, ...Send[]];
  #preferred = 0;

  constructor(sends: readonly [Send, ...Send[]]) {
    this.#sends = sends;
  }

  get count(): number {
    return this.#sends.length;
  }

  /** @param ofAgent the call is about the first address's own agent */
  choose(ofAgent: boolean): { readonly place: number; readonly send: Send } {
    const place = ofAgent ? 0 : this.#preferred;
    return { place, send: this.#sends[place] ?? this.#sends[0] };
  }

  /** The next one gets its turn, unless somebody else has found out already. */
  failed(place: number): void {
    if (place === this.#preferred) this.#preferred = (place + 1) % this.#sends.length;
  }
}
