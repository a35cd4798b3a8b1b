/**
 * Whether configuration entries make sense together. Routers, splitters and resolvers send the traffic of one
 * service on to others; a change is refused when a chain would run in circles, mix protocols, lead to a subset that is
 * not there, or when a gateway or an intention expects another protocol than a service speaks.
 */
import {
  type ConfigEntry,
  type ConfigEntryKind,
  type ConfigEntryOf,
  type IngressGatewayConfigEntry,
  isConfigEntry,
  type ServiceIntentionsConfigEntry,
} from "@tribune/api";
import { compileChain, topOf } from "../connect/discovery-chain.ts";
import { isHttpLike, type Lookup } from "../connect/protocol.ts";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { entriesLinkedTo, entriesOfKind, findAnyEntry, findEntry, relatedServices } from "./config-entry-table.ts";
import type { ReadTx } from "./memdb/types.ts";

interface Chain {
  readonly protocol: string;
  readonly top: ReturnType<typeof topOf>;
}

/** Whether a chain is sound does not depend on where it is used. Consul's texts name this datacenter. */
const ANYWHERE = { datacenter: "dc1", useInDatacenter: "dc1", trustDomain: "" };

/** What a change of one entry may break. */
interface Affected {
  readonly services: Set<string>;
  readonly gateways: IngressGatewayConfigEntry[];
  readonly intentions: ServiceIntentionsConfigEntry[];
}

const CHAIN_KINDS = ["service-router", "service-splitter", "service-resolver"] as const;

/**
 * Call before the change is made. `entry` is the entry to be, undefined when it is to go.
 * @throws TribuneError with Consul's text.
 */
export function requireSoundGraph(tx: ReadTx, kind: string, name: string, entry: ConfigEntry | undefined): void {
  if (kind === "ingress-gateway") refuseClash(tx, kind, name, "terminating-gateway");
  if (kind === "terminating-gateway") refuseClash(tx, kind, name, "ingress-gateway");
  if (kind === "exported-services") return; // it is about no chain
  const gone = entry === undefined;
  if (gone && (kind === "service-intentions" || kind === "ingress-gateway")) return;

  const lookup: Lookup = (wantedKind, wanted) => {
    const isChanged = wantedKind === kind && wanted.toLowerCase() === name.toLowerCase();
    if (!isChanged) return findEntry(tx, wantedKind, wanted, "peek");
    return isConfigEntry(wantedKind, entry) ? entry : undefined;
  };
  const affected = affectedBy(tx, kind, name, entry);
  for (const gateway of affected.gateways) {
    for (const service of relatedServices(gateway)) affected.services.add(service);
  }
  for (const intentions of affected.intentions) affected.services.add(intentions.Name);

  const chains = new Map<string, Chain>();
  for (const service of affected.services) {
    const chain = compileChain(lookup, { service, ...ANYWHERE });
    chains.set(service, { protocol: chain.Protocol, top: topOf(chain) });
  }
  for (const gateway of affected.gateways) requireListenerProtocols(gateway, chains, kind === "ingress-gateway");
  for (const intentions of affected.intentions) requireHttp(intentions, chains);
}

function refuseClash(tx: ReadTx, kind: string, name: string, other: string): void {
  if (findAnyEntry(tx, other, name, "peek") === undefined) return;
  throw TribuneError.internal(
    `cannot create a ${goQuote(kind)} config entry with name ${goQuote(name)}, a ${goQuote(other)} config entry with that name already exists`,
  );
}

function affectedBy(tx: ReadTx, kind: string, name: string, entry: ConfigEntry | undefined): Affected {
  const affected: Affected = { services: new Set(), gateways: [], intentions: [] };
  if (isConfigEntry("service-intentions", entry)) {
    affected.intentions.push(entry);
    return affected;
  }
  if (isConfigEntry("ingress-gateway", entry)) {
    affected.gateways.push(entry);
    return affected;
  }
  affected.intentions.push(...ofKind(tx, "service-intentions").filter(dependsOnProtocol));
  if (kind === "proxy-defaults") {
    for (const each of CHAIN_KINDS) for (const { Name } of ofKind(tx, each)) affected.services.add(Name);
    affected.gateways.push(...ofKind(tx, "ingress-gateway"));
    return affected;
  }
  affected.services.add(name);
  for (const linked of entriesLinkedTo(tx, name)) {
    if (isConfigEntry("ingress-gateway", linked)) affected.gateways.push(linked);
    else affected.services.add(linked.Name);
  }
  return affected;
}

function ofKind<K extends ConfigEntryKind>(tx: ReadTx, kind: K): ConfigEntryOf<K>[] {
  return entriesOfKind(tx, kind, "peek").filter((entry): entry is ConfigEntry & ConfigEntryOf<K> =>
    isConfigEntry(kind, entry),
  );
}

/** Only rules about paths, headers and methods ask for a protocol. */
function dependsOnProtocol({ Name, Sources }: ServiceIntentionsConfigEntry): boolean {
  return Name !== "*" && (Sources ?? []).some((source) => (source?.Permissions ?? []).length > 0);
}

function requireListenerProtocols(
  gateway: IngressGatewayConfigEntry,
  chains: ReadonlyMap<string, Chain>,
  editing: boolean,
): void {
  for (const { Protocol: expected, Services } of gateway.Listeners ?? []) {
    for (const { Name } of Services ?? []) {
      const chain = chains.get(Name);
      if (chain === undefined || chain.protocol === expected) continue;
      // A gateway that is there already may go on passing bytes to a service that now speaks more than tcp.
      if (!editing && expected === "tcp" && chain.top === "resolver") continue;
      throw TribuneError.internal(
        `service ${goQuote(Name)} has protocol ${goQuote(chain.protocol)}, which does not match defined listener protocol ${goQuote(expected)}`,
      );
    }
  }
}

function requireHttp(intentions: ServiceIntentionsConfigEntry, chains: ReadonlyMap<string, Chain>): void {
  const chain = chains.get(intentions.Name);
  if (chain === undefined || !dependsOnProtocol(intentions) || isHttpLike(chain.protocol)) return;
  throw TribuneError.internal(
    `service ${goQuote(intentions.Name)} has protocol ${goQuote(chain.protocol)}, which is incompatible with L7 intentions permissions`,
  );
}
