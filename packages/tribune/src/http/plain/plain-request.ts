import type { IncomingHttpHeaders } from "node:http";
import type { Socket } from "node:net";
import type { RequestHead } from "./request-head.ts";

/** A request that was there as a whole before anybody looked at it. */
export class PlainRequest implements AsyncIterable<Uint8Array> {
  readonly method: string;
  url: string;
  headers: IncomingHttpHeaders;
  readonly socket: Socket;
  /** The body. */
  readonly whole: Buffer;

  constructor({ method, url, block }: RequestHead, whole: Buffer, socket: Socket) {
    this.method = method;
    this.url = url;
    this.headers = block.headers;
    this.socket = socket;
    this.whole = whole;
  }

  /** The body is not wanted. */
  resume(): void {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    if (this.whole.length > 0) yield this.whole;
  }
}
