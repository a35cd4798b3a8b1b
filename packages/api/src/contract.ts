/**
 * One endpoint, one contract. From it derive the HTTP route and its parsing, the RPC method, leader and
 * datacenter forwarding, the ACL check, `?index` blocking, the SDK method and the OpenAPI page. How it is
 * answered (the *binding*) is in the server's `endpoints` room, one function or two each.
 */
import type { AnswerName } from "./answers.ts";
import type { CommonName } from "./common-parameters.ts";
import type { Draft, Schema, Struct } from "./schema.ts";

// ---- parameters: what HTTP carries, with its static type ----

/** `T` is what a binding reads, `Given` what a caller of the SDK writes. */
export interface Parameter<T, Given = T> {
  readonly in: "path" | "query" | "body";
  /** `text-bool` and `text-number` reach the binding as text, because Consul words their refusal by endpoint. */
  readonly type:
    | "string"
    | "strings"
    | "boolean"
    | "text-bool"
    | "text-number"
    | "integer"
    | "u64"
    | "duration"
    | "meta"
    | "json"
    | "bytes"
    | "stream";
  /** The SDK insists on it. */
  readonly required?: boolean;
  /** Name in the URL where it differs from the property's. */
  readonly name?: string;
  readonly about: string;
  /** Consul's text (status 400) when the parameter is absent or empty; without it, it is optional. */
  readonly missing?: string;
  /** Consul's text (status 400) for a value that cannot be parsed. `%s` stands for the parser's own words. */
  readonly invalid?: string;
  /** 500 where Consul takes such a body for a failure of its own. */
  readonly invalidStatus?: 500;
  /** The refusal of a field `Namespace` says that these are Enterprise's. */
  readonly namespaceHint?: boolean;
  /** What a JSON body holds: it is read with this. */
  readonly schema?: Schema<unknown>;
  /** What a body holds that its binding reads by itself. For callers and documentation. */
  readonly shape?: Schema<unknown>;
  /** Largest body, in bytes, before status 413. Without it the agent's general limit holds. */
  readonly bytesMax?: number;
  /** Carry the static types; never set. */
  readonly __type?: T;
  readonly __given?: Given;
}

/** A parameter that callers must give. */
export interface Insisted {
  readonly required: true;
}
type Options = Partial<
  Pick<Parameter<unknown>, "name" | "missing" | "invalid" | "invalidStatus" | "namespaceHint" | "bytesMax">
>;

/** The rest of the path for `*name`, one segment for `:name`; percent-decoded. */
export const inPath = (about: string, options: Options = {}): Parameter<string> & Insisted => ({
  in: "path",
  type: "string",
  required: true,
  about,
  ...options,
});
/** First value of a query parameter; "" when absent. */
export const inQuery = (about: string, options: Options = {}): Parameter<string> => ({
  in: "query",
  type: "string",
  about,
  ...options,
});
/** Every value of a repeated query parameter, in order. */
export const everyQuery = (about: string, options: Options = {}): Parameter<readonly string[]> => ({
  in: "query",
  type: "strings",
  about,
  ...options,
});
/** True when the parameter is there, whatever its value: `?raw`, `?raw=1` and `?raw=` are one. */
export const flag = (about: string, options: Options = {}): Parameter<boolean> => ({
  in: "query",
  type: "boolean",
  about,
  ...options,
});
/** A boolean as Go reads it: `?passing=true`; the binding sees the text. */
export const boolQuery = (about: string, options: Options = {}): Parameter<string, boolean> => ({
  in: "query",
  type: "text-bool",
  about,
  ...options,
});
/** A number whose text the binding reads. */
export const numberQuery = (about: string, options: Options = {}): Parameter<string, number> => ({
  in: "query",
  type: "text-number",
  about,
  ...options,
});
/** A Go duration (`10s`); the binding sees the text. */
export const durationQuery = (about: string, options: Options = {}): Parameter<string> => ({
  in: "query",
  type: "duration",
  about,
  ...options,
});
/** Unsigned 64-bit integer, undefined when absent. */
export const u64Query = (about: string, options: Options = {}): Parameter<number | bigint | undefined> => ({
  in: "query",
  type: "u64",
  about,
  ...options,
});
/** `key:value` pairs of a repeated parameter (`?node-meta=a:b`); null when there are none. */
export const metaQuery = (
  about: string,
  options: Options = {},
): Parameter<Readonly<Record<string, string>> | null> => ({
  in: "query",
  type: "meta",
  about,
  ...options,
});
/** A JSON body read with a schema. `invalid` is Consul's prefix, with `%s` for the parser's words. */
export const jsonBody = <T>(
  schema: Schema<T>,
  about: string,
  options: Options = {},
): Parameter<T, Draft<T>> & Insisted => ({
  in: "body",
  type: "json",
  required: true,
  about,
  schema: schema as Schema<unknown>,
  ...options,
});
/** The body parsed as JSON, undefined when it is empty. The binding checks that it has the shape. */
export const anyBody = <T>(shape: Schema<T>, about: string, options: Options = {}): Parameter<unknown, Draft<T>> => ({
  in: "body",
  type: "json",
  about,
  shape: shape as Schema<unknown>,
  ...options,
});
/** The body's bytes. */
export const rawBody = (about: string, options: Options = {}): Parameter<Uint8Array, Uint8Array | string> => ({
  in: "body",
  type: "bytes",
  about,
  ...options,
});
/** The bytes of a JSON body that the binding parses, because Consul is lenient or peculiar with it. */
export const jsonBytes = <T>(
  shape: Schema<T>,
  about: string,
  options: Options = {},
): Parameter<Uint8Array, Draft<T>> & Insisted => ({
  in: "body",
  type: "bytes",
  required: true,
  about,
  shape: shape as Schema<unknown>,
  ...options,
});
/** The body as it arrives. Only for local endpoints. */
export const streamBody = (
  about: string,
): Parameter<AsyncIterable<Uint8Array>, Uint8Array | AsyncIterable<Uint8Array>> & Insisted => ({
  in: "body",
  type: "stream",
  required: true,
  about,
});

