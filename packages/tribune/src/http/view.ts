import type { IncomingHttpHeaders } from "node:http";
import { isIP, type Socket } from "node:net";
import type { HttpLimits, HttpView, Query, ReadDefaults } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import type { HttpOptions } from "./backend.ts";
import type { HttpRequest } from "./exchange.ts";

const NO_BODY: AsyncIterable<Uint8Array> = (async function* () {})();

/** The request as bindings see it. */
export class RequestView implements HttpView {
  readonly method: string;
  readonly path: string;
  readonly query: Query;
  readonly datacenter: string;
  readonly nodeName: string;
  readonly token: string;
  readonly limits: HttpLimits;
  readonly defaults: ReadDefaults;
  readonly dnsDomains: readonly string[];
  readonly body: AsyncIterable<Uint8Array>;
  readonly #headers: IncomingHttpHeaders;
  readonly #remoteAddress: string;
  readonly #socket: Socket | undefined;

  constructor(request: HttpRequest, path: string, query: Query, options: HttpOptions, isLocal: boolean) {
    this.method = request.method ?? "GET";
    this.path = path;
    this.query = query;
    this.#headers = request.headers;
    this.#remoteAddress = request.socket.remoteAddress ?? "";
    this.datacenter = query.get("dc") || options.datacenter;
    this.nodeName = options.nodeName;
    this.token = query.get("token") || tokenOf(request.headers) || options.defaultToken;
    this.limits = options.limits;
    this.defaults = options;
    this.dnsDomains = options.dnsDomains;
    // A kept view must not hold the whole request alive.
    this.body = isLocal ? request : NO_BODY;
    this.#socket = isLocal ? request.socket : undefined;
  }

  onGone(run: () => void): () => void {
    this.#socket?.once("close", run);
    return () => this.#socket?.off("close", run);
  }

  header(name: string): string {
    const value = this.#headers[name];
    return Array.isArray(value) ? (value[0] ?? "") : (value ?? "");
  }

  get contentLength(): number | undefined {
    const raw = this.#headers["content-length"];
    return raw === undefined ? undefined : Number(raw);
  }

  get sourceAddress(): string {
    const forwarded = this.header("x-forwarded-for").split(",")[0]!.trim();
    return isIP(forwarded) === 0 ? this.#remoteAddress : forwarded;
  }
}

function tokenOf(headers: IncomingHttpHeaders): string {
  const own = headers["x-consul-token"];
  if (typeof own === "string" && own !== "") return own;
  const [, value = ""] = /^bearer\s+(\S+)/i.exec(headers.authorization ?? "") ?? [];
  return value;
}

/** Whether these headers change what a URL means, so that its parsed form cannot be shared. */
export function headersMatter(headers: IncomingHttpHeaders): boolean {
  return (
    headers["x-consul-token"] !== undefined ||
    headers.authorization !== undefined ||
    headers["cache-control"] !== undefined ||
    headers["x-forwarded-for"] !== undefined
  );
}

export const NAMESPACE_HEADER = "x-consul-namespace";

/** Whoever names a namespace must not be answered from the only one there is. @throws TribuneError */
export function refuseNamespace(headers: IncomingHttpHeaders, query: Query): void {
  const refuse = (what: string): never => {
    throw TribuneError.badRequest(`Bad request: Invalid ${what} - Namespaces are a Consul Enterprise feature`);
  };
  if ((headers[NAMESPACE_HEADER] ?? "") !== "") refuse('header: "X-Consul-Namespace"');
  if (query.get("ns") !== "") refuse('query parameter: "ns"');
}
