/** What packets and streams wrap their messages in: label header and compression (sheet memberlist §3, §4). */
import { invariant } from "../lib/invariant.ts";
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import { bytes, encodeTyped, gossipReader, readingGossip, struct, u8 } from "./gossip-struct.ts";
import { lzwDecode, lzwEncode } from "./lzw.ts";
import { MESSAGE_TYPE } from "./memberlist-messages.ts";

const LABEL_BYTES_MAX = 255;
const ALGORITHM_LZW = 0;

/** The bytes of a label: authenticated data under encryption. */
export function labelBytes(label: string): Uint8Array {
  const encoded = Buffer.from(label);
  invariant(encoded.length <= LABEL_BYTES_MAX, `label "${label}" is too long`);
  return encoded;
}

/** Empty for the empty label, which has no header. */
export function labelHeader(label: string): Uint8Array {
  const encoded = labelBytes(label);
  return encoded.length === 0 ? encoded : Uint8Array.from([MESSAGE_TYPE.label, encoded.length, ...encoded]);
}

/**
 * @param label ours; empty for none.
 * @returns length of the header in front (0 without one), or undefined while bytes are missing.
 * @throws GossipCodecError for any other label than ours, or none where we have one.
 */
export function checkLabel(received: Uint8Array, label: string): number | undefined {
  const expected = labelBytes(label);
  if (received.length === 0) return undefined;
  if (received[0] !== MESSAGE_TYPE.label) {
    if (expected.length > 0) throw unacceptable("");
    return 0;
  }
  const length = received[1];
  if (length === 0) throw new GossipCodecError("malformed", "label header cannot be empty when present");
  if (length === undefined || received.length < 2 + length) return undefined;
  const found = received.subarray(2, 2 + length);
  if (Buffer.compare(found, expected) !== 0) throw unacceptable(Buffer.from(found).toString());
  return 2 + length;
}

function unacceptable(label: string): GossipCodecError {
  return new GossipCodecError("label", `unacceptable label ${JSON.stringify(label)}`);
}

const compressed = struct<{ readonly algo: number; readonly buf: Uint8Array }>({
  algo: ["Algo", u8],
  buf: ["Buf", bytes(GOSSIP_LIMITS.streamBytesMax)],
});

/** A compress message around a whole message. */
export function compress(message: Uint8Array): Uint8Array {
  return encodeTyped(MESSAGE_TYPE.compress, compressed, { algo: ALGORITHM_LZW, buf: lzwEncode(message) });
}

/**
 * @param message a whole compress message, type byte first.
 * @param plainBytesMax more than this is refused.
 */
export function decompress(message: Uint8Array, plainBytesMax: number): Uint8Array {
  const { algo, buf } = readingGossip("compress", () => compressed.read(gossipReader(message, 1)));
  if (algo !== ALGORITHM_LZW) throw new GossipCodecError("malformed", `Cannot decompress unknown algorithm ${algo}`);
  return lzwDecode(buf, plainBytesMax);
}