export type Parameters = Readonly<Record<string, Parameter<any, any>>>;
/** What a binding reads. */
export type ValuesOf<P extends Parameters> = {
  readonly [K in keyof P]: P[K] extends Parameter<infer T, infer _> ? T : never;
};
type GivenOf<P> = P extends Parameter<infer _, infer Given> ? Given : never;
/** What a caller writes. */
export type ArgumentsOf<P extends Parameters> = {
  readonly [K in keyof P as P[K] extends Insisted ? K : never]: GivenOf<P[K]>;
} & { readonly [K in keyof P as P[K] extends Insisted ? never : K]?: GivenOf<P[K]> | undefined };

// ---- who may ----

export type AclRule =
  /** Open to everyone who reaches the agent. */
  | { readonly by: "none" }
  /** Answer everything, then drop what the token may not read. */
  | { readonly by: "filter" }
  /** The binding names the resource (`aclName`); for whole-agent or whole-operator rules none is needed. */
  | {
      readonly by: "require";
      readonly resource:
        | "acl"
        | "agent"
        | "event"
        | "key"
        | "keyring"
        | "node"
        | "operator"
        | "query"
        | "service"
        | "session";
      readonly access: "read" | "write" | "list";
    };

// ---- contracts ----

/** OPTIONS is answered for every route; a contract names it where Consul answers with a body. */
type Method = "GET" | "PUT" | "POST" | "DELETE" | "OPTIONS";
export type HttpRoute = `${Method} /v1/${string}`;

interface Common<P extends Parameters> {
  /** One parameter, `:name` or `*name`, takes the rest of the path up to what stands behind it (`/:id/execute`). May be empty. */
  readonly http: HttpRoute;
  /** Further methods with the same meaning (`POST` beside `PUT` where Consul takes both). */
  readonly alsoMethods?: readonly Method[];
  /** Several contracts may share a route: this one is meant when the query has this parameter. The one without is last. */
  readonly when?: string;
  /** The same for the path: this contract is meant when its last parameter holds this text (`/`: has two parts). */
  readonly whenRest?: string;
  readonly parameters: P;
  /** Consul Enterprise keeps what this is about by namespace: a request that names one is refused, as Consul does. */
  readonly namespaced?: boolean;
  /** Refusals by servers come without X-Consul-Index and its like, which other reads send with them. */
  readonly plainRefusals?: boolean;
  readonly acl: AclRule;
  readonly summary: string;
}

export type Statuses = Readonly<Record<number, string>>;
/** The part of a contract whose literal types the SDK needs. */
export interface Answering<A extends AnswerName, S extends Statuses> {
  /** What status 200 carries, by its name in `ANSWERS`. */
  readonly answers: A;
  /** Further statuses that are answers, not errors, and what they mean. Their body is as for 200, or empty. */
  readonly statuses?: S;
}

/** A read of replicated state: forwarded to its datacenter, then to the leader unless `?stale`. */
export interface ReadContract<P extends Parameters, Q, R> extends Common<P> {
  readonly kind: "read";
  /** RPC method with Consul's name, such as `Health.ServiceNodes`. */
  readonly rpc: string;
  readonly request: Struct<Q>;
  readonly reply: Struct<R>;
  /** Whether `?index=` may block. */
  readonly blocking: boolean;
  /** Whether `?cached` is honoured (X-Cache and Age say so); elsewhere it is ignored. */
  readonly cacheable?: boolean;
  /** Whether X-Consul-Effective-Consistency is answered: catalog and health do, the others never did. */
  readonly saysConsistency?: boolean;
}

