import type { Endpoint, Method } from "../../endpoints/binding.ts";
import type { HttpBackend, ReadCall, ReadMeta, ReadOutcome } from "../../http/backend.ts";
import { TribuneError } from "../../lib/errors.ts";
import type { Logger } from "../../lib/log.ts";
import type { Metrics } from "../../lib/metrics.ts";
import { randomStagger } from "../../lib/random.ts";
import { RateLimit } from "../../lib/rate-limit.ts";
import type { Cancel, Rng, Runtime } from "../../lib/runtime.ts";
import type { Answered } from "../../server/query-engine.ts";
import { type Linked, Recency } from "../../server/recency.ts";
import type { Asking } from "../asking.ts";
import type { CallCache } from "./call-cache.ts";

/** Entries that nobody asked for this long are given up, and their blocking query with them (Consul: 72 h). */
const ENTRY_TTL_MS = 72 * 3_600_000;
const EXPIRY_PERIOD_MS = 60_000;
/** Each entry holds a blocking query at a server: clients choose the names in a question, so there is a bound. */
export const CACHE_ENTRIES_MAX = 4096;
/** A refresh waits this long for a change, and a caller who names no time as long for an entry to change. */
const REFRESH_WAIT_MS = 600_000;
/** A query that blocks longer than a connection's keep-alive has a server at its other end. */
const CONNECTED_AFTER_MS = 31_000;
/** Failures before refreshing slows down, and the longest pause (doubling from 2 s, and up to twice that). */
const BACKOFF_AFTER = 3;
const BACKOFF_MS_MAX = 60_000;

export interface AgentCacheOptions {
  /** Fetches a second for one entry (`cache.entry_fetch_rate`), and how many at once. */
  readonly entryFetchRate: number;
  readonly entryFetchMaxBurst: number;
}

/** Since when the servers asked have had no leader, by the runtime's clock; undefined: they have one again. */
export type Contact = (lostAtMs: number | undefined) => void;

/** Where answers come from. */
export interface CacheSource extends Pick<HttpBackend, "readNow"> {
  /** As `HttpBackend.read`. @param contact is told, where the source knows, whether a read that waits may miss changes. */
  read(call: ReadCall, deliver: Deliver, contact?: Contact): Cancel;
  /** How long ago, at the most, the server whose events tell what changes heard of the leader; undefined: none does. */
  lastContactMs?(call: ReadCall): number | undefined;
}

export interface AgentCacheDependencies {
  readonly source: CacheSource;
  readonly runtime: Pick<Runtime, "clock" | "timers" | "rng">;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

type Deliver = (outcome: ReadOutcome | Error) => void;

interface Waiter {
  minIndex: number;
  readonly deliver: Deliver;
}

class Entry implements Linked<Entry> {
  newer: Entry | undefined;
  older: Entry | undefined;
  readonly key: string;
  /** The question without its caller's patience and index. */
  readonly call: ReadCall;
  readonly limit: RateLimit;
  readonly waiters = new Set<Waiter>();
  answer: Answered | undefined;
  meta: ReadMeta = { knownLeader: false, lastContactMs: 0 };
  usedAtMs = 0;
  /** When the answer was last known to be the present one, if nothing keeps it so; undefined once it is refreshed. */
  rememberedAtMs: number | undefined;
  /** Since when no server was reached; undefined while all is well. */
  lostAtMs: number | undefined;
  failures = 0;
  /** Ends what is going on: a fetch, or the pause before the next. */
  cancel: Cancel | undefined;

  constructor(key: string, call: ReadCall, limit: RateLimit) {
    this.key = key;
    this.call = call;
    this.limit = limit;
  }
}

/**
 * The agent's cache (`?cached`): an answer that was asked for once is kept up to date by a blocking query, and given to
 * whoever lets the cache answer, at once and also while no server can be reached; then it says for how long. As with
 * Consul's caches that refresh in the background, `max-age` and `must-revalidate` mean nothing here.
 */
export class AgentCache {
  #options: AgentCacheOptions;
  readonly #d: AgentCacheDependencies;
  readonly #entries = new Map<string, Entry>();
  readonly #use = new Recency<Entry>();
  #cancelExpiry: Cancel = () => {};
  #stopped = false;

