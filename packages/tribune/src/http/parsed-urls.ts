import { make } from "@tribune/api";
import type { Endpoint } from "../endpoints/binding.ts";
import { commonOptions } from "../endpoints/common-options.ts";
import { TribuneError } from "../lib/errors.ts";
import { questionKey } from "../server/question-key.ts";
import type { HttpOptions, ReadCall } from "./backend.ts";
import type { QueryString } from "./query-string.ts";
import type { Route } from "./router.ts";
import { parameterValues } from "./target.ts";
import { variantOf } from "./variant.ts";
import type { RequestView } from "./view.ts";

/** A read whose URL was parsed before: everything but the freshness of its answer is known. */
export interface Target extends ReadCall {
  readonly view: RequestView;
  /** Names the encoded form: equal answers are shown differently to different URLs. */
  readonly variant: string;
  readonly pretty: boolean;
  readonly saysConsistency: boolean;
  readonly route: Route;
}

/** A URL parsed, and the endpoint that it names. Kept of a GET that is no read of the state. */
export interface Found {
  readonly endpoint: Endpoint;
  readonly route: Route;
  readonly rest: string;
  readonly path: string;
  readonly query: QueryString;
}

/** A call whose question is all in its URL, which was parsed before. */
export interface CallTarget {
  readonly endpoint: Endpoint;
  readonly route: Route;
  readonly view: RequestView;
  readonly request: object;
  readonly pretty: boolean;
}

/** URLs whose parsed form is kept. */
const TARGETS_MAX = 4096;
/**
 * The same for blocking ones. They change with each poll, but thousands may wait with one URL: these then share
 * one parsed form instead of holding one each.
 */
const BLOCKING_TARGETS_MAX = 256;
/** Longer ones are not kept: a million characters are allowed, and thousands of such URLs would fill the memory. */
const KEPT_CHARS_MAX = 4096;

/** URLs that were asked before, parsed. The oldest goes when there are too many. */
export class ParsedUrls {
  readonly #reads = new Map<string, Target>();
  readonly #blocking = new Map<string, Target>();
  readonly #found = new Map<string, Found>();
  readonly #calls = new Map<string, CallTarget>();

  read(url: string): Target | undefined {
    return this.#reads.get(url) ?? this.#blocking.get(url);
  }

  found(url: string): Found | undefined {
    return this.#found.get(url);
  }

  call(url: string): CallTarget | undefined {
    return this.#calls.get(url);
  }

  keepRead(url: string, target: Target): void {
    if (target.minIndex === 0) keepNewest(this.#reads, TARGETS_MAX, url, target);
    else keepNewest(this.#blocking, BLOCKING_TARGETS_MAX, url, target);
  }

  keepFound(url: string, found: Found): void {
    keepNewest(this.#found, TARGETS_MAX, url, found);
  }

  keepCall(url: string, target: CallTarget): void {
    keepNewest(this.#calls, TARGETS_MAX, url, target);
  }

  clear(): void {
    this.#calls.clear();
    this.#reads.clear();
    this.#blocking.clear();
    this.#found.clear();
  }
}

/** Everything but the freshness of the answer to a read. */
export function targetOf(
  options: HttpOptions,
  { endpoint, route, rest, query }: Found,
  view: RequestView,
  body?: Uint8Array,
): Target {
  const { contract, binding } = endpoint;
  if (contract.kind !== "read") throw new TribuneError("internal", "not a read");
  const common = commonOptions(contract.request, view);
  const values = parameterValues(contract.parameters, rest, view, body);
  const asked = binding.request(values, view, common);
  const pretty = options.alwaysPretty || query.has("pretty");
  return {
    endpoint,
    route,
    view,
    key: questionKey(endpoint, asked),
    request: asked,
    minIndex: contract.blocking ? (asked.MinQueryIndex ?? 0) : 0,
    waitMs: (asked.MaxQueryTime ?? 0) / 1e6,
    consistency: asked.RequireConsistent === true ? "consistent" : asked.AllowStale === true ? "stale" : "leader",
    datacenter: asked.Datacenter ?? options.datacenter,
    variant: variantOf(query, pretty),
    pretty,
    cached: asked.UseCache === true && contract.cacheable === true,
    saysConsistency: contract.saysConsistency === true,
  };
}

export function callTargetOf(
  options: HttpOptions,
  { endpoint, route, rest, query }: Found,
  view: RequestView,
): CallTarget {
  const { contract, binding } = endpoint;
  if (contract.kind !== "call") throw new TribuneError("internal", "not a call");
  const values = parameterValues(contract.parameters, rest, view, undefined);
  const asked = binding.request(values, view, callOptions(contract, view));
  return { endpoint, route, view, request: asked, pretty: options.alwaysPretty || query.has("pretty") };
}

/** What a call's request starts from: the common options where it takes them, else nothing. */
export function callOptions(contract: Endpoint["contract"] & { kind: "call" }, view: RequestView): unknown {
  if (contract.queryOptions !== true) return make(contract.request);
  return commonOptions(contract.request, view, { passesOverBlocking: contract.passesOverBlocking === true });
}

/** Adds to a map of bounded size; the oldest goes. */
function keepNewest<V>(map: Map<string, V>, max: number, key: string, value: V): void {
  if (key.length > KEPT_CHARS_MAX) return;
  if (map.size >= max) map.delete(map.keys().next().value as string);
  map.set(key, value);
}
