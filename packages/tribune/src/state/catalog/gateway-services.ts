/**
 * Which services stand behind which gateway: derived from the entries of ingress and terminating gateways, and not part
 * of snapshots. An entry that names `*` stands for every ordinary service that is registered, so the table follows the
 * catalog as well. The rows' own indexes are what this server has seen of them: behind a restored snapshot they are those of
 * the entries, as in Consul.
 */
import { type ConfigEntry, GatewayService, isConfigEntry, make } from "@tribune/api";
import { ROWS_A_STEP, type Steps } from "../../lib/steps.ts";
import { protocolOfService } from "../config-protocol.ts";
import { deepEqual } from "../deep-equal.ts";
import { peekIndex, raiseIndex } from "../index-table.ts";
import type { ReadTx, TableSchema, WriteTx } from "../memdb/types.ts";
import { fold, foldPrefix, SERVICES, type ServiceRow } from "./tables.ts";

/** Consul's name, in the table of indexes. */
const TABLE = "gateway-services";
const WILDCARD = "*";
/** Servers register themselves under this name, which no wildcard stands for. */
export const SERVERS = "consul";

export const GATEWAY_SERVICES: TableSchema<GatewayService> = {
  name: TABLE,
  key: (row) => fold(row.Gateway.Name, row.Service.Name, String(row.Port)),
  indexes: { service: (row) => fold(row.Service.Name) },
};

// ---- queries ----

/** Services behind a gateway. Those that a wildcard brought must speak the listener's protocol. */
export function gatewayServices(
  tx: ReadTx,
  gateway: string,
): { readonly index: number; readonly services: readonly GatewayService[] } {
  let index = peekIndex(tx, TABLE);
  const services: GatewayService[] = [];
  for (const row of tx.scan(GATEWAY_SERVICES, foldPrefix(gateway))) {
    if (row.Service.Name === WILDCARD) continue;
    if (row.GatewayKind === "ingress-gateway" && row.FromWildcard) {
      const spoken = protocolOfService(tx, row.Service.Name);
      index = Math.max(index, spoken.index);
      if (spoken.protocol !== row.Protocol) continue;
    }
    services.push(row);
  }
  return { index, services };
}

/** Names of the gateways of a kind that stand before a service. The index is the table's: it never goes back. */
export function gatewaysOf(
  tx: ReadTx,
  service: string,
  kind: "ingress-gateway" | "terminating-gateway",
): { readonly index: number; readonly names: readonly string[] } {
  const names = new Map<string, string>();
  for (const { GatewayKind, Gateway } of tx.by(GATEWAY_SERVICES, "service", foldPrefix(service))) {
    if (GatewayKind === kind) names.set(Gateway.Name.toLowerCase(), Gateway.Name);
  }
  return { index: peekIndex(tx, TABLE), names: [...names.values()] };
}

// ---- following the entries ----

/** A gateway's entry is new or another than it was. */
export function gatewayConfigChanged(tx: WriteTx, index: number, entry: ConfigEntry): void {
  const before = [...tx.peekScan(GATEWAY_SERVICES, foldPrefix(entry.Name))];
  const named = namedBy(entry);
  const wanted = new Map<string, GatewayService>();
  for (const row of named) {
    if (row.Service.Name === WILDCARD)
      for (const each of expanded(tx, row)) wanted.set(GATEWAY_SERVICES.key(each), each);
  }
  // What is named on its own has no part in what the wildcard says of it.
  for (const row of named) wanted.set(GATEWAY_SERVICES.key(row), row);
  for (const row of before) if (!wanted.has(GATEWAY_SERVICES.key(row))) remove(tx, index, row);
  for (const row of wanted.values()) put(tx, index, row);
  raiseIndex(tx, TABLE, index);
}

export function gatewayConfigRemoved(tx: WriteTx, index: number, gateway: string): void {
  for (const row of [...tx.peekScan(GATEWAY_SERVICES, foldPrefix(gateway))]) remove(tx, index, row);
  raiseIndex(tx, TABLE, index);
}

