/** Where a join goes (sheet serf §3): `host`, `host:port` or `name/host:port`. */
import { asksCloud, parseDiscoverText } from "../codec/discover-text.ts";
import { parseIp } from "../codec/ip-address.ts";
import { type Endpoint, endpointOf } from "../gossip/swim/endpoint.ts";

export interface JoinAddress {
  readonly host: string;
  readonly port: number;
}

/** @returns the reason, as text, for what is no address. */
export function parseJoinAddress(text: string, defaultPort: number): JoinAddress | string {
  const slash = text.indexOf("/");
  if (slash === 0) return "empty node name provided";
  const address = text.slice(slash + 1);
  if (parseIp(address) !== undefined) return { host: address, port: defaultPort };
  const [, bracketed, plain, portText] = /^(?:\[([^[\]]+)\]|([^:[\]]+))(?::(\d+))?$/.exec(address) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined) return `address ${address}: not a host and port`;
  const port = portText === undefined ? defaultPort : Number(portText);
  return port > 0xffff ? `address ${address}: invalid port` : { host, port };
}

/**
 * @returns `provider=NAME` of what is or was meant to be asked of a cloud (`provider=aws tag_key=…`, `provider = aws`): the
 * rest may be credentials.
 */
export function cloudOf(text: string): string | undefined {
  if (!text.includes("=")) return undefined;
  const args = parseDiscoverText(text);
  const name = typeof args === "string" ? undefined : args.get("provider");
  return `provider=${name ?? "…"}`;
}

/**
 * @param resolveHost for names; it may reject.
 * @returns at least one endpoint. @throws Error that says why there is none.
 */
export async function endpointsOf(
  text: string,
  defaultPort: number,
  resolveHost: (host: string) => Promise<readonly string[]>,
): Promise<readonly Endpoint[]> {
  if (asksCloud(text)) throw new Error("clouds are asked for addresses by retry_join and retry_join_wan only");
  if (cloudOf(text) !== undefined) throw new Error("neither an address nor provider=NAME with further key=value");
  const address = parseJoinAddress(text, defaultPort);
  if (typeof address === "string") throw new Error(address);
  const isIp = parseIp(address.host) !== undefined;
  const hosts = isIp ? [address.host] : await resolveHost(address.host);
  const endpoints = hosts.flatMap((host) => endpointOf(parseIp(host) ?? new Uint8Array(0), address.port) ?? []);
  if (endpoints.length === 0) throw new Error(`lookup ${address.host}: no such host`);
  return endpoints;
}

/** Several failures as one text, as Consul shows them. */
export function listErrors(errors: readonly string[]): string {
  const count = errors.length === 1 ? "1 error" : `${errors.length} errors`;
  return `${count} occurred:\n${errors.map((error) => `\t* ${error}\n`).join("")}\n`;
}

const CODES: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connect: connection refused",
  EHOSTUNREACH: "connect: no route to host",
  ENETUNREACH: "connect: network is unreachable",
  ECONNRESET: "read: connection reset by peer",
  ETIMEDOUT: "i/o timeout",
};

/** Whether the host answered that nobody listens there. */
export function isRefusal(error: unknown): boolean {
  return (error as { readonly code?: string }).code === "ECONNREFUSED";
}

/** A failed connection in the words of peers' logs. */
export function dialErrorText(endpoint: Endpoint, error: unknown): string {
  const code = (error as { readonly code?: string }).code ?? "";
  return `dial tcp ${endpoint}: ${CODES[code] ?? (error instanceof Error ? error.message : String(error))}`;
}
