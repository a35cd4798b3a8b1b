/** A method of npm's client: what it takes, what it asks, what it makes of the answer. */
import { plainDurationMs } from "./duration.ts";
import { type ConsulError, invalid, type Response, unencodable } from "./errors.ts";
import { type Fields, plainNames } from "./fields.ts";
import { type Connection, type Context, isConsulError, type Question } from "./request.ts";

export interface Method {
  /** `PUT /kv/{key}`; what stands in braces is an option. */
  readonly http: string;
  /** Its name in errors, where that is another. */
  readonly label?: string;
  /** The option that a string alone stands for. */
  readonly alone?: string;
  /** Options without which there is no asking. */
  readonly required?: readonly string[];
  /** Options that go into the query when they say something. */
  readonly query?: readonly string[];
  /** Of these, what goes in as `true` whatever was given. */
  readonly asTrue?: readonly string[];
  /** Options that go into the query even when they are falsy. */
  readonly exactly?: readonly string[];
  readonly fixed?: Fields;
  /** The JSON body. @throws Error whose words the caller gets */
  readonly body?: (options: Fields) => unknown;
  readonly bytes?: (options: Fields) => Buffer | undefined;
  /** Common options that do not apply. */
  readonly without?: readonly string[];
  /** @throws Error whose words the caller gets */
  readonly check?: (options: Fields) => void;
  readonly raw?: (options: Fields) => boolean;
  /** `nothing`: the answer does not matter. `first`: of a list. Default: the body, undefined when it is falsy. */
  readonly answers?: "nothing" | "first" | ((body: unknown, options: Fields) => unknown);
  /** A 404 is an answer: nothing. Other refusals name the method. */
  readonly maybe?: boolean;
}

/** Options of every method that only go into the query. */
const COMMON = ["dc", "partition", "ns"] as const;
const EXACT = ["index", "wait", "near", "node-meta", "filter"] as const;
/** What may be a default for every call. */
const DEFAULTS = ["consistent", "dc", "partition", "ns", "stale", "timeout", "token", "wait", "wan"];

export class Caller {
  readonly #connection: Connection;
  readonly #defaults: Fields;

  constructor(connection: Connection, defaults: unknown) {
    this.#connection = connection;
    const given = plainNames(defaults);
    this.#defaults = Object.fromEntries(DEFAULTS.flatMap((name) => (name in given ? [[name, given[name]]] : [])));
  }

  get defaults(): Fields {
    return this.#defaults;
  }

  async call(path: string, method: Method, given: unknown): Promise<unknown> {
    const name = method.label ?? path;
    const own = typeof given === "string" && method.alone !== undefined ? { [method.alone]: given } : given;
    const options: Fields = { ...this.#defaults, ...plainNames(own) };
    const question = this.#question(name, method, options);
    const ctx = options.ctx as Context | undefined;
    let response: Response;
    try {
      response = await this.#connection.send(question);
    } catch (error) {
      if (method.maybe !== true || !isConsulError(error)) throw error;
      if (error.statusCode !== 404) throw named(name, error);
      response = error.response as Response;
      return shown(ctx, response, undefined);
    }
    return shown(ctx, response, resultOf(method, response.body, options));
  }

  #question(name: string, method: Method, options: Fields): Question {
    const missing = method.required?.find((option) => !options[option]);
    if (missing !== undefined) throw invalid(name, `${missing} required`);
    const [verb = "GET", route = ""] = method.http.split(" ");
    const path = route.replace(/\{(\w+)\}/g, (_, option: string) => encodeURIComponent(String(options[option] ?? "")));
    const query = queryOf(method, options);
    let content: Pick<Question, "body" | "contentType"> = {};
    try {
      method.check?.(options);
      if (method.body !== undefined)
        content = { body: Buffer.from(JSON.stringify(method.body(options))), contentType: "application/json" };
    } catch (error) {
      throw invalid(name, (error as Error).message);
    }
    if (method.bytes !== undefined) {
      try {
        content = { body: method.bytes(options), contentType: "text/plain" };
      } catch (cause) {
        throw unencodable(name, cause);
      }
    }
    return {
      method: verb,
      target: query === "" ? path : `${path}?${query}`,
      token: (options.token as string | undefined) || undefined,
      ctx: options.ctx as Context | undefined,
      timeoutMs: plainDurationMs(options.timeout),
      raw: method.raw?.(options),
      ...content,
    };
  }
}

function queryOf(method: Method, options: Fields): string {
  const search = new URLSearchParams();
  const put = (name: string, value: unknown): void => {
    for (const one of Array.isArray(value) ? value : [value]) search.append(name, String(one));
  };
  for (const [name, value] of Object.entries(method.fixed ?? {})) put(name, value);
  for (const name of method.query ?? [])
    if (options[name]) put(name, method.asTrue?.includes(name) === true ? true : options[name]);
  for (const name of method.exactly ?? []) if (name in options) put(name, options[name]);
  const applies = (name: string): boolean => name in options && method.without?.includes(name) !== true;
  for (const name of COMMON) if (applies(name) && options[name]) put(name, options[name]);
  if (options.wan) put("wan", "1");
  if (options.consistent) put("consistent", "1");
  else if (options.stale) put("stale", "1");
  for (const name of EXACT) if (applies(name)) put(name, options[name]);
  return search.toString();
}

function resultOf(method: Method, body: unknown, options: Fields): unknown {
  const { answers } = method;
  if (answers === "nothing") return undefined;
  if (answers === "first") return Array.isArray(body) ? body[0] : body;
  return (typeof answers === "function" ? answers(body, options) : body) || undefined;
}

function named(name: string, error: ConsulError): ConsulError {
  error.message = `consul: ${name}: ${error.message}`;
  return error;
}

/** Watches want the answer's headers as well. */
const shown = (ctx: Context | undefined, response: Response, value: unknown): unknown =>
  ctx?.includeResponse === true ? [response, value] : value;

/** Of a refusal. */
export const responseOf = (error: unknown): Response | undefined => (error as ConsulError).response;
