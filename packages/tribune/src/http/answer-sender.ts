import { type Answer, type ByteSink, joined } from "../endpoints/answer.ts";
import { stringifyGo } from "../lib/go-json.ts";
import type { Clock } from "../lib/runtime.ts";
import {
  bodyText,
  compressed,
  type Encoded,
  encode,
  GZIP_BYTES_MIN,
  isShort,
  JSON_HEADERS,
  TEXT_BYTES_MAX,
} from "./encoded.ts";
import type { HttpRequest, HttpResponse } from "./exchange.ts";
import { gzipOfParts } from "./packed-parts.ts";
import { type Gathered, gather, type Keeper, pump } from "./pieces.ts";
import { type DateLine, fieldLines, headText, KEEP_ALIVE } from "./plain/head-text.ts";
import { type ReadHead, readFields, saysTheSame } from "./read-head.ts";
import { Rounds } from "./rounds.ts";

type JsonParts = Extract<Answer, { kind: "jsonParts" }>;

/** Short answers that are kept encoded. */
const SHORT_MAX = 64;
const SHORT_CHARS_MAX = 64;
const NO_HEADERS: readonly string[] = [];
const GZIPPED: readonly string[] = ["Content-Encoding", "gzip"];
const GZIPPED_LINE = fieldLines(GZIPPED);

/** Puts answers on the wire: whole, compressed, in pieces or as a stream. What they say is decided before. */
export class AnswerSender {
  readonly #clock: Clock;
  readonly #dates: DateLine;
  readonly #onFailure: (response: HttpResponse, error: unknown) => void;
  readonly #short = new Map<string, Encoded>();
  /** Lines of the heads of answers that are made for one request each, by the list that says what is special about them. */
  #lines = new WeakMap<readonly string[], string>();
  readonly #rounds = new Rounds();
  /** What the answers of rounds have in common, where they are too long to be kept. */
  readonly #long = new WeakSet<object>();
  #commonHeaders: readonly string[] = [];

  constructor(clock: Clock, dates: DateLine, onFailure: (response: HttpResponse, error: unknown) => void) {
    this.#clock = clock;
    this.#dates = dates;
    this.#onFailure = onFailure;
  }

  /** What every answer says from now on: a flat name/value list. */
  setCommonHeaders(headers: readonly string[]): void {
    this.#commonHeaders = headers;
    this.#lines = new WeakMap();
    this.#rounds.clear();
  }

