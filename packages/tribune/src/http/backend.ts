import type { AgentApi } from "../endpoints/agent-api.ts";
import type { Endpoint, HttpLimits, Method } from "../endpoints/binding.ts";
import type { Answered } from "../server/query-engine.ts";
import type { SiteOptions } from "./site/web-site.ts";

/** A read on its way: what is asked, and how fresh and patient the caller is. */
export interface ReadCall {
  readonly endpoint: Endpoint;
  /** Names the question: equal keys have equal answers. */
  readonly key: string;
  readonly request: any;
  readonly minIndex: number;
  /** Milliseconds; 0 is the default. */
  readonly waitMs: number;
  readonly consistency: "leader" | "stale" | "consistent";
  readonly datacenter: string;
  /** May be answered by the agent's cache (`?cached`). */
  readonly cached: boolean;
}

/** How an answer came about; becomes headers. */
export interface ReadMeta {
  readonly knownLeader: boolean;
  readonly lastContactMs: number;
  /** Whether the agent's cache had the answer. Only for reads that let it. */
  readonly cacheHit?: boolean;
  /** Kept up to date by the servers' event stream, not by a blocking query. */
  readonly streamed?: boolean;
  /** How long the answer has been out of touch with the servers; only where it may be. */
  readonly ageMs?: number;
}

export interface ReadOutcome {
  readonly answer: Answered;
  readonly meta: ReadMeta;
}

/** A reply of a call, perhaps from the agent's cache. */
export interface CachedReply {
  readonly reply: unknown;
  readonly cacheHit: boolean;
  readonly ageMs: number;
}

/** What the HTTP door needs of the agent behind it. */
export interface HttpBackend {
  /** The answer if it can be had at once without breaking the mode asked for, else undefined: use `read`. */
  readNow(call: ReadCall): ReadOutcome | undefined;
  /** Answers by callback, once; the returned function cancels, and the callback then never comes. */
  read(call: ReadCall, deliver: (outcome: ReadOutcome | Error) => void): () => void;
  /** The reply of the RPC method, whoever carried it out. */
  write(endpoint: Method, request: any): Promise<unknown>;
  call(endpoint: Method, request: any): Promise<unknown>;
  /**
   * What `call` resolves to, if that can be had at once, or a promise of it if it only takes long; else undefined: use
   * `call`. Throws what it is refused with.
   */
  callNow?(endpoint: Method, request: any): unknown;
  /** The same for what the agent's cache may answer; absent where there is none. */
  callCached?(endpoint: Method, request: any): Promise<CachedReply>;
  keep(answer: Answered, variant: string, encoded: unknown, bytes: number): void;
  readonly agent: AgentApi;
}

/** What of the configuration the door reads; replaced as a whole on reload. */
export interface HttpOptions {
  readonly datacenter: string;
  readonly nodeName: string;
  /** Token of requests that bring none (`acl.tokens.default`). */
  readonly defaultToken: string;
  /** All JSON is indented (dev mode). */
  readonly alwaysPretty: boolean;
  /** `http_config.response_headers`, flat. */
  readonly responseHeaders: readonly string[];
  readonly blockEndpoints: readonly string[];
  /** CIDRs; empty: everyone may write. */
  readonly allowWriteFrom: (address: string) => boolean;
  readonly useCache: boolean;
  readonly discoveryMaxStaleNs: number;
  readonly translateWanAddresses: boolean;
  readonly aclDefaultPolicy: string;
  readonly unprintablePathFilter: boolean;
  readonly connectionsPerClientMax: number;
  readonly headerBytesMax: number;
  readonly limits: HttpLimits;
  readonly dnsDomains: readonly string[];
  /** The web interface, or undefined when it is off. */
  readonly site: SiteOptions | undefined;
  /** `telemetry.disable_compat_1.9` */
  readonly onlyNewMetricNames?: boolean;
}
