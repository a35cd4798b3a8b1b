import { createSocket } from "node:dgram";
import * as net from "node:net";
import { listenError } from "../lib/listen-error.ts";
import type { Listener, Network, Stream, UdpSocket } from "../lib/runtime.ts";

/** Bursts of gossip and DNS questions outlive a busy turn of the event loop; memberlist asks for as much. */
const UDP_RECEIVE_BUFFER_BYTES = 2 * 1024 * 1024;

const PORT_MAX = 65_535;

const ignore = (): void => {};

/**
 * A TCP socket as the `Stream` port. Half-open is allowed: a peer that has ended its side (a snapshot
 * restore does) still gets its answer, and the owner decides in `onEnd` when to end ours.
 */
class NodeStream implements Stream {
  readonly remoteAddress: string;
  readonly localAddress: string;
  onData: (chunk: Uint8Array) => void = ignore;
  onEnd: () => void = ignore;
  onClose: (error?: Error) => void = ignore;
  onDrain: () => void = ignore;
  readonly #socket: net.Socket;
  #error: Error | undefined;

  /** @param below the stream that carries this one, which knows the addresses. */
  constructor(socket: net.Socket, below?: Stream) {
    this.#socket = socket;
    this.remoteAddress = below?.remoteAddress ?? hostPort(socket.remoteAddress, socket.remotePort);
    this.localAddress = below?.localAddress ?? hostPort(socket.localAddress, socket.localPort);
    if (below === undefined) socket.setNoDelay(true);
    socket.on("data", (chunk) => this.onData(chunk));
    socket.on("end", () => this.onEnd());
    socket.on("drain", () => this.onDrain());
    socket.on("error", (error) => {
      this.#error = error; // "close" always follows, and reports it.
    });
    socket.on("close", () => this.onClose(this.#error));
  }

  write(chunk: Uint8Array): boolean {
    // A write after the close is a race the owner cannot see; `onClose` tells it.
    if (this.#socket.destroyed || this.#socket.writableEnded) return false;
    return this.#socket.write(chunk);
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}

/** A socket that runs over another stream (TLS) as the port. */
export function streamOf(socket: net.Socket, below: Stream): Stream {
  return new NodeStream(socket, below);
}

/** `ip:port`, an IPv6 address in brackets, as Go's net.JoinHostPort writes it. */
function hostPort(host = "", port = 0): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

function listenTcp(host: string, port: number, onStream: (stream: Stream) => void): Promise<Listener> {
  const server = net.createServer({ allowHalfOpen: true }, (socket) => onStream(new NodeStream(socket)));
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(listenError("tcp", host, port, error));
    server.once("error", refuse);
    server.listen({ host, port }, () => {
      server.off("error", refuse);
      server.on("error", ignore); // An accept that failed (EMFILE): the connection is lost, the listener stays.
      const bound = server.address() as net.AddressInfo;
      resolve({
        address: { host: bound.address, port: bound.port },
        // The port is free at once; streams already handed over belong to their owners and are not waited for.
        close: async () => {
          server.close();
        },
      });
    });
  });
}

function connectTcp(host: string, port: number, timeoutMs: number): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port, allowHalfOpen: true });
    const timer = setTimeout(() => {
      const error: NodeJS.ErrnoException = new Error(`connect ${hostPort(host, port)}: no answer in ${timeoutMs} ms`);
      error.code = "ETIMEDOUT";
      socket.destroy(error);
    }, timeoutMs);
    const onError = (error: Error): void => {
      clearTimeout(timer);
      reject(error);
    };
    socket.once("error", onError);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", onError);
      resolve(new NodeStream(socket));
    });
  });
}

function bindUdp(
  host: string,
  port: number,
  onPacket: (packet: Uint8Array, fromPort: number, fromHost: string) => void,
): Promise<UdpSocket> {
  const type = net.isIPv6(host) ? "udp6" : "udp4";
  const socket = createSocket({
    type,
    recvBufferSize: UDP_RECEIVE_BUFFER_BYTES,
    // Hosts are addresses already; the resolver's answer would come a turn later, for each packet sent.
    lookup: (address, _options, done) => done(null, address, net.isIPv6(address) ? 6 : 4),
  });
  return new Promise((resolve, reject) => {
    const refuse = (error: Error): void => reject(listenError("udp", host, port, error));
    socket.once("error", refuse);
    socket.bind({ address: host, port }, () => {
      socket.off("error", refuse);
      socket.on("error", ignore); // ICMP "unreachable" of an earlier packet: UDP promises nothing.
      let closed = false;
      const { address, port: boundPort } = socket.address();
      resolve({
        address: { host: address, port: boundPort },
        send(packet, toPort, toHost) {
          // Lost like any other packet: the protocols above count on answers, not on sends. Nobody is on port 0, but packets
          // name it as theirs, or come from there when forged, and Node throws.
          if (!closed && toPort > 0 && toPort <= PORT_MAX) socket.send(packet, toPort, toHost);
        },
        close() {
          if (closed) return Promise.resolve();
          closed = true;
          return new Promise((done) => socket.close(done));
        },
      });
    });
    socket.on("message", (packet, from) => onPacket(packet, from.port, from.address));
  });
}

/** The `Network` port on the real network. Rejections have the `code` of the system's errors. */
export const nodeNetwork: Network = { listenTcp, connectTcp, bindUdp };
