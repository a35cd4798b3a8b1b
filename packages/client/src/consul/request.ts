/** One request over Node's sockets, with kept connections, and the answer as npm's client shows it. */
import http, { type Agent, type ClientRequest, type IncomingMessage } from "node:http";
import https from "node:https";
import type { SecureContextOptions } from "node:tls";
import { aborted, ConsulError, plain, type Response, refused, timedOut, undecodable } from "./errors.ts";

export interface ConnectionOptions extends SecureContextOptions {
  readonly host?: string;
  readonly port?: number | string;
  readonly secure?: boolean;
  /** Beats host, port and secure: such as `http://127.0.0.1:8500/v1`. */
  readonly baseUrl?: string | URL;
  readonly socketPath?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Milliseconds until a request is given up. */
  readonly timeout?: number;
  readonly agent?: Agent;
  readonly rejectUnauthorized?: boolean;
  readonly servername?: string;
}

/** Cancels a request when it emits `cancel`. */
export interface Context {
  readonly includeResponse?: boolean;
  once(event: "cancel", run: () => void): unknown;
  removeListener(event: "cancel", run: () => void): unknown;
}

export interface Question {
  readonly method: string;
  /** Path behind `/v1` with its query. */
  readonly target: string;
  readonly token?: string | undefined;
  readonly body?: Buffer | undefined;
  readonly contentType?: string | undefined;
  /** The body as bytes, whatever it is. */
  readonly raw?: boolean | undefined;
  readonly ctx?: Context | undefined;
  readonly timeoutMs?: number | undefined;
}

const SHORT_TEXT_MAX = 80;

export class Connection {
  readonly #options: ConnectionOptions;
  readonly #base: URL;
  readonly #agent: Agent;

  constructor(options: ConnectionOptions) {
    const { host = "127.0.0.1", port = 8500, secure = false, baseUrl } = options;
    if (baseUrl && typeof baseUrl !== "string" && !(baseUrl instanceof URL))
      throw plain(`baseUrl must be a string: ${baseUrl}`, true);
    this.#options = options;
    const named = host.includes(":") && !host.startsWith("[") ? `[${host}]` : host;
    this.#base = new URL(baseUrl || `${secure ? "https" : "http"}://${named}:${port}/v1`);
    const { Agent: Kept } = this.#base.protocol === "https:" ? https : http;
    this.#agent = options.agent ?? new Kept({ keepAlive: true });
  }

  destroy(): void {
    this.#agent.destroy();
  }

  /** @throws ConsulError, also for statuses that are no success; the socket's own errors */
  async send(question: Question): Promise<Response> {
    for (let tries = 1; ; tries++) {
      const state = { reused: false };
      try {
        return await this.#once(question, state);
      } catch (error) {
        // A kept connection that the agent has just closed; asking again is safe.
        const gone = (error as NodeJS.ErrnoException).code === "ECONNRESET" && state.reused;
        if (!gone || question.method !== "GET" || tries > 1) throw error;
      }
    }
  }

  #once(question: Question, state: { reused: boolean }): Promise<Response> {
    const { ctx, timeoutMs = this.#options.timeout } = question;
    return new Promise((resolve, reject) => {
      const sent = this.#open(question);
      const cancel = (): void => void sent.destroy(aborted());
      ctx?.once("cancel", cancel);
      const timer =
        timeoutMs === undefined || timeoutMs <= 0
          ? undefined
          : setTimeout(() => sent.destroy(timedOut(timeoutMs)), timeoutMs);
      const end = (): void => {
        ctx?.removeListener("cancel", cancel);
        clearTimeout(timer);
      };
      const fail = (error: unknown): void => {
        end();
        state.reused = sent.reusedSocket;
        reject(error);
      };
      sent.on("error", fail);
      sent.on("response", (message) => {
        const chunks: Buffer[] = [];
        message.on("data", (chunk: Buffer) => chunks.push(chunk));
        message.on("error", fail);
        message.on("end", () => {
          end();
          try {
            resolve(answered(message, Buffer.concat(chunks), question.raw === true));
          } catch (error) {
            reject(error);
          }
        });
      });
      sent.end(question.body);
    });
  }

  #open({ method, target, token, body, contentType }: Question): ClientRequest {
    const { hostname, port, protocol, pathname, username, password } = this.#base;
    const { host: _, port: __, secure, baseUrl, headers, timeout, agent, ...socket } = this.#options;
    const options = {
      ...socket,
      agent: this.#agent,
      method,
      path: pathname.replace(/\/$/, "") + target,
      headers: {
        ...headers,
        ...(token === undefined ? {} : { "x-consul-token": token }),
        ...(contentType === undefined ? {} : { "content-type": contentType }),
        ...(method === "GET" ? {} : { "content-length": body?.length ?? 0 }),
      },
      ...(username === "" ? {} : { auth: `${decodeURIComponent(username)}:${decodeURIComponent(password)}` }),
      ...(socket.socketPath === undefined ? { hostname: hostname.replace(/^\[|\]$/g, ""), port } : {}),
    };
    return (protocol === "https:" ? https : http).request(options);
  }
}

function answered(message: IncomingMessage, bytes: Buffer, raw: boolean): Response {
  const mime = (message.headers["content-type"] ?? "").split(";")[0]?.trim() ?? "";
  const { statusCode = 0, headers } = message;
  const response = { statusCode, headers, body: decoded(bytes, mime, raw) };
  if (Math.floor(statusCode / 100) === 2) return response;
  const { body } = response;
  const short = mime === "text/plain" && typeof body === "string" && body.length < SHORT_TEXT_MAX;
  const status = http.STATUS_CODES[statusCode]?.toLowerCase() ?? `request failed: ${statusCode}`;
  throw refused(short ? body : status, response);
}

function decoded(bytes: Buffer, mime: string, raw: boolean): unknown {
  if (bytes.length === 0) return undefined;
  if (raw) return bytes;
  if (mime === "application/json" || mime === "text/json") {
    try {
      return JSON.parse(bytes.toString());
    } catch (cause) {
      throw undecodable(cause);
    }
  }
  return mime.startsWith("text/") ? bytes.toString() : bytes;
}

export const isConsulError = (error: unknown): error is ConsulError => error instanceof ConsulError;
