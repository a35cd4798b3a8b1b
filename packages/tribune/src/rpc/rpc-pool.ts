/** Connections to servers: one yamux session each, streams reused, one call at a time on a stream. */
import type { Cancel, Runtime, Stream } from "../lib/runtime.ts";
import { RpcClientStream } from "./rpc-client-stream.ts";
import {
  RPC_BYTE,
  type RpcCallOptions,
  type RpcKind,
  type RpcOutcome,
  type RpcPool,
  type RpcTarget,
  RpcTransportError,
  type TlsPort,
} from "./types.ts";
import { YamuxSession } from "./yamux-session.ts";

/** Connecting, with the TLS handshake. */
const DIAL_TIMEOUT_MS = 10_000;
/** Streams kept open for further calls, for each server. */
const IDLE_STREAMS_MAX = 64;

export interface RpcPoolOptions {
  readonly runtime: Pick<Runtime, "clock" | "timers" | "network">;
  /** Undefined: never TLS. Read at each dial, so that a reload needs no more than another value. */
  readonly tls: () => TlsPort | undefined;
  /** The own datacenter: for the name in a certificate. */
  readonly datacenter: string;
  /** An unused connection is closed after this (Consul: 127 s in clients, 120 s in servers). */
  readonly idleMs: number;
}

/** The connection to one server, or the attempt. */
class Connection {
  session: YamuxSession | undefined;
  readonly waiting = new Set<(error: RpcTransportError | undefined) => void>();
  readonly idle: RpcClientStream[] = [];
  calls = 0;
  cancelIdle: Cancel = () => {};
}

export class NodeRpcPool implements RpcPool {
  readonly #options: RpcPoolOptions;
  readonly #connections = new Map<string, Connection>();
  #closed = false;

  constructor(options: RpcPoolOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#connections.size;
  }

