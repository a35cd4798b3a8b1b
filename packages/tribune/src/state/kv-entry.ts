/** How key-value entries and tombstones are stored. */
import type { DirEntry } from "@tribune/api";
import { byteString } from "../codec/byte-text.ts";
import { keyPrefix } from "./memdb/key.ts";
import type { TableSchema } from "./memdb/types.ts";

/**
 * Up to this size a value is kept as a byte string: a header of 16 bytes in the heap, where a Uint8Array costs
 * some 200 and its backing store besides. Larger values stay outside of the heap, at exactly their size.
 */
export const PACKED_BYTES_MAX = 4_096;

/** Null is Go's nil. */
export type PackedValue = string | Uint8Array | null;

/** Copies a value out of the message it came in, so that it pins nothing but itself. */
export function packValue(value: Uint8Array | null): PackedValue {
  if (value === null) return null;
  if (value.length > PACKED_BYTES_MAX) return new Uint8Array(value);
  const bytes = Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.length);
  return bytes.toString("latin1");
}

/** Go's `bytes.Equal`: nil and empty are equal. */
export function sameValue(left: PackedValue, right: PackedValue): boolean {
  if (typeof left === "string" && typeof right === "string") return left === right;
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return (left?.length ?? 0) === 0 && (right?.length ?? 0) === 0;
}

/**
 * One stored entry. It is a `DirEntry`, but `Value` is made when it is asked for: copy an entry with
 * `plainEntry`, not with a spread.
 */
export class KvEntry implements DirEntry {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: number | bigint;
  readonly Session: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
  readonly value: PackedValue;

  constructor(fields: Omit<DirEntry, "Value">, value: PackedValue) {
    this.LockIndex = fields.LockIndex;
    this.Key = fields.Key;
    this.Flags = fields.Flags;
    this.Session = fields.Session;
    this.CreateIndex = fields.CreateIndex;
    this.ModifyIndex = fields.ModifyIndex;
    this.value = value;
  }

  /** The same without a session that holds it. */
  released(ModifyIndex: number): KvEntry {
    const { LockIndex, Key, Flags, CreateIndex, value } = this;
    return new KvEntry({ LockIndex, Key, Flags, Session: "", CreateIndex, ModifyIndex }, value);
  }

  get Value(): Uint8Array | null {
    return typeof this.value === "string" ? Buffer.from(this.value, "latin1") : this.value;
  }
}

/** Prefix of the index `session` of all that a session holds. */
export const heldBySession = (id: string): string => keyPrefix(sessionDigits(id));

/** An entry that came from elsewhere, as it is stored. */
export const storedEntry = (entry: DirEntry): KvEntry => new KvEntry(entry, packValue(entry.Value));

/** A plain copy, free to be spread; without its value if `Value` is given as null. */
export function plainEntry(entry: DirEntry, Value: Uint8Array | null = entry.Value): DirEntry {
  const { LockIndex, Key, Flags, Session, CreateIndex, ModifyIndex } = entry;
  return { LockIndex, Key, Flags, Value, Session, CreateIndex, ModifyIndex };
}

/** What `sessionDigits` was last asked: a session's locks are taken, and lost, in a row. */
const last = { id: "", digits: "" };

/** Session ids are UUIDs and compared as such, whatever the case of their digits. */
export function sessionDigits(id: string): string {
  if (id !== last.id) {
    last.id = id;
    last.digits = id.replaceAll("-", "").toLowerCase();
  }
  return last.digits;
}

/** Keys are any bytes and sort as such: the table key is the byte string. */
export const KVS: TableSchema<KvEntry> = {
  name: "kvs",
  key: (entry) => byteString(entry.Key),
  indexes: { session: (entry) => (entry.Session === "" ? undefined : sessionDigits(entry.Session)) },
};

/**
 * Remembers at which index a key, or all keys below a prefix, went: the index of a list would go back if the
 * newest of its entries were deleted without trace.
 */
export interface Tombstone {
  readonly Key: string;
  readonly Index: number;
}

export const TOMBSTONES: TableSchema<Tombstone> = { name: "tombstones", key: (stone) => byteString(stone.Key) };