function namedBy(entry: ConfigEntry): GatewayService[] {
  const common = { Gateway: { Name: entry.Name }, GatewayKind: entry.Kind };
  if (isConfigEntry("ingress-gateway", entry)) {
    return (entry.Listeners ?? []).flatMap(({ Port, Protocol, Services }) =>
      (Services ?? []).map(({ Name, Hosts }) =>
        make(GatewayService, { ...common, Service: { Name }, Port, Protocol, Hosts }),
      ),
    );
  }
  if (!isConfigEntry("terminating-gateway", entry)) return [];
  return (entry.Services ?? []).map(({ Name, ...tls }) =>
    make(GatewayService, { ...common, Service: { Name }, ...tls }),
  );
}

/** Names of the ordinary services there are. The index is that of all services. */
export function* ordinaryServicesSteps(tx: ReadTx): Steps<{ readonly index: number; readonly names: Set<string> }> {
  const index = peekIndex(tx, "services");
  const names = new Set<string>();
  let rows = 0;
  for (const row of tx.scan(SERVICES, "")) {
    if (++rows % ROWS_A_STEP === 0) yield;
    if (isOrdinary(row)) names.add(row.Service.Service);
  }
  return { index, names };
}

/** One row for each ordinary service there is, by the name that `ordinaryName` finds. */
function expanded(tx: ReadTx, wildcard: GatewayService): GatewayService[] {
  const names = new Map<string, string>();
  for (const row of tx.peekScan(SERVICES, "")) {
    const name = row.Service.Service.toLowerCase();
    if (isOrdinary(row) && !names.has(name)) names.set(name, row.Service.Service);
  }
  return [...names.values()].map((Name) => ({ ...wildcard, Service: { Name }, FromWildcard: true }));
}

// ---- following the catalog ----

/**
 * An instance changed from `before` to `after`, either of which may be absent: wildcards stand for the ordinary services
 * there are, and for no others. What they stand for follows from the rows alone, however these came about: it is no part
 * of a snapshot.
 */
export function wildcardsFollow(
  tx: WriteTx,
  index: number,
  before: ServiceRow | undefined,
  after: ServiceRow | undefined,
): void {
  const touched = [before, after].filter((row) => row !== undefined && isOrdinary(row)) as readonly ServiceRow[];
  if (touched.length === 0) return;
  const wildcards = [...tx.peekBy(GATEWAY_SERVICES, "service", foldPrefix(WILDCARD))];
  if (wildcards.length === 0) return;
  for (const name of new Set(touched.map((row) => row.Service.Service.toLowerCase()))) {
    const spelled = ordinaryName(tx, name);
    for (const wildcard of wildcards) {
      const mapping = { ...wildcard, Service: { Name: spelled ?? name }, FromWildcard: true };
      const present = tx.peek(GATEWAY_SERVICES, GATEWAY_SERVICES.key(mapping));
      if (present?.FromWildcard === false) continue; // named on its own
      if (spelled !== undefined) put(tx, index, mapping);
      else if (present !== undefined) remove(tx, index, present);
    }
  }
}

/** A service's name as the first of its ordinary instances spells it. */
function ordinaryName(tx: ReadTx, name: string): string | undefined {
  for (const row of tx.peekBy(SERVICES, "name", foldPrefix(name))) if (isOrdinary(row)) return row.Service.Service;
  return undefined;
}

function isOrdinary({ Service: { Kind, Service } }: ServiceRow): boolean {
  return Kind === "" && Service !== SERVERS;
}

function put(tx: WriteTx, index: number, row: GatewayService): void {
  const before = tx.peek(GATEWAY_SERVICES, GATEWAY_SERVICES.key(row));
  const CreateIndex = before?.CreateIndex ?? index;
  const after = { ...row, CreateIndex, ModifyIndex: index };
  if (before !== undefined && deepEqual(before, { ...after, ModifyIndex: before.ModifyIndex })) return;
  tx.put(GATEWAY_SERVICES, after);
  raiseIndex(tx, TABLE, index);
}

function remove(tx: WriteTx, index: number, row: GatewayService): void {
  tx.delete(GATEWAY_SERVICES, GATEWAY_SERVICES.key(row));
  raiseIndex(tx, TABLE, index);
}