  call(target: RpcTarget, method: string, args: Uint8Array, options?: RpcCallOptions): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.start(
        target,
        method,
        args,
        (outcome) => (outcome instanceof Uint8Array ? resolve(outcome) : reject(outcome)),
        options,
      );
    });
  }

  start(
    target: RpcTarget,
    method: string,
    args: Uint8Array,
    done: (outcome: RpcOutcome) => void,
    options: RpcCallOptions = {},
  ): Cancel {
    const connection = this.#connection(target);
    let over = false;
    let stream: RpcClientStream | undefined;
    let cancelTimer: Cancel = () => {};
    connection.calls++;
    connection.cancelIdle();
    const finish = (): void => {
      over = true;
      cancelTimer();
      connection.waiting.delete(begin);
      if (--connection.calls === 0) this.#closeWhenIdle(target, connection);
    };
    const settle = (outcome: RpcOutcome): void => {
      if (over) return;
      finish();
      done(outcome);
    };
    const cancel = (): void => {
      if (over) return;
      finish();
      stream?.abandon();
    };
    const begin = (error: RpcTransportError | undefined): void => {
      if (over) return;
      const opened = error === undefined ? this.#stream(connection) : undefined;
      if (opened === undefined) return settle(error ?? new RpcTransportError("EOF", { sent: false, eof: true }));
      stream = opened;
      stream.call(method, args, settle);
    };
    if (options.timeoutMs !== undefined)
      cancelTimer = this.#options.runtime.timers.after(options.timeoutMs, () => {
        const sent = stream !== undefined;
        stream?.abandon();
        settle(new RpcTransportError("i/o deadline reached", { sent, eof: false }));
      });
    if (connection.session === undefined) connection.waiting.add(begin);
    else begin(undefined);
    return cancel;
  }

  async dial(target: RpcTarget, kind: RpcKind): Promise<Stream> {
    const { runtime, datacenter } = this.#options;
    const tls = this.#options.tls();
    let stream: Stream;
    try {
      stream = await runtime.network.connectTcp(target.host, target.port, DIAL_TIMEOUT_MS);
    } catch (cause) {
      throw transportError(`dial tcp ${hostPort(target)}: ${reason(cause)}`, cause);
    }
    if (tls?.verifyOutgoing === true) {
      const connected = stream;
      const cancel = runtime.timers.after(DIAL_TIMEOUT_MS, () => connected.destroy());
      try {
        connected.write(Uint8Array.of(RPC_BYTE.tls));
        ({ stream } = await tls.connect(connected, target.datacenter || datacenter));
      } catch (cause) {
        connected.destroy();
        throw transportError(reason(cause), cause);
      } finally {
        cancel();
      }
    }
    stream.write(Uint8Array.of(RPC_BYTE[kind]));
    return stream;
  }

  forget(target: RpcTarget): void {
    const key = keyOf(target);
    const connection = this.#connections.get(key);
    if (connection !== undefined) this.#drop(key, connection, new RpcTransportError("EOF", { sent: false, eof: true }));
  }

  close(): void {
    this.#closed = true;
    const error = new RpcTransportError("rpc pool is closed", { sent: false, eof: false });
    for (const [key, connection] of [...this.#connections]) this.#drop(key, connection, error);
  }

  #connection(target: RpcTarget): Connection {
    const key = keyOf(target);
    const known = this.#connections.get(key);
    if (known !== undefined && (known.session === undefined || known.session.usable)) return known;
    const connection = new Connection();
    this.#connections.set(key, connection);
    this.#connect(key, target, connection);
    return connection;
  }

  #connect(key: string, target: RpcTarget, connection: Connection): void {
    const { clock, timers } = this.#options.runtime;
    this.dial(target, "mux").then(
      (stream) => {
        if (this.#closed || this.#connections.get(key) !== connection) {
          stream.destroy();
          this.#drop(key, connection, new RpcTransportError("rpc pool is closed", { sent: false, eof: false }));
          return;
        }
        connection.session = new YamuxSession(stream, {
          client: true,
          clock,
          timers,
          onStream: (opened) => opened.destroy(), // servers open none
          onClose: () => this.#drop(key, connection, new RpcTransportError("EOF", { sent: false, eof: true })),
          onGoAway: () => {
            if (this.#connections.get(key) === connection) this.#connections.delete(key); // the next call dials anew
          },
        });
        for (const begin of [...connection.waiting]) begin(undefined);
        if (connection.calls === 0) this.#closeWhenIdle(target, connection);
      },
      (error: RpcTransportError) => this.#drop(key, connection, error),
    );
  }

  /** A stream for one call: an idle one, or a new one. */
  #stream(connection: Connection): RpcClientStream | undefined {
    for (;;) {
      const idle = connection.idle.pop();
      if (idle === undefined) break;
      if (idle.usable) return idle;
    }
    const { session } = connection;
    if (session === undefined || !session.usable) return undefined;
    return new RpcClientStream(session.open(), (stream) => {
      if (connection.idle.length < IDLE_STREAMS_MAX) connection.idle.push(stream);
      else stream.end();
    });
  }

  #drop(key: string, connection: Connection, error: RpcTransportError): void {
    if (this.#connections.get(key) === connection) this.#connections.delete(key);
    connection.cancelIdle();
    connection.session?.close();
    for (const begin of [...connection.waiting]) begin(error);
  }

  #closeWhenIdle(target: RpcTarget, connection: Connection): void {
    const { timers } = this.#options.runtime;
    connection.cancelIdle();
    if (this.#connections.get(keyOf(target)) !== connection) {
      connection.session?.close(); // given up meanwhile; this was its last call
      return;
    }
    connection.cancelIdle = timers.after(this.#options.idleMs, () => {
      if (connection.calls > 0) return;
      const error = new RpcTransportError("EOF", { sent: false, eof: true });
      this.#drop(keyOf(target), connection, error);
    });
  }
}

const keyOf = (target: RpcTarget): string => `${target.name} ${hostPort(target)}`;

function hostPort({ host, port }: RpcTarget): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function transportError(message: string, cause: unknown): RpcTransportError {
  return new RpcTransportError(message, { sent: false, eof: false, cause });
}

/** Go's words where tools look for them. */
function reason(cause: unknown): string {
  const code = (cause as { code?: unknown } | undefined)?.code;
  if (code === "ECONNREFUSED") return "connect: connection refused";
  if (code === "ETIMEDOUT") return "i/o timeout";
  return cause instanceof Error ? cause.message : String(cause);
}
