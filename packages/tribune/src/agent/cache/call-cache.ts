import type { Method } from "../../endpoints/binding.ts";
import type { CachedReply } from "../../http/backend.ts";
import type { Metrics } from "../../lib/metrics.ts";
import type { Clock } from "../../lib/runtime.ts";
import { questionKey } from "../../server/question-key.ts";

/** Replies older than this are asked for anew whatever the caller says (Consul: 72 h). */
const REPLY_TTL_MS = 72 * 3_600_000;
export const CALL_REPLIES_MAX = 4_096;

/** How a caller of a cacheable call wants to be answered; durations in nanoseconds. */
interface Wishes {
  readonly Datacenter?: string;
  readonly Token?: string;
  readonly MaxAge?: number;
  readonly MustRevalidate?: boolean;
  readonly StaleIfError?: number;
}

interface Kept {
  readonly reply: unknown;
  readonly fetchedAtMs: number;
}

export interface CallCacheDependencies {
  readonly call: (method: Method, request: unknown) => Promise<unknown>;
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/**
 * The part of the agent's cache for what cannot be waited for, as the results of prepared queries: a reply is kept as it
 * was, and given until the caller wants a newer one (`Cache-Control: max-age=N, must-revalidate, stale-if-error=N`).
 */
export class CallCache {
  readonly #d: CallCacheDependencies;
  /** The least recently used first. */
  readonly #kept = new Map<string, Kept>();
  readonly #underWay = new Map<string, Promise<Kept>>();

  constructor(dependencies: CallCacheDependencies) {
    this.#d = dependencies;
  }

  get size(): number {
    return this.#kept.size;
  }

  async call(method: Method, request: Wishes & object): Promise<CachedReply> {
    const key = `${request.Datacenter ?? ""} ${request.Token ?? ""} ${questionKey(method, { ...request })}`;
    const kept = this.#kept.get(key);
    const ageMs = kept === undefined ? 0 : this.#d.clock.nowMs() - kept.fetchedAtMs;
    if (kept !== undefined && isFresh(ageMs, request)) {
      this.#keep(key, kept);
      this.#count(method, "hit");
      return { reply: kept.reply, cacheHit: true, ageMs };
    }
    this.#count(method, "miss_new");
    try {
      const { reply } = await this.#fetch(key, method, request);
      return { reply, cacheHit: false, ageMs: 0 };
    } catch (error) {
      if (kept === undefined || ageMs >= (request.StaleIfError ?? 0) / 1e6) throw error;
      return { reply: kept.reply, cacheHit: true, ageMs };
    }
  }

  /** Who asks while the same is being asked gets that reply. From any server: it is stale as soon as it is kept. */
  #fetch(key: string, method: Method, request: object): Promise<Kept> {
    const known = this.#underWay.get(key);
    if (known !== undefined) return known;
    const asked = { ...request, UseCache: false, AllowStale: true };
    const fetching = this.#d
      .call(method, asked)
      .then(
        (reply) => {
          const kept = { reply, fetchedAtMs: this.#d.clock.nowMs() };
          this.#count(method, "fetch_success");
          this.#keep(key, kept);
          return kept;
        },
        (error: unknown) => {
          this.#count(method, "fetch_error");
          throw error;
        },
      )
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, fetching);
    return fetching;
  }

  #keep(key: string, kept: Kept): void {
    this.#kept.delete(key);
    this.#kept.set(key, kept);
    if (this.#kept.size > CALL_REPLIES_MAX) this.#kept.delete(this.#kept.keys().next().value!);
  }

  #count({ name }: Method, what: string): void {
    this.#d.metrics.count(`cache.${name}.${what}`);
  }
}

function isFresh(ageMs: number, { MaxAge = 0, MustRevalidate = false }: Wishes): boolean {
  if (MustRevalidate || ageMs >= REPLY_TTL_MS) return false;
  return MaxAge === 0 || ageMs <= MaxAge / 1e6;
}
