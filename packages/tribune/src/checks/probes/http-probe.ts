import * as http from "node:http";
import * as net from "node:net";
import * as tls from "node:tls";
import type { Cancel } from "../../lib/runtime.ts";
import { TailBuffer } from "../../lib/tail-buffer.ts";
import { nodeTimers } from "../../net/node-runtime.ts";
import type { HttpRequest, Probe, ProbeResult } from "../probe.ts";
import type { CheckStatus } from "../status.ts";
import { dialErrorText, handshakeText, joinHostPort, NO_HANDSHAKE, type SystemError } from "./go-errors.ts";
import { nextHop } from "./redirect.ts";
import type { ProbeTlsContexts } from "./tls.ts";

/** Makes a request. 2xx passes, 429 warns, everything else is critical; the output quotes the answer. */
export class HttpProbe implements Probe<HttpRequest> {
  private readonly tls: ProbeTlsContexts;

  constructor(deps: { tls: ProbeTlsContexts }) {
    this.tls = deps.tls;
  }

  run(request: HttpRequest, done: (result: ProbeResult) => void): Cancel {
    const run = new Run(request, this.tls, done);
    run.start();
    return () => run.cancel();
  }
}

/** One hop of a request: redirects change all of it. */
export interface Hop {
  readonly url: URL;
  readonly method: string;
  readonly body: string;
  readonly headers: Readonly<Record<string, readonly string[]>>;
}

class Run {
  private readonly request: HttpRequest;
  private readonly tls: ProbeTlsContexts;
  private readonly done: (result: ProbeResult) => void;
  private readonly output: TailBuffer;
  private readonly cancelTimer: Cancel;
  private current: http.ClientRequest | undefined;
  private response: http.IncomingMessage | undefined;
  private hops = 0;
  private ended = false;

  constructor(request: HttpRequest, tls: ProbeTlsContexts, done: (result: ProbeResult) => void) {
    this.request = request;
    this.tls = tls;
    this.done = done;
    this.output = new TailBuffer(request.maxOutputBytes);
    this.cancelTimer = nodeTimers.after(request.timeoutMs, () => this.timedOut());
  }

  start(): void {
    const { url: target, method, body } = this.request;
    const url = parseUrl(target);
    if (url === undefined) {
      setImmediate(() => this.failed(`unsupported protocol scheme ${JSON.stringify(schemeOf(target))}`));
      return;
    }
    this.send({ url, method, body, headers: firstHeaders(this.request.headers) });
  }

  cancel(): void {
    this.ended = true;
    this.cancelTimer();
    this.current?.destroy();
  }

  private send(hop: Hop): void {
    let sent: http.ClientRequest;
    try {
      sent = http.request({
        createConnection: () => this.connect(hop.url),
        path: hop.url.pathname + hop.url.search,
        method: hop.method,
        headers: wireHeaders(hop),
      });
    } catch (error) {
      // Node refuses a method or header that cannot be written at once; the others fail later.
      setImmediate(() => this.failed((error as Error).message, hop));
      return;
    }
    this.current = sent;
    sent.on("response", (response) => this.answered(hop, response));
    sent.on("error", (error: SystemError) => this.broken(hop, error));
    sent.end(hop.body === "" ? undefined : hop.body);
  }

  /**
   * A connection of its own for each run: a service that accepts no new ones is not well, whatever the old ones
   * do. TLS sessions are not resumed, as that would skip the certificate. No `http.Agent`: its pool would only cost.
   */
  private connect(url: URL): net.Socket {
    const secure = url.protocol === "https:";
    const host = hostOf(url);
    const port = url.port === "" ? (secure ? 443 : 80) : Number(url.port);
    return secure
      ? tls.connect({ ...this.tls.options(this.request.tls, host), host, port })
      : net.connect({ host, port });
  }

  private answered(hop: Hop, response: http.IncomingMessage): void {
    if (this.ended) return;
    const next = this.request.followRedirects ? nextHop(hop, response, this.hops) : undefined;
    if (next !== undefined) {
      response.destroy();
      this.current?.removeAllListeners("error").on("error", ignore);
      this.hops++;
      if ("problem" in next) this.failed(next.problem, hop);
      else this.send(next);
      return;
    }
    this.response = response;
    response.on("data", (chunk: Uint8Array) => this.output.write(chunk));
    // A body that breaks off does not undo the status: it is judged as far as it came.
    response.on("close", () => this.judge());
    response.on("error", ignore);
  }

