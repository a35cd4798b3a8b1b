/** A member's tags as memberlist's meta: `ff` and a msgpack map of texts (sheet serf §5). */
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import { encodeTyped, gossipReader, mapOf, readingGossip, text } from "./gossip-struct.ts";

export type MemberTags = ReadonlyMap<string, string>;

const MAGIC = 0xff;
const tagMap = mapOf(text(), text(), GOSSIP_LIMITS.metaBytesMax);

/**
 * In the order of the map.
 * @throws GossipCodecError (`tooLarge`) beyond 512 bytes: tags are an operator's choice.
 */
export function encodeTags(tags: MemberTags): Uint8Array {
  const meta = encodeTyped(MAGIC, tagMap, tags);
  if (meta.length > GOSSIP_LIMITS.metaBytesMax) {
    throw new GossipCodecError(
      "tooLarge",
      `Encoded length of tags exceeds limit of ${GOSSIP_LIMITS.metaBytesMax} bytes`,
    );
  }
  return meta;
}

/**
 * Anything else than a tag map is the role alone, from serf's first protocols.
 * @throws GossipCodecError for a damaged map.
 */
export function decodeTags(meta: Uint8Array): MemberTags {
  if (meta[0] !== MAGIC) return new Map([["role", Buffer.from(meta).toString()]]);
  return readingGossip("tags", () => tagMap.read(gossipReader(meta, 1)));
}
