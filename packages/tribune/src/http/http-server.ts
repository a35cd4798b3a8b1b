import { createServer, type IncomingHttpHeaders, type Server } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { make } from "@tribune/api";
import type { Answer } from "../endpoints/answer.ts";
import type { Endpoint, LocalBinding } from "../endpoints/binding.ts";
import { commonOptions } from "../endpoints/common-options.ts";
import { formatGoDuration } from "../lib/duration.ts";
import { HTTP_STATUS, TribuneError } from "../lib/errors.ts";
import { listenError } from "../lib/listen-error.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/runtime.ts";
import { hostPort } from "../server/identity.ts";
import { AnswerSender, acceptsGzip, redirect, sendPlain } from "./answer-sender.ts";
import type { HttpBackend, HttpOptions, ReadOutcome } from "./backend.ts";
import { BODY_BYTES_MAX, readBody } from "./body.ts";
import { Connections, refuseGarbage } from "./connections.ts";
import { type Encoded, encode, encodedBytes, heldBytes } from "./encoded.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { type CallTarget, type Found, ParsedUrls, type Target, targetOf } from "./parsed-urls.ts";
import { gather, type Keeper, LONG_BYTES_MAX, LongBody, WHOLE_BYTES_MAX } from "./pieces.ts";
import { DateLine } from "./plain/head-text.ts";
import { PlainDoor } from "./plain/plain-door.ts";
import { BadEscapeError, pathEscape, percentDecode, QueryString } from "./query-string.ts";
import { REFUSED_FIELDS, type ReadHead, readFields } from "./read-head.ts";
import { RequestTimes } from "./request-times.ts";
import { type Route, Router } from "./router.ts";
import { OutsideApi } from "./site/outside-api.ts";
import { parameterValues } from "./target.ts";
import { headersMatter, NAMESPACE_HEADER, RequestView, refuseNamespace } from "./view.ts";

