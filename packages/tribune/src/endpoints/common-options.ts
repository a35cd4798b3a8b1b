import { make, parseGoDuration, type Struct } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { exactIndex, parseUint64 } from "../lib/go-number.ts";
import type { HttpView } from "./binding.ts";

/**
 * Fills in what every read takes from the URL and its headers: datacenter, token, consistency, cache control,
 * filter, blocking. Texts and order of the checks are Consul's.
 *
 * @throws TribuneError for odd ones, also where only the refusal is wanted: Consul looks at them before some writes, too
 */
export function commonOptions<Q>(schema: Struct<Q>, http: HttpView, { passesOverBlocking = false } = {}): Q {
  const { query, defaults } = http;
  const stale = query.has("stale");
  const consistent = query.has("consistent");
  const cached = query.has("cached") && defaults.useCache;
  const maxStale = query.get("max_stale");
  let maxStaleNs = 0;
  if (maxStale !== "") {
    const parsed = parseGoDuration(maxStale);
    if (parsed === undefined) throw TribuneError.badRequest(`Invalid max_stale value ${JSON.stringify(maxStale)}`);
    maxStaleNs = parsed;
  }
  let allowStale = stale || maxStaleNs > 0;
  if (!allowStale && !consistent && !cached && !query.has("leader") && defaults.discoveryMaxStaleNs > 0) {
    if (http.path.startsWith("/v1/catalog") || http.path.startsWith("/v1/health")) {
      allowStale = true;
      maxStaleNs = defaults.discoveryMaxStaleNs;
    }
  }
  if (allowStale && consistent)
    throw TribuneError.badRequest("Cannot specify ?stale with ?consistent, conflicting semantics.");
  if (cached && consistent)
    throw TribuneError.badRequest("Cannot specify ?cached with ?consistent, conflicting semantics.");
  const options: Record<string, unknown> = {
    Datacenter: http.datacenter,
    Token: http.token,
    Filter: query.get("filter"),
    AllowStale: allowStale,
    RequireConsistent: consistent,
    UseCache: cached,
    MaxStaleDuration: maxStaleNs,
    NodeMetaFilters: nodeMeta(query.all("node-meta")),
    Source: source(http),
    ...cacheControl(http.header("cache-control")),
    ...(passesOverBlocking ? {} : blocking(query.get("wait"), query.get("index"))),
  };
  const given: Record<string, unknown> = {};
  for (const field of schema.fields) if (field.name in options) given[field.name] = options[field.name];
  return make(schema, given as Partial<Q>);
}

function blocking(wait: string, index: string): { MaxQueryTime: number; MinQueryIndex: number } {
  let waitNs = 0;
  if (wait !== "") {
    const parsed = parseGoDuration(wait);
    if (parsed === undefined) throw TribuneError.badRequest("Invalid wait time");
    waitNs = parsed;
  }
  const { value } = parseUint64(index === "" ? "0" : index);
  if (value === undefined) throw TribuneError.badRequest("Invalid index");
  return { MaxQueryTime: waitNs, MinQueryIndex: exactIndex(value) };
}

/** `Cache-Control: max-age=N, must-revalidate, stale-if-error=N`; seconds. */
function cacheControl(header: string): Record<string, unknown> {
  const options: Record<string, unknown> = {};
  if (header === "") return options;
  for (const raw of header.toLowerCase().split(",")) {
    const directive = raw.trim();
    if (directive === "must-revalidate") options.MustRevalidate = true;
    const [, name, value] = /^(max-age|stale-if-error)=(.*)$/.exec(directive) ?? [];
    if (name === undefined) continue;
    if (!/^[+-]?\d+$/.test(value!)) throw TribuneError.badRequest("Invalid Cache-Control header.");
    const ns = Number(value) * 1e9;
    if (name === "stale-if-error") options.StaleIfError = ns;
    else {
      options.MaxAge = ns;
      if (ns === 0) options.MustRevalidate = true; // 0 would read as "not given"
    }
  }
  return options;
}

function nodeMeta(pairs: readonly string[]): Record<string, string> | null {
  if (pairs.length === 0) return null;
  const filters: [string, string][] = pairs.map((pair) => {
    const colon = pair.indexOf(":");
    return colon < 0 ? [pair, ""] : [pair.slice(0, colon), pair.slice(colon + 1)];
  });
  return Object.fromEntries(filters);
}

function source(http: HttpView): { Datacenter: string; Segment: string; Node: string; Ip: string } {
  const near = http.query.get("near");
  // The caller's address would make every answer its own; only `_ip` (prepared queries) needs it.
  return {
    Datacenter: http.datacenter,
    Segment: "",
    Node: near === "_agent" ? http.nodeName : near,
    Ip: near === "_ip" ? http.sourceAddress : "",
  };
}
