/** UDP packets, in and out (sheet memberlist §3). */
import { GossipCodecError } from "../codec/gossip-error.ts";
import { parseIp } from "../codec/ip-address.ts";
import type { PacketMessage } from "../codec/memberlist-messages.ts";
import { decodePacket, encodePacket, type GossipSecurity } from "../codec/memberlist-packet.ts";
import { type Endpoint, endpointOf, endpointParts } from "../gossip/swim/endpoint.ts";
import type { Logger } from "../lib/log.ts";
import type { Metrics } from "../lib/metrics.ts";
import type { UdpSocket } from "../lib/runtime.ts";
import { packetHint } from "./encryption-hint.ts";

export interface PacketsOptions {
  readonly logger: Logger;
  readonly metrics: Metrics;
  readonly security: () => GossipSecurity;
  readonly onPacket: (from: Endpoint, messages: readonly PacketMessage[]) => void;
}

const NO_ADDRESS = new Uint8Array(0);

export class Packets {
  readonly #options: PacketsOptions;

  constructor(options: PacketsOptions) {
    this.#options = options;
  }

  send(socket: UdpSocket, to: Endpoint, parts: readonly Uint8Array[], crc: boolean): void {
    const target = endpointParts(to);
    if (target === undefined) return;
    const packet = encodePacket(parts, { ...this.#options.security(), compress: true, crc });
    this.#options.metrics.count("memberlist.udp.sent", packet.length);
    socket.send(packet, target.port, target.host);
  }

  received(packet: Uint8Array, fromPort: number, fromHost: string): void {
    const { logger, metrics, security, onPacket } = this.#options;
    metrics.count("memberlist.udp.received", packet.length);
    const from = endpointOf(parseIp(fromHost) ?? NO_ADDRESS, fromPort);
    if (from === undefined) return;
    try {
      const { messages, refused } = decodePacket(packet, security());
      for (const error of refused) logger.error(`memberlist: ${error.message} from=${from}`);
      if (messages.length > 0) onPacket(from, messages);
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      if (error.fault !== "encryption") return logger.error(`memberlist: ${error.message} from=${from}`);
      const hint = packetHint(security().encryption !== undefined);
      logger.error(`memberlist: Decrypt packet failed: ${error.message} from=${from}`, hint);
    }
  }
}
