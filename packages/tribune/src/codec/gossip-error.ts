/** Why bytes of a gossip peer were refused; one word per metric and per decision of the shell. */
export type GossipFault =
  /** Bytes that no peer writes. */
  | "malformed"
  /** Over one of `GOSSIP_LIMITS`. */
  | "tooLarge"
  /** For another label than ours. */
  | "label"
  | "checksum"
  /** Plaintext where a key is needed, a key needed where none is, or no key that opens it. */
  | "encryption";

/**
 * The only error that gossip bytes from outside can raise. The text is fit for memberlist's stream error
 * message, which goes back to the peer.
 */
export class GossipCodecError extends Error {
  override readonly name = "GossipCodecError";
  readonly fault: GossipFault;

  constructor(fault: GossipFault, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.fault = fault;
  }
}

/** Bounds on what a gossip peer may make us hold. Sizes are bytes. */
export const GOSSIP_LIMITS = {
  /** One UDP packet as received; the socket's buffer in every peer. */
  packetBytesMax: 65_536,
  /** All that one packet may decompress to, nested layers added up. */
  packetPlainBytesMax: 262_144,
  /** Compress and compound layers inside each other; peers write two. */
  packetDepthMax: 4,
  packetMessagesMax: 1_024,
  /** The sealed part of an encrypted stream, and everything of a plain one (memberlist's limit for the former). */
  streamBytesMax: 20 * 1_024 * 1_024,
  streamPlainBytesMax: 64 * 1_024 * 1_024,
  /** Members of one push/pull, and entries of its serf part: ten times the largest clusters in use. */
  membersMax: 65_536,
  nameBytesMax: 1_024,
  metaBytesMax: 512,
  /** Any other single text or payload. */
  valueBytesMax: 65_536,
  /** Slots of the event ring in a push/pull (peers send 512), and events of one slot. */
  eventsMax: 4_096,
  /** Lamport times stay far enough below 2^53 that counting on from one never leaves the safe integers. */
  lamportTimeMax: 2 ** 52,
} as const;
