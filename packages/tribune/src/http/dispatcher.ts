import type { Answer } from "../endpoints/answer.ts";
import type { Endpoint } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Clock } from "../lib/runtime.ts";
import { type AnswerSender, redirect, sendPlain } from "./answer-sender.ts";
import type { HttpOptions } from "./backend.ts";
import { BODY_BYTES_MAX, readBody } from "./body.ts";
import type { Calls } from "./calls.ts";
import { encode } from "./encoded.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { callTargetOf, type Found, ParsedUrls, targetOf } from "./parsed-urls.ts";
import { BadEscapeError, pathEscape, percentDecode, QueryString } from "./query-string.ts";
import type { Reads } from "./reads.ts";
import type { Refusals } from "./refusals.ts";
import { logWhenDone } from "./request-log.ts";
import { type Route, Router } from "./router.ts";
import { OutsideApi } from "./site/outside-api.ts";
import { bodyParameter } from "./target.ts";
import { headersMatter, NAMESPACE_HEADER, RequestView, refuseNamespace } from "./view.ts";

/** A request line may name the whole URL (RFC 9112 §3.2.2); what counts is the path. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?]*/i;
/** What Go's `unicode.IsPrint` is not true of; bytes that are no UTF-8 are printed, if not as themselves. */
const UNPRINTABLE = /[^ \p{L}\p{M}\p{N}\p{P}\p{S}\p{Cs}]/u;

const BAD_REQUEST_HEADERS: readonly string[] = ["Connection", "close", "Content-Type", "text/plain; charset=utf-8"];

export interface DispatcherDependencies {
  readonly endpoints: readonly Endpoint[];
  readonly logger: Logger;
  readonly clock: Clock;
  readonly sender: AnswerSender;
  readonly refusals: Refusals;
  readonly reads: Reads;
  readonly calls: Calls;
}

/** From a request to what carries it out: which endpoint it is for, and whether it may be asked at all. */
export class Dispatcher {
  #options: HttpOptions;
  readonly #dependencies: DispatcherDependencies;
  readonly #sender: AnswerSender;
  readonly #refusals: Refusals;
  readonly #reads: Reads;
  readonly #calls: Calls;
  readonly #router: Router;
  readonly #outside: OutsideApi;
  readonly #urls = new ParsedUrls();

  constructor(options: HttpOptions, dependencies: DispatcherDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#sender = dependencies.sender;
    this.#refusals = dependencies.refusals;
    this.#reads = dependencies.reads;
    this.#calls = dependencies.calls;
    this.#router = new Router(dependencies.endpoints);
    this.#outside = new OutsideApi(options.site);
  }

  /** Takes effect for the next request. */
  configure(options: HttpOptions): void {
    this.#options = options;
    this.#outside.configure(options.site);
    this.#urls.clear();
  }

  handle(request: HttpRequest, response: HttpResponse): void {
    const asked = request.url ?? "/";
    const url = asked.startsWith("/") ? asked : asked.replace(ORIGIN, "");
    const { logger, clock } = this.#dependencies;
    if (logger.isListenedTo?.("DEBUG") === true) logWhenDone(request, response, logger, clock);
    // Whatever is thrown, here or for a URL seen before, is this request's failure and nobody else's.
    try {
      const isGet = request.method === "GET" && request.headers[NAMESPACE_HEADER] === undefined;
      const known = isGet ? this.#urls.read(url) : undefined;
      const call = isGet ? this.#urls.call(url) : undefined;
      const found = isGet ? this.#urls.found(url) : undefined;
      if (known !== undefined && !headersMatter(request.headers)) this.#reads.answer(known, request, response);
      else if (call !== undefined && !headersMatter(request.headers)) this.#calls.answerCall(call, request, response);
      else if (found !== undefined) this.#calls.answer(this.#options, found, request, response);
      else this.#dispatch(url, request, response);
    } catch (error) {
      this.#refusals.send(request, response, error);
    }
  }

  #dispatch(url: string, request: HttpRequest, response: HttpResponse): void {
    const mark = url.indexOf("?");
    const rawPath = mark < 0 ? url : url.slice(0, mark);
    let path: string;
    try {
      path = percentDecode(rawPath, false);
    } catch (error) {
      if (error instanceof BadEscapeError) return sendPlain(response, 400, "400 Bad Request", BAD_REQUEST_HEADERS);
      throw error;
    }
    // Such characters in a path have been used to hide keys from tools that print them.
    if (this.#options.unprintablePathFilter && /[^ -~]/.test(path) && UNPRINTABLE.test(path))
      return sendPlain(response, 400, "");
    if (path === "*") return sendPlain(response, request.method === "OPTIONS" ? 200 : 400, "", ["Connection", "close"]);
    const match = this.#router.match(path);
    if (match.kind === "redirect")
      return redirect(request, response, pathEscape(match.path) + (mark < 0 ? "" : url.slice(mark)));
    if (match.kind === "none") {
      const fail = (error: unknown): void => this.#refusals.send(request, response, error);
      return this.#outside.serve(path, this.#options.responseHeaders, request, response, fail);
    }
    this.#endpoint(match.route, match.rest, url, path, mark < 0 ? "" : url.slice(mark + 1), request, response);
  }

