/** Rules for the metadata of nodes and services. */

const PAIRS_MAX = 64;
const NAME_LENGTH_MAX = 128;
const VALUE_LENGTH_MAX = 512;
const RESERVED_PREFIX = "consul-";
/** The one reserved name that users may set, on mesh gateways. */
const WAN_FEDERATION = "consul-wan-federation";

type Meta = Readonly<Record<string, string>> | null;

/** @returns Consul's text for the first rule that is broken, or undefined. */
export function validateServiceMeta(kind: string, meta: Meta): string | undefined {
  return validate(meta, kind === "mesh-gateway" ? WAN_FEDERATION : undefined);
}

/** @returns Consul's text for the first rule that is broken, or undefined. */
export function validateNodeMeta(meta: Meta): string | undefined {
  return validate(meta, undefined);
}

function validate(meta: Meta, allowed: string | undefined): string | undefined {
  if (meta === null) return undefined;
  const pairs = Object.entries(meta);
  if (pairs.length > PAIRS_MAX) return `Node metadata cannot contain more than ${PAIRS_MAX} key/value pairs`;
  for (const [name, value] of pairs) {
    const problem = validatePair(name, value, allowed);
    if (problem !== undefined) return `Couldn't load metadata pair ('${name}', '${value}'): ${problem}`;
  }
  return undefined;
}

/** Lengths are in bytes; the name is ASCII once its characters were checked. */
function validatePair(name: string, value: string, allowed: string | undefined): string | undefined {
  if (name === "") return "Key cannot be blank";
  if (!/^[a-zA-Z0-9_-]+$/.test(name)) return "Key contains invalid characters";
  if (name.length > NAME_LENGTH_MAX) return `Key is too long (limit: ${NAME_LENGTH_MAX} characters)`;
  if (name.startsWith(RESERVED_PREFIX) && name !== allowed) {
    return `Key prefix '${RESERVED_PREFIX}' is reserved for internal use`;
  }
  if (Buffer.byteLength(value) > VALUE_LENGTH_MAX) return `Value is too long (limit: ${VALUE_LENGTH_MAX} characters)`;
  return undefined;
}
