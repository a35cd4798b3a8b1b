import type { HealthCheck, NodeService, ServiceAddress } from "@tribune/api";
import { type CheckType, kindOf } from "../../../checks/check-type.ts";
import { parseIp } from "../../../codec/ip-address.ts";
import { TribuneError } from "../../../lib/errors.ts";
import { goQuote } from "../../../lib/go-quote.ts";
import { EMPTY_CHECK } from "../empty-rows.ts";

const IPV4_TAGS = ["lan_ipv4", "wan_ipv4"] as const;
const IPV6_TAGS = ["lan_ipv6", "wan_ipv6"] as const;

/**
 * A service with everything filled in that the agent adds by itself: its ID, weights, and tagged addresses for
 * the family its address belongs to.
 *
 * @throws TribuneError where the name is missing or a tagged address is of the wrong family.
 */
export function completeService(service: NodeService): NodeService {
  if (service.Service === "") throw TribuneError.internal("Service name missing");
  const given = service.TaggedAddresses ?? {};
  for (const tag of IPV4_TAGS) requireFamily(given, tag, 4);
  for (const tag of IPV6_TAGS) requireFamily(given, tag, 6);
  const family = familyOf(service.Address);
  const own: ServiceAddress = { Address: service.Address, Port: service.Port };
  const tags = family === 4 ? IPV4_TAGS : family === 6 ? IPV6_TAGS : [];
  const added = Object.fromEntries(tags.filter((tag) => !Object.hasOwn(given, tag)).map((tag) => [tag, own]));
  return {
    ...service,
    ID: service.ID || service.Service,
    Weights: service.Weights ?? { Passing: 1, Warning: 1 },
    TaggedAddresses: { ...given, ...added },
  };
}

/** The row of the `at`-th of `count` checks that came with a service. */
export function serviceCheck(service: NodeService, type: CheckType, at: number, count: number): HealthCheck {
  return {
    ...EMPTY_CHECK,
    CheckID: serviceCheckId(service.ID, type, at, count),
    Name: type.Name || `Service '${service.Service}' check`,
    Status: type.Status || "critical",
    Notes: type.Notes,
    ServiceID: service.ID,
    ServiceName: service.Service,
    ServiceTags: service.Tags,
    Type: kindOf(type),
  };
}

/** `service:ID`, or `service:ID:1` and so on where there are several, for a check that has no ID of its own. */
export function serviceCheckId(serviceId: string, type: CheckType, at: number, count: number): string {
  return type.CheckID || `service:${serviceId}${count > 1 ? `:${at + 1}` : ""}`;
}

/** Why DNS will not find something of this name, or undefined. Such names are allowed all the same. */
export function dnsProblem(name: string): string | undefined {
  if (/[^A-Za-z0-9-]/.test(name))
    return "due to invalid characters. Valid characters include all alpha-numerics and dashes.";
  return name.length > 63 ? "due to it being too long. Valid lengths are between 1 and 63 bytes." : undefined;
}

/** Sidecars that the agent registers itself are named after their service. */
export function sidecarIdOf(serviceId: string): string {
  return `${serviceId}-sidecar-proxy`;
}

function requireFamily(given: Readonly<Record<string, ServiceAddress>>, tag: string, family: 4 | 6): void {
  const address = given[tag];
  if (address !== undefined && familyOf(address.Address) !== family)
    throw TribuneError.internal(`Service tagged address ${goQuote(tag)} must be a valid ipv${family} address`);
}

function familyOf(address: string): 4 | 6 | undefined {
  const bytes = parseIp(address);
  if (bytes === undefined) return undefined;
  return bytes.length === 4 || isMapped(bytes) ? 4 : 6;
}

/** An IPv4 address written in the IPv6 form `::ffff:a.b.c.d` counts as IPv4, as in Go. */
function isMapped(bytes: Uint8Array): boolean {
  return bytes.every((byte, at) => (at < 10 ? byte === 0 : at < 12 ? byte === 0xff : true));
}
