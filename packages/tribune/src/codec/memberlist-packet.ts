/**
 * One UDP packet, outermost layer first: label, encryption, CRC, compression, then a compound or a single
 * message (sheet memberlist §3).
 */
import { invariant } from "../lib/invariant.ts";
import { crc32 } from "./crc32.ts";
import { type GossipEncryption, open, seal, sealOverheadBytes } from "./gossip-encryption.ts";
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import { checkLabel, compress, decompress, labelBytes, labelHeader } from "./memberlist-layers.ts";
import { decodeMessage, MESSAGE_TYPE, type PacketMessage } from "./memberlist-messages.ts";

/** What a pool knows for all its packets and streams. */
export interface GossipSecurity {
  /** Empty, or not there, for none. */
  readonly label?: string | undefined;
  readonly encryption?: GossipEncryption | undefined;
}

export interface PacketOptions extends GossipSecurity {
  /** Used where it makes the packet smaller. */
  readonly compress: boolean;
  /** Only for peers whose protocol maximum is 5 or more. */
  readonly crc: boolean;
}

export interface DecodedPacket {
  readonly messages: readonly PacketMessage[];
  /** Parts that were refused; the others stand, as with every peer. */
  readonly refused: readonly GossipCodecError[];
}

/** What peers fill a packet up to, all layers included. */
export const PACKET_BYTES_MAX = 1_400;
export const COMPOUND_OVERHEAD_BYTES = 2;
/** For each part of a compound. */
export const COMPOUND_PART_OVERHEAD_BYTES = 2;
export const COMPOUND_PARTS_MAX = 255;

const CRC_HEADER_BYTES = 5;

/**
 * What the label and the encryption leave of `PACKET_BYTES_MAX` for a compound and its parts. As every peer
 * does, it counts on nothing from compression and does not count the CRC.
 */
export function packetBudgetBytes({ label = "", encryption }: GossipSecurity): number {
  const sealing = encryption?.verifyOutgoing ? sealOverheadBytes(encryption.version) : 0;
  return PACKET_BYTES_MAX - labelHeader(label).length - sealing;
}

/**
 * @param parts encoded messages, 1 to 255; of more than one a compound is made.
 */
export function encodePacket(parts: readonly Uint8Array[], options: PacketOptions): Uint8Array {
  const { label = "", encryption } = options;
  let packet = parts.length === 1 ? parts[0]! : compound(parts);
  if (options.compress) {
    const smaller = compress(packet);
    if (smaller.length < packet.length) packet = smaller;
  }
  if (options.crc) packet = withCrc(packet);
  if (encryption?.verifyOutgoing) packet = seal(encryption, packet, labelBytes(label));
  return label === "" ? packet : Buffer.concat([labelHeader(label), packet]);
}

/**
 * @throws GossipCodecError when nothing of the packet is to be used: too large, for another label, not (rightly)
 * encrypted, or damaged under way.
 */
export function decodePacket(packet: Uint8Array, { label = "", encryption }: GossipSecurity): DecodedPacket {
  if (packet.length > GOSSIP_LIMITS.packetBytesMax) {
    throw new GossipCodecError("tooLarge", `a packet of ${packet.length} bytes`);
  }
  const labelLength = checkLabel(packet, label);
  if (labelLength === undefined) throw new GossipCodecError("malformed", "the packet ends in its label");
  const unlabelled = packet.subarray(labelLength);
  const plain = encryption === undefined ? unlabelled : decrypted(encryption, unlabelled, labelBytes(label));
  const splitter = new Splitter();
  splitter.split(withoutCrc(plain), 0);
  const isUnread = splitter.messages.length === 0 && splitter.refused.length > 0;
  if (encryption === undefined && isUnread && mayBeSealed(unlabelled))
    throw new GossipCodecError("encryption", "the packet seems to be encrypted, and encryption is not configured");
  return splitter;
}

/** Its first byte is that of a ping or of an indirect one, too; what is sealed hardly ever reads as either. */
function mayBeSealed(packet: Uint8Array): boolean {
  const version = packet[0];
  return (version === 0 || version === 1) && packet.length >= sealOverheadBytes(version);
}