/** A write: validated and completed by the leader, then one Raft entry, answered when applied. */
export interface WriteContract<P extends Parameters, Q> extends Common<P> {
  readonly kind: "write";
  readonly rpc: string;
  readonly request: Struct<Q>;
  /** What the RPC method answers. */
  readonly reply: Schema<unknown>;
  /** First byte of the log entry (`wire/raft.md` §5). Never reused: old logs must still replay. */
  readonly raftType: number;
}

/**
 * Which server may answer a call: the leader; any that is asked, with what it knows itself; or, as for reads, the one
 * that the request's `AllowStale` and `RequireConsistent` allow.
 */
export type AnsweredBy = "leader" | "any" | "asked";

/** An RPC answered from what servers know besides the log (session TTLs, Raft, gossip); no log entry of its own. */
export interface CallContract<P extends Parameters, Q> extends Common<P> {
  readonly kind: "call";
  readonly rpc: string;
  readonly request: Struct<Q>;
  /** What the RPC method answers. */
  readonly reply: Schema<unknown>;
  readonly answeredBy: AnsweredBy;
  /** Takes the common parameters of reads, but never blocks: the request has their fields. */
  readonly queryOptions?: boolean;
  /** With `queryOptions`: an odd `index` or `wait` is passed over, not refused. */
  readonly passesOverBlocking?: boolean;
  /** Whether `?cached` is honoured. A reply that is kept is not kept up to date: callers say how old it may be. */
  readonly cacheable?: boolean;
  /** Whether X-Consul-Effective-Consistency is answered. */
  readonly saysConsistency?: boolean;
}

/** An RPC method that no route leads to: other agents and servers call it, or a `local` endpoint does. */
export type RpcContract =
  | Pick<ReadContract<any, any, any>, "kind" | "rpc" | "request" | "reply" | "blocking" | "summary">
  | Pick<WriteContract<any, any>, "kind" | "rpc" | "request" | "reply" | "raftType" | "summary">
  | Pick<CallContract<any, any>, "kind" | "rpc" | "request" | "reply" | "answeredBy" | "summary">;
export type RpcContracts = Readonly<Record<string, RpcContract>>;

/** Answered by the agent itself: its own services and checks, its log, its metrics, streams. */
export interface LocalContract<P extends Parameters> extends Common<P> {
  readonly kind: "local";
  /** The answer waits on `?hash=` (agent endpoints) rather than on an index. */
  readonly hashBlocking?: boolean;
  /** Common parameters that mean something here; those of the other kinds follow from the kind. */
  readonly honours?: readonly CommonName[];
}

export const read = <const P extends Parameters, Q, R, const A extends AnswerName, const S extends Statuses = {}>(
  contract: Omit<ReadContract<P, Q, R>, "kind"> & Answering<A, S>,
): ReadContract<P, Q, R> & Answering<A, S> => ({ kind: "read", ...contract });
export const write = <const P extends Parameters, Q, const A extends AnswerName, const S extends Statuses = {}>(
  contract: Omit<WriteContract<P, Q>, "kind"> & Answering<A, S>,
): WriteContract<P, Q> & Answering<A, S> => ({ kind: "write", ...contract });
export const call = <const P extends Parameters, Q, const A extends AnswerName, const S extends Statuses = {}>(
  contract: Omit<CallContract<P, Q>, "kind"> & Answering<A, S>,
): CallContract<P, Q> & Answering<A, S> => ({ kind: "call", ...contract });
export const local = <const P extends Parameters, const A extends AnswerName, const S extends Statuses = {}>(
  contract: Omit<LocalContract<P>, "kind"> & Answering<A, S>,
): LocalContract<P> & Answering<A, S> => ({ kind: "local", ...contract });

/** The three kinds for methods without a route. */
export const rpcRead = <Q, R>(
  contract: Omit<Pick<ReadContract<{}, Q, R>, "kind" | "rpc" | "request" | "reply" | "blocking" | "summary">, "kind">,
) => ({ kind: "read" as const, ...contract });
export const rpcWrite = <Q, R>(contract: {
  readonly rpc: string;
  readonly request: Struct<Q>;
  readonly reply: Schema<R>;
  readonly raftType: number;
  readonly summary: string;
}) => ({ kind: "write" as const, ...contract });
export const rpcCall = <Q, R>(contract: {
  readonly rpc: string;
  readonly request: Struct<Q>;
  readonly reply: Schema<R>;
  readonly answeredBy: AnsweredBy;
  readonly summary: string;
}) => ({ kind: "call" as const, ...contract });

export type AnyContract = (
  | ReadContract<any, any, any>
  | WriteContract<any, any>
  | CallContract<any, any>
  | LocalContract<any>
) &
  Answering<AnswerName, Statuses>;
export type Contracts = Readonly<Record<string, AnyContract>>;
