/** The calls of the client, one for each contract, derived from it. Runs wherever `fetch` does. */
import {
  ALL_CONTRACTS,
  ANSWERS,
  type AnswerName,
  type AnswerOf,
  type ArgumentsOf,
  fromJson,
  type Parameters,
  parseGoDuration,
  type Schema,
} from "@tribune/api";
import { CallPlan, type Given, NO_OPTIONS } from "./call-plan.ts";
import { Deadlines } from "./deadlines.ts";
import { AnswerError, RequestError, ResponseError } from "./errors.ts";
import { isTransient } from "./failures.ts";
import { parseJson } from "./json-text.ts";
import { Addresses, type RetryOptions, type RetryPolicy, retryInMs, retryPolicy } from "./retry.ts";
import { all, fetchSend, NO_HEADERS, type Send, textOf, type WireRequest, type WireResponse } from "./send.ts";
import { delay, follow, type Surroundings, theWorld, unlessAborted } from "./surroundings.ts";

export interface ContractClientOptions {
  /**
   * Base URL of the agent. Default `http://127.0.0.1:8500`. Several are tried in turn when one does not answer; calls
   * about the agent itself (`/v1/agent`, events) only go to the first.
   */
  readonly url?: string | readonly string[];
  readonly token?: string;
  /** Default of `dc` for every call. */
  readonly datacenter?: string;
  /** Another way for requests to travel than `fetch`; see `nodeSend` for Unix sockets and client certificates. */
  readonly send?: Send | readonly Send[];
  /** How failed calls are repeated; `false`: never. */
  readonly retry?: RetryOptions | false;
  /** How long to wait for an answer, besides what the call itself waits. Default 30 s; 0: for ever. */
  readonly timeoutMs?: number;
  readonly world?: Surroundings;
}

/** What a call may say besides its endpoint's own parameters. One that the endpoint does not honour is not sent. */
export interface CallOptions {
  readonly dc?: string | undefined;
  /** Wait until the answer is newer than this `index`. */
  readonly index?: number | bigint | undefined;
  /** A Go duration, such as `30s`: how long to wait at the most. */
  readonly wait?: string | undefined;
  /** Let any server answer. */
  readonly stale?: boolean | undefined;
  readonly consistent?: boolean | undefined;
  readonly maxStale?: string | undefined;
  readonly cached?: boolean | undefined;
  readonly token?: string | undefined;
  readonly signal?: AbortSignal | undefined;
  /** `false`: try once. `"always"`: repeat it although it may have been carried out already. */
  readonly retry?: false | "always" | undefined;
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

/** One method for each contract; `kvGet({ key: "a" })`. They reject with `ResponseError`, `RequestError`, `AnswerError`. */
export type ContractClient = { readonly [K in keyof typeof ALL_CONTRACTS]: Method<(typeof ALL_CONTRACTS)[K]> };

export function contractClient(options: ContractClientOptions = {}): ContractClient {
  const caller = new Caller(options);
  const methods: Record<string, unknown> = {};
  for (const [name, contract] of Object.entries(ALL_CONTRACTS)) {
    const plan = new CallPlan(name, contract);
    methods[name] = (given: Given = NOTHING, call: CallOptions = NO_OPTIONS) => caller.perform(plan, given, call);
  }
  return methods as ContractClient;
}

const NOTHING = {};
const TIMEOUT_MS = 30_000;
/** What a server waits when the call does not say how long. */
const WAIT_MS = 300_000;

class Caller {
  readonly #addresses: Addresses;
  readonly #token: string | undefined;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #datacenter: string | undefined;
  readonly #policy: RetryPolicy;
  readonly #timeoutMs: number;
  /** Of calls that wait for nothing, and that nobody can abort. */
  readonly #deadlines: Deadlines;
  readonly #world: Surroundings;

  constructor({ url, token, datacenter, send, retry, timeoutMs, world }: ContractClientOptions) {
    const urls = typeof url === "string" ? [url] : (url ?? ["http://127.0.0.1:8500"]);
    const sends = typeof send === "function" ? [send] : (send ?? urls.map((base) => fetchSend(base)));
    const [first, ...others] = sends;
    if (first === undefined) throw new TypeError("A client needs an address");
    this.#addresses = new Addresses([first, ...others]);
    this.#token = token;
    this.#headers = headersOf(token);
    this.#datacenter = datacenter;
    this.#policy = retryPolicy(retry);
    this.#timeoutMs = timeoutMs ?? TIMEOUT_MS;
    this.#world = world ?? theWorld;
    this.#deadlines = new Deadlines(this.#world, this.#timeoutMs);
  }

