/** Answers of `/v1/config`. */
import {
  type ConfigEntry,
  ConfigEntryDeleteResponse,
  ConfigEntryRequest,
  ConfigEntryResponse,
  configEntryContracts,
  configEntryRpcContracts,
  configEntryStruct,
  IndexedConfigEntries,
  IndexedExportedServices,
  laterPart,
  list,
  make,
  markedKind,
  plainKind,
  ResolvedExportedService,
  toJson,
} from "@tribune/api";
import { SERVICE_DEFAULTS } from "../lib/bexpr/filter-types.ts";
import { TribuneError } from "../lib/errors.ts";
import { stringifyGo } from "../lib/go-json.ts";
import { exactIndex, parseUint64 } from "../lib/go-number.ts";
import { goQuote } from "../lib/go-quote.ts";
import { configEntryGet, configEntryListSteps } from "../state/config-entry.ts";
import { deepEqual } from "../state/deep-equal.ts";
import { resolvedExportedServices } from "../state/exported-services.ts";
import { serviceConfig } from "../state/service-config.ts";
import type { LeaderApi } from "./agent-api.ts";
import { type Answer, json } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type RpcBindings, Settled } from "./binding.ts";
import { decodeConfigEntry } from "./config-entry-decode.ts";
import { normalizeConfigEntry, validateConfigEntry } from "./config-entry-rules.ts";
import { filterRowsSteps } from "./filter-rows.ts";
import { rowsJson } from "./row-text.ts";

const EXPORTED_SERVICES = list(ResolvedExportedService);

export const configEntryEndpoints = bind(configEntryContracts, {
  configEntrySet: {
    request({ entry, cas }, http) {
      const plain = decodeConfigEntry(entry);
      const decoded = { ...plain, Kind: markedKind(plain, "upsert") };
      return cas === "" ? request("upsert", decoded, http) : request("upsert-cas", withCas(decoded, cas), http);
    },
    prepare(asked, leader) {
      const entry = normalizeConfigEntry({ ...asked.Entry, Kind: plainKind(asked.Entry.Kind) });
      validateConfigEntry(entry);
      const later = laterPart(entry);
      if (later !== undefined) leader.requireKeepers(later);
      return isStored(entry, leader) ? new Settled(true) : { ...asked, Entry: entry };
    },
    show: (result) => json(result),
  },
  configEntryGet: {
    request: ({ entry }, _http, common) => ({ ...common, ...kindAndName(entry) }),
    query(tx, { Kind, Name }) {
      requireKnownKind(Kind);
      const { index, entry } = configEntryGet(tx, Kind, Name);
      return make(ConfigEntryResponse, { Index: index, Entry: entry ?? null });
    },
    show({ Entry }, { Kind, Name }): Answer {
      if (Entry !== null) return json(shown(Entry));
      const text = `Config entry not found for ${goQuote(Kind)} / ${goQuote(Name)}`;
      return { kind: "text", status: 404, text };
    },
  },
  configEntryList: {
    request: ({ kind }, _http, common) => ({ ...common, Kind: kind }),
    *query(tx, { Kind, Filter }) {
      if (Kind !== "") requireKnownKind(Kind);
      const { index, entries } = yield* configEntryListSteps(tx, Kind);
      // As in Consul, other kinds come unfiltered.
      const isFiltered = Kind === "service-defaults";
      const wanted = isFiltered ? yield* filterRowsSteps(Filter, SERVICE_DEFAULTS, entries) : entries;
      return make(IndexedConfigEntries, { Index: index, Kind, Entries: wanted });
    },
    show: ({ Entries }) => rowsJson(Entries ?? [], entryText),
  },
  exportedServices: {
    request: (_values, _http, common) => common,
    *query(tx) {
      const { index, services } = yield* resolvedExportedServices(tx);
      return make(IndexedExportedServices, { Index: index, Services: services });
    },
    show: ({ Services }) => json(toJson(EXPORTED_SERVICES, Services ?? [])),
  },
  configEntryDeleteCas: {
    request({ entry, cas }, http) {
      const named = deletedEntry(entry);
      if (cas === "") return request("delete", named, http);
      return request("delete-cas", withCas({ ...named, Kind: markedKind(named, "delete-cas") }, cas), http);
    },
    prepare: prepareDelete,
    show: ({ Deleted }: ConfigEntryDeleteResponse, { Op }) => json(Op === "delete-cas" ? Deleted : {}),
  },
  configEntryDelete: {
    request: ({ entry }, http) => request("delete", deletedEntry(entry), http),
    prepare: prepareDelete,
    show: () => json({}),
  },
} satisfies Bindings<typeof configEntryContracts>);

