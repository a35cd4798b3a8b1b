/** gRPC behind byte 8: HTTP/2 by Node's library, one request message, a stream of answers. */
import { constants, createServer, type Http2Server, type ServerHttp2Session, type ServerHttp2Stream } from "node:http2";
import type { Stream } from "../lib/runtime.ts";
import { duplexOf } from "../net/stream-duplex.ts";

/** One request: names and a token. */
const REQUEST_BYTES_MAX = 64 * 1024;
const FRAME_HEADER_BYTES = 5;
/** Calls that one connection may have open: a client agent has one for every service it watches. */
const CALLS_PER_CONNECTION_MAX = 8_192;
/** Answers that a caller has not read. More means that he does not keep up: he must ask anew. */
const UNREAD_BYTES_MAX = 32 * 1024 * 1024;

/** Codes of gRPC that are used here. */
export const GRPC_STATUS = { ok: 0, unknown: 2, invalidArgument: 3, resourceExhausted: 8, unimplemented: 12 } as const;

export interface GrpcCall {
  /** `/package.Service/Method` */
  readonly path: string;
  readonly request: Uint8Array;
  /** Sends one message. After the call is over it does nothing. */
  send(message: Uint8Array): void;
  /** Ends the call. */
  end(status: number, text: string): void;
  /** Set by the handler; runs once when the call is over, whoever ended it. */
  onOver: () => void;
}

export type GrpcHandler = (call: GrpcCall) => void;

export class GrpcServer {
  readonly #handler: GrpcHandler;
  /** From the first connection on: the library takes a while to load. */
  #server: Http2Server | undefined;
  readonly #sessions = new Set<ServerHttp2Session>();

  constructor(handler: GrpcHandler) {
    this.#handler = handler;
  }

  /** Takes over a connection behind its first byte. */
  handle(stream: Stream): void {
    this.#server ??= this.#open();
    this.#server.emit("connection", duplexOf(stream));
  }

  #open(): Http2Server {
    const server = createServer({ settings: { maxConcurrentStreams: CALLS_PER_CONNECTION_MAX } });
    server.on("session", (session) => {
      this.#sessions.add(session);
      session.on("close", () => this.#sessions.delete(session));
      session.on("error", () => session.destroy()); // the peer broke the protocol or the connection: it is gone
    });
    server.on("stream", (stream, headers) => serve(stream, String(headers[":path"]), this.#handler));
    return server;
  }

  close(): void {
    for (const session of this.#sessions) session.destroy();
  }
}

function serve(stream: ServerHttp2Stream, path: string, handler: GrpcHandler): void {
  const chunks: Buffer[] = [];
  let bytes = 0;
  let begun = false;
  stream.on("error", () => stream.destroy()); // a reset: `close` follows
  stream.on("data", (chunk: Buffer) => {
    if (begun) return;
    chunks.push(chunk);
    bytes += chunk.length;
    const whole = Buffer.concat(chunks);
    const length = bytes >= FRAME_HEADER_BYTES ? whole.readUInt32BE(1) : 0;
    if (length > REQUEST_BYTES_MAX || whole[0] !== 0)
      return refuse(stream, GRPC_STATUS.unimplemented, "no such message");
    if (bytes < FRAME_HEADER_BYTES + length) return;
    begun = true;
    handler(callOf(stream, path, whole.subarray(FRAME_HEADER_BYTES, FRAME_HEADER_BYTES + length)));
  });
  stream.on("end", () => {
    if (!begun) refuse(stream, GRPC_STATUS.invalidArgument, "a call without a message");
  });
}

const HEADERS = { ":status": 200, "content-type": "application/grpc" } as const;

/** The headers alone, with the status in them. */
function refuse(stream: ServerHttp2Stream, status: number, text: string): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ...HEADERS, "grpc-status": String(status), "grpc-message": escaped(text) }, { endStream: true });
}

function callOf(stream: ServerHttp2Stream, path: string, request: Uint8Array): GrpcCall {
  let status: { readonly code: number; readonly text: string } = { code: GRPC_STATUS.ok, text: "" };
  const call: GrpcCall = {
    path,
    request,
    send(message) {
      if (stream.destroyed || stream.writableEnded) return;
      open();
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32BE(message.length, 1);
      stream.write(Buffer.concat([header, message]));
      if (stream.writableLength > UNREAD_BYTES_MAX) call.end(GRPC_STATUS.resourceExhausted, "reader does not keep up");
    },
    end(code, text) {
      if (stream.destroyed || stream.writableEnded) return;
      if (!stream.headersSent) return refuse(stream, code, text);
      status = { code, text };
      if (code === GRPC_STATUS.resourceExhausted) stream.close(constants.NGHTTP2_ENHANCE_YOUR_CALM);
      else stream.end();
    },
    onOver: () => {},
  };
  const open = (): void => {
    if (!stream.headersSent) stream.respond(HEADERS, { waitForTrailers: true });
  };
  stream.on("wantTrailers", () =>
    stream.sendTrailers({ "grpc-status": String(status.code), "grpc-message": escaped(status.text) }),
  );
  stream.on("close", () => call.onOver());
  return call;
}

/** Percent-encoding as gRPC has it for its messages. */
const escaped = (text: string): string => encodeURIComponent(text).replaceAll("%20", " ");
