/** What `exported-services` says, its wildcards resolved. */
import { isConfigEntry, type ResolvedExportedService } from "@tribune/api";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { ordinaryServicesSteps, SERVERS } from "./catalog/gateway-services.ts";
import { configEntryGet } from "./config-entry.ts";
import type { ReadTx } from "./memdb/types.ts";

/** There is one entry, named after the partition. */
const NAME = "default";
const WILDCARD = "*";

/** Services by name with the peers that may see them, both sorted; who exports to nobody is not there. */
export function* resolvedExportedServices(
  tx: ReadTx,
): Steps<{ readonly index: number; readonly services: readonly ResolvedExportedService[] }> {
  const found = configEntryGet(tx, "exported-services", NAME);
  const entry = found.entry;
  if (entry === undefined || !isConfigEntry("exported-services", entry)) return { index: found.index, services: [] };
  let { index } = found;
  const peersByName = new Map<string, Set<string>>();
  let steps = 0;
  for (const { Name, Consumers } of entry.Services ?? []) {
    if (Consumers === null || Consumers.length === 0 || Name === SERVERS) continue;
    let names: Iterable<string> = [Name];
    if (Name === WILDCARD) {
      const ordinary = yield* ordinaryServicesSteps(tx);
      index = Math.max(index, ordinary.index);
      names = ordinary.names;
    }
    for (const name of names) {
      if (++steps % ROWS_A_STEP === 0) yield;
      const peers = peersByName.get(name) ?? new Set();
      for (const { Peer } of Consumers) if (Peer !== "") peers.add(Peer);
      peersByName.set(name, peers);
    }
  }
  const services = [...peersByName].map(([Service, peers]) => ({
    Service,
    Consumers: { Peers: [...peers].sort(), Partitions: null },
  }));
  return { index, services: services.sort((a, b) => (a.Service < b.Service ? -1 : 1)) };
}
