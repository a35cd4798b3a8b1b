/** The listener of port 8300: looks at a connection's first byte and hands it on (sheet consul-rpc §1). */
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { Listener, Runtime, Stream } from "../lib/runtime.ts";
import { HandedStream } from "./handed-stream.ts";
import { serveCalls } from "./rpc-connection.ts";
import {
  RPC_BYTE,
  type RpcHandler,
  type SecureStream,
  type ServerPort,
  type ServerPortHandlers,
  type TlsPort,
} from "./types.ts";
import { YamuxSession } from "./yamux-session.ts";

/** First byte of a TLS handshake record; above all of Consul's own. */
const TLS_HANDSHAKE_BYTE = 22;
const NOTHING = new Uint8Array(0);

/** What ALPN calls the kinds of connection. */
export const ALPN_PROTOCOLS: ReadonlyMap<string, keyof typeof RPC_BYTE> = new Map([
  ["consul/rpc-single", "single"],
  ["consul/raft", "raft"],
  ["consul/rpc-multi", "mux"],
  ["consul/rpc-snapshot", "snapshot"],
  ["consul/rpc-grpc", "grpc"],
]);

export interface ServerPortOptions {
  /** First byte and TLS handshake must be there within this (`limits.rpc_handshake_timeout`); 0: no limit. */
  readonly handshakeTimeoutMs: number;
  /** `limits.rpc_max_conns_per_client`; 0: no limit. */
  readonly connectionsPerClientMax: number;
}

export interface ServerPortDependencies {
  readonly runtime: Pick<Runtime, "clock" | "timers" | "network">;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined: TLS is refused. Read at each connection. */
  readonly tls: () => TlsPort | undefined;
}

