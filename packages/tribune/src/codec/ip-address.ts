/** IP addresses as text and bytes, by the rules of Consul's catalog: no zones, no ports, no leading zeros. */

/** @returns 4 bytes for IPv4 (also when written as `::ffff:1.2.3.4`), 16 for IPv6, undefined for anything else. */
export function parseIp(text: string): Uint8Array | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const bytes = parseIpv6(text);
  if (bytes === undefined) return undefined;
  const mapped = bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);
  return mapped ? bytes.slice(12) : bytes;
}

/** By hand: a catalog's addresses are read again after every change. */
function parseIpv4(text: string): Uint8Array | undefined {
  if (text.length < 7 || text.length > 15) return undefined;
  const bytes = new Uint8Array(4);
  let part = 0;
  let value = -1;
  for (let at = 0; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit >= 0 && digit <= 9) {
      if (value === 0) return undefined; // a leading zero
      value = value < 0 ? digit : value * 10 + digit;
      if (value > 255) return undefined;
    } else {
      if (text[at] !== "." || value < 0 || part === 3) return undefined;
      bytes[part++] = value;
      value = -1;
    }
  }
  if (part !== 3 || value < 0) return undefined;
  bytes[3] = value;
  return bytes;
}

function parseIpv6(text: string): Uint8Array | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = groups(halves[0] as string, halves.length === 1);
  const tail = halves.length === 2 ? groups(halves[1] as string, true) : [];
  if (head === undefined || tail === undefined) return undefined;
  const given = head.length + tail.length;
  // "::" stands for at least one group.
  if (halves.length === 1 ? given !== 8 : given > 7) return undefined;
  const all = [...head, ...new Array<number>(8 - given).fill(0), ...tail];
  return Uint8Array.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}

/** 16-bit groups; the last may be a dotted IPv4 address that stands for two. */
function groups(text: string, isLast: boolean): number[] | undefined {
  if (text === "") return [];
  const out: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (isLast && index === parts.length - 1 && part.includes(".")) {
      const v4 = parseIpv4(part);
      if (v4 === undefined) return undefined;
      out.push(((v4[0] as number) << 8) | (v4[1] as number), ((v4[2] as number) << 8) | (v4[3] as number));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) out.push(Number.parseInt(part, 16));
    else return undefined;
  }
  return out;
}

/** Canonical text: dotted for 4 bytes, RFC 5952 for 16. */
export function formatIp(bytes: Uint8Array): string {
  if (bytes.length === 4) return bytes.join(".");
  const words = Array.from(
    { length: 8 },
    (_, index) => ((bytes[2 * index] as number) << 8) | (bytes[2 * index + 1] as number),
  );
  let bestStart = -1;
  let bestLength = 1;
  for (let start = 0; start < 8; start++) {
    let stop = start;
    while (stop < 8 && words[stop] === 0) stop++;
    if (stop - start > bestLength) {
      bestStart = start;
      bestLength = stop - start;
    }
  }
  const hex = (part: readonly number[]): string => part.map((word) => word.toString(16)).join(":");
  if (bestStart < 0) return hex(words);
  return `${hex(words.slice(0, bestStart))}::${hex(words.slice(bestStart + bestLength))}`;
}

/**
 * The address a reverse name asks for (RFC 1035 §3.5, RFC 3596 §2.5), as canonical text.
 * @param name lower case, fully qualified: `1.0.0.10.in-addr.arpa.`
 * @returns undefined when the name is not that of a whole address.
 */
export function ipOfReverseName(name: string): string | undefined {
  const v4 = /^(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.(\d{1,3})\.in-addr\.arpa\.$/.exec(name);
  if (v4 !== null) {
    const bytes = parseIpv4(v4.slice(1).reverse().join("."));
    return bytes === undefined ? undefined : formatIp(bytes);
  }
  const v6 = /^((?:[0-9a-f]\.){32})ip6\.arpa\.$/.exec(name);
  if (v6 === null) return undefined;
  const hex = (v6[1] as string).replaceAll(".", "").split("").reverse().join("");
  return formatIp(Uint8Array.from(Buffer.from(hex, "hex")));
}
