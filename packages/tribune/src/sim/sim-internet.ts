import type { Listener, Network, Stream, UdpSocket } from "../lib/runtime.ts";
import type { SimNetwork } from "./sim-network.ts";
import { networkError, SimStream } from "./sim-streams.ts";
import type { Simulator } from "./simulator.ts";

type OnPacket = (packet: Uint8Array, fromPort: number, fromHost: string) => void;

const FIRST_FREE_PORT = 40_000;

/** What listens where, for all hosts of one simulation; packets and bytes go through its `SimNetwork`. */
export class SimInternet {
  readonly sim: Simulator;
  readonly network: SimNetwork;
  readonly #tcp = new Map<string, (stream: Stream) => void>();
  readonly #udp = new Map<string, OnPacket>();
  readonly #streams = new Map<string, Set<SimStream>>();
  readonly #aliases = new Map<string, string>();
  #lastPort = FIRST_FREE_PORT;

  constructor(sim: Simulator, network: SimNetwork) {
    this.sim = sim;
    this.network = network;
  }

  /** What is sent to `address` reaches `host`: it has both. */
  alias(address: string, host: string): void {
    this.#aliases.set(address, host);
  }

  /** The network as one host sees it. Wildcard and loopback addresses mean the host itself. */
  attach(self: string): Network {
    return {
      listenTcp: async (_host, port, onStream) => this.#bind(this.#tcp, self, port, onStream),
      connectTcp: (host, port, timeoutMs) => this.#connect(self, this.#hostAt(self, host), port, timeoutMs),
      bindUdp: async (_host, port, onPacket): Promise<UdpSocket> => {
        const listener = this.#bind(this.#udp, self, port, onPacket);
        return {
          ...listener,
          send: (packet, toPort, toHost) => this.#packet(self, listener.address.port, packet, toPort, toHost),
        };
      },
    };
  }

  /** The host lost power: its listeners are gone, its peers' connections are reset. */
  crash(self: string): void {
    for (const table of [this.#tcp, this.#udp] as Map<string, unknown>[]) {
      for (const key of [...table.keys()]) if (key.startsWith(`${self}:`)) table.delete(key);
    }
    for (const stream of this.#streams.get(self) ?? []) stream.destroy();
    this.#streams.delete(self);
  }

  #bind<T>(table: Map<string, T>, self: string, wanted: number, handler: T): Listener {
    const port = wanted === 0 ? ++this.#lastPort : wanted;
    const key = `${self}:${port}`;
    if (table.has(key)) throw networkError("EADDRINUSE", `listen ${key}`);
    table.set(key, handler);
    return {
      address: { host: self, port },
      close: async () => {
        if (table.get(key) === handler) table.delete(key);
      },
    };
  }

  #connect(self: string, host: string, port: number, timeoutMs: number): Promise<Stream> {
    const address = `${host}:${port}`;
    return new Promise((resolve, reject) => {
      let open = true;
      const cancel = this.sim.after(timeoutMs, () => {
        open = false;
        reject(networkError("ETIMEDOUT", `connect ${address}`));
      });
      const answer = (done: () => void): void => {
        this.network.send(host, self, () => {
          if (!open) return; // too late, or a double
          open = false;
          cancel();
          done();
        });
      };
      this.network.send(self, host, () => {
        const listener = this.#tcp.get(address);
        if (listener === undefined) answer(() => reject(networkError("ECONNREFUSED", `connect ${address}`)));
        else
          this.network.whenAwake(host, () => {
            if (this.#tcp.get(address) !== listener) return; // it crashed in its sleep
            answer(() => resolve(this.#establish(self, host, address, listener)));
          });
      });
    });
  }

  #establish(self: string, host: string, address: string, listener: (stream: Stream) => void): Stream {
    const [near, far] = SimStream.pair(this.sim, this.network, `${self}:${++this.#lastPort}`, address);
    this.#remember(self, near);
    this.#remember(host, far);
    listener(far);
    return near;
  }

  #remember(host: string, stream: SimStream): void {
    const streams = this.#streams.get(host);
    if (streams === undefined) this.#streams.set(host, new Set([stream]));
    else streams.add(stream);
    stream.onGone = () => this.#streams.get(host)?.delete(stream);
  }

  #hostAt(self: string, address: string): string {
    return this.#aliases.get(address) ?? resolveHost(self, address);
  }

  #packet(self: string, fromPort: number, packet: Uint8Array, toPort: number, toHost: string): void {
    const host = this.#hostAt(self, toHost);
    const bytes = Uint8Array.from(packet);
    this.network.send(self, host, () =>
      this.network.whenAwake(host, () => this.#udp.get(`${host}:${toPort}`)?.(bytes, fromPort, self)),
    );
  }
}

function resolveHost(self: string, host: string): string {
  return host === "" || host === "0.0.0.0" || host === "::" || host === "localhost" || host === "127.0.0.1"
    ? self
    : host;
}
