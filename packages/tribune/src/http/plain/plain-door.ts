import type { Server } from "node:http";
import type { Socket } from "node:net";
import type { Connections } from "../connections.ts";
import { refuseGarbage } from "../connections.ts";
import { BusyPoll } from "./busy-poll.ts";
import type { DateLine } from "./head-text.ts";
import { HeaderBlocks } from "./header-blocks.ts";
import { PlainConnection, type PlainHost } from "./plain-connection.ts";
import type { PlainRequest } from "./plain-request.ts";
import type { PlainResponse } from "./plain-response.ts";
import { withEscapedTarget } from "./raw-target.ts";
import { HEAD_BYTES_MAX } from "./request-head.ts";

/** A client that has not said a word for so long after it came is let go, as by Node's `headersTimeout`. */
const SILENT_MS_MAX = 60_000;
const LOOK_EVERY_MS = 30_000;

export interface PlainDoorOptions {
  /** Its sockets are what comes out of TLS. */
  readonly secure: boolean;
  readonly headerBytesMax: number;
}

export interface PlainDoorDependencies {
  readonly connections: Connections;
  readonly dates: DateLine;
  readonly handle: (request: PlainRequest, response: PlainResponse) => void;
}

/**
 * Stands before a server of Node's HTTP, which goes on to listen: plain requests are read and answered here, and a
 * connection that brings anything else becomes that server's, as if it had just come.
 */
export class PlainDoor implements PlainHost {
  readonly dates: DateLine;
  readonly poll = new BusyPoll();
  readonly blocks = new HeaderBlocks();
  readonly headBytesMax: number;
  readonly handle: PlainDoorDependencies["handle"];
  readonly #server: Server;
  /** What Node does with a new connection. */
  readonly #nodes: readonly ((socket: Socket) => void)[];
  readonly #open = new Set<PlainConnection>();
  /** Node's, with a request whose target Node would have refused: the next one may be such a one again, so it is the last. */
  readonly #lastRequest = new WeakSet<Socket>();
  /** Those that have not said anything, or owe the rest of a line, the oldest first, with the time since. */
  readonly #silent = new Map<PlainConnection, number>();
  #look: NodeJS.Timeout | undefined;

  constructor(server: Server, options: PlainDoorOptions, { connections, dates, handle }: PlainDoorDependencies) {
    this.#server = server;
    this.dates = dates;
    this.headBytesMax = Math.min(HEAD_BYTES_MAX, options.headerBytesMax);
    this.handle = handle;
    const event = options.secure ? "secureConnection" : "connection";
    this.#nodes = server.listeners(event) as ((socket: Socket) => void)[];
    server.removeAllListeners(event);
    server.prependListener("request", ({ socket }, response) => {
      if (this.#lastRequest.has(socket)) response.shouldKeepAlive = false;
    });
    server.on("connection", (socket) => connections.admit(socket));
    server.on(event, (socket: Socket) => {
      if (connections.isRefused(socket)) socket.on("error", () => socket.destroy()).resume();
      else this.#admit(socket);
    });
  }

  /** Cuts everybody off. */
  close(): void {
    clearInterval(this.#look);
    for (const { socket } of this.#open) socket.destroy();
  }

  handOver(connection: PlainConnection, bytes: Buffer): void {
    const { socket } = connection;
    connection.release();
    this.closed(connection);
    socket.pause(); // else what is put back would be taken for read
    const escaped = withEscapedTarget(bytes);
    if (escaped !== undefined) this.#lastRequest.add(socket);
    socket.unshift(escaped ?? bytes);
    for (const take of this.#nodes) take.call(this.#server, socket);
    socket.resume();
  }

  refuse(socket: Socket): void {
    refuseGarbage(undefined, socket);
  }

  awaitsLine(connection: PlainConnection): void {
    if (!this.#silent.has(connection)) this.#silent.set(connection, performance.now());
  }

  spoke(connection: PlainConnection): void {
    this.#silent.delete(connection);
  }

  closed(connection: PlainConnection): void {
    this.#open.delete(connection);
    this.#silent.delete(connection);
  }

  #admit(socket: Socket): void {
    const connection = new PlainConnection(socket, this);
    this.#open.add(connection);
    this.#silent.set(connection, performance.now());
    this.#look ??= setInterval(() => this.letSilentGo(performance.now()), LOOK_EVERY_MS).unref();
  }

  /** @param nowMs of the monotonic clock */
  letSilentGo(nowMs: number): void {
    const before = nowMs - SILENT_MS_MAX;
    for (const [connection, cameMs] of this.#silent) {
      if (cameMs > before) return;
      this.#silent.delete(connection);
      this.refuse(connection.socket);
    }
  }
}
