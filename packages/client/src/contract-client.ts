/** A client whose every method is derived from the contract of its endpoint. Runs wherever `fetch` does. */
import {
  ALL_CONTRACTS,
  ANSWERS,
  type AnswerForm,
  type AnswerName,
  type AnswerOf,
  type AnyContract,
  type ArgumentsOf,
  COMMON_PARAMETERS,
  commonParametersOf,
  fromJson,
  type Parameter,
  type Parameters,
  toJson,
} from "@tribune/api";
import { ResponseError } from "./errors.ts";
import { parseJson, stringifyJson } from "./json-text.ts";
import { all, type Body, fetchSend, type Send, type WireResponse } from "./send.ts";

export interface ContractClientOptions {
  /** Base URL of the agent. Default `http://127.0.0.1:8500`. */
  readonly url?: string;
  readonly token?: string;
  /** Default of `dc` for every call. */
  readonly datacenter?: string;
  /** Another way for requests to travel than `fetch`; see `nodeSend` for Unix sockets and client certificates. */
  readonly send?: Send;
}

/** What a call may say besides its endpoint's own parameters. One that the endpoint does not honour is not sent. */
export interface CallOptions {
  readonly dc?: string;
  /** Wait until the answer is newer than this `index`. */
  readonly index?: number | bigint;
  /** A Go duration, such as `30s`: how long to wait at the most. */
  readonly wait?: string;
  /** Let any server answer. */
  readonly stale?: boolean;
  readonly consistent?: boolean;
  readonly maxStale?: string;
  readonly cached?: boolean;
  readonly token?: string;
  readonly signal?: AbortSignal;
}

export interface Answer<T> {
  readonly value: T;
  readonly status: number;
  /** For the next call's `index`. Undefined where the endpoint has none, like the other headers here. */
  readonly index: number | bigint | undefined;
  readonly knownLeader: boolean | undefined;
  /** Milliseconds since the answering server heard from the leader. */
  readonly lastContactMs: number | undefined;
  readonly consistency: string | undefined;
  readonly cache: string | undefined;
  /** For the next call's `hash`. */
  readonly contentHash: string | undefined;
}

type ValueOf<C> = C extends { readonly answers: infer A extends AnswerName; readonly statuses?: infer S }
  ? // A missing row is an answer without a body.
    AnswerOf<A> | (404 extends keyof S ? null : never)
  : never;
type Arguments<C> = C extends { readonly parameters: infer P extends Parameters } ? ArgumentsOf<P> : never;
type Method<C> =
  Record<never, never> extends Arguments<C>
    ? (given?: Arguments<C>, options?: CallOptions) => Promise<Answer<ValueOf<C>>>
    : (given: Arguments<C>, options?: CallOptions) => Promise<Answer<ValueOf<C>>>;

/** One method for each contract; `kvGet({ key: "a" })`. They reject with `ResponseError` and `RequestError`. */
export type ContractClient = { readonly [K in keyof typeof ALL_CONTRACTS]: Method<(typeof ALL_CONTRACTS)[K]> };

export function createClient(options: ContractClientOptions = {}): ContractClient {
  const send = options.send ?? fetchSend(options.url ?? "http://127.0.0.1:8500");
  const methods = Object.entries(ALL_CONTRACTS).map(([name, contract]) => [
    name,
    (given: Given = {}, call: CallOptions = {}) => perform(contract, given, call, options, send),
  ]);
  return Object.fromEntries(methods) as ContractClient;
}

type Given = Readonly<Record<string, unknown>>;

async function perform(
  contract: AnyContract,
  given: Given,
  call: CallOptions,
  { token, datacenter }: ContractClientOptions,
  send: Send,
): Promise<Answer<unknown>> {
  const [method, route] = contract.http.split(" ") as [string, string];
  const search = new URLSearchParams();
  let path = route;
  let body: Body | undefined;
  if (contract.when !== undefined) search.append(contract.when, "");
  for (const [property, parameter] of Object.entries(contract.parameters as Record<string, Parameter<unknown>>)) {
    const value = given[property];
    if (parameter.in === "body") body = bodyOf(parameter, value);
    else if (parameter.in === "path") path = path.replace(/[:*]\w+/, () => escaped(String(value)));
    else append(search, parameter.name ?? property, parameter, value);
  }
  const common: Given = { dc: datacenter, ...call };
  for (const name of commonParametersOf(contract)) {
    const parameter: Parameter<unknown> = COMMON_PARAMETERS[name];
    append(search, parameter.name ?? name, parameter, common[name]);
  }
  const secret = call.token ?? token;
  const query = search.toString();
  const response = await send({
    method,
    target: query === "" ? path : `${path}?${query}`,
    headers: secret === undefined ? {} : { "X-Consul-Token": secret },
    ...(body === undefined ? {} : { body }),
    ...(call.signal === undefined ? {} : { signal: call.signal }),
  });
  const { status } = response;
  if (status !== 200 && contract.statuses?.[status] === undefined)
    throw new ResponseError(status, text(await all(response.body)));
  return { value: await readValue(ANSWERS[contract.answers], response), ...metaOf(response) };
}

/** Slashes of keys and names stay: the parameter takes the rest of the path. */
const escaped = (value: string): string => value.split("/").map(encodeURIComponent).join("/");
const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

function append(search: URLSearchParams, name: string, { type }: Parameter<unknown>, value: unknown): void {
  if (value === undefined) return;
  if (type === "boolean") {
    if (value === true) search.append(name, "");
  } else if (type === "strings") for (const each of value as readonly string[]) search.append(name, each);
  else if (type === "meta")
    for (const [key, each] of Object.entries((value as Given | null) ?? {})) search.append(name, `${key}:${each}`);
  else search.append(name, String(value));
}

function bodyOf(parameter: Parameter<unknown>, value: unknown): Body | undefined {
  if (value === undefined) return undefined;
  const schema = parameter.schema ?? parameter.shape;
  return schema === undefined ? (value as Body) : stringifyJson(toJson(schema, value));
}

async function readValue(form: AnswerForm<unknown>, response: WireResponse): Promise<unknown> {
  if (form.body === "stream") return response.body;
  const bytes = await all(response.body);
  if (form.body === "none") return null;
  if (form.body === "bytes") return response.status === 200 ? bytes : null;
  return bytes.length === 0 ? null : fromJson(form.schema, parseJson(text(bytes)));
}

function metaOf(response: WireResponse): Omit<Answer<unknown>, "value"> {
  const whole = (name: string): number | bigint | undefined => {
    const raw = response.header(name);
    if (raw === undefined || !/^\d+$/.test(raw)) return undefined;
    return Number.isSafeInteger(Number(raw)) ? Number(raw) : BigInt(raw);
  };
  const knownLeader = response.header("x-consul-knownleader");
  const lastContact = whole("x-consul-lastcontact");
  return {
    status: response.status,
    index: whole("x-consul-index"),
    knownLeader: knownLeader === undefined ? undefined : knownLeader === "true",
    lastContactMs: lastContact === undefined ? undefined : Number(lastContact),
    consistency: response.header("x-consul-effective-consistency"),
    cache: response.header("x-cache"),
    contentHash: response.header("x-consul-contenthash"),
  };
}