  respond(answer: Answer, pretty: boolean, request: HttpRequest, response: HttpResponse): void {
    if (answer.kind === "stream") return this.stream(answer, [], response);
    if (answer.kind === "jsonParts" && !pretty) return this.#respondOnce(answer, request, response);
    if (answer.kind === "jsonText" && !pretty && this.#respondText(answer, request, response)) return;
    if (answer.kind !== "pieces") return this.sendEncoded(this.#encoded(answer, pretty), undefined, request, response);
    const { contentType, pieces, status = 200, headers = NO_HEADERS } = answer;
    const gathered = gather(pieces(pretty), this.#clock);
    if (!("whole" in gathered)) return this.sendPieces(gathered, { status, contentType, headers }, request, response);
    const whole = { status, headers: ["Content-Type", contentType, ...headers], body: gathered.whole };
    this.sendEncoded({ ...whole, gzipped: undefined }, undefined, request, response);
  }

  /** Writes are answered by a word, and always the same. */
  #encoded(answer: Exclude<Answer, { kind: "stream" | "pieces" }>, pretty: boolean): Encoded {
    if (answer.kind !== "json" || answer.status !== undefined || answer.headers !== undefined)
      return encode(answer, pretty);
    const text = stringifyGo(answer.value, pretty);
    const known = this.#short.get(text);
    if (known !== undefined) return known;
    const encoded = encode({ kind: "jsonText", text }, false);
    if (text.length <= SHORT_CHARS_MAX) {
      if (this.#short.size >= SHORT_MAX) this.#short.clear();
      this.#short.set(text, encoded);
    }
    return encoded;
  }

  /** Text in which a character is a byte goes out as it is. @returns false for any other, and what is to be compressed */
  #respondText(
    { text, headers = NO_HEADERS }: Extract<Answer, { kind: "jsonText" }>,
    request: HttpRequest,
    response: HttpResponse,
  ): boolean {
    if (text.length >= GZIP_BYTES_MIN && acceptsGzip(request)) return false;
    if (Buffer.byteLength(text) !== text.length) return false;
    this.#sendOnce(text, headers, response);
    return true;
  }

  /** What is drawn for each request: one string with its head, and nothing of a longer one is kept. */
  #respondOnce(answer: JsonParts, request: HttpRequest, response: HttpResponse): void {
    const { alike, headers = NO_HEADERS, rows, partsOf } = answer;
    const zipped = acceptsGzip(request);
    const isDrawn = alike !== undefined && !this.#long.has(alike);
    const turn = isDrawn ? this.#rounds.enter(alike, rows, this.#dates.now()) : undefined;
    const form = zipped ? "gzipped" : "plain";
    const known = turn?.sent[form];
    if (known !== undefined && !response.destroyed && response.sendWhole?.(known, undefined)) return;
    const parts = partsOf(turn?.rows ?? rows);
    let length = 0;
    for (const { bytes } of parts) length += bytes.length;
    // What is not kept gains nothing from a round: all others are in the order that was drawn for them.
    if (isDrawn && length > TEXT_BYTES_MAX) this.#long.add(alike);
    let body: string | Buffer;
    if (length >= GZIP_BYTES_MIN && zipped) {
      const gzipped = gzipOfParts(parts);
      if (gzipped === undefined) {
        const plain = Buffer.from(joined(parts), "latin1");
        const encoded = { status: 200, headers: [...JSON_HEADERS, ...headers], body: plain, gzipped: undefined };
        return this.sendEncoded(encoded, undefined, request, response);
      }
      body = gzipped;
    } else body = joined(parts);
    const sent = this.#sendOnce(body, headers, response);
    if (turn !== undefined && sent !== undefined && length <= TEXT_BYTES_MAX) this.#rounds.keep(turn, form, sent);
  }

  /**
   * @param body as bytes when it is compressed, else as a byte string
   * @returns a short one as it went out, for others who get the same within this second
   */
  #sendOnce(body: string | Buffer, headers: readonly string[], response: HttpResponse): string | undefined {
    if (response.destroyed) return undefined;
    const isText = typeof body === "string";
    const fields = `${this.#linesOf(headers)}${isText ? "" : GZIPPED_LINE}Content-Length: ${body.length}\r\n`;
    const head = headText(200, fields, this.#dates.now(), KEEP_ALIVE);
    const isBrief = body.length <= TEXT_BYTES_MAX;
    const whole = isText ? head + body : isBrief ? head + body.toString("latin1") : undefined;
    if (response.sendWhole?.(whole ?? head, whole === undefined ? (body as Buffer) : undefined))
      return isBrief ? whole : undefined;
    const own = isText ? headers : [...headers, ...GZIPPED];
    response.writeHead(200, [...this.#commonHeaders, ...JSON_HEADERS, ...own, "Content-Length", String(body.length)]);
    if (isText) response.end(body, "latin1");
    else response.end(body);
    return undefined;
  }

  #linesOf(headers: readonly string[]): string {
    let lines = this.#lines.get(headers);
    if (lines === undefined) {
      lines = fieldLines([...this.#commonHeaders, ...JSON_HEADERS, ...headers]);
      this.#lines.set(headers, lines);
    }
    return lines;
  }

  /** @param read of an answer to a read, what its head says of it. */
  sendEncoded(encoded: Encoded, read: ReadHead | undefined, request: HttpRequest, response: HttpResponse): void {
    if (encoded.body.length < GZIP_BYTES_MIN || !acceptsGzip(request)) return this.#sendForm(encoded, read, response);
    const form = compressed(encoded);
    if (form instanceof Promise)
      form
        .then((ready) => this.#sendForm(ready, read, response))
        .catch((error: unknown) => this.#onFailure(response, error));
    else this.#sendForm(form, read, response);
  }

  #sendForm(form: Encoded, read: ReadHead | undefined, response: HttpResponse): void {
    if (response.destroyed) return;
    const isSent = response.sendWhole?.(this.#wholeOf(form, read), isShort(form) ? undefined : form.body);
    if (!isSent) this.send(response, form, read === undefined ? [] : readFields(read));
  }

  /** The answer as it goes out, or its head if it is long: put together once for all who get it within a second. */
  #wholeOf(form: Encoded, read: ReadHead | undefined): string {
    const date = this.#dates.now();
    const common = this.#commonHeaders;
    const { last } = form;
    if (last !== undefined && last.date === date && last.common === common && saysTheSame(last.read, read))
      return last.text;
    const fields = fieldLines([
      ...common,
      ...form.headers,
      ...(read === undefined ? [] : readFields(read)),
      ...length(form),
    ]);
    const head = headText(form.status, fields, date, KEEP_ALIVE);
    const text = isShort(form) ? head + form.body.toString("latin1") : head;
    form.last = { date, common, read, text };
    return text;
  }

  send(response: HttpResponse, encoded: Encoded, headers: readonly string[], withoutBody = false): void {
    if (response.destroyed) return;
    response.writeHead(encoded.status, [...this.#commonHeaders, ...encoded.headers, ...headers, ...length(encoded)]);
    const text = withoutBody ? "" : bodyText(encoded);
    if (text === undefined) response.end(encoded.body);
    else response.end(text, "latin1");
  }

  /** A body too long to be kept: it has no length in front, and is compressed on the way. */
  sendPieces(
    gathered: Extract<Gathered, { first: unknown }>,
    head: { readonly status: number; readonly contentType: string; readonly headers: readonly string[] },
    request: HttpRequest,
    response: HttpResponse,
    keeper?: Keeper,
  ): void {
    const gzipped = acceptsGzip(request);
    const encoding = gzipped ? ["Content-Encoding", "gzip"] : [];
    const own = ["Content-Type", head.contentType, ...encoding, ...head.headers];
    response.writeHead(head.status, [...this.#commonHeaders, ...own]);
    pump(gathered, response, gzipped, this.#clock, keeper);
  }

  stream(answer: Extract<Answer, { kind: "stream" }>, headers: readonly string[], response: HttpResponse): void {
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

const length = ({ body }: Encoded): readonly string[] => ["Content-Length", String(body.length)];

export function acceptsGzip(request: HttpRequest): boolean {
  return (request.headers["accept-encoding"] ?? "").includes("gzip");
}

export function sendPlain(response: HttpResponse, status: number, body: string, headers: readonly string[] = []): void {
  response.writeHead(status, [...headers, "Content-Length", String(Buffer.byteLength(body))]);
  response.end(body);
}

/** As Go's `http.Redirect` answers; only GET and HEAD get the little page. */
export function redirect(request: HttpRequest, response: HttpResponse, location: string): void {
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
