import { splitName } from "../codec/dns-name.ts";
import { TYPE } from "../codec/dns-types.ts";

/** What a name inside the zone asks for. */
export type Lookup =
  | {
      readonly kind: "service";
      readonly service: string;
      readonly tag: string;
      readonly connect: boolean;
      readonly ingress: boolean;
      readonly dc: string;
    }
  | { readonly kind: "node"; readonly node: string; readonly dc: string }
  | { readonly kind: "query"; readonly nameOrId: string; readonly dc: string }
  /** An address spelt in the name; undefined for a length that is neither IPv4's nor IPv6's. */
  | { readonly kind: "address"; readonly bytes: Uint8Array | undefined };

const KINDS: ReadonlySet<string> = new Set(["service", "connect", "ingress", "node", "query", "addr"]);

/**
 * Reads a name by Consul's grammar, right to left: optional datacenter, kind, then what belongs to the kind:
 * `[tag.]name.service`, `_name._tag.service`, `name.connect`, `name.ingress`, `name.node`, `name.query`, `hex.addr`.
 * In an SRV question the word `service` may be left out behind a label that begins with `_`.
 *
 * @param relative lower case, without the domain: `db.service.dc1.`
 * @returns undefined for a name that means nothing (NXDOMAIN)
 */
export function parseLookup(relative: string, type: number, localDc: string): Lookup | undefined {
  const labels = splitName(relative);
  for (let at = labels.length - 1; at >= 0; at--) {
    const label = labels[at] as string;
    if (KINDS.has(label)) return ofKind(label, labels.slice(0, at), labels.slice(at + 1), localDc);
    if (type === TYPE.SRV && label.startsWith("_")) {
      return ofKind("service", labels.slice(0, at + 1), labels.slice(at + 1), localDc);
    }
  }
  return undefined;
}

function ofKind(kind: string, parts: string[], suffixes: string[], localDc: string): Lookup | undefined {
  const last = parts.at(-1);
  if (last === undefined) return undefined;
  if (kind === "addr") return parts.length === 1 ? ofAddress(last) : undefined;
  if (suffixes.length > 1) return undefined;
  const dc = suffixes[0] ?? localDc;
  switch (kind) {
    case "node":
      return { kind: "node", node: parts.join("."), dc };
    case "query":
      return { kind: "query", nameOrId: parts.join("."), dc };
    case "connect":
    case "ingress":
      return { kind: "service", service: last, tag: "", connect: kind === "connect", ingress: kind === "ingress", dc };
    default: {
      const [first] = parts as [string];
      if (parts.length === 2 && first.startsWith("_") && last.startsWith("_")) {
        // RFC 2782 has a protocol there; "tcp" is taken as one, anything else as a tag.
        const tag = last === "_tcp" ? "" : last.slice(1);
        return { kind: "service", service: first.slice(1), tag, connect: false, ingress: false, dc };
      }
      const tag = parts.slice(0, -1).join(".");
      return { kind: "service", service: last, tag, connect: false, ingress: false, dc };
    }
  }
}

/** Half a byte too many is ignored in the length but not in the digits, as Consul does (`0a0000010` is invalid). */
function ofAddress(hex: string): Lookup | undefined {
  const bytes = Math.floor(hex.length / 2);
  if (bytes !== 4 && bytes !== 16) return { kind: "address", bytes: undefined };
  if (hex.length % 2 !== 0 || !/^[0-9a-f]+$/.test(hex)) return undefined;
  return { kind: "address", bytes: Uint8Array.from(Buffer.from(hex, "hex")) };
}
