import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { make } from "@tribune/api";
import type { Answer } from "../endpoints/answer.ts";
import type { Endpoint, LocalBinding } from "../endpoints/binding.ts";
import { formatGoDuration } from "../lib/duration.ts";
import { HTTP_STATUS, TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/runtime.ts";
import { AnswerSender, acceptsGzip, redirect, sendPlain } from "./answer-sender.ts";
import type { HttpBackend, HttpOptions, ReadOutcome } from "./backend.ts";
import { BODY_BYTES_MAX, readBody } from "./body.ts";
import { commonOptions } from "./common-options.ts";
import { Connections, refuseGarbage } from "./connections.ts";
import { type Encoded, encode, encodedBytes } from "./encoded.ts";
import { type Found, ParsedUrls, type Target, targetOf } from "./parsed-urls.ts";
import { gather } from "./pieces.ts";
import { BadEscapeError, percentDecode, QueryString } from "./query-string.ts";
import { RequestTimes } from "./request-times.ts";
import { type Route, Router } from "./router.ts";
import { OutsideApi } from "./site/outside-api.ts";
import { parameterValues } from "./target.ts";
import { headersMatter, RequestView } from "./view.ts";

/** A request line may name the whole URL (RFC 9112 §3.2.2); what counts is the path. */
const ORIGIN = /^https?:\/\/[^/?]*/i;

export interface HttpServerDependencies {
  readonly endpoints: readonly Endpoint[];
  readonly backend: HttpBackend;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/** The HTTP door: parses, asks the agent, renders. It decides nothing that DNS would have to decide again. */
export class HttpServer {
  #options: HttpOptions;
  readonly #dependencies: HttpServerDependencies;
  readonly #router: Router;
  readonly #outside: OutsideApi;
  readonly #servers: Server[] = [];
  readonly #times: RequestTimes;
  readonly #urls = new ParsedUrls();
  readonly #connections: Connections;
  readonly #sender: AnswerSender;

  constructor(options: HttpOptions, dependencies: HttpServerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#router = new Router(dependencies.endpoints);
    this.#outside = new OutsideApi(options.site);
    this.#times = new RequestTimes(dependencies.metrics, {
      nodeName: options.nodeName,
      onlyNewNames: options.onlyNewMetricNames === true,
    });
    this.#connections = new Connections(options.connectionsPerClientMax, dependencies.logger);
    this.#sender = new AnswerSender(dependencies.clock, (response, error) => this.#fail(response, error));
    this.configure(options);
  }

  /** Takes effect for the next request. */
  configure(options: HttpOptions): void {
    this.#options = options;
    this.#outside.configure(options.site);
    this.#urls.clear();
    this.#connections.limit(options.connectionsPerClientMax);
    this.#sender.setCommonHeaders([
      ...options.responseHeaders,
      "Vary",
      "Accept-Encoding",
      ...(options.translateWanAddresses ? ["X-Consul-Translate-Addresses", "true"] : []),
      ...(options.aclDefaultPolicy === "" ? [] : ["X-Consul-Default-Acl-Policy", options.aclDefaultPolicy]),
    ]);
  }

  /**
   * @param where a host and port, or the path of a Unix socket.
   * @param tls certificates for an HTTPS door; plain HTTP without.
   */
  async listen(
    where: { readonly host: string; readonly port: number } | { readonly path: string },
    tls?: TlsOptions,
  ): Promise<AddressInfo | string> {
    const limits = { maxHeaderSize: this.#options.headerBytesMax, keepAliveTimeout: 0, requestTimeout: 0 };
    const server: Server = tls === undefined ? createServer(limits) : createSecureServer({ ...limits, ...tls });
    server.headersTimeout = 60_000; // a client that never finishes its headers is not waited for
    server.on("request", (request, response) => this.#handle(request, response));
    server.on("connection", (socket) => this.#connections.admit(socket));
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseGarbage(error, socket as Socket));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(where, () => {
        server.off("error", reject);
        resolve();
      });
    });
    return server.address() as AddressInfo | string;
  }

  async close(): Promise<void> {
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.#connections.isRefused(request.socket)) return;
    const asked = request.url ?? "/";
    const url = asked.startsWith("/") ? asked : asked.replace(ORIGIN, "").replace(/^(?=\?|$)/, "/");
    if (this.#dependencies.logger.isListenedTo?.("DEBUG") === true) this.#logWhenDone(asked, request, response);
    // Whatever is thrown, here or for a URL seen before, is this request's failure and nobody else's.
    try {
      const isGet = request.method === "GET";
      const known = isGet ? this.#urls.read(url) : undefined;
      const local = isGet ? this.#urls.local(url) : undefined;
      if (known !== undefined && !headersMatter(request.headers)) this.#read(known, request, response);
      else if (local !== undefined) this.#answer(local, request, response);
      else this.#dispatch(url, request, response);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #logWhenDone(url: string, request: IncomingMessage, response: ServerResponse): void {
    const { clock, logger } = this.#dependencies;
    const startedMs = clock.nowMs();
    const from = `${request.socket.remoteAddress ?? ""}:${request.socket.remotePort ?? ""}`;
    response.once("close", () =>
      logger.debug("Request finished", {
        method: request.method,
        url: withoutToken(url),
        from,
        latency: formatGoDuration(Math.round((clock.nowMs() - startedMs) * 1e6)),
      }),
    );
  }

  #dispatch(url: string, request: IncomingMessage, response: ServerResponse): void {
    const mark = url.indexOf("?");
    const rawPath = mark < 0 ? url : url.slice(0, mark);
    let path: string;
    try {
      path = percentDecode(rawPath, false);
    } catch (error) {
      if (error instanceof BadEscapeError) return sendPlain(response, 400, "400 Bad Request", ["Connection", "close"]);
      throw error;
    }
    // Control characters in a path have been used to hide keys from tools that print them.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
    if (this.#options.unprintablePathFilter && /[\u0000-\u001f\u007f]/.test(path)) return sendPlain(response, 400, "");
    const match = this.#router.match(path);
    if (match.kind === "redirect")
      return redirect(request, response, encodeURI(match.path) + (mark < 0 ? "" : url.slice(mark)));
    if (match.kind === "none") {
      const fail = (error: unknown): void => this.#fail(response, error);
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
    request: IncomingMessage,
    response: ServerResponse,
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
    if (endpoint.contract.kind !== "read") {
      const found = { endpoint, route, rest, path, query };
      if (method === "GET" && endpoint.contract.kind === "local") this.#urls.keepLocal(url, found);
      this.#answer(found, request, response);
      return;
    }
    const view = new RequestView(request, path, query, this.#options, false);
    const body = bodyParameter(endpoint.contract);
    if (body !== undefined) {
      // What a body says is not in the URL, so such a question is not kept by it.
      const fail = (error: unknown): void => this.#fail(response, error);
      const ask = (bytes: Uint8Array): void => {
        try {
          this.#read(targetOf(this.#options, endpoint, route, rest, view, query, bytes), request, response);
        } catch (error) {
          fail(error);
        }
      };
      readBody(request, body.bytesMax ?? BODY_BYTES_MAX, ask, fail);
      return;
    }
    const target = targetOf(this.#options, endpoint, route, rest, view, query);
    if (!headersMatter(request.headers) && query.get("near") !== "_ip") {
      this.#urls.keepRead(url, target);
    }
    this.#read(target, request, response);
  }

  /** Everything but reads. An answer that is there at once is sent at once: no promise, no further turn. */
  #answer(found: Found, request: IncomingMessage, response: ServerResponse): void {
    const { endpoint, route, rest, path, query } = found;
    const view = new RequestView(request, path, query, this.#options, endpoint.contract.kind === "local");
    const startedMs = this.#dependencies.clock.nowMs();
    // Called from events and promises, where nobody would catch what is thrown.
    const fail = (error: unknown): void => {
      this.#fail(response, error);
      this.#measure(route, view.method, startedMs, true);
    };
    const finish = (answer: Answer): void => {
      try {
        this.#sender.respond(answer, this.#options.alwaysPretty || query.has("pretty"), request, response);
        this.#measure(route, view.method, startedMs);
      } catch (error) {
        fail(error);
      }
    };
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

  #read(target: Target, request: IncomingMessage, response: ServerResponse): void {
    const { backend, clock } = this.#dependencies;
    const startedMs = clock.nowMs();
    const now = target.minIndex === 0 ? backend.readNow(target) : undefined;
    if (now !== undefined) {
      this.#show(target, now, request, response);
      this.#measure(target.route, "GET", startedMs);
      return;
    }
    let finished = false;
    const cancel = backend.read(target, (outcome) => {
      finished = true;
      this.#deliver(target, outcome, request, response);
      this.#measure(target.route, "GET", startedMs, outcome instanceof Error);
    });
    if (finished) return;
    park(request, target);
    response.on("close", cancel);
  }

  /** Comes from a timer or a write, where nobody would catch what is thrown. */
  #deliver(target: Target, outcome: ReadOutcome | Error, request: IncomingMessage, response: ServerResponse): void {
    try {
      if (outcome instanceof Error) this.#fail(response, outcome);
      else this.#show(target, outcome, request, response);
    } catch (error) {
      this.#fail(response, error);
    }
  }

  #show(target: Target, { answer, meta }: ReadOutcome, request: IncomingMessage, response: ServerResponse): void {
    let shown = answer.shown.get(target.variant) as Encoded | undefined;
    const headers = [
      "X-Consul-Index",
      String(answer.index),
      "X-Consul-Lastcontact",
      String(Math.floor(meta.lastContactMs)),
      "X-Consul-Knownleader",
      meta.knownLeader ? "true" : "false",
      "X-Consul-Query-Backend",
      "blocking-query",
    ];
    if (target.saysConsistency) headers.push("X-Consul-Effective-Consistency", target.consistency);
    if (meta.cacheHit !== undefined) headers.push("X-Cache", meta.cacheHit ? "HIT" : "MISS");
    if (meta.ageMs !== undefined && meta.cacheHit !== false) headers.push("Age", String(Math.round(meta.ageMs / 1000)));
    if (shown === undefined) {
      let rendered: Answer;
      try {
        rendered = target.endpoint.binding.show(answer.reply, target.request, target.view);
      } catch (error) {
        this.#fail(response, error);
        return;
      }
      if (rendered.kind === "stream") {
        this.#sender.stream(rendered, headers, response);
        return;
      }
      if (rendered.kind === "pieces") {
        const gathered = gather(rendered.pieces(target.pretty), this.#dependencies.clock);
        if (!("whole" in gathered)) {
          this.#sender.sendPieces(gathered, rendered.contentType, headers, request, response);
          return;
        }
        shown = encodedBytes(gathered.whole, rendered.contentType);
      } else {
        shown = encode(rendered, target.pretty);
      }
      this.#dependencies.backend.keep(answer, target.variant, shown, shown.body.length + 256);
    }
    this.#sender.sendMaybeCompressed(shown, shown.withoutMeta === true ? [] : headers, request, response);
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
    const { backend } = this.#dependencies;
    if (contract.kind === "read") throw new TribuneError("internal", "reads do not come here");
    if (contract.kind === "local") {
      const answer = (binding.answer as LocalBinding<unknown>["answer"])(values, view, backend.agent);
      if (answer instanceof Promise) answer.then(finish, fail);
      else finish(answer);
      return;
    }
    const writes = contract.kind === "write";
    const asked = binding.request(values, view, writes ? undefined : this.#callOptions(contract, view));
    let headers: readonly string[] = [];
    const ask = (): Promise<unknown> => {
      if (writes) return backend.write(endpoint, asked);
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
    ask().then((result) => {
      let answer: Answer;
      try {
        answer = binding.show(result, asked, view);
        if (answer.kind === "json" && headers.length > 0)
          answer = { ...answer, headers: [...(answer.headers ?? []), ...headers] };
      } catch (error) {
        fail(error);
        return;
      }
      finish(answer);
    }, fail);
  }

  /** What a call's request starts from: the common options where it takes them, else nothing. */
  #callOptions(contract: Endpoint["contract"] & { kind: "call" }, view: RequestView): unknown {
    if (contract.queryOptions !== true) return make(contract.request);
    const { discoveryMaxStaleNs, useCache } = this.#options;
    return commonOptions(contract.request, view, { discoveryMaxStaleNs, useCache });
  }

  #fail(response: ServerResponse, error: unknown): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = error instanceof TribuneError;
    const message = error instanceof Error ? error.message : String(error);
    const status = known ? HTTP_STATUS[error.kind] : 500;
    if (!known)
      this.#dependencies.logger.error("Request error", { error: error instanceof Error ? error.stack : message });
    else if (status >= 500) this.#dependencies.logger.debug("Request error", { error: message });
    this.#sender.send(response, encode({ kind: "text", status, text: message }, false), []);
  }

  #measure(route: Route, method: string, startedMs: number, failed = false): void {
    this.#times.answered(route, method, this.#dependencies.clock.nowMs() - startedMs, failed);
  }
}

const ANY_HEADERS: IncomingHttpHeaders = Object.freeze({});
const GZIP_HEADERS: IncomingHttpHeaders = Object.freeze({ "accept-encoding": "gzip" });
const NO_RAW_HEADERS: string[] = [];

/** Thousands of requests may be held for minutes: of what they said, each keeps only what its answer depends on. */
function park(request: IncomingMessage, target: Target): void {
  request.headers = acceptsGzip(request) ? GZIP_HEADERS : ANY_HEADERS;
  request.rawHeaders = NO_RAW_HEADERS;
  request.url = target.view.path;
}

interface BodyParameter {
  readonly in: string;
  readonly type: string;
  readonly bytesMax?: number;
}

const bodyParameters = new WeakMap<Endpoint["contract"], BodyParameter | null>();

function bodyParameter(contract: Endpoint["contract"]): BodyParameter | undefined {
  let found = bodyParameters.get(contract);
  if (found === undefined) {
    const parameters: readonly BodyParameter[] = Object.values(contract.parameters);
    found = parameters.find((parameter) => parameter.in === "body" && parameter.type !== "stream") ?? null;
    bodyParameters.set(contract, found);
  }
  return found ?? undefined;
}

const TOKEN_PARAMETER = /([?&]token=)[^&]*/g;

/** For the log: a token is a password. */
function withoutToken(url: string): string {
  return url.replace(TOKEN_PARAMETER, "$1<hidden>");
}