  constructor(options: AgentCacheOptions, dependencies: AgentCacheDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Takes effect for every entry at once. */
  configure(options: AgentCacheOptions): void {
    this.#options = options;
    for (const { limit } of this.#entries.values()) limit.set(options.entryFetchRate, options.entryFetchMaxBurst);
  }

  start(): void {
    this.#cancelExpiry = this.#d.runtime.timers.after(EXPIRY_PERIOD_MS, () => {
      this.#expire();
      this.start();
    });
  }

  stop(): void {
    this.#stopped = true;
    this.#cancelExpiry();
    for (const entry of [...this.#entries.values()]) this.#drop(entry);
  }

  /** The answer if the cache, or a source that is up to date by itself, has it. */
  readNow(call: ReadCall): ReadOutcome | undefined {
    const entry = this.#entries.get(keyOf(call));
    const current = call.minIndex === 0 ? this.#d.source.readNow(call) : undefined;
    if (current !== undefined) return this.#current(call, entry, current);
    if (entry === undefined) return undefined;
    this.#touch(entry);
    return this.#hit(entry, call.minIndex);
  }

  read(call: ReadCall, deliver: Deliver): Cancel {
    const entry = this.#entry(call);
    const hit = this.#hit(entry, call.minIndex);
    if (hit !== undefined) {
      deliver(hit);
      return () => {};
    }
    this.#count(call.endpoint, call.minIndex === 0 ? "miss_new" : "miss_block");
    const waiter: Waiter = {
      minIndex: call.minIndex,
      deliver: (outcome) => {
        cancelTimer();
        deliver(outcome);
      },
    };
    entry.waiters.add(waiter);
    const waitMs = Math.min(call.waitMs > 0 ? call.waitMs : REFRESH_WAIT_MS, REFRESH_WAIT_MS);
    const cancelTimer = this.#d.runtime.timers.after(waitMs, () => {
      if (!entry.waiters.has(waiter)) return;
      const { answer, meta, rememberedAtMs } = entry;
      const late = rememberedAtMs === undefined ? undefined : this.#hit(entry, 0);
      if (answer === undefined || (rememberedAtMs !== undefined && late === undefined)) {
        waiter.minIndex = 0; // the first answer is worth waiting for, and then it is enough, whatever its index
        return;
      }
      entry.waiters.delete(waiter);
      deliver(late ?? { answer, meta: { ...meta, cacheHit: false } });
    });
    // During a pause after failures a caller is reason enough to try.
    if (entry.cancel === undefined || (entry.failures > 0 && entry.answer === undefined)) this.#fetch(entry);
    return () => {
      entry.waiters.delete(waiter);
      cancelTimer();
    };
  }

  /**
   * A server that may answer by itself needs no copy, but remembers what it said for the time when neither it nor anybody
   * else may. Until somebody has been asked in vain that is no answer: hours may have passed.
   */
  #current(call: ReadCall, known: Entry | undefined, { answer, meta }: ReadOutcome): ReadOutcome {
    const entry = known ?? this.#entry(call);
    this.#touch(entry);
    const nowMs = this.#d.runtime.clock.nowMs();
    if (entry.cancel === undefined || entry.rememberedAtMs !== undefined) entry.rememberedAtMs = nowMs;
    if (entry.lostAtMs !== undefined) entry.lostAtMs = nowMs;
    entry.answer = answer;
    entry.meta = meta;
    this.#count(call.endpoint, known === undefined ? "miss_new" : "hit");
    if (known === undefined) return { answer, meta: { ...meta, cacheHit: false } };
    return { answer, meta: { ...meta, cacheHit: true, ageMs: 0 } };
  }

