/** Snapshots over a connection of their own (byte 5, sheet consul-rpc §6): a request, then an archive in either direction. */
import { make, SnapshotRequest, SnapshotResponse } from "@tribune/api";
import { MsgpackError, MsgpackScanner } from "../codec/msgpack.ts";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import type { Stream } from "../lib/runtime.ts";
import { RpcRemoteError, RpcTransportError } from "./types.ts";

/** The value in front of the archive: names and a token, or the text of an error. */
const HEAD_BYTES_MAX = 64 * 1024;

export const SNAPSHOT_OP = { save: 0, restore: 1 } as const;

/** Where an archive is written to; the doors' sink has this shape. */
export interface ArchiveSink {
  write(chunk: Uint8Array): boolean;
  end(): void;
  abort(): void;
  drained: () => void;
  closed: () => void;
}

export interface SavedArchive {
  readonly response: SnapshotResponse;
  /** Once. */
  start(sink: ArchiveSink): void;
}

export interface SnapshotServer {
  save(request: SnapshotRequest): Promise<SavedArchive>;
  restore(request: SnapshotRequest, archive: AsyncIterable<Uint8Array>): Promise<SnapshotResponse>;
}

/** Answers a snapshot connection. Bytes that are no request end it without a word. */
export function serveSnapshots(stream: Stream, server: SnapshotServer): void {
  const incoming = new Incoming(stream);
  incoming
    .head()
    .then(async (head) => {
      const request = decodeStruct(SnapshotRequest, head);
      if (request.Op === SNAPSHOT_OP.save) {
        const { response, start } = await server.save(request);
        stream.write(encodeStruct(SnapshotResponse, response));
        start(sinkOf(stream, incoming));
      } else if (request.Op === SNAPSHOT_OP.restore) {
        const response = await server.restore(request, incoming.rest());
        stream.write(encodeStruct(SnapshotResponse, response));
        stream.end();
      } else throw new Error(`unrecognized snapshot op ${JSON.stringify(request.Op)}`);
    })
    .catch((error: unknown) => {
      if (error instanceof MsgpackError || error instanceof RpcTransportError) return stream.destroy();
      const text = error instanceof Error ? error.message : String(error);
      stream.write(encodeStruct(SnapshotResponse, make(SnapshotResponse, { Error: text })));
      stream.end();
    });
}

/** Asks for an archive. Rejects with `RpcRemoteError` or `RpcTransportError`. */
export async function saveOverStream(stream: Stream, request: SnapshotRequest): Promise<SavedArchive> {
  const incoming = new Incoming(stream);
  stream.write(encodeStruct(SnapshotRequest, { ...request, Op: SNAPSHOT_OP.save }));
  stream.end(); // as Consul does: there is nothing more to say
  const response = await answer(stream, incoming);
  return {
    response,
    start(sink) {
      sink.closed = () => stream.destroy();
      incoming.into(sink);
    },
  };
}

/**
 * Sends an archive. Rejects as `saveOverStream`, and with what the archive itself throws: then nobody waits for an answer,
 * nor the server for the rest. Over TCP the server sees the same end as behind a whole archive: that the part it got is none,
 * the archive's checksums say.
 */
export async function restoreOverStream(
  stream: Stream,
  request: SnapshotRequest,
  archive: AsyncIterable<Uint8Array>,
): Promise<SnapshotResponse> {
  const incoming = new Incoming(stream);
  stream.write(encodeStruct(SnapshotRequest, { ...request, Op: SNAPSHOT_OP.restore }));
  try {
    for await (const chunk of archive) {
      if (incoming.isOver) break; // refused half-way, or gone
      if (!stream.write(chunk)) await incoming.drained();
    }
  } catch (error) {
    stream.destroy();
    throw error;
  }
  stream.end();
  const response = await answer(stream, incoming);
  stream.destroy();
  return response;
}

async function answer(stream: Stream, incoming: Incoming): Promise<SnapshotResponse> {
  try {
    const response = decodeStruct(SnapshotResponse, await incoming.head());
    if (response.Error !== "") throw new RpcRemoteError(response.Error);
    return response;
  } catch (error) {
    stream.destroy();
    if (!(error instanceof MsgpackError)) throw error;
    throw new RpcTransportError(error.message, { sent: true, eof: false, cause: error });
  }
}

function sinkOf(stream: Stream, incoming: Incoming): ArchiveSink {
  const sink: ArchiveSink = {
    write: (chunk) => stream.write(chunk),
    end: () => stream.end(),
    abort: () => stream.destroy(),
    drained: () => {},
    closed: () => {},
  };
  stream.onDrain = () => sink.drained();
  incoming.onClosed = () => sink.closed();
  return sink;
}

/** What a peer sends: one value, then raw bytes until the end. Nothing is lost before somebody wants it. */
class Incoming {
  readonly #stream: Stream;
  #chunks: Uint8Array[] = [];
  #over: "no" | "ended" | "closed" = "no";
  #error: Error | undefined;
  #wake = (): void => {};
  #drained = (): void => {};
  onClosed = (): void => {};

  constructor(stream: Stream) {
    this.#stream = stream;
    stream.onData = (chunk) => {
      this.#chunks.push(chunk);
      this.#wake();
    };
    stream.onEnd = () => this.#finish("ended");
    stream.onClose = (error) => {
      this.#error = error;
      this.#finish("closed");
      this.onClosed();
    };
    stream.onDrain = () => this.#drained();
  }

  get isOver(): boolean {
    return this.#over !== "no";
  }

  #finish(how: "ended" | "closed"): void {
    if (this.#over === "no") this.#over = how;
    this.#wake();
    this.#drained();
  }

  /** Resolves once the peer has room again, or is gone. */
  drained(): Promise<void> {
    return new Promise((resolve) => (this.#drained = resolve));
  }

  /** @throws MsgpackError, or RpcTransportError when the stream ends before the value does. */
  async head(): Promise<Uint8Array> {
    const scanner = new MsgpackScanner();
    for (;;) {
      const bytes = Buffer.concat(this.#chunks);
      const end = scanner.scan(bytes);
      if (end !== undefined) {
        this.#take([bytes.subarray(end)]);
        return bytes.subarray(0, end);
      }
      if (bytes.length > HEAD_BYTES_MAX) throw new MsgpackError("a head that does not end", bytes.length);
      if (this.isOver) throw new RpcTransportError(this.#error?.message ?? "EOF", { sent: true, eof: true });
      this.#chunks = [bytes];
      await this.#more();
    }
  }

  /** The bytes behind the head. A connection that breaks ends them with an error. */
  async *rest(): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunks = this.#chunks;
      this.#take([]);
      yield* chunks;
      if (this.#chunks.length > 0) continue;
      if (this.#over === "closed") throw new RpcTransportError("the archive broke off", { sent: true, eof: true });
      if (this.#over === "ended") return;
      await this.#more();
    }
  }

  /** The same, pushed; the sender is held back while the sink is full, where the stream can do that. */
  into(sink: ArchiveSink): void {
    const stream: Stream & { pause?(): void; resume?(): void } = this.#stream;
    const push = (): void => {
      const chunks = this.#chunks;
      this.#take([]);
      for (const chunk of chunks) if (!sink.write(chunk)) stream.pause?.();
      if (this.#over === "ended") sink.end();
      else if (this.#over === "closed") sink.abort();
      if (this.isOver) this.#wake = () => {};
    };
    sink.drained = () => stream.resume?.();
    this.#wake = push;
    push();
  }

  #take(left: Uint8Array[]): void {
    this.#chunks = left.filter((chunk) => chunk.length > 0);
  }

  #more(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }
}
