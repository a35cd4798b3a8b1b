import type { Socket } from "node:net";
import type { HttpResponse } from "../exchange.ts";
import { CHUNKED, CLOSE, type DateLine, fieldLines, headText, KEEP_ALIVE } from "./head-text.ts";

/** What a response needs of its connection. */
export interface ResponseHost {
  readonly socket: Socket;
  /** The answer is written. @param closes nothing follows it */
  finished(closes: boolean): void;
}

/** The answer to a plain request. What it says on the wire is what Node's `ServerResponse` would. */
export class PlainResponse implements HttpResponse {
  headersSent = false;
  destroyed = false;
  readonly #host: ResponseHost;
  readonly #dates: DateLine;
  readonly #isHead: boolean;
  #closes: boolean;
  /** Made, and to be sent with the first bytes of the body. */
  #head = "";
  #hasBody = true;
  #chunked = false;
  #ended = false;
  #onClose: Listeners;
  #onDrain: Listeners;

  constructor(host: ResponseHost, dates: DateLine, isHead: boolean, closes: boolean) {
    this.#host = host;
    this.#dates = dates;
    this.#isHead = isHead;
    this.#closes = closes;
  }

  writeHead(status: number, headers: readonly string[]): void {
    if (this.headersSent) throw new Error("the head of an answer is written once");
    let hasLength = false;
    let saysClose = false;
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at]!;
      if (name === "Content-Length") hasLength = true;
      else if (name === "Connection" && headers[at + 1] === "close") saysClose = true;
    }
    const connection = saysClose ? "" : this.#closes ? CLOSE : KEEP_ALIVE;
    this.#closes ||= saysClose;
    this.#hasBody = !this.#isHead && status !== 204 && status !== 304;
    this.#chunked = this.#hasBody && !hasLength;
    const control = this.#chunked ? connection + CHUNKED : connection;
    this.#head = headText(status, fieldLines(headers), this.#dates.now(), control);
    this.headersSent = true;
  }

  flushHeaders(): void {
    if (this.#head === "" || this.destroyed) return;
    this.#host.socket.write(this.#takeHead(), "latin1");
  }

  write(chunk: Uint8Array): boolean {
    if (this.destroyed || this.#ended) return false;
    if (!this.#hasBody || chunk.length === 0) return true;
    const { socket } = this.#host;
    socket.cork();
    const size = this.#chunked ? `${chunk.length.toString(16)}\r\n` : "";
    const before = this.#takeHead() + size;
    if (before !== "") socket.write(before, "latin1");
    let more = socket.write(chunk);
    if (this.#chunked) more = socket.write("\r\n", "latin1");
    socket.uncork();
    return more;
  }

  /** @param encoding of a string; without it UTF-8. */
  end(body?: string | Uint8Array, encoding?: "latin1"): void {
    if (this.destroyed || this.#ended) return;
    if (body === undefined || body.length === 0 || !this.#hasBody) {
      const last = this.#takeHead() + (this.#chunked ? "0\r\n\r\n" : "");
      if (last !== "") this.#host.socket.write(last, "latin1");
    } else if (this.#chunked) {
      this.write(typeof body === "string" ? Buffer.from(body, encoding) : body);
      this.#host.socket.write("0\r\n\r\n", "latin1");
    } else if (typeof body === "string" && encoding === "latin1") {
      this.#host.socket.write(this.#takeHead() + body, "latin1");
    } else {
      this.write(typeof body === "string" ? Buffer.from(body) : body);
    }
    this.#finish();
  }

  sendWhole(text: string, body: Uint8Array | undefined): boolean {
    if (this.#closes || this.#isHead) return false;
    if (this.destroyed || this.headersSent) return true;
    this.headersSent = true;
    const { socket } = this.#host;
    if (body === undefined) socket.write(text, "latin1");
    else {
      socket.cork();
      socket.write(text, "latin1");
      socket.write(body);
      socket.uncork();
    }
    this.#finish();
    return true;
  }

  destroy(): void {
    this.#host.socket.destroy();
  }

  on(event: "drain" | "close", listener: () => void): void {
    if (event === "drain") this.#onDrain = added(this.#onDrain, listener);
    else this.#onClose = added(this.#onClose, listener);
  }

  /** The client takes more. */
  drained(): void {
    for (const listener of this.#onDrain ?? []) listener();
  }

  /** The connection is closed before the answer was sent. */
  gone(): void {
    this.destroyed = true;
    this.#tellClosed();
  }

  #takeHead(): string {
    const head = this.#head;
    this.#head = "";
    return head;
  }

  #finish(): void {
    this.#ended = true;
    this.#onDrain = undefined;
    if (this.#onClose !== undefined) process.nextTick(() => this.#tellClosed());
    this.#host.finished(this.#closes);
  }

  #tellClosed(): void {
    const listeners = this.#onClose ?? [];
    this.#onClose = undefined;
    for (const listener of listeners) listener();
  }
}

type Listeners = readonly (() => void)[] | undefined;

const added = (listeners: Listeners, one: () => void): Listeners =>
  listeners === undefined ? [one] : [...listeners, one];