  #hit(entry: Entry, minIndex: number): ReadOutcome | undefined {
    const { answer, meta, lostAtMs, rememberedAtMs } = entry;
    if (answer === undefined || answer.index <= minIndex) return undefined;
    if (rememberedAtMs !== undefined && lostAtMs === undefined) return undefined;
    if (entry.cancel === undefined) this.#fetch(entry);
    this.#count(entry.call.endpoint, "hit");
    const ageMs = lostAtMs === undefined ? 0 : this.#d.runtime.clock.nowMs() - lostAtMs;
    const streamed = meta.streamed === true;
    const contactMs = lostAtMs === undefined ? this.#d.source.lastContactMs?.(entry.call) : undefined;
    return {
      answer,
      meta: {
        knownLeader: lostAtMs === undefined && meta.knownLeader,
        lastContactMs: contactMs ?? (streamed ? ageMs : meta.lastContactMs + ageMs),
        cacheHit: true,
        ageMs,
        ...(streamed ? { streamed } : {}),
      },
    };
  }

  #entry(call: ReadCall): Entry {
    const key = keyOf(call);
    let entry = this.#entries.get(key);
    if (entry === undefined) {
      const { entryFetchRate, entryFetchMaxBurst } = this.#options;
      const limit = new RateLimit(entryFetchRate, entryFetchMaxBurst, this.#d.runtime.clock);
      entry = new Entry(key, refreshing(call, 0), limit);
      this.#entries.set(key, entry);
      this.#use.add(entry);
      this.#d.metrics.gauge("cache.entries_count", this.#entries.size);
      const { oldest } = this.#use;
      if (this.#entries.size > CACHE_ENTRIES_MAX && oldest !== undefined) this.#drop(oldest);
    }
    this.#touch(entry);
    return entry;
  }

  #touch(entry: Entry): void {
    entry.usedAtMs = this.#d.runtime.clock.nowMs();
    this.#use.touch(entry);
  }

  #fetch(entry: Entry): void {
    entry.cancel?.();
    const waitMs = entry.limit.reserve();
    if (waitMs > 0) entry.cancel = this.#d.runtime.timers.after(waitMs, () => this.#fetchNow(entry));
    else this.#fetchNow(entry);
  }

  #fetchNow(entry: Entry): void {
    const cancelConnected = this.#d.runtime.timers.after(CONNECTED_AFTER_MS, () => {
      if (entry.answer !== undefined) entry.lostAtMs = undefined;
    });
    let settled = false;
    const deliver: Deliver = (outcome) => {
      settled = true;
      cancelConnected();
      entry.cancel = undefined;
      if (outcome instanceof Error) this.#failed(entry, outcome);
      else this.#fetched(entry, outcome);
    };
    const contact: Contact = (lostAtMs) => {
      cancelConnected();
      entry.lostAtMs = lostAtMs;
    };
    const seen = entry.rememberedAtMs === undefined ? (entry.answer?.index ?? 0) : 0;
    const cancelRead = this.#d.source.read(refreshing(entry.call, seen), deliver, contact);
    if (settled) return; // sources answer at once where they can, and the next fetch is on its way
    entry.cancel = () => {
      cancelConnected();
      cancelRead();
    };
  }

  #fetched(entry: Entry, { answer, meta }: ReadOutcome): void {
    entry.failures = 0;
    entry.lostAtMs = undefined;
    entry.rememberedAtMs = undefined;
    entry.answer = answer;
    entry.meta = meta;
    this.#d.metrics.count("cache.fetch_success");
    this.#count(entry.call.endpoint, "fetch_success");
    for (const waiter of [...entry.waiters]) {
      if (answer.index <= waiter.minIndex) continue;
      entry.waiters.delete(waiter);
      waiter.deliver({ answer, meta: { ...meta, cacheHit: false } });
    }
    this.#again(entry, 0);
  }

  #failed(entry: Entry, error: Error): void {
    const { clock, rng } = this.#d.runtime;
    entry.failures++;
    entry.lostAtMs ??= entry.rememberedAtMs ?? clock.nowMs();
    this.#d.metrics.count("cache.fetch_error");
    this.#count(entry.call.endpoint, "fetch_error");
    this.#d.logger.debug("refreshing a cached answer failed", { question: entry.key, error: error.message });
    if (entry.answer === undefined || error.message.includes("ACL not found")) {
      this.#dismiss(entry, error);
      // Nothing to keep fresh: whoever asks next tries again.
      if (entry.answer === undefined) this.#drop(entry);
      else entry.cancel = () => {};
      return;
    }
    this.#again(entry, backoffMs(entry.failures, rng));
    for (const waiter of [...entry.waiters]) {
      entry.waiters.delete(waiter);
      waiter.deliver(this.#hit(entry, waiter.minIndex) ?? error);
    }
  }

  /** On a later turn at the earliest: a source that answers at once must not become a loop. */
  #again(entry: Entry, delayMs: number): void {
    if (this.#stopped || !this.#entries.has(entry.key)) return;
    entry.cancel = this.#d.runtime.timers.after(delayMs, () => {
      entry.cancel = undefined;
      this.#fetch(entry);
    });
  }

  #expire(): void {
    const nowMs = this.#d.runtime.clock.nowMs();
    for (;;) {
      const { oldest } = this.#use;
      if (oldest === undefined || nowMs - oldest.usedAtMs < ENTRY_TTL_MS || oldest.waiters.size > 0) return;
      this.#d.metrics.count("cache.evict_expired");
      this.#drop(oldest);
    }
  }

  #drop(entry: Entry): void {
    if (!this.#entries.delete(entry.key)) return;
    this.#use.remove(entry);
    entry.cancel?.();
    entry.cancel = undefined;
    this.#dismiss(entry, TribuneError.internal("the agent's cache gave this question up"));
    this.#d.metrics.gauge("cache.entries_count", this.#entries.size);
  }

  #dismiss({ waiters }: Entry, error: Error): void {
    for (const waiter of [...waiters]) {
      waiters.delete(waiter);
      waiter.deliver(error);
    }
  }

  #count({ name }: Endpoint, what: string): void {
    this.#d.metrics.count(`cache.${name}.${what}`);
  }
}

