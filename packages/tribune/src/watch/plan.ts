import { parseGoDuration } from "../lib/duration.ts";
import { goQuote } from "../lib/go-quote.ts";
import { SHAPES } from "./shapes.ts";

/** What a blocking query waits behind: a Raft index (or an event's), or the hash of an agent's own service. */
export type Marker =
  | { readonly kind: "index"; readonly index: bigint }
  | { readonly kind: "hash"; readonly hash: string };

export interface WatchQuestion {
  /** Escaped. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | true | readonly string[]>>;
}

/** An answer of the API. `body` is undefined for "not found". */
export interface WatchAnswer {
  readonly body: unknown;
  readonly index: bigint;
}

export interface HttpHandler {
  readonly path: string;
  readonly method: string;
  readonly timeoutMs: number;
  readonly header: Readonly<Record<string, readonly string[]>>;
  readonly tlsSkipVerify: boolean;
}

export interface WatchPlan {
  readonly type: string;
  readonly datacenter: string;
  readonly token: string;
  readonly handlerType: string;
  readonly httpHandler: HttpHandler | undefined;
  /** Parameters that are the caller's to read. */
  readonly exempt: Readonly<Record<string, unknown>>;
  question(last: Marker | undefined): WatchQuestion;
  /** The answer as handlers see it. @throws Error when there is none to show. */
  read(answer: WatchAnswer, last: Marker | undefined): { readonly marker: Marker; readonly result: unknown };
}

/** Something is wrong with a watch; the message is Consul's. */
export class WatchError extends Error {
  override readonly name = "WatchError";
}

export const HTTP_HANDLER_TIMEOUT_MS = 10_000;

type Parameters = Readonly<Record<string, unknown>>;

/**
 * Reads a watch as a configuration or the command line gives it; parameters named in `exempt` are left to the caller.
 * @throws WatchError
 */
export function parseWatch(parameters: Parameters, exempt: readonly string[] = []): WatchPlan {
  const params = new Consumer(parameters);
  const datacenter = params.text("datacenter");
  const token = params.text("token");
  const type = params.text("type");
  if (type === "") throw new WatchError("Watch type must be specified");
  const handlerType = params.text("handler_type");
  const httpHandler = handlerType === "http" ? readHttpHandler(params) : undefined;
  const read = TYPES[type];
  if (read === undefined) throw new WatchError(`Unsupported watch type: ${type}`);
  const { path, query, hash = false } = read(params);
  const left = Object.fromEntries(exempt.flatMap((name) => (params.has(name) ? [[name, params.take(name)]] : [])));
  const bad = params.left();
  if (bad.length > 0) throw new WatchError(`Invalid parameters: [${bad.join(" ")}]`);
  const shape = SHAPES[type] ?? ((value: unknown) => value);
  return {
    type,
    datacenter,
    token,
    handlerType,
    httpHandler,
    exempt: left,
    question(last) {
      const wait =
        last?.kind === "hash"
          ? { hash: last.hash }
          : last === undefined || last.index === 0n
            ? {}
            : { index: String(last.index) };
      return { path, query: { ...(datacenter === "" ? {} : { dc: datacenter }), ...query, ...wait } };
    },
    read({ body, index }, last) {
      const result = type === "event" ? newEvents(body, last) : body === undefined ? missing(type) : body;
      const shown = result === null ? null : shape(result);
      if (!hash) return { marker: { kind: "index", index }, result: shown };
      return {
        marker: { kind: "hash", hash: String((shown as Parameters | null)?.ContentHash ?? "") },
        result: shown,
      };
    },
  };
}

/** Keys may be missing; other things that are not there are failures. */
function missing(type: string): null {
  if (type === "key" || type === "keyprefix") return null;
  throw new Error("Unexpected response code: 404");
}

/** Events after the one seen last: their list is a buffer of recent ones, and its index the newest's. */
function newEvents(body: unknown, last: Marker | undefined): unknown {
  const events = body as readonly { readonly ID: string }[];
  const seen = last?.kind === "index" ? events.findIndex(({ ID }) => eventIndex(ID) === last.index) : -1;
  return events.slice(seen + 1);
}

/** Consul's index of an event: both halves of its ID, xored. */
export function eventIndex(id: string): bigint {
  const digits = id.replaceAll("-", "");
  return /^[0-9a-f]{32}$/i.test(digits) ? BigInt(`0x${digits.slice(0, 16)}`) ^ BigInt(`0x${digits.slice(16)}`) : 0n;
}

interface TypeQuestion extends WatchQuestion {
  readonly hash?: true;
}

const segments = (text: string): string => text.split("/").map(encodeURIComponent).join("/");
const staleQuery = (params: Consumer): Readonly<Record<string, true>> => (params.bool("stale") ? { stale: true } : {});
/** Of later versions: the servers take out what does not fit. */
function filterQuery(params: Consumer): Readonly<Record<string, string>> {
  const filter = params.text("filter");
  return filter === "" ? {} : { filter };
}

/** In the order in which Consul looks at the parameters of each type. */
const TYPES: Readonly<Record<string, (params: Consumer) => TypeQuestion>> = {
  key(params) {
    const query = staleQuery(params);
    const key = params.text("key");
    if (key === "") throw new WatchError("Must specify a single key to watch");
    return { path: `/v1/kv/${segments(key.replace(/^\//, ""))}`, query };
  },
  keyprefix(params) {
    const query = staleQuery(params);
    const prefix = params.text("prefix");
    if (prefix === "") throw new WatchError("Must specify a single prefix to watch");
    return { path: `/v1/kv/${segments(prefix.replace(/^\//, ""))}`, query: { recurse: true, ...query } };
  },
  services: (params) => ({ path: "/v1/catalog/services", query: { ...staleQuery(params), ...filterQuery(params) } }),
  nodes: (params) => ({ path: "/v1/catalog/nodes", query: { ...staleQuery(params), ...filterQuery(params) } }),
  service(params) {
    const common = { ...staleQuery(params), ...filterQuery(params) };
    const service = params.text("service");
    if (service === "") throw new WatchError("Must specify a single service to watch");
    const tag = params.texts("tag");
    const passing = params.bool("passingonly");
    const query = { ...(tag.length === 0 ? {} : { tag }), ...(passing ? { passing: "1" } : {}), ...common };
    return { path: `/v1/health/service/${segments(service)}`, query };
  },
  checks(params) {
    const stale = staleQuery(params);
    const service = params.text("service");
    const state = params.text("state");
    const query = { ...stale, ...filterQuery(params) };
    if (service !== "" && state !== "") throw new WatchError("Cannot specify service and state");
    const path =
      service === "" ? `/v1/health/state/${segments(state || "any")}` : `/v1/health/checks/${segments(service)}`;
    return { path, query };
  },
  event(params) {
    const name = params.text("name");
    return { path: "/v1/event/list", query: name === "" ? {} : { name } };
  },
  connect_roots: () => ({ path: "/v1/agent/connect/ca/roots", query: {} }),
  connect_leaf: (params) => ({ path: `/v1/agent/connect/ca/leaf/${segments(params.text("service"))}`, query: {} }),
  agent_service: (params) => ({
    path: `/v1/agent/service/${segments(params.text("service_id"))}`,
    query: {},
    hash: true,
  }),
};

function readHttpHandler(params: Consumer): HttpHandler {
  if (!params.has("http_handler_config"))
    throw new WatchError("Handler type 'http' requires 'http_handler_config' to be set");
  const fail = (why: string): never => {
    throw new WatchError(`Failed to parse 'http_handler_config': ${why}`);
  };
  const given = params.take("http_handler_config");
  if (typeof given !== "object" || given === null || Array.isArray(given))
    return fail(`'' expected a map, got '${goKind(given)}'`);
  const raw = given as Parameters;
  const text = (name: string): string => {
    const value = raw[name] ?? "";
    return typeof value === "string"
      ? value
      : fail(`'${name}' expected type 'string', got unconvertible type '${goKind(value)}'`);
  };
  const path = text("path");
  const timeout = text("timeout");
  const skip = raw.tls_skip_verify ?? false;
  if (typeof skip !== "boolean")
    fail(`'tls_skip_verify' expected type 'bool', got unconvertible type '${goKind(skip)}'`);
  if (path === "") fail("Requires 'path' to be set");
  const timeoutNs = timeout === "" ? HTTP_HANDLER_TIMEOUT_MS * 1e6 : parseGoDuration(timeout);
  if (timeoutNs === undefined) return fail(`Failed to parse timeout: time: invalid duration ${goQuote(timeout)}`);
  return {
    path,
    method: text("method") || "POST",
    timeoutMs: Number(timeoutNs) / 1e6,
    header: readHeader(raw.header, fail),
    tlsSkipVerify: skip === true,
  };
}

function readHeader(given: unknown, fail: (why: string) => never): Readonly<Record<string, readonly string[]>> {
  if (given === undefined || given === null) return {};
  if (typeof given !== "object" || Array.isArray(given)) return fail(`'header' expected a map, got '${goKind(given)}'`);
  return Object.fromEntries(
    Object.entries(given).map(([name, values]) => {
      const list = Array.isArray(values) ? values : [values];
      if (list.some((value) => typeof value !== "string")) fail(`'header[${name}]' expected a list of strings`);
      return [name, list as readonly string[]];
    }),
  );
}

function goKind(value: unknown): string {
  if (Array.isArray(value)) return "slice";
  if (typeof value === "number") return Number.isInteger(value) ? "int" : "float64";
  return { string: "string", boolean: "bool", bigint: "int", object: "map" }[typeof value as string] ?? typeof value;
}

/** Parameters, each to be taken once; what nobody took is a mistake. */
class Consumer {
  readonly #left: Map<string, unknown>;

  constructor(parameters: Parameters) {
    this.#left = new Map(Object.entries(parameters));
  }

  has(name: string): boolean {
    return this.#left.has(name);
  }

  take(name: string): unknown {
    const value = this.#left.get(name);
    this.#left.delete(name);
    return value;
  }

  left(): readonly string[] {
    return [...this.#left.keys()].sort();
  }

  text(name: string): string {
    if (!this.has(name)) return "";
    const value = this.#left.get(name);
    if (typeof value !== "string") throw new WatchError(`Expecting ${name} to be a string`);
    return this.take(name) as string;
  }

  bool(name: string): boolean {
    if (!this.has(name)) return false;
    if (typeof this.#left.get(name) !== "boolean") throw new WatchError(`Expecting ${name} to be a boolean`);
    return this.take(name) as boolean;
  }

  texts(name: string): readonly string[] {
    if (!this.has(name)) return [];
    const value = this.take(name);
    if (typeof value === "string") return [value];
    if (!Array.isArray(value)) throw new WatchError(`Expecting ${name} to be a string or []string`);
    const odd = value.findIndex((item) => typeof item !== "string");
    if (odd >= 0) throw new WatchError(`Index ${odd} of ${name} expected to be string`);
    return value as readonly string[];
  }
}
