import type {
  AnyContract,
  CallContract,
  Contracts,
  LocalContract,
  ReadContract,
  RpcContract,
  RpcContracts,
  ValuesOf,
  WriteContract,
} from "@tribune/api";
import type { Steps } from "../lib/steps.ts";
import type { ReadTx } from "../state/memdb/types.ts";
import type { AgentApi, LeaderApi } from "./agent-api.ts";
import type { Answer } from "./answer.ts";

/** The query part of a URL. Names and values are decoded; `+` is a space. */
export interface Query {
  has(name: string): boolean;
  /** First value, "" when absent. */
  get(name: string): string;
  all(name: string): readonly string[];
  /** Go's `url.Values.Encode`: sorted by name. */
  encode(): string;
}

/** What a binding may know of the HTTP request beyond the contract's parameters. */
export interface HttpView {
  readonly method: string;
  /** Decoded path. */
  readonly path: string;
  readonly query: Query;
  /** Empty for an absent header; `name` in lower case. */
  header(name: string): string;
  /** Content-Length as sent, or undefined. */
  readonly contentLength: number | undefined;
  /** The peer's address, or the first of `X-Forwarded-For`. */
  readonly sourceAddress: string;
  readonly datacenter: string;
  readonly nodeName: string;
  readonly token: string;
  readonly limits: HttpLimits;
  readonly defaults: ReadDefaults;
  /** Domains that DNS answers for, as configured: with a dot at the end. */
  readonly dnsDomains: readonly string[];
  /** The body as it arrives, for local endpoints that take it as a stream; empty elsewhere. */
  readonly body: AsyncIterable<Uint8Array>;
  /** Calls `run` if the client hangs up. Only for local endpoints, where it ends a wait. @returns cancel */
  onGone(run: () => void): () => void;
}

/** What reads mean that do not say it (`commonOptions`). */
export interface ReadDefaults {
  /** Nanoseconds; above 0, discovery reads without a mode are stale (`discovery_max_stale`). */
  readonly discoveryMaxStaleNs: number;
  /** Whether `?cached` means anything (`http_config.use_cache`). */
  readonly useCache: boolean;
}

/** Bytes (`limits.*` of the configuration). */
export interface HttpLimits {
  readonly kvMaxValueSize: number;
  readonly txnMaxReqLen: number;
}

/** What a read may know besides the state: pure, the same for every caller. */
export interface QueryContext {
  readonly datacenter: string;
  /** Whether the mesh is switched on (`connect.enabled`). */
  readonly connectEnabled: boolean;
  /** Whether services may talk of whom no intention speaks (`default_intention_policy`). */
  readonly intentionsDefaultAllow: boolean;
  /** Of the server that answers. */
  readonly nodeName: string;
}

/**
 * Reads are pure functions of state and request, so that one answer serves everybody who asked the same
 * until something they touched changes. Nothing of `http` may leak into `query`: what differs goes into the
 * request struct. `show` may look at the query (`?raw`, `?passing`), as its results are kept per URL variant.
 */
export interface ReadBinding<P, Q, R> {
  /** From HTTP to the wire struct. Common options (`index`, `stale`, `filter`, `dc`, …) are filled in before. */
  request(values: P, http: HttpView, common: Q): Q;
  /**
   * Answers the wire reply; `Index` is what X-Consul-Index says. Other QueryMeta fields are the caller's. What may have
   * thousands of rows goes in steps: `tx` itself may be read in the first one only.
   */
  query(tx: ReadTx, request: Q, context: QueryContext): R | Steps<R>;
  show(reply: R, request: Q, http: HttpView): Answer;
}

/** The result of a write that needs no log entry, such as a lock refused because of its delay. */
export class Settled {
  readonly result: unknown;

  constructor(result: unknown) {
    this.result = result;
  }
}