function keyOf({ datacenter, key, request }: ReadCall): string {
  return `${datacenter} ${request.Token ?? ""} ${key}`;
}

/** The question as the cache asks it: of the leader, blocking on what it has. */
function refreshing(call: ReadCall, minIndex: number): ReadCall {
  return {
    ...call,
    minIndex,
    waitMs: minIndex === 0 ? 0 : REFRESH_WAIT_MS,
    consistency: "leader",
    cached: false,
    request: {
      ...call.request,
      MinQueryIndex: minIndex,
      MaxQueryTime: minIndex === 0 ? 0 : REFRESH_WAIT_MS * 1e6,
      AllowStale: false,
      RequireConsistent: false,
      UseCache: false,
    },
  };
}

function backoffMs(failures: number, rng: Rng): number {
  if (failures <= BACKOFF_AFTER) return 0;
  const waitMs = Math.min(BACKOFF_MS_MAX, 1000 * 2 ** (failures - BACKOFF_AFTER));
  return waitMs + randomStagger(rng, waitMs);
}

/** The backend with the cache in front of it, for the reads that let it answer. */
export function withCache(asking: Asking, cache: AgentCache, calls: CallCache): Asking {
  const mayKeep = ({ contract }: Method, request: { readonly UseCache?: boolean }): boolean =>
    "cacheable" in contract && contract.cacheable === true && request.UseCache === true;
  return {
    readNow: (call) => (call.cached ? cache.readNow(call) : asking.readNow(call)),
    read: (call, deliver) => (call.cached ? cache.read(call, deliver) : asking.read(call, deliver)),
    write: (endpoint, request) => asking.write(endpoint, request),
    call: async (endpoint, request) =>
      mayKeep(endpoint, request) ? (await calls.call(endpoint, request)).reply : asking.call(endpoint, request),
    callNow: (endpoint, request) => (mayKeep(endpoint, request) ? undefined : asking.callNow?.(endpoint, request)),
    callCached: (endpoint, request) => calls.call(endpoint, request),
    keep: (answer, variant, encoded, bytes) => asking.keep(answer, variant, encoded, bytes),
  };
}
