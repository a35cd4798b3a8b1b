import type { IncomingMessage } from "node:http";
import type { PlainRequest } from "./plain/plain-request.ts";

/** A request, whoever read it: what this room looks at, both have. */
export type HttpRequest = IncomingMessage | PlainRequest;

/** The way back: Node's `ServerResponse`, or `PlainResponse`. `writeHead` comes first, and `end` last. */
export interface HttpResponse {
  readonly headersSent: boolean;
  /** The client is gone, or was cut off: what is written goes nowhere. */
  readonly destroyed: boolean;
  /** @param headers a flat name/value list. Without a length in it the body is sent in chunks. */
  writeHead(status: number, headers: string[]): unknown;
  /** @returns false when the client is slow: stop until `drain`. */
  write(chunk: Uint8Array): boolean;
  end(body?: string | Uint8Array): unknown;
  end(body: string, encoding: "latin1"): unknown;
  /** Sends the head before there is a body. */
  flushHeaders(): void;
  /** Breaks the connection off, so that the client sees the body is not whole. */
  destroy(): unknown;
  /** `close`: the answer is sent, or the client gone. */
  on(event: "drain" | "close", listener: () => void): unknown;
  /**
   * Sends an answer that was put together before, head and all, and ends it. Absent where that cannot be done.
   *
   * @param text one character a byte; without `body` all of it, else the head.
   * @returns false where this request needs another head (`Connection: close`, HEAD): nothing was sent then
   */
  sendWhole?(text: string, body: Uint8Array | undefined): boolean;
}