  async perform(plan: CallPlan, given: Given, call: CallOptions): Promise<Answer<unknown>> {
    const { signal } = call;
    signal?.throwIfAborted();
    const { method } = plan;
    const target = plan.target(given, call as Given, this.#datacenter);
    const headers = call.token === undefined || call.token === this.#token ? this.#headers : headersOf(call.token);
    const body = plan.body(given);
    const request = body === undefined ? { method, target, headers } : { method, target, headers, body };
    for (let tried = 1; ; tried++) {
      const { place, send } = this.#addresses.choose(plan.ofAgent);
      try {
        return await this.#once(plan, request, call, send);
      } catch (error) {
        signal?.throwIfAborted();
        if (isTransient(error)) this.#addresses.failed(place);
        const elsewhere = !plan.ofAgent && tried % this.#addresses.count !== 0;
        const pauseMs = this.#mayRepeat(plan, given, call)
          ? retryInMs(
              error,
              tried,
              this.#isIdempotent(plan, given, call),
              this.#policy,
              elsewhere,
              this.#world.random(),
            )
          : undefined;
        if (pauseMs === undefined) throw error;
        if (pauseMs > 0) await delay(this.#world, pauseMs, signal);
      }
    }
  }

  #mayRepeat(plan: CallPlan, given: Given, call: CallOptions): boolean {
    // A stream can be read once.
    return call.retry !== false && !Object.values(given).some(isStream) && plan.contract.answers !== "Log";
  }

  #isIdempotent(plan: CallPlan, given: Given, call: CallOptions): boolean {
    return call.retry === "always" || plan.isIdempotent(given);
  }

  #once(plan: CallPlan, request: WireRequest, call: CallOptions, send: Send): Promise<Answer<unknown>> {
    const mayEnd = call.signal !== undefined || call.index !== undefined || call.wait !== undefined;
    if (mayEnd || ANSWERS[plan.contract.answers].body === "stream") return this.#abortable(plan, request, call, send);
    const answer = receive(plan, request, send(request));
    return this.#timeoutMs === 0 ? answer : this.#within(request, answer);
  }

  async #abortable(plan: CallPlan, request: WireRequest, call: CallOptions, send: Send): Promise<Answer<unknown>> {
    const limitMs = this.#limitMs(plan, call);
    const { controller, release } = follow(call.signal);
    const cancel = limitMs === 0 ? () => {} : this.#world.after(limitMs, () => controller.abort(new Overdue(limitMs)));
    let ends = true;
    try {
      const { signal } = controller;
      const answer = await unlessAborted(signal, receive(plan, request, send({ ...request, signal })));
      if (ANSWERS[plan.contract.answers].body !== "stream") return answer;
      // What is read in its own time is still aborted by the caller's signal, but no longer by the clock.
      ends = false;
      return { ...answer, value: following(request, answer.value as AsyncIterable<Uint8Array>, signal, release) };
    } catch (error) {
      const { reason } = controller.signal;
      throw reason instanceof Overdue ? overdue(request, reason) : error;
    } finally {
      cancel();
      if (ends) release();
    }
  }

  /**
   * A signal costs a fetch of Node's a fifth of its time, so that calls which nobody can abort do without. The connection
   * of one that is overdue stays until the agent or the system ends it.
   */
  #within<T>(request: WireRequest, answer: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      const deadline = this.#deadlines.start(() => reject(overdue(request, new Overdue(this.#timeoutMs))));
      answer.then(
        (value) => {
          this.#deadlines.met(deadline);
          resolve(value);
        },
        (error) => {
          this.#deadlines.met(deadline);
          reject(error);
        },
      );
    });
  }

  #limitMs({ waits }: CallPlan, { index, wait }: CallOptions): number {
    if (this.#timeoutMs === 0 || !waits || (index === undefined && wait === undefined)) return this.#timeoutMs;
    const waitMs = wait === undefined ? WAIT_MS : (parseGoDuration(wait) ?? 0) / 1e6;
    // A server adds up to a sixteenth by chance, so that those who wait do not come back together.
    return waitMs + waitMs / 16 + this.#timeoutMs;
  }
}

/** A body that is read in its own time, and no longer follows anybody's signal once it is. */
async function* following(
  request: WireRequest,
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
  release: () => void,
): AsyncIterable<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw signal.aborted ? cause : cutShort(request, cause);
  } finally {
    release();
  }
}

