/** Discovery chains from the tables. What a chain was made of is what its readers wait on. */
import type { CompiledDiscoveryChain } from "@tribune/api";
import { type ChainRequest, compileChain } from "../connect/discovery-chain.ts";
import { TribuneError } from "../lib/errors.ts";
import { CONFIG_ENTRIES, entriesLinkedTo, findEntry } from "./config-entry-table.ts";
import { trustDomain } from "./connect-ca.ts";
import { peekIndex } from "./index-table.ts";
import type { ReadTx } from "./memdb/types.ts";

/** @throws TribuneError while the datacenter has no trust domain. */
export function discoveryChain(
  tx: ReadTx,
  request: Omit<ChainRequest, "trustDomain">,
): { readonly index: number; readonly chain: CompiledDiscoveryChain } {
  const domain = trustDomain(tx);
  if (domain === "") throw TribuneError.internal("no cluster ca config setup");
  const chain = compileChain((kind, name) => findEntry(tx, kind, name), { ...request, trustDomain: domain });
  return { index: peekIndex(tx, CONFIG_ENTRIES), chain };
}

/** Services whose chains lead to a service, itself among them. */
export function chainSources(tx: ReadTx, service: string, datacenter: string): string[] {
  const seen = new Set([service]);
  // A set is walked to its end, also over what is added on the way.
  for (const name of seen) for (const entry of entriesLinkedTo(tx, name, "watch")) seen.add(entry.Name);
  return [...seen].filter((name) => {
    const { chain } = discoveryChain(tx, { service: name, datacenter, useInDatacenter: datacenter });
    return Object.values(chain.Targets ?? {}).some((target) => target?.Service === service);
  });
}
