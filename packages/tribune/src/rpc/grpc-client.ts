/** gRPC behind byte 8 as its caller sees it: one request message, a stream of answers, over Node's HTTP/2. */
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from "node:http2";
import type { Cancel, Stream, Timers } from "../lib/runtime.ts";
import { duplexOf } from "../net/stream-duplex.ts";

/** Longest answer that is taken: an event is one service's instances that changed together. */
export const GRPC_MESSAGE_BYTES_MAX = 32 * 1024 * 1024;
const FRAME_HEADER_BYTES = 5;
/** As Consul's clients do. */
const PING_PERIOD_MS = 30_000;
const PING_TIMEOUT_MS = 10_000;

export interface GrpcAnswers {
  readonly onMessage: (message: Uint8Array) => void;
  /** The call is over, whoever ended it; comes once, never behind a cancel. */
  readonly onOver: (reason: string) => void;
}

/** One connection to a server, on which any number of calls run beside one another. */
export class GrpcConnection {
  readonly #session: ClientHttp2Session;
  #cancelPing: Cancel = () => {};

  /** @param stream behind its first byte, and behind TLS. */
  constructor(stream: Stream, timers: Timers, onClose: () => void) {
    this.#session = connect("http://server", { createConnection: () => duplexOf(stream) });
    this.#session.on("error", () => this.#session.destroy()); // `close` follows
    this.#session.on("goaway", () => this.#session.close()); // its calls may end, the next connection takes new ones
    this.#session.once("close", () => {
      this.#cancelPing();
      onClose();
    });
    this.#pingLater(timers);
  }

  /** Events may be hours apart: without asking nobody would see that the other machine is gone. */
  #pingLater(timers: Timers): void {
    this.#cancelPing = timers.after(PING_PERIOD_MS, () => {
      this.#cancelPing = timers.after(PING_TIMEOUT_MS, () => this.#session.destroy());
      const sent = this.#session.ping(() => {
        this.#cancelPing();
        if (this.usable) this.#pingLater(timers);
      });
      if (!sent) this.#session.destroy();
    });
  }

  get usable(): boolean {
    return !this.#session.closed && !this.#session.destroyed;
  }

  /** @param path `/package.Service/Method`. @returns cancel */
  call(path: string, request: Uint8Array, { onMessage, onOver }: GrpcAnswers): Cancel {
    let over = false;
    let reason = "the connection was closed";
    let trailers = false;
    const stream: ClientHttp2Stream = this.#session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
    });
    const noteStatus = (headers: Record<string, unknown>): void => {
      const status = headers["grpc-status"];
      if (status === undefined) return;
      trailers = true;
      reason = `${headers["grpc-message"] ?? ""} (grpc status ${status})`.trimStart();
    };
    stream.on("response", (headers) => {
      if (headers[":status"] !== 200) reason = `HTTP status ${headers[":status"]}`;
      noteStatus(headers);
    });
    stream.on("trailers", noteStatus);
    stream.on("error", (error: Error) => {
      if (!trailers) reason = error.message;
      stream.destroy();
    });
    const frames = new GrpcFrames();
    stream.on("data", (chunk: Buffer) => {
      if (over) return;
      frames.push(chunk);
      for (let message = frames.next(); message !== undefined; message = frames.next()) {
        onMessage(message);
        if (over) return;
      }
      if (frames.nonsense === undefined) return;
      reason = frames.nonsense;
      stream.close();
    });
    stream.on("close", () => {
      if (over) return;
      over = true;
      onOver(reason);
    });
    stream.end(framed(request));
    return () => {
      over = true;
      stream.close();
    };
  }

  close(): void {
    this.#session.destroy();
  }
}

/** Messages cut out of the bytes of a call. */
export class GrpcFrames {
  #bytes: Buffer = Buffer.alloc(0);
  /** What is wrong with what came; nothing comes behind that. */
  nonsense: string | undefined;

  push(chunk: Uint8Array): void {
    this.#bytes = this.#bytes.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#bytes, chunk]);
  }

  next(): Uint8Array | undefined {
    const bytes = this.#bytes;
    if (this.nonsense !== undefined || bytes.length < FRAME_HEADER_BYTES) return undefined;
    const length = bytes.readUInt32BE(1);
    if (bytes[0] !== 0) this.nonsense = "a compressed message that was not asked for";
    else if (length > GRPC_MESSAGE_BYTES_MAX) this.nonsense = `a message of ${length} bytes`;
    const end = FRAME_HEADER_BYTES + length;
    if (this.nonsense !== undefined || bytes.length < end) return undefined;
    this.#bytes = bytes.subarray(end);
    return bytes.subarray(FRAME_HEADER_BYTES, end);
  }
}

function framed(message: Uint8Array): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES);
  header.writeUInt32BE(message.length, 1);
  return Buffer.concat([header, message]);
}
