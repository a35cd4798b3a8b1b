/**
 * Port 8300 as the rest of Tribune sees it (sheet consul-rpc): one listener for everything between agents and servers,
 * one pool of connections to others. What a method means is the server room's; this room moves its bytes.
 */
import type { Cancel, Listener, Stream } from "../lib/runtime.ts";

/** First byte of a connection (sheet consul-rpc §1). */
export const RPC_BYTE = {
  /** One RPC connection without yamux. */
  single: 0,
  raft: 1,
  /** TLS follows, with another of these bytes inside. */
  tls: 3,
  /** yamux; every stream is an RPC connection. */
  mux: 4,
  snapshot: 5,
  /** TLS without a client's certificate, then RPC directly, for methods that hand certificates out. */
  insecureTls: 7,
  grpc: 8,
} as const;

/** What can be dialled: the kinds that `RpcPool.dial` takes. */
export type RpcKind = "single" | "raft" | "mux" | "snapshot" | "grpc";

// ---- the listening side ----

/** One call as it came in. */
export interface RpcCall {
  /** `Service.Method` as the peer wrote it. */
  readonly method: string;
  /** One msgpack value, nothing behind it. Free to be kept. */
  readonly args: Uint8Array;
  /** `ip:port` of the peer. */
  readonly from: string;
  /** Came in without a client's certificate (byte 7). */
  readonly insecure: boolean;
}

/** How a call ends: exactly one of these, exactly once. */
export interface RpcReply {
  /** @param body one msgpack value, in pieces that are sent one behind the other and not changed afterwards. */
  ok(...body: readonly Uint8Array[]): void;
  /** @param close ends the RPC connection behind the answer, as Go's server does for a method it does not know. */
  fail(text: string, close?: boolean): void;
}

/** @returns cancel: the peer is gone, nobody reads the answer any more. */
export type RpcHandler = (call: RpcCall, reply: RpcReply) => Cancel;

/** Who takes over a connection of each kind. A kind without a handler is refused without a word. */
export interface ServerPortHandlers {
  readonly rpc: RpcHandler;
  /** The stream behind the byte, as the Raft transport reads it. */
  readonly raft?: (stream: Stream) => void;
  readonly snapshot?: (stream: Stream) => void;
  readonly grpc?: (stream: Stream) => void;
}

export interface ServerPort {
  /** Any time before `listen`. A later handler for the same kind replaces the earlier. */
  handle<K extends keyof ServerPortHandlers>(kind: K, handler: NonNullable<ServerPortHandlers[K]>): void;
  /** May be called for several addresses. Rejects with the system's error when the address is taken. */
  listen(host: string, port: number): Promise<Listener>;
  /** Closes the listeners and every connection that was not handed over; yamux peers are told to go away. */
  close(): Promise<void>;
}

// ---- the dialling side ----

/** A server to talk to. */
export interface RpcTarget {
  /** Node name; with the address it names the connection that is kept. */
  readonly name: string;
  readonly host: string;
  readonly port: number;
  /** Whose name its certificate must have: `server.DC.DOMAIN`. Empty or absent: the own datacenter. */
  readonly datacenter?: string;
}

export interface RpcCallOptions {
  /** No answer within this time is a transport error. Absent: as long as it takes (blocking queries wait minutes). */
  readonly timeoutMs?: number;
}

/**
 * The reply's bytes (one msgpack value), or what went wrong: `RpcRemoteError` when the server answered with an error,
 * `RpcTransportError` when there was no answer.
 */
export type RpcOutcome = Uint8Array | RpcRemoteError | RpcTransportError;

export interface RpcPool {
  /** Resolves with the reply's bytes; rejects with `RpcRemoteError` or `RpcTransportError`. */
  call(target: RpcTarget, method: string, args: Uint8Array, options?: RpcCallOptions): Promise<Uint8Array>;
  /** The same by callback, which comes once. @returns cancel, after which nothing comes; the server is told. */
  start(
    target: RpcTarget,
    method: string,
    args: Uint8Array,
    done: (outcome: RpcOutcome) => void,
    options?: RpcCallOptions,
  ): Cancel;
  /** A connection of its own, behind TLS if that is configured and behind the byte. Rejects with `RpcTransportError`. */
  dial(target: RpcTarget, kind: RpcKind): Promise<Stream>;
  /** Calls to this server fail now and its connection is closed: it left, or its address is somebody else's. */
  forget(target: RpcTarget): void;
  /** Open connections, for metrics. */
  readonly size: number;
  close(): void;
}

/** The server answered, and its answer is an error. `message` is its text, unwrapped. */
export class RpcRemoteError extends Error {
  override readonly name = "RpcRemoteError";
}

/**
 * No answer came. `sent` says whether the call may have reached the server: a write that was sent may have been
 * carried out and must not be repeated blindly; one that was not sent is safe to repeat.
 */
export class RpcTransportError extends Error {
  override readonly name = "RpcTransportError";
  readonly sent: boolean;
  /** The stream ended (Go: EOF) rather than could not be opened: a read is repeated then (sheet consul-rpc §7). */
  readonly eof: boolean;

  constructor(message: string, options: { readonly sent: boolean; readonly eof: boolean; readonly cause?: unknown }) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.sent = options.sent;
    this.eof = options.eof;
  }
}

// ---- TLS ----

/** What a handshake came to. */
export interface SecureStream {
  readonly stream: Stream;
  /** ALPN, "" when none was agreed. */
  readonly protocol: string;
}

/** TLS over any stream, as a port: the room does not know whose library does it. Rejections mean "close it". */
export interface TlsPort {
  /** Whether there is a certificate to show: without one, TLS is refused. */
  readonly canServe: boolean;
  readonly verifyIncoming: boolean;
  readonly verifyOutgoing: boolean;
  /** @param first bytes that were read already and belong to the handshake. */
  accept(stream: Stream, first: Uint8Array, how: "mutual" | "alpn" | "insecure"): Promise<SecureStream>;
  connect(stream: Stream, datacenter: string): Promise<SecureStream>;
}
