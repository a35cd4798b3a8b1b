import type http from "node:http";
import { RequestError, ResponseError } from "./errors.ts";
import { type ClientOptions, resolveToken } from "./options.ts";
import { type TlsOptions, tlsOptions } from "./tls-options.ts";

export type Query = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

export interface Request {
  readonly method: "GET" | "PUT" | "DELETE" | "POST";
  /** Begins with a slash; segments are escaped by the caller, who may have put a query of his own behind it. */
  readonly path: string;
  /** `true` becomes a bare name (`?recurse`); undefined, false and "" are left out. */
  readonly query?: Query;
  /** Beside the token and what follows from the body. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string | NodeJS.ReadableStream;
  readonly signal?: AbortSignal;
}

export interface Response {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer;
}

const DEFAULT_ADDRESS = "127.0.0.1:8500";
/** Stands for a socket's path where a URL needs a host. */
const UNIX_HOST = "unix.sock";

/** One agent's HTTP door: TCP, TLS or unix socket. */
export class Transport {
  readonly #options: ClientOptions;
  readonly #base: { readonly protocol: "http:" | "https:"; readonly host: string; readonly socketPath?: string };
  readonly #token: string;
  readonly #tls: TlsOptions;
  readonly #idleMs: number;
  #agent: http.Agent | undefined;

  /** @param idleMs how long a connection is kept for the next request: for programs that ask more than once */
  constructor(options: ClientOptions, { idleMs = 0 } = {}) {
    this.#options = options;
    this.#idleMs = idleMs;
    this.#tls = tlsOptions(options);
    this.#base = parseAddress(options);
    this.#token = resolveToken(options);
  }

  /** Whole answer, whatever its status. @throws RequestError */
  async send(request: Request): Promise<Response> {
    const message = await this.stream(request);
    try {
      const chunks: Buffer[] = [];
      for await (const chunk of message) chunks.push(chunk as Buffer);
      return { status: message.statusCode ?? 0, headers: message.headers, body: Buffer.concat(chunks) };
    } catch (cause) {
      throw this.#failure(request, this.#url(request), cause);
    }
  }

  /** Like `send`, but only a 200 counts. @throws RequestError, ResponseError */
  async ok(request: Request): Promise<Response> {
    const response = await this.send(request);
    if (response.status !== 200) throw new ResponseError(response.status, response.body.toString());
    return response;
  }

  /** Resolves when headers are in; the body is still to be read. @throws RequestError */
  async stream(request: Request): Promise<http.IncomingMessage> {
    const url = this.#url(request);
    const { protocol, socketPath } = this.#base;
    const target = URL.canParse(url) ? new URL(url) : undefined;
    if (target === undefined) throw this.#failure(request, url, new Error(addressFault(url)));
    const options = {
      method: request.method,
      path: target.pathname + target.search,
      headers: this.#headers(request),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
      ...(socketPath === undefined
        ? { hostname: target.hostname.replace(/^\[|\]$/g, ""), port: target.port || (protocol === "https:" ? 443 : 80) }
        : { socketPath }),
      ...(protocol === "https:" ? this.#tls : {}),
    };
    // Loaded when they are used: a command that asks over plain HTTP starts sooner without TLS.
    const { request: send, Agent } = protocol === "https:" ? await import("node:https") : await import("node:http");
    // Idle connections do not keep the program from ending. Its timeout ends these only: a request may wait for longer.
    if (this.#idleMs > 0) this.#agent ??= new Agent({ keepAlive: true, timeout: this.#idleMs });
    const agent = this.#agent ?? false;
    return new Promise((resolve, reject) => {
      const fail = (cause: unknown): void => reject(this.#failure(request, url, cause));
      const sent = send({ ...options, agent }, resolve);
      sent.on("error", fail);
      const { body } = request;
      if (body === undefined || typeof body === "string" || body instanceof Uint8Array) sent.end(body);
      else body.on("error", (cause) => sent.destroy(cause)).pipe(sent);
    });
  }

  #headers(request: Request): http.OutgoingHttpHeaders {
    const { auth } = this.#options;
    const { body } = request;
    return {
      ...(this.#base.socketPath === undefined ? {} : { Host: "127.0.0.1" }),
      ...(this.#token === "" ? {} : { "X-Consul-Token": this.#token }),
      ...(auth === undefined ? {} : { Authorization: `Basic ${Buffer.from(auth).toString("base64")}` }),
      ...(typeof body === "string" || body instanceof Uint8Array ? { "Content-Length": Buffer.byteLength(body) } : {}),
      ...request.headers,
    };
  }

  #url(request: Request): string {
    const { datacenter, namespace, stale } = this.#options;
    const defaults: Query = { dc: datacenter, ns: namespace, stale: request.method === "GET" && stale === true };
    const words: string[] = [];
    for (const [name, value] of Object.entries({ ...defaults, ...request.query })) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one === undefined || one === false || one === "") continue;
        words.push(one === true ? name : `${name}=${encodeURIComponent(String(one))}`);
      }
    }
    const query = words.length === 0 ? "" : `${request.path.includes("?") ? "&" : "?"}${words.join("&")}`;
    const { protocol, host } = this.#base;
    return `${protocol}//${host}${request.path}${query}`;
  }

  #failure(request: Request, url: string, cause: unknown): RequestError {
    const verb = request.method.charAt(0) + request.method.slice(1).toLowerCase();
    const { socketPath } = this.#base;
    const shown = socketPath === undefined ? url : url.replace(UNIX_HOST, encodeURIComponent(socketPath));
    return new RequestError(`${verb} "${shown}": ${describe(cause)}`, { cause });
  }
}

function parseAddress(options: ClientOptions): {
  protocol: "http:" | "https:";
  host: string;
  socketPath?: string;
} {
  const address = options.address || DEFAULT_ADDRESS;
  const fallback = options.ssl === true ? "https:" : "http:";
  const [, scheme, rest = ""] = /^(?:(\w+):\/\/)?(.*)$/.exec(address) ?? [];
  if (scheme === "unix") return { protocol: "http:", host: UNIX_HOST, socketPath: rest };
  const host = rest.replace(/\/+$/, "");
  if (scheme === undefined || scheme === "tcp") return { protocol: fallback, host };
  if (scheme === "http") return { protocol: fallback === "https:" ? "https:" : "http:", host };
  if (scheme === "https") return { protocol: "https:", host };
  throw new Error(`Unknown protocol scheme: ${scheme}`);
}

/** Why a URL is none. */
function addressFault(url: string): string {
  const [, port] = /^\w+:\/\/[^/]*:(\d+)\//.exec(url) ?? [];
  return port === undefined ? "invalid address" : `dial tcp: address ${port}: invalid port`;
}

/** Scripts look for "connection refused"; Go says where as well. */
function describe(cause: unknown): string {
  const error = cause as NodeJS.ErrnoException & { address?: string; port?: number; errors?: readonly unknown[] };
  if (error.errors?.[0] !== undefined) return describe(error.errors[0]);
  if (error.code === "EPROTO" && error.message.includes("wrong version number"))
    return "http: server gave HTTP response to HTTPS client";
  const reason = REASONS[error.code ?? ""];
  if (reason === undefined) return error.message;
  if (error.syscall !== "connect") return reason;
  const host = error.address?.includes(":") === true && error.port !== undefined ? `[${error.address}]` : error.address;
  return error.port === undefined
    ? `dial unix ${host}: connect: ${reason}`
    : `dial tcp ${host}:${error.port}: connect: ${reason}`;
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  ENOENT: "no such file or directory",
  EACCES: "permission denied",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ETIMEDOUT: "connection timed out",
};