class Overdue extends Error {
  constructor(limitMs: number) {
    super(`no answer within ${Math.round(limitMs)} ms`);
  }
}

const headersOf = (token: string | undefined): Readonly<Record<string, string>> =>
  token === undefined ? NO_HEADERS : { "X-Consul-Token": token };
const overdue = (request: WireRequest, { message }: Overdue): RequestError =>
  new RequestError(`${nameOf(request)}: ${message}`);
const nameOf = ({ method, target }: WireRequest): string => `${method} ${target}`;
const isStream = (value: unknown): boolean =>
  typeof value === "object" && value !== null && Symbol.asyncIterator in value;

async function receive(plan: CallPlan, request: WireRequest, sent: Promise<WireResponse>): Promise<Answer<unknown>> {
  const response = await sent;
  const { status } = response;
  const { answers, statuses } = plan.contract;
  if (status !== 200 && statuses?.[status] === undefined) throw await refusal(request, response);
  const form = ANSWERS[answers];
  if (form.body === "stream") return answerOf(plan, response, response.body);
  if (form.body === "bytes") {
    const bytes = await reading(request, all(response.body));
    if (status === 200) return answerOf(plan, response, bytes);
    // An agent says nothing more of what is not there; somebody on the way does.
    if (bytes.length > 0) throw new ResponseError(status, new TextDecoder().decode(bytes));
    return answerOf(plan, response, null);
  }
  let text: string;
  try {
    text = await textOf(response);
  } catch (cause) {
    throw cutShort(request, cause);
  }
  if (form.body !== "none") return answerOf(plan, response, text === "" ? null : decoded(request, text, form.schema));
  if (PAGE.test(text)) throw noAnswer(request, "is a page, not an agent's");
  return answerOf(plan, response, null);
}

/** Headers are only looked for where there may be one: each look costs half a microsecond. */
function answerOf(plan: CallPlan, response: WireResponse, value: unknown): Answer<unknown> {
  return {
    value,
    status: response.status,
    index: whole(response.header("x-consul-index")),
    knownLeader: truth(response.header("x-consul-knownleader")),
    lastContactMs: asNumber(whole(response.header("x-consul-lastcontact"))),
    consistency: plan.mayHaveConsistency ? response.header("x-consul-effective-consistency") : undefined,
    cache: plan.mayBeCached ? response.header("x-cache") : undefined,
    contentHash: plan.mayHaveHash ? response.header("x-consul-contenthash") : undefined,
  };
}

async function refusal(request: WireRequest, response: WireResponse): Promise<ResponseError> {
  const seconds = Number(response.header("retry-after"));
  const body = await reading(request, textOf(response));
  return new ResponseError(response.status, body, true, seconds > 0 ? seconds * 1_000 : undefined);
}

/** An answer that is cut short is none. */
function reading<T>(request: WireRequest, body: Promise<T>): Promise<T> {
  return body.catch((cause: unknown) => {
    throw cutShort(request, cause);
  });
}

const cutShort = (request: WireRequest, cause: unknown): RequestError =>
  new RequestError(`${nameOf(request)}: ${(cause as Error).message}`, { cause });

/** Such as the login page of a proxy, which comes with a 200 as well. */
const PAGE = /^\s*</;

/** What somebody on the way says, such as a proxy's page, is no answer of an agent. */
function decoded<T>(request: WireRequest, text: string, schema: Schema<T>): T {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw noAnswer(request, "is no JSON", cause);
  }
  try {
    return fromJson(schema, value);
  } catch (cause) {
    throw new AnswerError(`${nameOf(request)}: the answer is of another form: ${(cause as Error).message}`, { cause });
  }
}

const noAnswer = (request: WireRequest, why: string, cause?: unknown): RequestError =>
  new RequestError(`${nameOf(request)}: the answer ${why}`, { cause });

function whole(raw: string | undefined): number | bigint | undefined {
  if (raw === undefined) return undefined;
  const number = Number(raw);
  // As nearly all are written; no expression has to look at these.
  if (number >= 0 && Number.isSafeInteger(number) && String(number) === raw) return number;
  if (!/^\d+$/.test(raw)) return undefined;
  return Number.isSafeInteger(number) ? number : BigInt(raw);
}

const truth = (raw: string | undefined): boolean | undefined => (raw === undefined ? undefined : raw === "true");
const asNumber = (value: number | bigint | undefined): number | undefined =>
  value === undefined ? undefined : Number(value);
