/**
 * `state.bin`: the header, then one record per row, in the order in which Consul writes them (sheet snapshot §3).
 * A pure generator: whoever saves it decides when to go on, so that a large state never holds the event loop.
 */
import { AutopilotConfig, DirEntry, make, type Schema, Session } from "@tribune/api";
import { MsgpackWriter } from "../codec/msgpack.ts";
import { codecOf } from "../codec/struct-msgpack.ts";
import { AUTOPILOT } from "./autopilot.ts";
import { persistCatalog } from "./catalog/snapshot.ts";
import { writeChunks } from "./chunking.ts";
import { INDEXES } from "./index-table.ts";
import { KVS, TOMBSTONES } from "./kv-entry.ts";
import { entryRecord } from "./kv-record.ts";
import type { ReadTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { opaqueRecords } from "./opaque.ts";
import { SESSIONS } from "./session-table.ts";

/** Bytes after which a chunk is handed out: a fraction of a millisecond to some milliseconds of work. */
const CHUNK_BYTES = 64 * 1_024;

/** Of records that are written together. */
const TOGETHER_BYTES = 16 * 1_024;

const OPAQUE_BEFORE_KV = [
  MESSAGE.ACL_TOKEN_SET,
  MESSAGE.ACL_LEGACY,
  MESSAGE.ACL_POLICY_SET,
  MESSAGE.ACL_ROLE_SET,
  MESSAGE.ACL_BINDING_RULE_SET,
  MESSAGE.ACL_AUTH_METHOD_SET,
];
const OPAQUE_AFTER_AUTOPILOT = [
  MESSAGE.INTENTION,
  MESSAGE.CONNECT_CA,
  MESSAGE.CONNECT_CA_PROVIDER_STATE,
  MESSAGE.CONNECT_CA_CONFIG,
  MESSAGE.CONFIG_ENTRY,
  MESSAGE.FEDERATION_STATE,
  MESSAGE.SYSTEM_METADATA,
];

/** Chunks of the file, each good for as long as the caller likes. `tx` must not change meanwhile: a snapshot. */
export function* writeSnapshot(tx: ReadTx): Generator<Uint8Array, void, undefined> {
  const writer = new MsgpackWriter(CHUNK_BYTES * 2);
  writer.mapHeader(1).text("LastIndex").int(lastIndex(tx));
  for (const _ of writeRecords(writer, tx)) if (writer.length >= CHUNK_BYTES) yield writer.take();
  yield writer.take();
}

/** Index of the last command that left a trace, as Consul has it in the header. */
function lastIndex(tx: ReadTx): number {
  let highest = 0;
  for (const { Value } of tx.peekScan(INDEXES, "")) if (Value > highest) highest = Value;
  return highest;
}

/** Yields after every record, or every few. */
function* writeRecords(writer: MsgpackWriter, tx: ReadTx): Generator<void, void, undefined> {
  for (const [type, schema, value] of persistCatalog(tx)) yield put(writer, type, schema, value);
  for (const session of tx.peekScan(SESSIONS, "")) yield put(writer, MESSAGE.SESSION, Session, session);
  for (const type of OPAQUE_BEFORE_KV) yield* writeOpaque(writer, tx, type);
  yield* writeEntries(writer, tx);
  for (const { Key, Index } of tx.peekScan(TOMBSTONES, "")) {
    yield put(writer, MESSAGE.TOMBSTONE, DirEntry, make(DirEntry, { Key, ModifyIndex: Index }));
  }
  yield* writeOpaque(writer, tx, MESSAGE.PREPARED_QUERY);
  for (const config of tx.peekScan(AUTOPILOT, "")) yield put(writer, MESSAGE.AUTOPILOT, AutopilotConfig, config);
  for (const type of OPAQUE_AFTER_AUTOPILOT) yield* writeOpaque(writer, tx, type);
  for (const { Key, Value } of tx.peekScan(INDEXES, "")) {
    yield void writer.byte(MESSAGE.INDEX).mapHeader(2).text("Key").text(Key).text("Value").int(Value);
  }
  writeChunks(writer.byte(MESSAGE.CHUNKING_STATE), tx);
}

/** Some of them at a time: handing a string over costs more than making it. */
function* writeEntries(writer: MsgpackWriter, tx: ReadTx): Generator<void, void, undefined> {
  let records: string[] = [];
  let bytes = 0;
  for (const entry of tx.peekScan(KVS, "")) {
    const record = entryRecord(entry);
    if (record !== undefined) {
      records.push(record);
      bytes += record.length;
      if (bytes < TOGETHER_BYTES) continue;
    }
    writer.encodedText(records.join(""));
    if (record === undefined) put(writer, MESSAGE.KVS, DirEntry, entry);
    [records, bytes] = [[], 0];
    yield;
  }
  yield void writer.encodedText(records.join(""));
}

function put<T>(writer: MsgpackWriter, type: number, schema: Schema<T>, value: T): void {
  codecOf(schema).write(writer.byte(type), value);
}

function* writeOpaque(writer: MsgpackWriter, tx: ReadTx, type: number): Generator<void, void, undefined> {
  for (const { body } of opaqueRecords(tx, type)) yield void writer.byte(type).encoded(body);
}
