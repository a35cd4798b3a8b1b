/** Facts about the datacenter that its servers write for each other: so far, in which form intentions are kept. */
import { make, SystemMetadataEntry, type SystemMetadataRequest } from "@tribune/api";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { bumpIndex } from "./index-table.ts";
import { key } from "./memdb/key.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { OPAQUE } from "./opaque.ts";

/** Consul's name of the table, in the table of indexes. */
const TABLE = "system-metadata";
const TYPE = MESSAGE.SYSTEM_METADATA;
/** Since 1.9 intentions are configuration entries, once a leader has said so. */
export const INTENTION_FORMAT = { key: "intention-format", asEntries: "config-entry" } as const;

/** @returns undefined for what is not known. Unwatched. */
export function systemMetadata(tx: ReadTx, name: string): string | undefined {
  return entryOf(tx, name)?.Value;
}

function entryOf(tx: ReadTx, name: string): SystemMetadataEntry | undefined {
  const record = tx.peek(OPAQUE, key(String(TYPE), name));
  return record === undefined ? undefined : decodeStruct(SystemMetadataEntry, record.body);
}

export function systemMetadataSet(
  tx: WriteTx,
  index: number,
  { Key, Value }: Pick<SystemMetadataEntry, "Key" | "Value">,
): void {
  if (Key === "") throw TribuneError.internal("missing key on system metadata");
  const CreateIndex = entryOf(tx, Key)?.CreateIndex ?? index;
  const body = encodeStruct(
    SystemMetadataEntry,
    make(SystemMetadataEntry, { Key, Value, CreateIndex, ModifyIndex: index }),
  );
  tx.put(OPAQUE, { type: TYPE, id: Key, session: "", body: new Uint8Array(body) });
  bumpIndex(tx, TABLE, index);
}

export function applySystemMetadata(tx: WriteTx, index: number, { Op, Entry }: SystemMetadataRequest): void {
  if (Entry === null) throw TribuneError.internal("a system metadata command without an entry");
  if (Op === "upsert") systemMetadataSet(tx, index, Entry);
  else if (Op !== "delete") throw TribuneError.internal(`invalid system metadata operation type: ${Op}`);
  else if (entryOf(tx, Entry.Key) !== undefined) {
    tx.delete(OPAQUE, key(String(TYPE), Entry.Key));
    bumpIndex(tx, TABLE, index);
  }
}
