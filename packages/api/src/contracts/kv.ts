import { flag, inPath, inQuery, rawBody, read, u64Query, write } from "../contract.ts";
import { bool } from "../schema.ts";
import { IndexedDirEntries, IndexedKeyList, KeyListRequest, KeyRequest, KVSRequest } from "../structs/kv.ts";

const key = inPath("Key, slashes included");
const raftType = 2;

const get = {
  rpc: "KVS.Get",
  parameters: { key },
  request: KeyRequest,
  reply: IndexedDirEntries,
  blocking: true,
  plainRefusals: true,
  acl: { by: "require", resource: "key", access: "read" },
  statuses: { 404: "There is no such key" },
} as const;

export const kvContracts = {
  kvKeys: read({
    http: "GET /v1/kv/*key",
    namespaced: true,
    when: "keys",
    rpc: "KVS.ListKeys",
    parameters: { key, separator: inQuery("List only up to this character behind the prefix") },
    request: KeyListRequest,
    reply: IndexedKeyList,
    blocking: true,
    plainRefusals: true,
    acl: { by: "filter" },
    summary: "List the keys under a prefix",
    answers: "Keys",
    statuses: { 404: "There is no such key" },
  }),
  kvList: read({
    http: "GET /v1/kv/*key",
    namespaced: true,
    when: "recurse",
    rpc: "KVS.List",
    parameters: { key },
    request: KeyRequest,
    reply: IndexedDirEntries,
    blocking: true,
    plainRefusals: true,
    acl: { by: "filter" },
    summary: "Read every entry under a prefix",
    answers: "DirEntries",
    statuses: { 404: "There is no such key" },
  }),
  kvValue: read({
    http: "GET /v1/kv/*key",
    namespaced: true,
    when: "raw",
    ...get,
    summary: "Read the bytes of one value",
    answers: "ValueBytes",
  }),
  kvGet: read({
    http: "GET /v1/kv/*key",
    namespaced: true,
    ...get,
    summary: "Read one entry",
    answers: "DirEntries",
  }),
  kvPut: write({
    http: "PUT /v1/kv/*key",
    namespaced: true,
    rpc: "KVS.Apply",
    parameters: {
      key,
      flags: u64Query("Number of the user's own, kept with the entry"),
      cas: u64Query("Write only when the entry's ModifyIndex is this; 0: only when there is none"),
      acquire: inQuery("Session that takes the lock with this write"),
      release: inQuery("Session that gives the lock back with this write"),
      value: rawBody("The value"),
    },
    request: KVSRequest,
    raftType,
    reply: bool,
    acl: { by: "require", resource: "key", access: "write" },
    summary: "Write one entry",
    answers: "Boolean",
  }),
  kvDelete: write({
    http: "DELETE /v1/kv/*key",
    namespaced: true,
    rpc: "KVS.Apply",
    parameters: {
      key,
      recurse: flag("Delete every entry under the prefix"),
      cas: u64Query("Delete only when the entry's ModifyIndex is this"),
    },
    request: KVSRequest,
    raftType,
    reply: bool,
    acl: { by: "require", resource: "key", access: "write" },
    summary: "Delete one entry or a tree",
    answers: "Boolean",
  }),
};
