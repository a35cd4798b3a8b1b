import type { Listener, Network, Stream, UdpSocket } from "../lib/runtime.ts";

/** A port that is free for TCP may be taken for UDP; another one is found soon. */
const ATTEMPTS = 10;

/** Of whoever speaks both, as gossip and DNS do. */
export interface Sockets {
  readonly tcp: Listener;
  readonly udp: UdpSocket;
}

/** TCP and UDP on one port; 0 lets the system choose one that is free for both. @throws the system's error when it cannot be had. */
export async function bindBoth(
  network: Network,
  { host, port }: Listener["address"],
  onStream: (stream: Stream) => void,
  onPacket: (packet: Uint8Array, fromPort: number, fromHost: string) => void,
): Promise<Sockets> {
  for (let attempt = 1; ; attempt++) {
    const tcp = await network.listenTcp(host, port, onStream);
    try {
      return { tcp, udp: await network.bindUdp(host, tcp.address.port, onPacket) };
    } catch (error) {
      await tcp.close();
      const isTaken = (error as { readonly code?: string }).code === "EADDRINUSE";
      if (port !== 0 || !isTaken || attempt === ATTEMPTS) throw error;
    }
  }
}
