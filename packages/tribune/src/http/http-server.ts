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
import type { Answer, ByteSink } from "../endpoints/answer.ts";
import type { Endpoint, LocalBinding } from "../endpoints/binding.ts";
import { formatGoDuration } from "../lib/duration.ts";
import { HTTP_STATUS, TribuneError } from "../lib/errors.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/runtime.ts";
import { questionKey } from "../server/question-key.ts";
import type { HttpBackend, HttpOptions, ReadCall, ReadOutcome } from "./backend.ts";
import { BODY_BYTES_MAX, readBody } from "./body.ts";
import { commonOptions } from "./common-options.ts";
import { bodyText, compressed, type Encoded, encode, encodedBytes, GZIP_BYTES_MIN } from "./encoded.ts";
import { type Gathered, gather, pump } from "./pieces.ts";
import { BadEscapeError, percentDecode, QueryString } from "./query-string.ts";
import { type Route, Router } from "./router.ts";
import { parameterValues } from "./target.ts";
import { headersMatter, RequestView } from "./view.ts";
import { serveWebPage } from "./web-page.ts";

/** A read whose URL was parsed before: everything but the freshness of its answer is known. */
interface Target extends ReadCall {
  readonly view: RequestView;
  /** Names the encoded form: equal answers are shown differently to different URLs. */
  readonly variant: string;
  readonly pretty: boolean;
  readonly saysConsistency: boolean;
  readonly route: Route;
}

/** A URL that was parsed before, of a GET that the agent answers by itself. */
interface Found {
  readonly endpoint: Endpoint;
  readonly route: Route;
  readonly rest: string;
  readonly path: string;
  readonly query: QueryString;
}

/** URLs whose parsed form is kept. */
const TARGETS_MAX = 4096;
/**
 * The same for blocking ones. They change with each poll, but thousands may wait with one URL: these then share
 * one parsed form instead of holding one each.
 */
