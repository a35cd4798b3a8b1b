const META_PAIRS_MAX = 64;
const META_KEY_BYTES_MAX = 128;
const META_VALUE_BYTES_MAX = 512;
const RESERVED_META_PREFIX = "consul-";
/** The one reserved key that an operator may set, on mesh gateways. */
const WAN_FEDERATION_KEY = "consul-wan-federation";

/**
 * Whether metadata of a node or service may be set: a configuration, a registration and the catalog ask the same.
 *
 * @param kind of the service; "" for a node.
 * @returns Consul's text for the first rule that is broken, or undefined.
 */
export function metaProblem(kind: string, meta: Readonly<Record<string, string>> | null): string | undefined {
  const pairs = Object.entries(meta ?? {});
  // Consul says "Node" for services as well.
  if (pairs.length > META_PAIRS_MAX) return `Node metadata cannot contain more than ${META_PAIRS_MAX} key/value pairs`;
  for (const [key, value] of pairs) {
    const problem = metaPairProblem(kind, key, value);
    if (problem !== undefined) return `Couldn't load metadata pair ('${key}', '${value}'): ${problem}`;
  }
  return undefined;
}

/** Lengths are in bytes; the key is ASCII once its characters were checked. */
function metaPairProblem(kind: string, key: string, value: string): string | undefined {
  if (key === "") return "Key cannot be blank";
  if (!/^[a-zA-Z0-9_-]+$/.test(key)) return "Key contains invalid characters";
  if (key.length > META_KEY_BYTES_MAX) return `Key is too long (limit: ${META_KEY_BYTES_MAX} characters)`;
  const allowed = kind === "mesh-gateway" && key === WAN_FEDERATION_KEY;
  if (key.startsWith(RESERVED_META_PREFIX) && !allowed)
    return `Key prefix '${RESERVED_META_PREFIX}' is reserved for internal use`;
  if (Buffer.byteLength(value) > META_VALUE_BYTES_MAX)
    return `Value is too long (limit: ${META_VALUE_BYTES_MAX} characters)`;
  return undefined;
}
