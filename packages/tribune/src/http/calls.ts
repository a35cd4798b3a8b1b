import type { Answer } from "../endpoints/answer.ts";
import type { Endpoint, LocalBinding } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Clock } from "../lib/runtime.ts";
import type { AnswerSender } from "./answer-sender.ts";
import type { HttpBackend, HttpOptions } from "./backend.ts";
import { BODY_BYTES_MAX, readBody } from "./body.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { type CallTarget, callOptions, type Found } from "./parsed-urls.ts";
import type { AnsweringDependencies } from "./reads.ts";
import { type Refusals, refusedFields } from "./refusals.ts";
import type { RequestTimes } from "./request-times.ts";
import type { Route } from "./router.ts";
import { bodyParameter, parameterValues } from "./target.ts";
import { RequestView } from "./view.ts";

/** What the door looks at in a request for the servers. */
interface AskedOfCache {
  readonly UseCache?: boolean;
}

/** Everything but reads: writes, calls, and what the agent knows by itself. */
export class Calls {
  readonly #backend: HttpBackend;
  readonly #clock: Clock;
  readonly #sender: AnswerSender;
  readonly #refusals: Refusals;
  readonly #times: RequestTimes;

  constructor({ backend, clock, sender, refusals, times }: AnsweringDependencies) {
    this.#backend = backend;
    this.#clock = clock;
    this.#sender = sender;
    this.#refusals = refusals;
    this.#times = times;
  }

  /** An answer that is there at once is sent at once: no promise, no further turn. */
  answer(options: HttpOptions, found: Found, request: HttpRequest, response: HttpResponse): void {
    const { endpoint, route, rest, path, query } = found;
    const view = new RequestView(request, path, query, options, endpoint.contract.kind === "local");
    const pretty = options.alwaysPretty || query.has("pretty");
    const { finish, fail } = this.#ending(route, view.method, pretty, request, response);
    const { contract, binding } = endpoint;
    if (contract.kind === "write") binding.admit?.(view);
    const body = bodyParameter(contract);
    const perform = (bytes: Buffer | undefined): void => {
      try {
        this.#carryOut(endpoint, parameterValues(contract.parameters, rest, view, bytes), view, finish, fail);
      } catch (error) {
        fail(error);
      }
    };
    if (body === undefined) perform(undefined);
    else readBody(request, body.bytesMax ?? BODY_BYTES_MAX, perform, fail);
  }

  /** A call whose URL says all. */
  answerCall(target: CallTarget, request: HttpRequest, response: HttpResponse): void {
    const { finish, fail } = this.#ending(target.route, "GET", target.pretty, request, response, target.endpoint);
    this.#ask(target.endpoint, target.request, target.view, finish, fail);
  }

  /** What becomes of an answer, and of what is thrown where nobody would catch it: in events and promises. */
  #ending(
    route: Route,
    method: string,
    pretty: boolean,
    request: HttpRequest,
    response: HttpResponse,
    asked?: Endpoint,
  ): { readonly finish: (answer: Answer) => void; readonly fail: (error: unknown) => void } {
    const startedMs = this.#clock.nowMs();
    const fail = (error: unknown): void => {
      this.#refusals.send(request, response, error, asked === undefined ? [] : refusedFields(asked, error));
      this.#times.answered(route, method, this.#clock.nowMs() - startedMs, true);
    };
    const finish = (answer: Answer): void => {
      try {
        this.#sender.respond(answer, pretty, request, response);
        this.#times.answered(route, method, this.#clock.nowMs() - startedMs, false);
      } catch (error) {
        fail(error);
      }
    };
    return { finish, fail };
  }

  /** Two callbacks instead of a promise: a promise for each layer is a good part of what a small request costs. */
  #carryOut(
    endpoint: Endpoint,
    values: Record<string, unknown>,
    view: RequestView,
    finish: (answer: Answer) => void,
    fail: (error: unknown) => void,
  ): void {
    const { contract, binding } = endpoint;
    if (contract.kind === "read") throw new TribuneError("internal", "reads do not come here");
    if (contract.kind === "local") {
      const answer = (binding.answer as LocalBinding<unknown>["answer"])(values, view, this.#backend.agent);
      if (answer instanceof Promise) answer.then(finish, fail);
      else finish(answer);
      return;
    }
    const common = contract.kind === "write" ? undefined : callOptions(contract, view);
    this.#ask(endpoint, binding.request(values, view, common), view, finish, fail);
  }

  #ask(
    endpoint: Endpoint,
    asked: AskedOfCache,
    view: RequestView,
    finish: (answer: Answer) => void,
    fail: (error: unknown) => void,
  ): void {
    const { contract, binding } = endpoint;
    const backend = this.#backend;
    if (contract.kind === "read" || contract.kind === "local") throw new TribuneError("internal", "not for here");
    let headers: readonly string[] = [];
    const show = (result: unknown): void => {
      let answer: Answer;
      try {
        answer = binding.show(result, asked, view);
        if (headers.length > 0) answer = withCacheHeaders(answer, headers);
      } catch (error) {
        fail(error);
        return;
      }
      finish(answer);
    };
    let now: unknown;
    try {
      now = contract.kind === "call" ? backend.callNow?.(endpoint, asked) : undefined;
    } catch (error) {
      return fail(error);
    }
    if (now !== undefined) {
      if (now instanceof Promise) now.then(show, fail);
      else show(now);
      return;
    }
    const ask = (): Promise<unknown> => {
      if (contract.kind === "write") return backend.write(endpoint, asked);
      if (contract.cacheable !== true || asked.UseCache !== true || backend.callCached === undefined)
        return backend.call(endpoint, asked);
      return backend.callCached(endpoint, asked).then(({ reply, cacheHit, ageMs }) => {
        headers = [
          "X-Cache",
          cacheHit ? "HIT" : "MISS",
          ...(cacheHit ? ["Age", String(Math.round(ageMs / 1000))] : []),
        ];
        return reply;
      });
    };
    ask().then(show, fail);
  }
}

/** What the cache says holds for this answer alone: it is no longer alike those that others get. */
function withCacheHeaders(answer: Answer, headers: readonly string[]): Answer {
  const own = { ...answer, headers: [...(answer.headers ?? []), ...headers] };
  if (own.kind !== "jsonParts") return own;
  const { alike: _, ...unshared } = own;
  return unshared;
}
