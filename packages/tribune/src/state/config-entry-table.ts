/**
 * Where configuration entries stand: in the table of records that are kept as the bytes they came in (`opaque.ts`),
 * under `kind\0name` in lower case, so that what a snapshot brought leaves with the next one unchanged.
 */
import {
  type ConfigEntry,
  type ConfigEntryKind,
  type ConfigEntryOf,
  ConfigEntryRequest,
  isConfigEntry,
} from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { type Indexed, OPAQUE, type OpaqueRecord } from "./opaque.ts";

/** Consul's name of the table, in the table of indexes. */
export const CONFIG_ENTRIES = "config-entries";
const TYPE = String(MESSAGE.CONFIG_ENTRY);

/** How a read touches the table: watched, or not. */
export type Touch = "watch" | "peek";

export function entryKey(kind: string, name: string): string {
  return key(TYPE, key(kind, name).toLowerCase());
}

export function findEntry<K extends ConfigEntryKind>(
  tx: ReadTx,
  kind: K,
  name: string,
  touch: Touch = "watch",
): ConfigEntryOf<K> | undefined {
  const entry = findAnyEntry(tx, kind, name, touch);
  return isConfigEntry(kind, entry) ? entry : undefined;
}

export function findAnyEntry(tx: ReadTx, kind: string, name: string, touch: Touch = "watch"): ConfigEntry | undefined {
  const at = entryKey(kind, name);
  const record = touch === "watch" ? tx.get(OPAQUE, at) : tx.peek(OPAQUE, at);
  return record === undefined ? undefined : decodeEntry(record);
}

/** Entries of one kind, or with "" of all kinds, in the order of kind and name. */
export function entriesOfKind(tx: ReadTx, kind: string, touch: Touch = "watch"): ConfigEntry[] {
  return [...eachOfKind(tx, kind, touch)];
}

/** The same one by one: they may be drained after the transaction. */
export function eachOfKind(tx: ReadTx, kind: string, touch: Touch = "watch"): Iterable<ConfigEntry> {
  const prefix = kind === "" ? keyPrefix(TYPE) : keyPrefix(TYPE, kind);
  const records = touch === "watch" ? tx.scan(OPAQUE, prefix) : tx.peekScan(OPAQUE, prefix);
  return decodedOneByOne(records);
}

function* decodedOneByOne(records: Iterable<OpaqueRecord>): Iterable<ConfigEntry> {
  for (const record of records) yield decodeEntry(record);
}

/** Routers, splitters, resolvers and ingress gateways that name a service other than their own. */
export function entriesLinkedTo(tx: ReadTx, service: string, touch: Touch = "peek"): ConfigEntry[] {
  const prefix = keyPrefix(service.toLowerCase());
  return [...(touch === "watch" ? tx.by(OPAQUE, "link", prefix) : tx.peekBy(OPAQUE, "link", prefix))].map(decodeEntry);
}

export function recordOf(entry: ConfigEntry): OpaqueRecord {
  const request: ConfigEntryRequest = { Op: "", Datacenter: "", Entry: entry, Token: "" };
  const body = new Uint8Array(encodeStruct(ConfigEntryRequest, request));
  const id = key(entry.Kind, entry.Name).toLowerCase();
  return { type: MESSAGE.CONFIG_ENTRY, id, session: "", body, ...indexedBy(entry) };
}

/** What an entry is found by beside its name. */
export function indexedBy(entry: ConfigEntry): Indexed {
  const links = linksOf(entry);
  if (!isConfigEntry("service-intentions", entry)) return { links };
  const sources = (entry.Sources ?? []).filter((source) => source !== null);
  return {
    links,
    sources: sources.map(({ Name }) => Name),
    legacyIds: sources.map(({ LegacyID }) => LegacyID).filter((id) => id !== ""),
  };
}

/** Entries with intentions about a source. */
export function entriesBySource(tx: ReadTx, source: string): ConfigEntryOf<"service-intentions">[] {
  return intentionEntries(tx.by(OPAQUE, "source", keyPrefix(source)));
}

/** The entry with an intention that was made by the older interface. */
export function entryByLegacyId(
  tx: ReadTx,
  id: string,
  touch: Touch = "watch",
): ConfigEntryOf<"service-intentions"> | undefined {
  const records =
    touch === "watch" ? tx.by(OPAQUE, "legacyId", keyPrefix(id)) : tx.peekBy(OPAQUE, "legacyId", keyPrefix(id));
  return intentionEntries(records)[0];
}

function intentionEntries(records: Iterable<OpaqueRecord>): ConfigEntryOf<"service-intentions">[] {
  return [...records].map(decodeEntry).filter((entry) => isConfigEntry("service-intentions", entry));
}

/** Rows are never changed, so each is decoded once however often it is read. */
const decoded = new WeakMap<OpaqueRecord, ConfigEntry>();

function decodeEntry(record: OpaqueRecord): ConfigEntry {
  let entry = decoded.get(record);
  if (entry === undefined) {
    entry = decodeStruct(ConfigEntryRequest, record.body).Entry;
    decoded.set(record, entry);
  }
  return entry;
}

/** Services that an entry sends traffic to, in lower case; those of a change of one must still make sense. */
function linksOf(entry: ConfigEntry): readonly string[] {
  return relatedServices(entry).map((name) => name.toLowerCase());
}

export function relatedServices(entry: ConfigEntry): readonly string[] {
  const names = new Set<string>();
  if (isConfigEntry("service-router", entry)) {
    names.add(entry.Name);
    for (const { Destination } of entry.Routes ?? [])
      if (Destination !== null) names.add(Destination.Service || entry.Name);
  } else if (isConfigEntry("service-splitter", entry)) {
    for (const { Service } of entry.Splits ?? []) names.add(Service || entry.Name);
    names.delete(entry.Name);
  } else if (isConfigEntry("service-resolver", entry)) {
    if (entry.Redirect !== null) names.add(entry.Redirect.Service || entry.Name);
    for (const { Service } of Object.values(entry.Failover ?? {})) names.add(Service || entry.Name);
    names.delete(entry.Name);
  } else if (isConfigEntry("ingress-gateway", entry)) {
    for (const { Services } of entry.Listeners ?? []) for (const { Name } of Services ?? []) names.add(Name);
    names.delete("*");
  }
  return [...names];
}