export interface WriteBinding<P, Q> {
  /** Values of the request's `Op` that are this form's, where several forms share an RPC method. */
  readonly ops?: readonly string[];
  /** Runs before the body is read, to refuse what is not worth reading. Throws a TribuneError. */
  admit?(http: HttpView): void;
  request(values: P, http: HttpView): Q;
  /**
   * What the leader does before the log: checks, ids, times, defaults. May throw a TribuneError.
   * What it returns is what all servers apply; `Settled` ends the call without a log entry.
   */
  prepare?(request: Q, leader: LeaderApi): Q | Settled;
  /** Runs on the leader once the command is applied, before the answer: timers and the like. */
  applied?(result: any, request: Q, leader: LeaderApi): void;
  /** What Consul writes before the text of a refusal by the state machine. */
  readonly errorPrefix?: string;
  /** `result` is what the state machine answered; refusals were thrown as TribuneError already. */
  show(result: any, request: Q, http: HttpView): Answer;
}

export interface CallBinding<P, Q> {
  /** `common`: the common options of reads, for contracts that take them (`queryOptions`); else all zero. */
  request(values: P, http: HttpView, common: Q): Q;
  /** The reply of the RPC method, a promise of it, or steps that end with it. For calls that any server answers, `leader` need not lead. */
  answer(request: Q, leader: LeaderApi): unknown;
  show(result: any, request: Q, http: HttpView): Answer;
}

export interface LocalBinding<P> {
  answer(values: P, http: HttpView, agent: AgentApi): Answer | Promise<Answer>;
}

type BindingOf<C> =
  C extends ReadContract<infer P, infer Q, infer R>
    ? ReadBinding<ValuesOf<P>, Q, R>
    : C extends WriteContract<infer P, infer Q>
      ? WriteBinding<ValuesOf<P>, Q>
      : C extends CallContract<infer P, infer Q>
        ? CallBinding<ValuesOf<P>, Q>
        : C extends LocalContract<infer P>
          ? LocalBinding<ValuesOf<P>>
          : never;

/** Missing or surplus bindings are compile errors, not 404s found later. */
export type Bindings<C extends Contracts> = { readonly [K in keyof C]: BindingOf<C[K]> };

export interface Endpoint {
  readonly name: string;
  readonly contract: AnyContract;
  readonly binding: ReadBinding<any, any, any> & WriteBinding<any, any> & CallBinding<any, any> & LocalBinding<any>;
}

/** How a method without a route is answered: as the kinds above, less what is HTTP's. */
type RpcBindingOf<C extends RpcContract> = C extends { readonly kind: "read" }
  ? Pick<ReadBinding<unknown, InferOf<C["request"]>, InferOf<C["reply"]>>, "query">
  : C extends { readonly kind: "write" }
    ? Pick<WriteBinding<unknown, InferOf<C["request"]>>, "prepare" | "applied" | "errorPrefix">
    : Pick<CallBinding<unknown, InferOf<C["request"]>>, "answer">;
type InferOf<S> = S extends { readonly __type?: infer T } ? NonNullable<T> : never;
export type RpcBindings<C extends RpcContracts> = { readonly [K in keyof C]: RpcBindingOf<C[K]> };

/** What a server can carry out: an endpoint, or a method without a route. */
export interface Method {
  readonly name: string;
  readonly contract: AnyContract | RpcContract;
  readonly binding: Pick<Endpoint["binding"], "query" | "prepare" | "applied" | "errorPrefix" | "ops" | "answer">;
}

export function bindRpc<C extends RpcContracts>(contracts: C, bindings: RpcBindings<C>): readonly Method[] {
  return Object.entries(contracts).map(([name, contract]) => ({
    name,
    contract,
    binding: (bindings as Record<string, unknown>)[name] as Method["binding"],
  }));
}

/** Pairs each contract with its binding. */
export function bind<C extends Contracts>(contracts: C, bindings: Bindings<C>): readonly Endpoint[] {
  return Object.entries(contracts).map(([name, contract]) => ({
    name,
    contract,
    binding: (bindings as Record<string, unknown>)[name] as Endpoint["binding"],
  }));
}
