import { type Logger, silentLogger } from "../lib/log.ts";
import { type Metrics, noMetrics } from "../lib/metrics.ts";
import type { Listener, Stream } from "../lib/runtime.ts";
import { bindBoth, type Sockets } from "../net/tcp-and-udp.ts";
import type { DnsBackend } from "./backend.ts";
import type { DnsOptions } from "./options.ts";
import { type DnsRuntime, Recursor } from "./recursor.ts";
import { Responder } from "./responder.ts";
import { TcpConnection } from "./tcp-connection.ts";
import { Zone } from "./zone.ts";

/** Open TCP connections over all addresses; one more is closed at once. */
const CONNECTIONS_MAX = 1024;

export interface DnsServerDependencies {
  readonly runtime: DnsRuntime;
  readonly backend: DnsBackend;
  readonly log?: Logger;
  readonly metrics?: Metrics;
}

export interface DnsAddress {
  readonly host: string;
  /** 0 lets the system choose one, the same for UDP and TCP. */
  readonly port: number;
}

/** The DNS door: UDP and TCP sockets around a Responder. */
export class DnsServer {
  readonly #deps: Required<DnsServerDependencies>;
  readonly #recursor: Recursor;
  #responder: Responder;
  #sockets: Listener[] = [];
  readonly #connections = new Set<TcpConnection>();

  /** @throws TribuneError (badRequest) for options that cannot be used */
  constructor(options: DnsOptions, deps: DnsServerDependencies) {
    this.#deps = { log: silentLogger, metrics: noMetrics, ...deps };
    this.#recursor = new Recursor(this.#deps.runtime, this.#deps.log);
    this.#responder = this.#responderFor(options);
  }

  #responderFor(options: DnsOptions): Responder {
    return new Responder(new Zone(options), { ...this.#deps, recursor: this.#recursor });
  }

  /** New options hold from the next packet on. @throws as the constructor; the old options then stay. */
  reload(options: DnsOptions): void {
    this.#responder = this.#responderFor(options);
  }

  /**
   * Opens a UDP and a TCP socket on each address.
   * @returns the addresses with the ports chosen. Rejects, with nothing left open, when one cannot be bound.
   */
  async start(addresses: readonly DnsAddress[]): Promise<readonly DnsAddress[]> {
    const bound: DnsAddress[] = [];
    try {
      for (const address of addresses) {
        const { tcp, udp } = await this.#bound(address);
        this.#sockets.push(tcp, udp);
        bound.push({ host: address.host, port: tcp.address.port });
      }
    } catch (error) {
      await this.stop();
      throw error;
    }
    return bound;
  }

  async #bound(address: DnsAddress): Promise<Sockets> {
    const sockets: Sockets = await bindBoth(
      this.#deps.runtime.network,
      address,
      (stream) => this.#accept(stream),
      (packet, fromPort, fromHost) => {
        // Nobody can be answered on port 0: a forged sender.
        if (fromPort === 0) return;
        const reply = this.#responder.respond(packet, "udp", fromHost);
        if (reply instanceof Promise) {
          void reply.then((bytes) => bytes && sockets.udp.send(bytes, fromPort, fromHost));
        } else if (reply !== undefined) sockets.udp.send(reply, fromPort, fromHost);
      },
    );
    return sockets;
  }

  #accept(stream: Stream): void {
    if (this.#connections.size >= CONNECTIONS_MAX) {
      stream.destroy();
      return;
    }
    const client = hostOf(stream.remoteAddress);
    const connection: TcpConnection = new TcpConnection(
      stream,
      this.#deps.runtime.timers,
      (message) => this.#responder.respond(message, "tcp", client),
      () => this.#connections.delete(connection),
    );
    this.#connections.add(connection);
  }

  /** Closes every socket and connection; questions still pending get no answer. */
  async stop(): Promise<void> {
    const sockets = this.#sockets;
    this.#sockets = [];
    for (const connection of this.#connections) connection.close();
    await Promise.all(sockets.map((socket) => socket.close()));
  }
}

/** The address in `ip:port` or `[ipv6]:port`. */
function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(":")).replace(/^\[|\]$/g, "");
}