const BLOCKING_TARGETS_MAX = 256;
/** Longer ones are not kept: a million characters are allowed, and thousands of such URLs would fill the memory. */
const KEPT_CHARS_MAX = 4096;
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
  readonly #servers: Server[] = [];
  readonly #targets = new Map<string, Target>();
  readonly #blockingTargets = new Map<string, Target>();
  readonly #locals = new Map<string, Found>();
  readonly #connections = new Map<string, number>();
  /** Told that there are too many of them: nothing they have asked for is done. */
  readonly #refused = new WeakSet<Socket>();
  #commonHeaders: readonly string[] = [];

  constructor(options: HttpOptions, dependencies: HttpServerDependencies) {
    this.#options = options;
    this.#dependencies = dependencies;
    this.#router = new Router(dependencies.endpoints);
    this.configure(options);
  }

  /** Takes effect for the next request. */
  configure(options: HttpOptions): void {
    this.#options = options;
    this.#targets.clear();
    this.#blockingTargets.clear();
    this.#locals.clear();
    this.#commonHeaders = [
      ...options.responseHeaders,
      "Vary",
      "Accept-Encoding",
      ...(options.translateWanAddresses ? ["X-Consul-Translate-Addresses", "true"] : []),
      ...(options.aclDefaultPolicy === "" ? [] : ["X-Consul-Default-Acl-Policy", options.aclDefaultPolicy]),
    ];
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
    server.on("connection", (socket) => this.#admit(socket));
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

  /** `limits.http_max_conns_per_client`: one more connection is told so and closed. */
  #admit(socket: Socket): void {
    const client = socket.remoteAddress ?? "";
    const open = this.#connections.get(client) ?? 0;
    if (open >= this.#options.connectionsPerClientMax) {
      this.#refused.add(socket);
      refuse(socket, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      this.#dependencies.logger.warn("Too many connections from one client; raise limits.http_max_conns_per_client", {
        client,
        limit: this.#options.connectionsPerClientMax,
      });
      return;
    }
    this.#connections.set(client, open + 1);
    socket.once("close", () => {
      const left = (this.#connections.get(client) ?? 1) - 1;
      if (left === 0) this.#connections.delete(client);
      else this.#connections.set(client, left);
    });
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    if (this.#refused.has(request.socket)) return;
    const asked = request.url ?? "/";
    const url = asked.startsWith("/") ? asked : asked.replace(ORIGIN, "").replace(/^(?=\?|$)/, "/");
    if (this.#dependencies.logger.isListenedTo?.("DEBUG") === true) this.#logWhenDone(asked, request, response);
    // Whatever is thrown, here or for a URL seen before, is this request's failure and nobody else's.
    try {
      const isGet = request.method === "GET";
      const known = isGet ? (this.#targets.get(url) ?? this.#blockingTargets.get(url)) : undefined;
      const local = isGet ? this.#locals.get(url) : undefined;
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
    if (match.kind === "none") return serveWebPage(path, this.#options, request, response);
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
        return this.#send(response, encode({ kind: "empty", status: 500 }, false), []);
      throw error;
    }
    const { blockEndpoints } = this.#options;
    if (blockEndpoints.length > 0 && blockEndpoints.some((prefix) => path.startsWith(prefix)))
      throw new TribuneError("permissionDenied", "Endpoint is blocked by agent configuration");
    const method = request.method ?? "GET";
    const answersOptions = route.endpoints.has("OPTIONS"); // and names it nowhere else, as in Consul
    const allow = (): string => [...(answersOptions ? [] : ["OPTIONS"]), ...route.methods].join(",");
    if (method === "OPTIONS" && !answersOptions)
      return this.#send(response, encode({ kind: "empty", headers: ["Allow", allow()] }, false), []);
    const candidates = route.endpoints.get(method);
    if (candidates === undefined) {
      const refusal: Answer = {
        kind: "text",
        status: 405,
        text: `method ${method} not allowed`,
        headers: ["Allow", allow()],
      };
      return this.#send(response, encode(refusal, false), [], method === "HEAD");
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
      if (method === "GET" && endpoint.contract.kind === "local") keepNewest(this.#locals, TARGETS_MAX, url, found);
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
          this.#read(this.#target(endpoint, route, rest, view, query, bytes), request, response);
        } catch (error) {
          fail(error);
        }
      };
      readBody(request, body.bytesMax ?? BODY_BYTES_MAX, ask, fail);
      return;
    }
    const target = this.#target(endpoint, route, rest, view, query);
    if (!headersMatter(request.headers) && query.get("near") !== "_ip") {
      if (target.minIndex === 0) keepNewest(this.#targets, TARGETS_MAX, url, target);
      else keepNewest(this.#blockingTargets, BLOCKING_TARGETS_MAX, url, target);
    }
    this.#read(target, request, response);
  }

  /** Everything but reads. An answer that is there at once is sent at once: no promise, no further turn. */
  #answer(found: Found, request: IncomingMessage, response: ServerResponse): void {
    const { endpoint, route, rest, path, query } = found;
    const view = new RequestView(request, path, query, this.#options, endpoint.contract.kind === "local");
    const startedMs = this.#dependencies.clock.nowMs();
    // Called from events and promises, where nobody would catch what is thrown.
    const fail = (error: unknown): void => this.#fail(response, error);
    const finish = (answer: Answer): void => {
      try {
        this.#respond(answer, this.#options.alwaysPretty || query.has("pretty"), request, response);
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

  #target(
    endpoint: Endpoint,
    route: Route,
    rest: string,
    view: RequestView,
    query: QueryString,
    body?: Uint8Array,
  ): Target {
    const { contract, binding } = endpoint;
    if (contract.kind !== "read") throw new TribuneError("internal", "not a read");
    const common = commonOptions(contract.request, view, {
      discoveryMaxStaleNs: this.#options.discoveryMaxStaleNs,
      useCache: this.#options.useCache,
    });
    const values = parameterValues(contract.parameters, rest, view, body);
    const asked = binding.request(values, view, common);
    const pretty = this.#options.alwaysPretty || query.has("pretty");
    return {
      endpoint,
      route,
      view,
      key: questionKey(endpoint, asked),
      request: asked,
      minIndex: contract.blocking ? (asked.MinQueryIndex ?? 0) : 0,
      waitMs: (asked.MaxQueryTime ?? 0) / 1e6,
      consistency: asked.RequireConsistent === true ? "consistent" : asked.AllowStale === true ? "stale" : "leader",
      datacenter: asked.Datacenter ?? this.#options.datacenter,
      variant: variantOf(query, pretty),
      pretty,
      cached: asked.UseCache === true && contract.cacheable === true,
      saysConsistency: contract.saysConsistency === true,
    };
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
      this.#measure(target.route, "GET", startedMs);
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
        this.#stream(rendered, headers, response);
        return;
      }
      if (rendered.kind === "pieces") {
        const gathered = gather(rendered.pieces(target.pretty), this.#dependencies.clock);
        if (!("whole" in gathered)) {
          this.#sendPieces(gathered, rendered.contentType, headers, request, response);
          return;
        }
        shown = encodedBytes(gathered.whole, rendered.contentType);
      } else {
        shown = encode(rendered, target.pretty);
      }
      this.#dependencies.backend.keep(answer, target.variant, shown, shown.body.length + 256);
    }
    this.#sendMaybeCompressed(shown, shown.withoutMeta === true ? [] : headers, request, response);
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

  #respond(answer: Answer, pretty: boolean, request: IncomingMessage, response: ServerResponse): void {
    if (answer.kind === "stream") return this.#stream(answer, [], response);
    if (answer.kind !== "pieces") return this.#sendMaybeCompressed(encode(answer, pretty), [], request, response);
    const { contentType, pieces } = answer;
    const gathered = gather(pieces(pretty), this.#dependencies.clock);
    if (!("whole" in gathered)) return this.#sendPieces(gathered, contentType, [], request, response);
    this.#sendMaybeCompressed(encodedBytes(gathered.whole, contentType), [], request, response);
  }

  #sendMaybeCompressed(
    encoded: Encoded,
    headers: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (encoded.body.length < GZIP_BYTES_MIN || !acceptsGzip(request)) return this.#send(response, encoded, headers);
    const form = compressed(encoded);
    if (form instanceof Promise)
      form.then((ready) => this.#send(response, ready, headers)).catch((error: unknown) => this.#fail(response, error));
    else this.#send(response, form, headers);
  }

  #send(response: ServerResponse, encoded: Encoded, headers: readonly string[], withoutBody = false): void {
    if (response.destroyed) return;
    const all = [...this.#commonHeaders, ...encoded.headers, ...headers, "Content-Length", String(encoded.body.length)];
    response.writeHead(encoded.status, all);
    const text = withoutBody ? "" : bodyText(encoded);
    if (text === undefined) response.end(encoded.body);
    else response.end(text, "latin1");
  }

  /** A body too long to be kept: it has no length in front, and is compressed on the way. */
  #sendPieces(
    gathered: Extract<Gathered, { first: unknown }>,
    contentType: string,
    headers: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const gzipped = acceptsGzip(request);
    const encoding = gzipped ? ["Content-Encoding", "gzip"] : [];
    response.writeHead(200, [...this.#commonHeaders, "Content-Type", contentType, ...encoding, ...headers]);
    pump(gathered, response, gzipped, this.#dependencies.clock);
  }

  #stream(answer: Extract<Answer, { kind: "stream" }>, headers: readonly string[], response: ServerResponse): void {
    response.writeHead(200, [
      ...this.#commonHeaders,
      ...(answer.contentType === undefined ? [] : ["Content-Type", answer.contentType]),
      ...(answer.headers ?? []),
      ...headers,
    ]);
    const sink: ByteSink = {
      write: (chunk) => response.write(chunk),
      end: () => response.end(),
      abort: () => response.destroy(),
      drained: () => {},
      closed: () => {},
    };
    response.on("drain", () => sink.drained());
    response.on("close", () => sink.closed());
    response.flushHeaders();
    answer.start(sink);
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
    this.#send(response, encode({ kind: "text", status, text: message }, false), []);
  }

  readonly #labels = new Map<Route, Map<string, readonly (readonly [string, string])[]>>();

  #measure(route: Route, method: string, startedMs: number): void {
    let ofRoute = this.#labels.get(route);
    if (ofRoute === undefined) {
      ofRoute = new Map();
      this.#labels.set(route, ofRoute);
    }
    let labels = ofRoute.get(method);
    if (labels === undefined) {
      labels = [
        ["method", method],
        ["path", route.pattern.slice(1).replaceAll("/", "_")],
      ];
      ofRoute.set(method, labels);
    }
    const { metrics, clock } = this.#dependencies;
    metrics.sample("api.http", clock.nowMs() - startedMs, labels);
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

function acceptsGzip(request: IncomingMessage): boolean {
  return (request.headers["accept-encoding"] ?? "").includes("gzip");
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

/** Adds to a map of bounded size; the oldest goes. */
function keepNewest<V>(map: Map<string, V>, max: number, key: string, value: V): void {
  if (key.length > KEPT_CHARS_MAX) return;
  if (map.size >= max) map.delete(map.keys().next().value as string);
  map.set(key, value);
}

/** What of the query changes how an answer is shown, not what it is. */
function variantOf(query: QueryString, pretty: boolean): string {
  const shown = ["raw", "passing", "pem", "segment", "separator", "format"]
    .filter((name) => query.has(name))
    .map((name) => `${name}=${query.get(name)}`);
  return `${pretty ? "pretty" : ""}&${shown.join("&")}`;
}

function sendPlain(response: ServerResponse, status: number, body: string, headers: readonly string[] = []): void {
  response.writeHead(status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  response.end(body);
}

/** As Go's `http.Redirect` answers; only GET and HEAD get the little page. */
function redirect(request: IncomingMessage, response: ServerResponse, location: string): void {
  const page = request.method === "GET" || request.method === "HEAD";
  const escaped = location
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&#34;");
  const body = page ? `<a href="${escaped}">Moved Permanently</a>.\n\n` : "";
  const headers = ["Location", location, ...(page ? ["Content-Type", "text/html; charset=utf-8"] : [])];
  request.resume();
  sendPlain(response, 301, request.method === "HEAD" ? "" : body, headers);
}

/** Bytes that are no HTTP: answer if that is still possible, and close. */
function refuseGarbage(error: NodeJS.ErrnoException, socket: Socket): void {
  if (!socket.writable || error.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLarge = error.code === "HPE_HEADER_OVERFLOW";
  const status = tooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request";
  refuse(
    socket,
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ${status.length}\r\n\r\n${status}`,
  );
}

/** How long a refused client may take to read why. */
const LINGER_MS = 1000;

/**
 * Says the last word on a connection. Closing at once could take the answer back from a client that is still
 * sending; one that never closes its side must not keep the connection for ever.
 */
function refuse(socket: Socket, answer: string): void {
  socket.end(answer);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
