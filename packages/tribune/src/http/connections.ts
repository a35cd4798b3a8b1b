import type { Socket } from "node:net";
import type { Logger } from "../lib/log.ts";

/** The connections of a door: how many each client has, and what is said to one too many. */
export class Connections {
  readonly #open = new Map<string, number>();
  /** Told that there are too many of them: nothing they have asked for is done. */
  readonly #refused = new WeakSet<Socket>();
  readonly #logger: Logger;
  #perClientMax: number;

  constructor(perClientMax: number, logger: Logger) {
    this.#perClientMax = perClientMax;
    this.#logger = logger;
  }

  /** Takes effect for the next connection. */
  limit(perClientMax: number): void {
    this.#perClientMax = perClientMax;
  }

  isRefused(socket: Socket): boolean {
    return this.#refused.has(socket);
  }

  /** `limits.http_max_conns_per_client`: one more connection is told so and closed. */
  admit(socket: Socket): void {
    const client = socket.remoteAddress ?? "";
    const open = this.#open.get(client) ?? 0;
    if (open >= this.#perClientMax) {
      this.#refused.add(socket);
      refuse(socket, "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
      this.#logger.warn("Too many connections from one client; raise limits.http_max_conns_per_client", {
        client,
        limit: this.#perClientMax,
      });
      return;
    }
    this.#open.set(client, open + 1);
    socket.once("close", () => {
      const left = (this.#open.get(client) ?? 1) - 1;
      if (left === 0) this.#open.delete(client);
      else this.#open.set(client, left);
    });
  }
}

/** Bytes that are no HTTP: answer if that is still possible, and close. */
export function refuseGarbage(error: NodeJS.ErrnoException | undefined, socket: Socket): void {
  if (!socket.writable || error?.code === "ECONNRESET") {
    socket.destroy();
    return;
  }
  const tooLarge = error?.code === "HPE_HEADER_OVERFLOW";
  const status = tooLarge ? "431 Request Header Fields Too Large" : "400 Bad Request";
  refuse(
    socket,
    `HTTP/1.1 ${status}\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\nContent-Length: ${status.length}\r\n\r\n${status}`,
  );
}

/** How long a refused client may take to read why. */
const LINGER_MS = 1000;

/**
 * Says the last word on a connection. Closing at once could take the answer back from a client that is still
 * sending; one that never closes its side must not keep the connection for ever.
 */
function refuse(socket: Socket, answer: string): void {
  socket.end(answer);
  const timer = setTimeout(() => socket.destroy(), LINGER_MS);
  socket.once("close", () => clearTimeout(timer));
}
