/** IP addresses as Go's `net` package reads and prints them. Pure: this room may not import `node:net`. */
export interface Ip {
  readonly family: 4 | 6;
  /** 32 or 128 bits. */
  readonly bits: bigint;
}

export interface Cidr {
  readonly network: Ip;
  readonly prefix: number;
}

/** @returns undefined for anything `net.ParseIP` refuses. `::ffff:1.2.3.4` is the IPv4 address. */
export function parseIp(text: string): Ip | undefined {
  if (!text.includes(":")) return parseIpv4(text);
  const six = parseIpv6(text);
  if (six !== undefined && six.bits >> 32n === 0xffffn) return { family: 4, bits: six.bits & 0xffffffffn };
  return six;
}

function parseIpv4(text: string): Ip | undefined {
  const parts = text.split(".");
  if (parts.length !== 4) return undefined;
  let bits = 0n;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return undefined;
    bits = (bits << 8n) | BigInt(part);
  }
  return { family: 4, bits };
}

function parseIpv6(text: string): Ip | undefined {
  const [head = "", tail, ...more] = text.split("::");
  if (more.length > 0) return undefined;
  const left = ipv6Groups(head);
  const right = tail === undefined ? [] : ipv6Groups(tail);
  if (left === undefined || right === undefined) return undefined;
  const missing = 8 - left.length - right.length;
  if (tail === undefined ? missing !== 0 : missing < 1) return undefined;
  const groups = [...left, ...Array<number>(missing).fill(0), ...right];
  return { family: 6, bits: groups.reduce((bits, group) => (bits << 16n) | BigInt(group), 0n) };
}

function ipv6Groups(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (part.includes(".") && index === parts.length - 1) {
      const four = parseIpv4(part);
      if (four === undefined) return undefined;
      groups.push(Number(four.bits >> 16n), Number(four.bits & 0xffffn));
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** The one form Go prints: dotted quad, or lower-case hex with the longest run of zeros left out (RFC 5952). */
export function formatIp(ip: Ip): string {
  if (ip.family === 4) return [24n, 16n, 8n, 0n].map((shift) => String((ip.bits >> shift) & 255n)).join(".");
  const groups = Array.from({ length: 8 }, (_, index) => Number((ip.bits >> BigInt(112 - 16 * index)) & 0xffffn));
  let runStart = 0;
  let runLength = 1; // a single zero group stays
  for (let start = 0; start < 8; start++) {
    let end = start;
    while (end < 8 && groups[end] === 0) end++;
    if (end - start > runLength) [runStart, runLength] = [start, end - start];
  }
  const hex = (from: number, to: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  return runLength < 2 ? hex(0, 8) : `${hex(0, runStart)}::${hex(runStart + runLength, 8)}`;
}

/** Canonical text of an address, or undefined if it is none. */
export function canonicalIp(text: string): string | undefined {
  const ip = parseIp(text);
  return ip === undefined ? undefined : formatIp(ip);
}

/** `0.0.0.0`, `::`, or `[::]`: fine to listen on, nothing to advertise. */
export function isAnyAddress(text: string): boolean {
  return text === "0.0.0.0" || text === "::" || text === "[::]";
}

export function isIpv4(text: string): boolean {
  return parseIp(text)?.family === 4;
}

export function parseCidr(text: string): Cidr | undefined {
  const slash = text.indexOf("/");
  if (slash < 0) return undefined;
  const ip = text.includes(":") ? parseIpv6(text.slice(0, slash)) : parseIpv4(text.slice(0, slash));
  const prefixText = text.slice(slash + 1);
  const prefix = Number(prefixText);
  if (ip === undefined || !/^\d{1,3}$/.test(prefixText) || prefix > width(ip)) return undefined;
  return { network: { family: ip.family, bits: masked(ip, prefix) }, prefix };
}

/** Network form: host bits cleared, as Go's `IPNet` prints. */
export function formatCidr(cidr: Cidr): string {
  return `${formatIp(cidr.network)}/${cidr.prefix}`;
}

export function cidrContains(cidr: Cidr, ip: Ip): boolean {
  return cidr.network.family === ip.family && masked(ip, cidr.prefix) === cidr.network.bits;
}

const width = (ip: Ip): number => (ip.family === 4 ? 32 : 128);

function masked(ip: Ip, prefix: number): bigint {
  const host = BigInt(width(ip) - prefix);
  return (ip.bits >> host) << host;
}

export function cidrs(...texts: readonly string[]): readonly Cidr[] {
  return texts.map((text) => parseCidr(text) as Cidr);
}
