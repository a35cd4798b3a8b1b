/** Configuration entries: what holds for a service, a gateway or the whole mesh. Queries and commands. */
import { type ConfigEntry, ConfigEntryRequest } from "@tribune/api";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { gatewayConfigChanged, gatewayConfigRemoved } from "./catalog/gateway-services.ts";
import { CONFIG_ENTRIES, entriesOfKind, entryKey, findAnyEntry, indexedBy, recordOf } from "./config-entry-table.ts";
import { requireSoundGraph } from "./config-graph.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE, restoreOpaque } from "./opaque.ts";

export function configEntryGet(
  tx: ReadTx,
  kind: string,
  name: string,
): { readonly index: number; readonly entry: ConfigEntry | undefined } {
  return { index: peekIndex(tx, CONFIG_ENTRIES), entry: findAnyEntry(tx, kind, name) };
}

/** Entries of one kind, or with "" of all kinds, in the order of kind and name. */
export function configEntryList(
  tx: ReadTx,
  kind: string,
): { readonly index: number; readonly entries: readonly ConfigEntry[] } {
  return { index: peekIndex(tx, CONFIG_ENTRIES), entries: entriesOfKind(tx, kind) };
}

/** @throws TribuneError when the entries together would make no sense. */
export function configEntrySet(tx: WriteTx, index: number, given: ConfigEntry): void {
  const before = findAnyEntry(tx, given.Kind, given.Name, "peek");
  const entry = { ...given, CreateIndex: before?.CreateIndex ?? index, ModifyIndex: index };
  requireSoundGraph(tx, entry.Kind, entry.Name, entry);
  if (isGateway(entry.Kind)) gatewayConfigChanged(tx, index, entry);
  tx.put(OPAQUE, recordOf(entry));
  bumpIndex(tx, CONFIG_ENTRIES, index);
}

/**
 * Sets only when the present entry's ModifyIndex is the given one's; 0: only when there is none.
 * @returns whether it was so.
 */
export function configEntrySetCas(tx: WriteTx, index: number, given: ConfigEntry): boolean {
  const before = findAnyEntry(tx, given.Kind, given.Name, "peek");
  if ((before?.ModifyIndex ?? 0) !== given.ModifyIndex) return false;
  configEntrySet(tx, index, given);
  return true;
}

/** Without effect when there is none. @throws TribuneError when the entries that are left would make no sense. */
export function configEntryDelete(tx: WriteTx, index: number, kind: string, name: string): void {
  if (findAnyEntry(tx, kind, name, "peek") === undefined) return;
  if (isGateway(kind)) gatewayConfigRemoved(tx, index, name);
  requireSoundGraph(tx, kind, name, undefined);
  tx.delete(OPAQUE, entryKey(kind, name));
  bumpIndex(tx, CONFIG_ENTRIES, index);
}

/** Takes a snapshot's record; the catalog comes before these. */
export function restoreConfigEntry(tx: WriteTx, body: Uint8Array): void {
  const { Entry: entry } = decodeStruct(ConfigEntryRequest, body);
  restoreOpaque(tx, MESSAGE.CONFIG_ENTRY, body, indexedBy(entry));
  if (isGateway(entry.Kind)) gatewayConfigChanged(tx, entry.ModifyIndex, entry);
}

export function applyConfigEntry(tx: WriteTx, index: number, { Op, Entry }: ConfigEntryRequest): boolean | undefined {
  switch (Op) {
    case "upsert":
      configEntrySet(tx, index, Entry);
      return true;
    case "upsert-cas":
      return configEntrySetCas(tx, index, Entry);
    case "delete":
      configEntryDelete(tx, index, Entry.Kind, Entry.Name);
      return undefined;
    default:
      throw TribuneError.internal(`invalid config entry operation type: ${Op}`);
  }
}

function isGateway(kind: string): boolean {
  return kind === "ingress-gateway" || kind === "terminating-gateway";
}
