/**
 * Which services stand behind which gateway: derived from the entries of ingress and terminating gateways, and not part
 * of snapshots. An entry that names `*` stands for every ordinary service that is registered, so the table follows the
 * catalog as well.
 */
import { type ConfigEntry, GatewayService, isConfigEntry, make } from "@tribune/api";
import { protocolOfService } from "../config-protocol.ts";
import { deepEqual } from "../deep-equal.ts";
import { peekIndex, raiseIndex } from "../index-table.ts";
import type { ReadTx, TableSchema, WriteTx } from "../memdb/types.ts";
import { fold, foldPrefix, SERVICES, type ServiceRow } from "./tables.ts";

/** Consul's name, in the table of indexes. */
const TABLE = "gateway-services";
const WILDCARD = "*";
/** Servers register themselves under this name, which no wildcard stands for. */
const SERVERS = "consul";

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

/** One row for each ordinary service there is. */
function expanded(tx: ReadTx, wildcard: GatewayService): GatewayService[] {
  const names = new Map<string, string>();
  for (const row of tx.peekScan(SERVICES, "")) {
    if (isOrdinary(row)) names.set(row.Service.Service.toLowerCase(), row.Service.Service);
  }
  return [...names.values()].map((Name) => ({ ...wildcard, Service: { Name }, FromWildcard: true }));
}

// ---- following the catalog ----

/** An instance was registered: wildcards come to stand for its service. */
export function serviceAppeared(tx: WriteTx, index: number, row: ServiceRow): void {
  if (!isOrdinary(row)) return;
  for (const wildcard of [...tx.peekBy(GATEWAY_SERVICES, "service", foldPrefix(WILDCARD))]) {
    const Service = { Name: row.Service.Service };
    const mapping = { ...wildcard, Service, FromWildcard: true };
    const present = tx.peek(GATEWAY_SERVICES, GATEWAY_SERVICES.key(mapping));
    if (present === undefined) put(tx, index, mapping);
  }
}

/** The last instance of a service went: wildcards stand for it no more. */
export function serviceDisappeared(tx: WriteTx, index: number, service: string): void {
  for (const row of [...tx.peekBy(GATEWAY_SERVICES, "service", foldPrefix(service))]) {
    if (row.FromWildcard) remove(tx, index, row);
  }
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
