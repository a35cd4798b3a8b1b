import { formatIp, parseIp } from "../../codec/ip-address.ts";
import type { Branded } from "../../lib/core.ts";

/** `ip:port`, or `[ip]:port` for IPv6, in canonical form: equal endpoints are equal texts. */
export type Endpoint = Branded<"Endpoint">;

/** @returns undefined where the bytes are no address, as in an alive message without one. */
export function endpointOf(addr: Uint8Array, port: number): Endpoint | undefined {
  if (addr.length === 4) return `${formatIp(addr)}:${port}` as Endpoint;
  if (addr.length !== 16) return undefined;
  // Some senders write IPv4 in 16 bytes: the same address, so the same text.
  return (isMappedIpv4(addr) ? `${formatIp(addr.subarray(12))}:${port}` : `[${formatIp(addr)}]:${port}`) as Endpoint;
}

function isMappedIpv4(addr: Uint8Array): boolean {
  return addr[10] === 0xff && addr[11] === 0xff && addr.subarray(0, 10).every((byte) => byte === 0);
}

export interface EndpointParts {
  readonly host: string;
  readonly port: number;
  /** 4 or 16 bytes. */
  readonly addr: Uint8Array;
}

/** The reverse of `endpointOf`. @returns undefined for text that it does not give. */
export function endpointParts(endpoint: string): EndpointParts | undefined {
  const match = /^(?:\[([0-9a-f:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(endpoint);
  if (match === null) return undefined;
  const host = (match[1] ?? match[2])!;
  const addr = parseIp(host);
  const port = Number(match[3]);
  return addr === undefined || port > 0xffff ? undefined : { host, port, addr };
}
