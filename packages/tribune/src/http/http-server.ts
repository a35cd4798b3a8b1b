import { createServer, type Server } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import type { Endpoint } from "../endpoints/binding.ts";
import { listenError } from "../lib/listen-error.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Clock } from "../lib/runtime.ts";
import { AnswerSender } from "./answer-sender.ts";
import type { HttpBackend, HttpOptions } from "./backend.ts";
import { Calls } from "./calls.ts";
import { Connections, refuseGarbage } from "./connections.ts";
import { Dispatcher } from "./dispatcher.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { DateLine } from "./plain/head-text.ts";
import { PlainDoor } from "./plain/plain-door.ts";
import { Reads } from "./reads.ts";
import { Refusals } from "./refusals.ts";
import { RequestTimes } from "./request-times.ts";

export interface HttpServerDependencies {
  readonly endpoints: readonly Endpoint[];
  readonly backend: HttpBackend;
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly clock: Clock;
}

/**
 * The HTTP door: parses, asks the agent, renders. It decides nothing that DNS would have to decide again. This class has
 * the sockets; a request goes on to the dispatcher.
 */
export class HttpServer {
  #options: HttpOptions;
  readonly #dispatcher: Dispatcher;
  readonly #servers: Server[] = [];
  readonly #plainDoors: PlainDoor[] = [];
  readonly #dates: DateLine;
  readonly #connections: Connections;
  readonly #sender: AnswerSender;
  readonly #logger: Logger;

  constructor(options: HttpOptions, { endpoints, backend, logger, metrics, clock }: HttpServerDependencies) {
    this.#options = options;
    this.#logger = logger;
    this.#connections = new Connections(options.connectionsPerClientMax, logger);
    this.#dates = new DateLine(clock);
    const sender = new AnswerSender(clock, this.#dates, (response, error) => refusals.send(undefined, response, error));
    const refusals = new Refusals(sender, logger);
    const times = new RequestTimes(metrics, {
      nodeName: options.nodeName,
      onlyNewNames: options.onlyNewMetricNames === true,
    });
    const answering = { backend, clock, sender, refusals, times };
    const [reads, calls] = [new Reads(answering), new Calls(answering)];
    this.#sender = sender;
    this.#dispatcher = new Dispatcher(options, { endpoints, logger, clock, sender, refusals, reads, calls });
    this.configure(options);
  }

  /** Takes effect for the next request. */
  configure(options: HttpOptions): void {
    this.#options = options;
    this.#dispatcher.configure(options);
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
    const handle = (request: HttpRequest, response: HttpResponse): void => this.#handle(request, response);
    server.on("request", handle);
    server.on("clientError", (error: NodeJS.ErrnoException, socket) => refuseGarbage(error, socket as Socket));
    const plain = { secure: tls !== undefined, headerBytesMax: this.#options.headerBytesMax };
    this.#plainDoors.push(new PlainDoor(server, plain, { connections: this.#connections, dates: this.#dates, handle }));
    this.#servers.push(server);
    await new Promise<void>((resolve, reject) => {
      const refuse = (error: Error): void =>
        reject("path" in where ? error : listenError("tcp", where.host, where.port, error));
      server.once("error", refuse);
      server.listen(where, () => {
        server.off("error", refuse);
        server.on("error", (error) => this.#notAccepted(error));
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

  /** The system had no memory or no file descriptor for a connection, which is lost; the door stays open. */
  #notAccepted(error: Error): void {
    this.#logger.warn("a connection could not be accepted", { error: error.message });
  }

  #handle(request: HttpRequest, response: HttpResponse): void {
    if (!this.#connections.isRefused(request.socket)) this.#dispatcher.handle(request, response);
  }
}