function decrypted(encryption: GossipEncryption, packet: Uint8Array, authenticated: Uint8Array): Uint8Array {
  try {
    return open(encryption, packet, authenticated);
  } catch (error) {
    // While encryption is being introduced, what does not decrypt may be plaintext.
    if (encryption.verifyIncoming || !(error instanceof GossipCodecError)) throw error;
    return packet;
  }
}

function withCrc(content: Uint8Array): Uint8Array {
  const packet = Buffer.allocUnsafe(CRC_HEADER_BYTES + content.length);
  packet[0] = MESSAGE_TYPE.hasCrc;
  packet.writeUInt32BE(crc32(content), 1);
  packet.set(content, CRC_HEADER_BYTES);
  return packet;
}

function withoutCrc(packet: Uint8Array): Uint8Array {
  if (packet[0] !== MESSAGE_TYPE.hasCrc || packet.length < CRC_HEADER_BYTES) return packet;
  const content = packet.subarray(CRC_HEADER_BYTES);
  const [, a, b, c, d] = packet;
  const expected = ((a! << 24) | (b! << 16) | (c! << 8) | d!) >>> 0;
  if (crc32(content) !== expected) throw new GossipCodecError("checksum", "the packet's checksum is wrong");
  return content;
}

function compound(parts: readonly Uint8Array[]): Uint8Array {
  invariant(parts.length > 0 && parts.length <= COMPOUND_PARTS_MAX, `${parts.length} parts in a packet`);
  const head = new Uint8Array(COMPOUND_OVERHEAD_BYTES + COMPOUND_PART_OVERHEAD_BYTES * parts.length);
  head[0] = MESSAGE_TYPE.compound;
  head[1] = parts.length;
  for (const [index, { length }] of parts.entries()) {
    invariant(length <= 0xffff, `a part of ${length} bytes`);
    head[COMPOUND_OVERHEAD_BYTES + 2 * index] = length >>> 8;
    head[COMPOUND_OVERHEAD_BYTES + 2 * index + 1] = length;
  }
  return Buffer.concat([head, ...parts]);
}

/** Takes one packet apart, within bounds that all its nested layers share. */
class Splitter implements DecodedPacket {
  readonly messages: PacketMessage[] = [];
  readonly refused: GossipCodecError[] = [];
  #plainBytesLeft: number = GOSSIP_LIMITS.packetPlainBytesMax;

  split(bytes: Uint8Array, depth: number): void {
    if (this.messages.length + this.refused.length >= GOSSIP_LIMITS.packetMessagesMax) return;
    try {
      this.#one(bytes, depth);
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      this.refused.push(error);
    }
  }

  #one(bytes: Uint8Array, depth: number): void {
    if (depth > GOSSIP_LIMITS.packetDepthMax) throw new GossipCodecError("tooLarge", "too many layers in a packet");
    switch (bytes[0]) {
      case MESSAGE_TYPE.compound:
        this.#compound(bytes, depth);
        break;
      case MESSAGE_TYPE.compress:
        this.split(this.#decompressed(bytes), depth + 1);
        break;
      default:
        this.messages.push(decodeMessage(bytes));
    }
  }

  /** A failure uses up the whole allowance, or a packet full of bombs would cost one allowance each. */
  #decompressed(bytes: Uint8Array): Uint8Array {
    const allowance = this.#plainBytesLeft;
    this.#plainBytesLeft = 0;
    const plain = decompress(bytes, allowance);
    this.#plainBytesLeft = allowance - plain.length;
    return plain;
  }

  #compound(bytes: Uint8Array, depth: number): void {
    const count = bytes[1] ?? 0;
    let at = COMPOUND_OVERHEAD_BYTES + COMPOUND_PART_OVERHEAD_BYTES * count;
    if (bytes.length < COMPOUND_OVERHEAD_BYTES || bytes.length < at) {
      throw new GossipCodecError("malformed", "a compound ends in its lengths");
    }
    for (let index = 0; index < count; index++) {
      const lengthAt = COMPOUND_OVERHEAD_BYTES + COMPOUND_PART_OVERHEAD_BYTES * index;
      const length = (bytes[lengthAt]! << 8) | bytes[lengthAt + 1]!;
      if (at + length > bytes.length) {
        throw new GossipCodecError("malformed", `a compound was cut: ${count - index} of ${count} parts are lost`);
      }
      this.split(bytes.subarray(at, at + length), depth + 1);
      at += length;
    }
  }
}
