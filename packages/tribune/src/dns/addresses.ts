import { TYPE } from "../codec/dns-types.ts";
import type { NodeRow, ServiceRow } from "./backend.ts";
import type { DnsOptions } from "./options.ts";

/** Which of several addresses of a node or service suits a question. */
type Wanted = "ipv4" | "ipv6" | "any";

function wantedBy(type: number): Wanted {
  return type === TYPE.A ? "ipv4" : type === TYPE.AAAA ? "ipv6" : "any";
}

/**
 * The node's address for a question of this type: a tagged one of the wanted family if there is one, else the main
 * address, whatever its family (the record is then left out) or a host name.
 */
export function nodeAddress(node: NodeRow, type: number, options: DnsOptions): string {
  const tagged = node.TaggedAddresses ?? {};
  return choose(wantedBy(type), usesWan(options, node.Datacenter), node.Address, (tag) => tagged[tag]);
}

/** As `nodeAddress` for the service's own address; "" when it has none. */
export function serviceAddress(row: ServiceRow, dc: string, type: number, options: DnsOptions): string {
  const tagged = row.Service.TaggedAddresses ?? {};
  return choose(wantedBy(type), usesWan(options, dc), row.Service.Address, (tag) => tagged[tag]?.Address);
}

export function servicePort(row: ServiceRow, dc: string, options: DnsOptions): number {
  const wan = usesWan(options, dc) ? row.Service.TaggedAddresses?.wan?.Port : undefined;
  return wan === undefined || wan === 0 ? row.Service.Port : wan;
}

function usesWan(options: DnsOptions, dc: string): boolean {
  return options.translateWanAddrs && options.datacenter !== dc;
}

function choose(wanted: Wanted, wan: boolean, main: string, tagged: (tag: string) => string | undefined): string {
  const pick = (lan: string, wide: string): string => (wan ? tagged(wide) : undefined) ?? tagged(lan) ?? "";
  const fallback = (wan ? tagged("wan") : undefined) ?? main;
  const v4 = pick("lan_ipv4", "wan_ipv4");
  const v6 = pick("lan_ipv6", "wan_ipv6");
  // A question that takes either family gets IPv6 first, then the untagged address.
  if (wanted !== "ipv4" && v6 !== "") return v6;
  if (wanted !== "ipv6" && v4 !== "") return v4;
  return fallback;
}
