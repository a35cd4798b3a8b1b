/** Configuration entries: what holds for a service, a gateway or the whole mesh. Queries and commands. */
import {
  type ConfigEntry,
  type ConfigEntryDeleteResponse,
  ConfigEntryRequest,
  holdsNullSetting,
  isConfigEntry,
  isLaterKind,
  laterPart,
} from "@tribune/api";
import { decodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { finished, type Steps } from "../lib/steps.ts";
import { gatewayConfigChanged, gatewayConfigRemoved } from "./catalog/gateway-services.ts";
import {
  CONFIG_ENTRIES,
  eachOfKind,
  entriesOfKind,
  entryKey,
  findAnyEntry,
  indexedBy,
  recordOf,
} from "./config-entry-table.ts";
import { requireSoundGraph } from "./config-graph.ts";
import { bumpIndex, peekIndex } from "./index-table.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE, restoreOpaque } from "./opaque.ts";

/** Those that were not asked for before are decoded, which takes some microseconds each. */
const ENTRIES_A_STEP = 128;

export function configEntryGet(
  tx: ReadTx,
  kind: string,
  name: string,
): { readonly index: number; readonly entry: ConfigEntry | undefined } {
  return { index: peekIndex(tx, CONFIG_ENTRIES), entry: findAnyEntry(tx, kind, name) };
}

/** Entries of one kind, or with "" of all kinds, in the order of kind and name. */
export function* configEntryListSteps(
  tx: ReadTx,
  kind: string,
): Steps<{ readonly index: number; readonly entries: readonly ConfigEntry[] }> {
  const index = peekIndex(tx, CONFIG_ENTRIES);
  const entries: ConfigEntry[] = [];
  for (const entry of eachOfKind(tx, kind)) {
    entries.push(entry);
    if (entries.length % ENTRIES_A_STEP === 0) yield;
  }
  return { index, entries };
}

export const configEntryList = (tx: ReadTx, kind: string) => finished(configEntryListSteps(tx, kind));

/** @throws TribuneError when the entries together would make no sense. */
export function configEntrySet(tx: WriteTx, index: number, given: ConfigEntry): void {
  const before = findAnyEntry(tx, given.Kind, given.Name, "peek");
  const entry = { ...given, CreateIndex: before?.CreateIndex ?? index, ModifyIndex: index };
  requirePermission(tx, before, entry);
  requireSoundGraph(tx, entry.Kind, entry.Name, entry);
  if (isGateway(entry.Kind)) gatewayConfigChanged(tx, index, entry);
  tx.put(OPAQUE, recordOf(entry));
  bumpIndex(tx, CONFIG_ENTRIES, index);
}

/** To let in who shows no certificate, the mesh must allow it; who may already, may go on. @throws TribuneError */
function requirePermission(tx: ReadTx, before: ConfigEntry | undefined, after: ConfigEntry): void {
  const isPermissive = (one: ConfigEntry | undefined): boolean =>
    (isConfigEntry("service-defaults", one) || isConfigEntry("proxy-defaults", one)) &&
    one.MutualTLSMode === "permissive";
  if (!isPermissive(after) || isPermissive(before)) return;
  const mesh = findAnyEntry(tx, "mesh", "mesh", "peek");
  if (isConfigEntry("mesh", mesh) && mesh.AllowEnablingPermissiveMutualTLS) return;
  throw TribuneError.internal(
    "cannot set MutualTLSMode=permissive because AllowEnablingPermissiveMutualTLS=false in the mesh config entry",
  );
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

/** Deletes only when the present entry's ModifyIndex is the given one's. @returns whether it was so. */
export function configEntryDeleteCas(tx: WriteTx, index: number, { Kind, Name, ModifyIndex }: ConfigEntry): boolean {
  if (findAnyEntry(tx, Kind, Name, "peek")?.ModifyIndex !== ModifyIndex) return false;
  configEntryDelete(tx, index, Kind, Name);
  return true;
}

/** Takes a snapshot's record; the catalog comes before these. */
export function restoreConfigEntry(tx: WriteTx, body: Uint8Array): void {
  const { Entry: entry } = decodeStruct(ConfigEntryRequest, body);
  restoreOpaque(tx, MESSAGE.CONFIG_ENTRY, body, indexedBy(entry));
  if (isGateway(entry.Kind)) gatewayConfigChanged(tx, entry.ModifyIndex, entry);
}

/** In the table of indexes: the last command about an entry of a kind that Consul 1.10 does not know, which ends it. */
const LATER_KINDS = "config-entries.later";
/** The same for the last one with a null in the settings of all proxies, which ends later servers of Consul, too. */
const NULL_SETTINGS = "config-entries.null";
/** The same for the last `delete-cas`, which it would not carry out: the entry would stay. */
const DELETE_CAS = "config-entries.delete-cas";

/**
 * What a server of Consul 1.10 could not keep: entries of kinds or with fields that it does not know; and the last
 * commands in the log of which it would make something else.
 */
export interface LaterEntries {
  readonly entries: readonly ConfigEntry[];
  readonly lastOfLaterKind: number;
  readonly lastNullSetting: number;
  readonly lastDeleteCas: number;
}

export function laterEntries(tx: ReadTx): LaterEntries {
  return {
    entries: entriesOfKind(tx, "", "peek").filter((entry) => laterPart(entry) !== undefined),
    lastOfLaterKind: peekIndex(tx, LATER_KINDS),
    lastNullSetting: peekIndex(tx, NULL_SETTINGS),
    lastDeleteCas: peekIndex(tx, DELETE_CAS),
  };
}

/** @returns what the RPC methods answer */
export function applyConfigEntry(
  tx: WriteTx,
  index: number,
  { Op, Entry }: ConfigEntryRequest,
): boolean | ConfigEntryDeleteResponse {
  // Whatever becomes of it: it is in the log.
  if (isLaterKind(Entry.Kind)) bumpIndex(tx, LATER_KINDS, index);
  if (holdsNullSetting(Entry)) bumpIndex(tx, NULL_SETTINGS, index);
  if (Op === "delete-cas") bumpIndex(tx, DELETE_CAS, index);
  switch (Op) {
    case "upsert":
      configEntrySet(tx, index, Entry);
      return true;
    case "upsert-cas":
      return configEntrySetCas(tx, index, Entry);
    case "delete":
      configEntryDelete(tx, index, Entry.Kind, Entry.Name);
      return { Deleted: true };
    case "delete-cas":
      return { Deleted: configEntryDeleteCas(tx, index, Entry) };
    default:
      throw TribuneError.internal(`invalid config entry operation type: ${Op}`);
  }
}

function isGateway(kind: string): boolean {
  return kind === "ingress-gateway" || kind === "terminating-gateway";
}
