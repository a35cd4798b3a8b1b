import type { IncomingMessage, ServerResponse } from "node:http";
import type { Answer, ByteSink } from "../endpoints/answer.ts";
import type { Clock } from "../lib/runtime.ts";
import { bodyText, compressed, type Encoded, encode, encodedBytes, GZIP_BYTES_MIN } from "./encoded.ts";
import { type Gathered, gather, pump } from "./pieces.ts";

/** Puts answers on the wire: whole, compressed, in pieces or as a stream. What they say is decided before. */
export class AnswerSender {
  readonly #clock: Clock;
  readonly #onFailure: (response: ServerResponse, error: unknown) => void;
  #commonHeaders: readonly string[] = [];

  constructor(clock: Clock, onFailure: (response: ServerResponse, error: unknown) => void) {
    this.#clock = clock;
    this.#onFailure = onFailure;
  }

  /** What every answer says from now on: a flat name/value list. */
  setCommonHeaders(headers: readonly string[]): void {
    this.#commonHeaders = headers;
  }

  respond(answer: Answer, pretty: boolean, request: IncomingMessage, response: ServerResponse): void {
    if (answer.kind === "stream") return this.stream(answer, [], response);
    if (answer.kind !== "pieces") return this.sendMaybeCompressed(encode(answer, pretty), [], request, response);
    const { contentType, pieces } = answer;
    const gathered = gather(pieces(pretty), this.#clock);
    if (!("whole" in gathered)) return this.sendPieces(gathered, contentType, [], request, response);
    this.sendMaybeCompressed(encodedBytes(gathered.whole, contentType), [], request, response);
  }

  sendMaybeCompressed(
    encoded: Encoded,
    headers: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (encoded.body.length < GZIP_BYTES_MIN || !acceptsGzip(request)) return this.send(response, encoded, headers);
    const form = compressed(encoded);
    if (form instanceof Promise)
      form
        .then((ready) => this.send(response, ready, headers))
        .catch((error: unknown) => this.#onFailure(response, error));
    else this.send(response, form, headers);
  }

  send(response: ServerResponse, encoded: Encoded, headers: readonly string[], withoutBody = false): void {
    if (response.destroyed) return;
    const all = [...this.#commonHeaders, ...encoded.headers, ...headers, "Content-Length", String(encoded.body.length)];
    response.writeHead(encoded.status, all);
    const text = withoutBody ? "" : bodyText(encoded);
    if (text === undefined) response.end(encoded.body);
    else response.end(text, "latin1");
  }

  /** A body too long to be kept: it has no length in front, and is compressed on the way. */
  sendPieces(
    gathered: Extract<Gathered, { first: unknown }>,
    contentType: string,
    headers: readonly string[],
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const gzipped = acceptsGzip(request);
    const encoding = gzipped ? ["Content-Encoding", "gzip"] : [];
    response.writeHead(200, [...this.#commonHeaders, "Content-Type", contentType, ...encoding, ...headers]);
    pump(gathered, response, gzipped, this.#clock);
  }

  stream(answer: Extract<Answer, { kind: "stream" }>, headers: readonly string[], response: ServerResponse): void {
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
}

export function acceptsGzip(request: IncomingMessage): boolean {
  return (request.headers["accept-encoding"] ?? "").includes("gzip");
}

export function sendPlain(
  response: ServerResponse,
  status: number,
  body: string,
  headers: readonly string[] = [],
): void {
  response.writeHead(status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  response.end(body);
}

/** As Go's `http.Redirect` answers; only GET and HEAD get the little page. */
export function redirect(request: IncomingMessage, response: ServerResponse, location: string): void {
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