  #endpoint(
    route: Route,
    rest: string,
    url: string,
    path: string,
    rawQuery: string,
    request: HttpRequest,
    response: HttpResponse,
  ): void {
    let query: QueryString;
    try {
      query = new QueryString(rawQuery);
    } catch (error) {
      if (error instanceof BadEscapeError)
        return this.#sender.send(response, encode({ kind: "empty", status: 500 }, false), []);
      throw error;
    }
    const { blockEndpoints } = this.#options;
    if (blockEndpoints.length > 0 && blockEndpoints.some((prefix) => path.startsWith(prefix)))
      throw new TribuneError("permissionDenied", "Endpoint is blocked by agent configuration");
    const method = request.method ?? "GET";
    const answersOptions = route.endpoints.has("OPTIONS"); // and names it nowhere else, as in Consul
    const allow = (): string => [...(answersOptions ? [] : ["OPTIONS"]), ...route.methods].join(",");
    if (method === "OPTIONS" && !answersOptions)
      return this.#sender.send(response, encode({ kind: "empty", headers: ["Allow", allow()] }, false), []);
    const candidates = route.endpoints.get(method);
    if (candidates === undefined) {
      const refusal: Answer = {
        kind: "text",
        status: 405,
        text: `method ${method} not allowed`,
        headers: ["Allow", allow()],
      };
      return this.#sender.send(response, encode(refusal, false), [], method === "HEAD");
    }
    const writes = method !== "GET" && method !== "OPTIONS";
    if (writes && !this.#options.allowWriteFrom(request.socket.remoteAddress ?? ""))
      throw new TribuneError("permissionDenied", "Access is restricted");
    const endpoint = candidates.find(
      ({ contract: { when, whenRest } }) =>
        (when === undefined || query.has(when)) && (whenRest === undefined || rest.includes(whenRest)),
    );
    if (endpoint === undefined) throw TribuneError.badRequest(`Missing query parameter for ${route.pattern}`);
    if (endpoint.contract.namespaced === true) refuseNamespace(request.headers, query);
    const found = { endpoint, route, rest, path, query };
    const { contract } = endpoint;
    if (contract.kind === "read") return this.#read(found, url, request, response);
    if (method === "GET" && contract.kind === "call" && contract.queryOptions === true)
      return this.#call(found, url, request, response);
    if (method === "GET") this.#urls.keepFound(url, found);
    this.#calls.answer(this.#options, found, request, response);
  }

  #read(found: Found, url: string, request: HttpRequest, response: HttpResponse): void {
    const view = new RequestView(request, found.path, found.query, this.#options, false);
    const body = bodyParameter(found.endpoint.contract);
    if (body !== undefined) {
      // What a body says is not in the URL, so such a question is not kept by it.
      const fail = (error: unknown): void => this.#refusals.send(request, response, error);
      const ask = (bytes: Uint8Array): void => {
        try {
          this.#reads.answer(targetOf(this.#options, found, view, bytes), request, response);
        } catch (error) {
          fail(error);
        }
      };
      readBody(request, body.bytesMax ?? BODY_BYTES_MAX, ask, fail);
      return;
    }
    const target = targetOf(this.#options, found, view);
    if (saysAll(found, request)) this.#urls.keepRead(url, target);
    this.#reads.answer(target, request, response);
  }

  /** A call whose question is all in its URL: parsed for whoever asks the same. */
  #call(found: Found, url: string, request: HttpRequest, response: HttpResponse): void {
    const view = new RequestView(request, found.path, found.query, this.#options, false);
    const target = callTargetOf(this.#options, found, view);
    if (saysAll(found, request)) this.#urls.keepCall(url, target);
    this.#calls.answerCall(target, request, response);
  }
}

/** Whether the URL is the whole question: nothing of it is in headers or in where the client is. */
function saysAll({ query }: Found, request: HttpRequest): boolean {
  return !headersMatter(request.headers) && query.get("near") !== "_ip";
}