/** A request line may name the whole URL (RFC 9112 §3.2.2); what counts is the path. */
const ORIGIN = /^[a-z][a-z\d+.-]*:\/\/[^/?]*/i;
/** What Go's `unicode.IsPrint` is not true of; bytes that are no UTF-8 are printed, if not as themselves. */
const UNPRINTABLE = /[^ \p{L}\p{M}\p{N}\p{P}\p{S}\p{Cs}]/u;

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
  readonly #plainDoors: PlainDoor[] = [];
  readonly #dates: DateLine;
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
    this.#dates = new DateLine(dependencies.clock);
    this.#sender = new AnswerSender(dependencies.clock, this.#dates, (response, error) =>
      this.#fail(undefined, response, error),
    );
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
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseGarbage(error, socket as Socket));
    const handle = (request: HttpRequest, response: HttpResponse): void => this.#handle(request, response);
    const plain = { secure: tls !== undefined, headerBytesMax: this.#options.headerBytesMax };
    this.#plainDoors.push(new PlainDoor(server, plain, { connections: this.#connections, dates: this.#dates, handle }));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject("path" in where ? error : listenError("tcp", where.host, where.port, error));
      server.once("error", refuse);
      server.listen(where, () => {
        server.off("error", refuse);
        resolve();
      });
    });
    return server.address() as AddressInfo | string;
  }

  /** For connections to come; whether clients must show a certificate stays as it was. @throws Error */
  renewCertificates({ requestCert: _, rejectUnauthorized: __, ...certificates }: TlsOptions): void {
    for (const server of this.#servers) if (server instanceof SecureServer) server.setSecureContext(certificates);
  }

  async close(): Promise<void> {
    for (const door of this.#plainDoors) door.close();
    await Promise.all(
      this.#servers.map((server) => {
        const closed = new Promise<void>((resolve) => server.close(() => resolve()));
        server.closeAllConnections();
        return closed;
      }),
    );
  }

  #handle(request: HttpRequest, response: HttpResponse): void {
    if (this.#connections.isRefused(request.socket)) return;
    const asked = request.url ?? "/";
    const url = asked.startsWith("/") ? asked : asked.replace(ORIGIN, "");
    if (this.#dependencies.logger.isListenedTo?.("DEBUG") === true) this.#logWhenDone(request, response);
    // Whatever is thrown, here or for a URL seen before, is this request's failure and nobody else's.
    try {
      const isGet = request.method === "GET" && request.headers[NAMESPACE_HEADER] === undefined;
      const known = isGet ? this.#urls.read(url) : undefined;
      const call = isGet ? this.#urls.call(url) : undefined;
      const found = isGet ? this.#urls.found(url) : undefined;
      if (known !== undefined && !headersMatter(request.headers)) this.#read(known, request, response);
      else if (call !== undefined && !headersMatter(request.headers)) this.#call(call, request, response);
      else if (found !== undefined) this.#answer(found, request, response);
      else this.#dispatch(url, request, response);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #logWhenDone(request: HttpRequest, response: HttpResponse): void {
    const { clock, logger } = this.#dependencies;
    const startedMs = clock.nowMs();
    const asked = logged(request); // now: the socket's address is gone once it is closed
    response.on("close", () =>
      logger.debug("Request finished", {
        ...asked,
        latency: formatGoDuration(Math.round((clock.nowMs() - startedMs) * 1e6)),
      }),
    );
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
      const fail = (error: unknown): void => this.#fail(request, response, error);
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
    if (endpoint.contract.kind !== "read") {
      const found = { endpoint, route, rest, path, query };
      if (method === "GET" && endpoint.contract.kind === "call" && endpoint.contract.queryOptions === true)
        return this.#call(this.#callTarget(found, url, request), request, response);
      if (method === "GET") this.#urls.keepFound(url, found);
      this.#answer(found, request, response);
      return;
    }
    const view = new RequestView(request, path, query, this.#options, false);
    const body = bodyParameter(endpoint.contract);
    if (body !== undefined) {
      // What a body says is not in the URL, so such a question is not kept by it.
      const fail = (error: unknown): void => this.#fail(request, response, error);
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
  #answer(found: Found, request: HttpRequest, response: HttpResponse): void {
    const { endpoint, route, rest, path, query } = found;
    const view = new RequestView(request, path, query, this.#options, endpoint.contract.kind === "local");
    const pretty = this.#options.alwaysPretty || query.has("pretty");
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

  /** Its question is all in its URL, and so parsed for whoever asks the same. */
  #callTarget({ endpoint, route, rest, path, query }: Found, url: string, request: HttpRequest): CallTarget {
    const { contract, binding } = endpoint;
    if (contract.kind !== "call") throw new TribuneError("internal", "not a call");
    const view = new RequestView(request, path, query, this.#options, false);
    const values = parameterValues(contract.parameters, rest, view, undefined);
    const asked = binding.request(values, view, this.#callOptions(contract, view));
    const pretty = this.#options.alwaysPretty || query.has("pretty");
    const target: CallTarget = { endpoint, route, view, request: asked, pretty };
    if (!headersMatter(request.headers) && query.get("near") !== "_ip") this.#urls.keepCall(url, target);
    return target;
  }

  #call(target: CallTarget, request: HttpRequest, response: HttpResponse): void {
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
    const startedMs = this.#dependencies.clock.nowMs();
    const fail = (error: unknown): void => {
      this.#fail(request, response, error, asked === undefined ? [] : refusedFields(asked, error));
      this.#measure(route, method, startedMs, true);
    };
    const finish = (answer: Answer): void => {
      try {
        this.#sender.respond(answer, pretty, request, response);
        this.#measure(route, method, startedMs);
      } catch (error) {
        fail(error);
      }
    };
    return { finish, fail };
  }

  #read(target: Target, request: HttpRequest, response: HttpResponse): void {
    const { backend, clock } = this.#dependencies;
    const startedMs = clock.nowMs();
    let now: ReadOutcome | undefined;
    try {
      now = target.minIndex === 0 ? backend.readNow(target) : undefined;
    } catch (error) {
      this.#measure(target.route, "GET", startedMs, true);
      this.#fail(request, response, error, refusedFields(target.endpoint, error));
      return;
    }
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
  #deliver(target: Target, outcome: ReadOutcome | Error, request: HttpRequest, response: HttpResponse): void {
    try {
      if (outcome instanceof Error) this.#fail(request, response, outcome, refusedFields(target.endpoint, outcome));
      else this.#show(target, outcome, request, response);
    } catch (error) {
      this.#fail(request, response, error);
    }
  }

  #show(target: Target, { answer, meta }: ReadOutcome, request: HttpRequest, response: HttpResponse): void {
    let shown = answer.shown.get(target.variant) as Encoded | LongBody | undefined;
    const { cacheHit, ageMs } = meta;
    const read: ReadHead = {
      index: answer.index,
      lastContactMs: Math.floor(meta.lastContactMs),
      knownLeader: meta.knownLeader,
      streamed: meta.streamed === true,
      consistency: target.saysConsistency ? target.consistency : undefined,
      cacheHit,
      ageSeconds: ageMs !== undefined && cacheHit !== false ? Math.round(ageMs / 1_000) : undefined,
    };
    if (shown instanceof LongBody) {
      const head = { status: 200, contentType: shown.contentType, headers: readFields(read) };
      this.#sender.sendPieces(shown.gathered, head, request, response);
      return;
    }
    if (shown === undefined) {
      let rendered: Answer;
      try {
        rendered = target.endpoint.binding.show(answer.reply, target.request, target.view);
      } catch (error) {
        this.#fail(request, response, error, readFields(read));
        return;
      }
      if (rendered.kind === "stream") {
        this.#sender.stream(rendered, readFields(read), response);
        return;
      }
      if (rendered.kind === "pieces") {
        const { contentType } = rendered;
        const gathered = gather(rendered.pieces(target.pretty), this.#dependencies.clock);
        if (!("whole" in gathered)) {
          const head = { status: 200, contentType, headers: readFields(read) };
          const keeper = this.#keeperOf(answer, target.variant, contentType);
          this.#sender.sendPieces(gathered, head, request, response, keeper);
          return;
        }
        shown = encodedBytes(gathered.whole, rendered.contentType);
      } else {
        shown = encode(rendered, target.pretty);
      }
      this.#dependencies.backend.keep(answer, target.variant, shown, heldBytes(shown));
    }
    this.#sender.sendEncoded(shown, shown.withoutMeta === true ? undefined : read, request, response);
  }

  /** Bodies of megabytes are kept only where somebody asks for them again and again. */
  #keeperOf(answer: ReadOutcome["answer"], variant: string, contentType: string): Keeper {
    const { backend } = this.#dependencies;
    const mark = `asked ${variant}`;
    const isAskedAgain = answer.shown.has(mark);
    if (!isAskedAgain) backend.keep(answer, mark, true, MARK_BYTES);
    return {
      bytesMax: isAskedAgain ? LONG_BYTES_MAX : WHOLE_BYTES_MAX,
      keep(pieces, bytes) {
        const isShort = bytes <= WHOLE_BYTES_MAX;
        const form = isShort
          ? encodedBytes(Buffer.concat(pieces, bytes), contentType)
          : new LongBody(pieces, contentType);
        backend.keep(answer, variant, form, bytes + MARK_BYTES);
      },
    };
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
    const common = contract.kind === "write" ? undefined : this.#callOptions(contract, view);
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
    const { backend } = this.#dependencies;
    if (contract.kind === "read" || contract.kind === "local") throw new TribuneError("internal", "not for here");
    let headers: readonly string[] = [];
    const show = (result: unknown): void => {
      let answer: Answer;
      try {
        answer = binding.show(result, asked, view);
        if (headers.length > 0) answer = { ...answer, headers: [...(answer.headers ?? []), ...headers] };
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

  /** What a call's request starts from: the common options where it takes them, else nothing. */
  #callOptions(contract: Endpoint["contract"] & { kind: "call" }, view: RequestView): unknown {
    if (contract.queryOptions !== true) return make(contract.request);
    return commonOptions(contract.request, view);
  }

  #fail(
    request: HttpRequest | undefined,
    response: HttpResponse,
    error: unknown,
    headers: readonly string[] = [],
  ): void {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const known = error instanceof TribuneError;
    const message = error instanceof Error ? error.message : String(error);
    const status = known ? HTTP_STATUS[error.kind] : 500;
    if (status >= 500) {
      // Of what nobody has foreseen the log says where it came from.
      const cause = !known && error instanceof Error ? error.stack : message;
      this.#dependencies.logger.error("Request error", { ...(request && logged(request)), error: cause });
    }
    this.#sender.send(response, encode({ kind: "text", status, text: message, headers }, false), []);
  }

  #measure(route: Route, method: string, startedMs: number, failed = false): void {
    this.#times.answered(route, method, this.#dependencies.clock.nowMs() - startedMs, failed);
  }
}

/** What the door looks at in a request for the servers. */
interface AskedOfCache {
  readonly UseCache?: boolean;
}

/** What is counted for keeping something beside its bytes. */
const MARK_BYTES = 256;

const BAD_REQUEST_HEADERS: readonly string[] = ["Connection", "close", "Content-Type", "text/plain; charset=utf-8"];

const ANY_HEADERS: IncomingHttpHeaders = Object.freeze({});
const GZIP_HEADERS: IncomingHttpHeaders = Object.freeze({ "accept-encoding": "gzip" });
const NO_RAW_HEADERS: string[] = [];

/** Thousands of requests may be held for minutes: of what they said, each keeps only what its answer depends on. */
function park(request: HttpRequest, target: Target): void {
  request.headers = acceptsGzip(request) ? GZIP_HEADERS : ANY_HEADERS;
  if ("rawHeaders" in request) request.rawHeaders = NO_RAW_HEADERS;
  request.url = target.view.path;
}

/** What a read that servers refused says of itself; nothing where they only did not find it. */
function refusedFields({ contract }: Endpoint, error: unknown): readonly string[] {
  const isRead = contract.kind === "read" || (contract.kind === "call" && contract.queryOptions === true);
  if (!isRead || contract.plainRefusals === true) return [];
  return error instanceof TribuneError && error.kind === "notFound" ? [] : REFUSED_FIELDS;
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

/** What the log says of a request. Node takes the socket from one whose body was not read to its end. */
function logged({ method, url, socket }: HttpRequest): { readonly [name: string]: string | undefined } {
  return {
    method,
    url: withoutToken(url ?? "/"),
    from: hostPort(socket?.remoteAddress ?? "", socket?.remotePort ?? 0),
  };
}

const TOKEN_PARAMETER = /([?&]token=)[^&]*/g;

/** For the log: a token is a password. */
function withoutToken(url: string): string {
  return url.replace(TOKEN_PARAMETER, "$1<hidden>");
}
