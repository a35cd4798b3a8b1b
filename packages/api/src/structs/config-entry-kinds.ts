/**
 * Configuration entries of whatever kind: which struct a kind has, what of an entry a server of Consul 1.10 could not
 * keep, and the requests that carry them.
 */
import {
  any,
  bool,
  type Infer,
  list,
  nullable,
  oneOf,
  type Schema,
  type Struct,
  struct,
  text,
  wired,
} from "../schema.ts";
import { queryMeta, queryOptions } from "./common.ts";
import {
  ExportedServicesConfigEntry,
  IngressGatewayConfigEntry,
  MeshConfigEntry,
  ProxyConfigEntry,
  ServiceConfigEntry,
  ServiceIntentionsConfigEntry,
  ServiceResolverConfigEntry,
  ServiceRouterConfigEntry,
  ServiceSplitterConfigEntry,
  TerminatingGatewayConfigEntry,
} from "./config-entry.ts";

export const CONFIG_ENTRY_STRUCTS = {
  "service-defaults": ServiceConfigEntry,
  "proxy-defaults": ProxyConfigEntry,
  "service-router": ServiceRouterConfigEntry,
  "service-splitter": ServiceSplitterConfigEntry,
  "service-resolver": ServiceResolverConfigEntry,
  "ingress-gateway": IngressGatewayConfigEntry,
  "terminating-gateway": TerminatingGatewayConfigEntry,
  "service-intentions": ServiceIntentionsConfigEntry,
  mesh: MeshConfigEntry,
  "exported-services": ExportedServicesConfigEntry,
} as const;

export type ConfigEntryKind = keyof typeof CONFIG_ENTRY_STRUCTS;
export type ConfigEntryOf<K extends ConfigEntryKind> = Infer<(typeof CONFIG_ENTRY_STRUCTS)[K]>;

/** What every kind has in memory; `Kind` tells which of the structs it is. */
export interface ConfigEntry {
  readonly Kind: string;
  readonly Name: string;
  readonly Meta: Readonly<Record<string, string>> | null;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

const LATER_KINDS: ReadonlySet<string> = new Set<ConfigEntryKind>(["exported-services"]);

/** A kind that Consul 1.10 does not know: one of its servers that finds it in the log or in a snapshot ends. */
export function isLaterKind(kind: string): boolean {
  return LATER_KINDS.has(kind);
}

/**
 * Behind the kind of an entry with later fields, on its way to the leader: one that would drop the fields without a
 * word does not know such a kind, and refuses it.
 */
const LATER_MARK = " (with fields that came after Consul 1.10)";
/** The same behind one that is to be deleted as it was read: Consul 1.10 would delete it as it is. */
const DELETE_CAS_MARK = " (with a condition on its deletion, which came after Consul 1.10)";
const MARKS = [LATER_MARK, DELETE_CAS_MARK];

export function markedKind(entry: ConfigEntry, op: "upsert" | "delete-cas"): string {
  if (op === "delete-cas") return entry.Kind + DELETE_CAS_MARK;
  return (laterPart(entry)?.fields.length ?? 0) > 0 ? entry.Kind + LATER_MARK : entry.Kind;
}

export function plainKind(kind: string): string {
  const mark = MARKS.find((one) => kind.endsWith(one));
  return mark === undefined ? kind : kind.slice(0, -mark.length);
}

/** What of an entry a server of Consul 1.10 could not keep: all of it, if it does not know the kind, or some fields. */
export interface LaterPart {
  readonly kind: string;
  /** None where the kind itself is not known. */
  readonly fields: readonly string[];
}

export function laterPart(entry: ConfigEntry): LaterPart | undefined {
  const kind = plainKind(entry.Kind);
  if (isLaterKind(kind)) return { kind, fields: [] };
  const fields = laterFields(kind).filter((name) => isSaid(entry[name as keyof ConfigEntry]));
  if (holdsNullSetting(entry)) fields.push(NULL_SETTING);
  return fields.length === 0 ? undefined : { kind, fields };
}

/** What `laterPart` calls a null in the settings of all proxies. */
export const NULL_SETTING = "Config with a null";

/**
 * Whether a null is anywhere in the settings of all proxies. A server of Consul asks it for its type (`MapWalk`) and ends:
 * in a map until a release of 1.13 to 1.15 (consul#17048), in a list still after that.
 */
export function holdsNullSetting(entry: ConfigEntry): boolean {
  if (plainKind(entry.Kind) !== "proxy-defaults") return false;
  return holdsNull((entry as ConfigEntryOf<"proxy-defaults">).Config);
}

function holdsNull(config: Readonly<Record<string, unknown>> | null): boolean {
  const open: unknown[] = Object.values(config ?? {});
  while (open.length > 0) {
    const value = open.pop();
    if (value === null) return true;
    if (typeof value !== "object" || ArrayBuffer.isView(value)) continue;
    for (const inner of Object.values(value)) open.push(inner);
  }
  return false;
}

function laterFields(kind: string): readonly string[] {
  const fields = configEntryStruct(kind)?.fields ?? [];
  return fields.filter(({ schema }) => schema.later === true).map(({ name }) => name);
}

function isSaid(value: unknown): boolean {
  if (Array.isArray(value)) return value.length > 0;
  return value !== undefined && value !== null && value !== "" && value !== 0 && value !== false;
}

/** The struct of a kind; undefined for one that is not known. */
export function configEntryStruct(kind: string): Struct<ConfigEntry> | undefined {
  if (!Object.hasOwn(CONFIG_ENTRY_STRUCTS, kind)) return undefined;
  return CONFIG_ENTRY_STRUCTS[kind as ConfigEntryKind] as Struct<ConfigEntry>;
}

/** Narrows an entry to its kind's struct. */
export function isConfigEntry<K extends ConfigEntryKind>(
  kind: K,
  entry: ConfigEntry | undefined,
): entry is ConfigEntry & ConfigEntryOf<K> {
  return entry?.Kind === kind;
}

/** An entry in JSON, of whichever kind. */
export const ConfigEntryJson = oneOf(Object.values(CONFIG_ENTRY_STRUCTS));

const entry = any as Schema<ConfigEntry>;

/** `Op`: `upsert`, `upsert-cas`, `delete` or `delete-cas`. */
export const ConfigEntryRequest = wired(
  "ConfigEntryRequest",
  struct("ConfigEntryRequest", { Op: text, Datacenter: text, Entry: entry, Token: text }),
);
export type ConfigEntryRequest = Infer<typeof ConfigEntryRequest>;

/** Without fields from a server of Consul 1.10, which only succeeds or fails. */
export const ConfigEntryDeleteResponse = struct("ConfigEntryDeleteResponse", { Deleted: bool });
export type ConfigEntryDeleteResponse = Infer<typeof ConfigEntryDeleteResponse>;

export const ConfigEntryQuery = struct("ConfigEntryQuery", {
  Kind: text,
  Name: text,
  Datacenter: text,
  ...queryOptions,
});
export type ConfigEntryQuery = Infer<typeof ConfigEntryQuery>;

export const ConfigEntryResponse = wired(
  "ConfigEntryResponse",
  struct("ConfigEntryResponse", { Entry: nullable(entry), ...queryMeta }),
);
export type ConfigEntryResponse = Infer<typeof ConfigEntryResponse>;

export const IndexedConfigEntries = wired(
  "IndexedConfigEntries",
  struct("IndexedConfigEntries", { Kind: text, Entries: list(entry), ...queryMeta }),
);
export type IndexedConfigEntries = Infer<typeof IndexedConfigEntries>;
