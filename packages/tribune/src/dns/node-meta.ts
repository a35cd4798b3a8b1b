import { CLASS_IN, type DnsRecord, TYPE } from "../codec/dns-types.ts";
import type { NodeRow } from "./backend.ts";

/** A character string of TXT data holds at most this many bytes (RFC 1035 §3.3). */
const STRING_BYTES_MAX = 255;
/** Keys with this prefix carry free text instead of key=value. */
const PLAIN_PREFIX = "rfc1035-";

/** One TXT record for each metadata pair of a node, RFC 1464 style. */
export function metaRecords(owner: string, node: NodeRow, ttl: number): DnsRecord[] {
  return Object.entries(node.Meta ?? {}).map(([key, value]) => ({
    name: owner,
    type: TYPE.TXT,
    class: CLASS_IN,
    ttl,
    data: {
      kind: "txt",
      strings: strings(unescaped(key.toLowerCase().startsWith(PLAIN_PREFIX) ? value : rfc1464(key, value))),
    },
  }));
}

/** RFC 1464 §2: a grave accent quotes itself, `=` and the outer spaces of a key. */
export function rfc1464(key: string, value: string): string {
  if (!key.includes("`") && !key.includes("=") && !key.includes(" ") && !value.includes("`")) return `${key}=${value}`;
  const name = key
    .replaceAll("`", "``")
    .replaceAll("=", "`=")
    .replace(/^ +| +$/g, (spaces) => "` ".repeat(spaces.length));
  return `${name}=${value.replaceAll("`", "``")}`;
}

/** Consul reads metadata as zone-file text: `\DDD` is a byte, any other escaped character stands for itself. */
function unescaped(text: string): Buffer {
  if (!text.includes("\\")) return Buffer.from(text, "utf8");
  const bytes = Buffer.from(text, "utf8").toString("latin1");
  return Buffer.from(
    bytes.replace(/\\(\d{3}|[\s\S]|$)/g, (_, escaped: string) =>
      escaped.length === 3 ? String.fromCharCode(Number(escaped) & 0xff) : escaped,
    ),
    "latin1",
  );
}

/** Longer text becomes several strings, where Consul gives no answer at all. */
function strings(bytes: Buffer): Uint8Array[] {
  const out: Uint8Array[] = [];
  for (let at = 0; at < bytes.length || out.length === 0; at += STRING_BYTES_MAX) {
    out.push(bytes.subarray(at, at + STRING_BYTES_MAX));
  }
  return out;
}