  private judge(): void {
    const { statusCode: code = 0, statusMessage: reason = "" } = this.response!;
    const { method, url } = this.request;
    const output = `HTTP ${method} ${url}: ${code} ${reason} Output: ${this.output.text()}`;
    this.finish({ status: statusOf(code), output });
  }

  private broken(hop: Hop, error: SystemError): void {
    if (this.response !== undefined) return; // the answer's head has come; `judge` follows
    const target = joinHostPort(hostOf(hop.url), hop.url.port || undefined);
    if (error.code === "ECONNRESET" && error.syscall === undefined)
      this.failed("EOF", hop); // "socket hang up"
    else if (error.code?.startsWith("HPE_"))
      this.failed(`net/http: HTTP/1.x transport connection broken: ${error.message}`, hop);
    else if (handshakeText(error) === NO_HANDSHAKE)
      this.failed("http: server gave HTTP response to HTTPS client", hop); // what else a port for HTTP may say is rare
    else this.failed(dialErrorText("tcp", target, error), hop);
  }

  private timedOut(): void {
    if (this.response !== undefined) {
      this.judge();
      this.current?.destroy();
      return;
    }
    this.current?.removeAllListeners("error").on("error", ignore).destroy();
    this.failed("context deadline exceeded (Client.Timeout exceeded while awaiting headers)");
  }

  /** Go names the request in front of what went wrong: `Get "http://…": EOF`. */
  private failed(reason: string, hop?: Hop): void {
    const method = hop?.method ?? this.request.method;
    const verb = method.slice(0, 1) + method.slice(1).toLowerCase();
    const url = this.hops === 0 || hop === undefined ? this.request.url : hop.url.href;
    this.finish({ status: "critical", output: `${verb} ${JSON.stringify(url)}: ${reason}` });
  }

  private finish(result: ProbeResult): void {
    if (this.ended) return;
    this.ended = true;
    this.cancelTimer();
    this.done(result);
  }
}

const ignore = (): void => {};

/** Without the brackets of an IPv6 address. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[(.*)\]$/, "$1");
}

function statusOf(code: number): CheckStatus {
  if (code >= 200 && code <= 299) return "passing";
  return code === 429 ? "warning" : "critical";
}

function parseUrl(target: string): URL | undefined {
  const url = URL.canParse(target) ? new URL(target) : undefined;
  return url?.protocol === "http:" || url?.protocol === "https:" ? url : undefined;
}

function schemeOf(target: string): string {
  return /^([a-zA-Z][a-zA-Z0-9+.-]*):/.exec(target)?.[1]?.toLowerCase() ?? "";
}

const DEFAULT_HEADERS = { "User-Agent": "Consul Health Check", Accept: "text/plain, text/*, */*" };

function firstHeaders(given: HttpRequest["headers"]): Record<string, readonly string[]> {
  const headers: Record<string, readonly string[]> = {};
  for (const [name, values] of Object.entries(given)) if (values !== null && values.length > 0) headers[name] = values;
  for (const [name, value] of Object.entries(DEFAULT_HEADERS)) if (!hasHeader(headers, name)) headers[name] = [value];
  return headers;
}

function hasHeader(headers: Readonly<Record<string, readonly string[]>>, name: string): boolean {
  const lower = name.toLowerCase();
  return Object.entries(headers).some(([own, values]) => own.toLowerCase() === lower && values[0] !== "");
}

/** Node's flat list form keeps repeated headers apart and writes nothing of its own but `Connection`. */
function wireHeaders({ headers, url, method, body }: Hop): string[] {
  const flat: string[] = [];
  if (!hasHeader(headers, "host")) flat.push("Host", url.host);
  for (const [name, values] of Object.entries(headers)) {
    const once = name.toLowerCase() === "host";
    for (const value of once ? values.slice(0, 1) : values) flat.push(name, value);
  }
  const length = Buffer.byteLength(body);
  if (length > 0 || ["POST", "PUT", "PATCH"].includes(method)) flat.push("Content-Length", String(length));
  if (url.username !== "" && !hasHeader(headers, "authorization")) {
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    flat.push("Authorization", `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`);
  }
  flat.push("Connection", "close");
  return flat;
}
