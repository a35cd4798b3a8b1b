/** Key-value entries. Fields and order are Consul 1.10's. */
import { bytes, type Infer, list, nullable, omitEmpty, struct, text, u64, uint } from "../schema.ts";
import { queryMeta, queryOptions, raftIndex } from "./common.ts";

export const DirEntry = struct("DirEntry", {
  LockIndex: uint,
  Key: text,
  Flags: u64,
  Value: bytes,
  Session: omitEmpty(text),
  ...raftIndex,
});
export type DirEntry = Infer<typeof DirEntry>;

export const KVSRequest = struct("KVSRequest", {
  Datacenter: text,
  Op: text,
  DirEnt: DirEntry,
  Token: text,
});
export type KVSRequest = Infer<typeof KVSRequest>;

export const KeyRequest = struct("KeyRequest", {
  Datacenter: text,
  Key: text,
  ...queryOptions,
});
export type KeyRequest = Infer<typeof KeyRequest>;

export const KeyListRequest = struct("KeyListRequest", {
  Datacenter: text,
  Prefix: text,
  Seperator: text,
  ...queryOptions,
});
export type KeyListRequest = Infer<typeof KeyListRequest>;

export const IndexedDirEntries = struct("IndexedDirEntries", {
  Entries: list(nullable(DirEntry)),
  ...queryMeta,
});
export type IndexedDirEntries = Infer<typeof IndexedDirEntries>;

export const IndexedKeyList = struct("IndexedKeyList", {
  Keys: list(text),
  ...queryMeta,
});
export type IndexedKeyList = Infer<typeof IndexedKeyList>;

export const TombstoneRequest = struct("TombstoneRequest", {
  Datacenter: text,
  Op: text,
  ReapIndex: uint,
  Token: text,
});
export type TombstoneRequest = Infer<typeof TombstoneRequest>;
