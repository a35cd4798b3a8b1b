import {
  type DirEntry,
  DirEntry as DirEntrySchema,
  IndexedDirEntries,
  IndexedKeyList,
  KeyRequest,
  KVSRequest,
  kvContracts,
  make,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { exactIndex, parseUint64 } from "../lib/go-number.ts";
import { kvGet, kvKeysSteps, kvListSteps } from "../state/kv.ts";
import { type Answer, empty, json, jsonPieces } from "./answer.ts";
import { type Bindings, bind, type HttpView } from "./binding.ts";
import { commonOptions } from "./common-options.ts";
import { entriesJson, textsJson } from "./kv-json.ts";
import { prepareKv } from "./kv-rules.ts";

/** Consul's parser words for what `?flags` and `?cas` refuse. */
function parseU64(raw: string): number | bigint {
  const { value, fault } = parseUint64(raw);
  if (fault !== undefined) throw TribuneError.internal(fault);
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
}

function refuseConflicts(http: HttpView, ...names: readonly string[]): void {
  if (names.filter((name) => http.query.has(name)).length > 1)
    throw TribuneError.badRequest(`Conflicting flags: ${http.query.encode()}`);
}

function requireKey(key: string): void {
  if (key === "") throw TribuneError.badRequest("Missing key name");
}

const get: Pick<Bindings<typeof kvContracts>["kvGet"], "request" | "query"> = {
  request({ key }, _http, common) {
    requireKey(key);
    return { ...common, Key: key };
  },
  query(tx, request) {
    const { index, entry } = kvGet(tx, request.Key);
    return make(IndexedDirEntries, { Index: index, Entries: entry === undefined ? null : [entry] });
  },
};

export const kvEndpoints = bind(kvContracts, {
  kvKeys: {
    request({ key, separator }, http, common) {
      // Consul once misspelt the parameter and still takes both.
      const given = http.query.has("separator") ? separator : http.query.get("seperator");
      return { ...common, Prefix: key, Seperator: given };
    },
    *query(tx, request) {
      const { index, keys } = yield* kvKeysSteps(tx, request.Prefix, request.Seperator);
      return make(IndexedKeyList, { Index: index, Keys: keys });
    },
    show(reply, request): Answer {
      const keys = reply.Keys ?? [];
      // The root may be empty; a prefix without keys is not there.
      return keys.length === 0 && request.Prefix !== "" ? empty(404) : jsonPieces((pretty) => textsJson(keys, pretty));
    },
  },
  kvList: {
    request: ({ key }, _http, common) => ({ ...common, Key: key }),
    *query(tx, request) {
      const { index, entries } = yield* kvListSteps(tx, request.Key);
      return make(IndexedDirEntries, { Index: index, Entries: entries });
    },
    show: (reply) => showEntries(reply.Entries as readonly DirEntry[] | null),
  },
  kvValue: {
    ...get,
    show(reply): Answer {
      const entry = reply.Entries?.[0];
      if (entry === undefined || entry === null) return empty(404);
      // nosniff and the sandbox keep a browser from running what somebody stored.
      return {
        kind: "bytes",
        body: entry.Value ?? new Uint8Array(0),
        contentType: "text/plain",
        headers: ["X-Content-Type-Options", "nosniff", "Content-Security-Policy", "sandbox"],
      };
    },
  },
  kvGet: {
    ...get,
    show: (reply) => showEntries(reply.Entries as readonly DirEntry[] | null),
  },
  kvPut: {
    admit(http) {
      commonOptions(KeyRequest, http);
      const { contentLength = 0, limits } = http;
      if (contentLength <= limits.kvMaxValueSize) return;
      const url = "https://www.consul.io/docs/agent/options.html#kv_max_value_size";
      throw new TribuneError(
        "payloadTooLarge",
        `Request body(${contentLength} bytes) too large, max size: ${limits.kvMaxValueSize} bytes. See ${url}.`,
      );
    },
    request({ key, value }, http) {
      requireKey(key);
      refuseConflicts(http, "cas", "acquire", "release");
      const { query } = http;
      const lock = query.has("acquire") ? "acquire" : query.has("release") ? "release" : undefined;
      const cas = query.has("cas") ? parseU64(query.get("cas")) : undefined;
      return make(KVSRequest, {
        Datacenter: http.datacenter,
        Token: http.token,
        Op: lock === "acquire" ? "lock" : lock === "release" ? "unlock" : cas !== undefined ? "cas" : "set",
        DirEnt: make(DirEntrySchema, {
          Key: key,
          Flags: query.has("flags") ? parseU64(query.get("flags")) : 0,
          // An empty value is none, as Go reads an empty body.
          Value: value.length === 0 ? null : value,
          Session: lock === undefined ? "" : query.get(lock),
          ModifyIndex: exactIndex(BigInt(cas ?? 0)),
        }),
      });
    },
    ops: ["set", "cas", "lock", "unlock"],
    prepare: prepareKv,
    errorPrefix: "raft apply failed: ",
    show: (result, request) => json(request.Op === "set" ? true : result),
  },
  kvDelete: {
    admit: (http) => void commonOptions(KeyRequest, http),
    request({ key, recurse }, http) {
      refuseConflicts(http, "recurse", "cas");
      if (!recurse) requireKey(key);
      const cas = http.query.has("cas") ? parseU64(http.query.get("cas")) : undefined;
      return make(KVSRequest, {
        Datacenter: http.datacenter,
        Token: http.token,
        Op: cas !== undefined ? "delete-cas" : recurse ? "delete-tree" : "delete",
        DirEnt: make(DirEntrySchema, { Key: key, ModifyIndex: exactIndex(BigInt(cas ?? 0)) }),
      });
    },
    ops: ["delete", "delete-cas", "delete-tree"],
    prepare: prepareKv,
    show: (result, request) => json(request.Op === "delete-cas" ? result : true),
  },
} satisfies Bindings<typeof kvContracts>);

function showEntries(entries: readonly DirEntry[] | null): Answer {
  return entries === null || entries.length === 0 ? empty(404) : jsonPieces((pretty) => entriesJson(entries, pretty));
}