export const configEntryMethods = bindRpc(configEntryRpcContracts, {
  resolveServiceConfig: { query: (tx, request) => serviceConfig(tx, request) },
} satisfies RpcBindings<typeof configEntryRpcContracts>);

function request(op: string, entry: ConfigEntry, http: HttpView): ConfigEntryRequest {
  return make(ConfigEntryRequest, { Op: op, Datacenter: http.datacenter, Token: http.token, Entry: entry });
}

function withCas(entry: ConfigEntry, cas: string): ConfigEntry {
  const { value, fault } = parseUint64(cas);
  if (fault !== undefined) throw TribuneError.internal(fault);
  return { ...entry, ModifyIndex: exactIndex(value) };
}

/** @throws TribuneError where the path names no entry */
function deletedEntry(path: string): ConfigEntry {
  if (!path.includes("/")) throw new TribuneError("notFound", "Must provide both a kind and name to delete");
  const { Kind, Name } = kindAndName(path);
  const schema = configEntryStruct(Kind);
  if (schema === undefined) throw TribuneError.badRequest(`invalid config entry kind: ${Kind}`);
  return normalizeConfigEntry(make(schema, { Kind, Name }));
}

/** Agents of Consul name no `Op` for a deletion without a condition. What is gone already needs no log entry. */
function prepareDelete(asked: ConfigEntryRequest, leader: LeaderApi): ConfigEntryRequest | Settled {
  const entry = normalizeConfigEntry({ ...asked.Entry, Kind: plainKind(asked.Entry.Kind) });
  const { entry: stored } = leader.peek((tx) => configEntryGet(tx, entry.Kind, entry.Name));
  if (stored === undefined) return new Settled(make(ConfigEntryDeleteResponse, { Deleted: true }));
  if (asked.Op !== "delete-cas") return { ...asked, Op: "delete", Entry: entry };
  leader.requireKeepers("delete-cas");
  return { ...asked, Entry: entry };
}

/** A name may hold slashes. */
function kindAndName(path: string): { readonly Kind: string; readonly Name: string } {
  const slash = path.indexOf("/");
  return { Kind: path.slice(0, slash), Name: path.slice(slash + 1) };
}

function requireKnownKind(kind: string): void {
  if (configEntryStruct(kind) === undefined) throw TribuneError.internal(`invalid config entry kind: ${kind}`);
}

/** Writing what is there already is no write, whatever index a conditional one asks for. */
function isStored(entry: ConfigEntry, leader: LeaderApi): boolean {
  const { entry: stored } = leader.peek((tx) => configEntryGet(tx, entry.Kind, entry.Name));
  if (stored === undefined) return false;
  const { CreateIndex, ModifyIndex } = stored;
  return deepEqual(stored, { ...entry, CreateIndex, ModifyIndex });
}

/** Entries never change, so the text of each is made once, however often it is listed. */
const texts = new WeakMap<ConfigEntry, string>();

function entryText(entry: ConfigEntry): string {
  let text = texts.get(entry);
  if (text === undefined) {
    text = stringifyGo(shown(entry));
    texts.set(entry, text);
  }
  return text;
}

function shown(entry: ConfigEntry): unknown {
  const schema = configEntryStruct(entry.Kind);
  return schema === undefined ? entry : toJson(schema, entry);
}