export class NodeServerPort implements ServerPort {
  #options: ServerPortOptions;
  readonly #d: ServerPortDependencies;
  readonly #handlers: { -readonly [K in keyof ServerPortHandlers]: ServerPortHandlers[K] } = {
    rpc: (_call, reply) => {
      reply.fail("not ready");
      return () => {};
    },
  };
  readonly #listeners: Listener[] = [];
  /** Connections that are ours to close: all but those that were handed over. */
  readonly #own = new Set<{ close(): void }>();
  /**
   * Looked up for each call: who calls while a server starts keeps his stream, and is not to hear for ever what was
   * answered before there was a server.
   */
  readonly #answer: RpcHandler = (call, reply) => this.#handlers.rpc(call, reply);
  readonly #perClient = new Map<string, number>();
  #closed = false;

  constructor(options: ServerPortOptions, dependencies: ServerPortDependencies) {
    this.#options = options;
    this.#d = dependencies;
  }

  /** Takes effect for the next connection. */
  configure(options: ServerPortOptions): void {
    this.#options = options;
  }

  handle<K extends keyof ServerPortHandlers>(kind: K, handler: NonNullable<ServerPortHandlers[K]>): void {
    (this.#handlers as Record<string, unknown>)[kind] = handler;
  }

  async listen(host: string, port: number): Promise<Listener> {
    const listener = await this.#d.runtime.network.listenTcp(host, port, (stream) => this.#accept(stream));
    this.#listeners.push(listener);
    return listener;
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const one of [...this.#own]) one.close();
    this.#own.clear();
    await Promise.all(this.#listeners.splice(0).map((listener) => listener.close()));
  }

  #accept(inner: Stream): void {
    const client = inner.remoteAddress.slice(0, inner.remoteAddress.lastIndexOf(":"));
    const open = this.#perClient.get(client) ?? 0;
    const max = this.#options.connectionsPerClientMax;
    if (this.#closed || (max > 0 && open >= max)) {
      if (!this.#closed)
        this.#refuse("too many connections from one client; raise limits.rpc_max_conns_per_client", inner);
      inner.destroy();
      return;
    }
    this.#d.metrics.count("rpc.accept_conn");
    this.#perClient.set(client, open + 1);
    const own = { close: () => inner.destroy() };
    this.#own.add(own);
    const stream = new HandedStream(inner, () => {
      this.#own.delete(own);
      const left = (this.#perClient.get(client) ?? 1) - 1;
      if (left === 0) this.#perClient.delete(client);
      else this.#perClient.set(client, left);
    });
    this.#firstByte(stream, false, own);
  }

  #firstByte(stream: Stream, secure: boolean, own: { close(): void }): void {
    const cancel = this.#limitTime(stream);
    stream.onEnd = () => stream.end();
    stream.onClose = cancel;
    stream.onData = (chunk) => {
      if (chunk.length === 0) return;
      cancel();
      stream.onData = () => {};
      this.#switch(stream, chunk, secure, own);
    };
  }

  #switch(stream: Stream, chunk: Uint8Array, secure: boolean, own: { close(): void }): void {
    const byte = chunk[0]!;
    const tls = this.#d.tls();
    const rest = chunk.subarray(1);
    if (byte === RPC_BYTE.tls || byte === RPC_BYTE.insecureTls || byte === TLS_HANDSHAKE_BYTE) {
      if (secure) return this.#refuse("TLS inside TLS", stream);
      if (tls === undefined || !tls.canServe) return this.#refuse("TLS without a certificate to show", stream);
      const how = byte === RPC_BYTE.tls ? "mutual" : byte === TLS_HANDSHAKE_BYTE ? "alpn" : "insecure";
      this.#secure(stream, tls.accept(stream, how === "alpn" ? chunk : rest, how), how, own);
      return;
    }
    if (tls?.verifyIncoming === true && !secure)
      return this.#refuse("a connection without TLS while verify_incoming is set", stream);
    this.#serve(kindOf(byte), stream, rest, false, own);
  }

  #secure(
    stream: Stream,
    handshake: Promise<SecureStream>,
    how: "mutual" | "alpn" | "insecure",
    own: { close(): void },
  ): void {
    const cancel = this.#limitTime(stream);
    handshake.then(
      (secured) => {
        cancel();
        if (how === "mutual") this.#firstByte(secured.stream, true, own);
        else if (how === "insecure") this.#serve("single", secured.stream, NOTHING, true, own);
        else this.#serve(ALPN_PROTOCOLS.get(secured.protocol), secured.stream, NOTHING, false, own);
      },
      (error: unknown) => {
        cancel();
        this.#refuse(`TLS handshake failed: ${error instanceof Error ? error.message : String(error)}`, stream);
      },
    );
  }

  /** @param first what came behind the byte in the same chunk. */
  #serve(
    kind: keyof typeof RPC_BYTE | undefined,
    stream: Stream,
    first: Uint8Array,
    insecure: boolean,
    own: { close(): void },
  ): void {
    stream.onEnd = () => {};
    stream.onClose = () => {};
    const { raft, snapshot, grpc } = this.#handlers;
    const handed = kind === "raft" ? raft : kind === "snapshot" ? snapshot : kind === "grpc" ? grpc : undefined;
    if (kind === "mux") this.#mux(stream, own);
    else if (kind === "single") serveCalls(stream, insecure, this.#answer);
    else if (handed !== undefined) {
      this.#own.delete(own);
      handed(stream);
    } else return this.#refuse(`a connection of an unknown kind (${kind ?? "no such byte"})`, stream);
    if (first.length > 0) stream.onData(first);
  }

  #mux(stream: Stream, own: { close(): void }): void {
    const { clock, timers } = this.#d.runtime;
    const session = new YamuxSession(stream, {
      client: false,
      clock,
      timers,
      onStream: (opened) => serveCalls(opened, false, this.#answer),
      onClose: (error) => {
        this.#own.delete(muxed);
        if (error !== undefined) this.#d.logger.debug("multiplexed connection ended", { error: error.message });
      },
    });
    const muxed = { close: () => session.close() };
    this.#own.delete(own);
    this.#own.add(muxed);
  }

  #limitTime(stream: Stream): () => void {
    const { handshakeTimeoutMs } = this.#options;
    if (handshakeTimeoutMs <= 0) return () => {};
    return this.#d.runtime.timers.after(handshakeTimeoutMs, () => stream.destroy());
  }

  /** As Consul refuses: the peer is told nothing. */
  #refuse(why: string, stream: Stream): void {
    this.#d.logger.warn("refused an RPC connection", { from: stream.remoteAddress, reason: why });
    stream.destroy();
  }
}

function kindOf(byte: number): keyof typeof RPC_BYTE | undefined {
  switch (byte) {
    case RPC_BYTE.single:
      return "single";
    case RPC_BYTE.raft:
      return "raft";
    case RPC_BYTE.mux:
      return "mux";
    case RPC_BYTE.snapshot:
      return "snapshot";
    case RPC_BYTE.grpc:
      return "grpc";
    default:
      return undefined;
  }
}
