/** Who a query is for: a filter type byte and msgpack, in the query's `filters` (sheet serf §1). All must match. */
import { GOSSIP_LIMITS } from "./gossip-error.ts";
import { arrayOf, encodeTyped, gossipReader, name, readingGossip, struct, text } from "./gossip-struct.ts";

export type QueryFilter =
  | { readonly type: "nodes"; readonly nodes: readonly string[] }
  /** A regular expression (RE2, unanchored) on the value of a tag. */
  | { readonly type: "tag"; readonly tag: string; readonly expr: string };

const TYPE_NODES = 0;
const TYPE_TAG = 1;

const nodeNames = arrayOf(name, GOSSIP_LIMITS.eventsMax, "nil");
const tagFilter = struct<{ readonly tag: string; readonly expr: string }>({
  tag: ["Tag", text()],
  expr: ["Expr", text()],
});

export function encodeQueryFilter(filter: QueryFilter): Uint8Array {
  return filter.type === "nodes"
    ? encodeTyped(TYPE_NODES, nodeNames, filter.nodes)
    : encodeTyped(TYPE_TAG, tagFilter, filter);
}

/**
 * @returns undefined for a type that is not known: such a query is not for us.
 * @throws GossipCodecError for damage, which means the same.
 */
export function decodeQueryFilter(encoded: Uint8Array): QueryFilter | undefined {
  switch (encoded[0]) {
    case TYPE_NODES:
      return { type: "nodes", nodes: readingGossip("node filter", () => nodeNames.read(gossipReader(encoded, 1))) };
    case TYPE_TAG:
      return { type: "tag", ...readingGossip("tag filter", () => tagFilter.read(gossipReader(encoded, 1))) };
    default:
      return undefined;
  }
}
