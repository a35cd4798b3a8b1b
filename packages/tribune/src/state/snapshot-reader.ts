/**
 * Reads `state.bin` into a fresh database as its bytes arrive. The live database is not touched before the whole
 * is there: a damaged snapshot changes nothing.
 */
import {
  AutopilotConfig,
  DirEntry,
  type LaterPart,
  laterPart,
  RegisterRequest,
  type Schema,
  Session,
  struct,
  text,
  uint,
} from "@tribune/api";
import { MsgpackError, MsgpackReader, MsgpackScanner } from "../codec/msgpack.ts";
import { codecOf } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { restoreAutopilot } from "./autopilot.ts";
import { CoordinateBatch, restoreCoordinateBatch, restoreRegistration } from "./catalog/snapshot.ts";
import { restoreChunks } from "./chunking.ts";
import { laterEntries, restoreConfigEntry } from "./config-entry.ts";
import { bumpIndex, raiseIndex } from "./index-table.ts";
import { restoreTombstone } from "./kv.ts";
import { KVS, storedEntry } from "./kv-entry.ts";
import { tryReadEntry } from "./kv-record.ts";
import { createDatabase, type MemDatabase } from "./memdb/database.ts";
import type { WriteTx } from "./memdb/types.ts";
import { MESSAGE } from "./message-types.ts";
import { restoreOpaque } from "./opaque.ts";
import { restorePreparedQuery } from "./prepared-query.ts";
import { restoreSession } from "./session.ts";

const Header = struct("SnapshotHeader", { LastIndex: uint });
const Index = struct("IndexEntry", { Key: text, Value: uint });
const LegacyBootstrap = struct("ACLBootstrap", { ModifyIndex: uint });

/** @param lastIndex the header's, for rows that bring no index of their own. */
type RestoreRecord = (tx: WriteTx, lastIndex: number, reader: MsgpackReader) => void;

function record<T>(schema: Schema<T>, put: (tx: WriteTx, lastIndex: number, value: T) => void): RestoreRecord {
  const codec = codecOf(schema);
  return (tx, lastIndex, reader) => put(tx, lastIndex, codec.read(reader));
}

const RECORDS: ReadonlyMap<number, RestoreRecord> = new Map<number, RestoreRecord>([
  [MESSAGE.REGISTER, record(RegisterRequest, restoreRegistration)],
  [
    MESSAGE.COORDINATE_BATCH_UPDATE,
    record(CoordinateBatch, (tx, last, batch) => restoreCoordinateBatch(tx, last, batch ?? [])),
  ],
  [MESSAGE.SESSION, record(Session, (tx, _, session) => restoreSession(tx, session))],
  [MESSAGE.TOMBSTONE, record(DirEntry, (tx, _, entry) => restoreTombstone(tx, entry.Key, entry.ModifyIndex))],
  [MESSAGE.AUTOPILOT, record(AutopilotConfig, (tx, _, config) => restoreAutopilot(tx, config))],
  [MESSAGE.INDEX, record(Index, (tx, _, entry) => bumpIndex(tx, entry.Key, entry.Value))],
  // Written by servers older than 1.4; the index says the same today.
  [
    MESSAGE.ACL_BOOTSTRAP,
    record(LegacyBootstrap, (tx, _, mark) => bumpIndex(tx, "acl-token-bootstrap", mark.ModifyIndex)),
  ],
  [MESSAGE.CHUNKING_STATE, (tx, _, reader) => restoreChunks(tx, reader)],
]);

export class SnapshotReader {
  readonly #db: MemDatabase = createDatabase();
  /** Bytes not used up yet: `#bytes[0, #length)`. */
  #bytes: Buffer = Buffer.alloc(0);
  #length = 0;
  /** The header's; undefined until it has been read. */
  #lastIndex: number | undefined;

  /**
   * Takes the next bytes and restores all records that are complete with them: the caller decides by their number
   * how long that may take.
   *
   * @throws TribuneError for a snapshot that cannot be read; the reader is then of no more use.
   */
  push(chunk: Uint8Array): void {
    this.#append(chunk);
    explain(() => {
      const bytes = this.#bytes.subarray(0, this.#length);
      const reader = new MsgpackReader(bytes);
      if (this.#lastIndex === undefined) {
        if (new MsgpackScanner().scan(bytes) === undefined) return;
        this.#lastIndex = codecOf(Header).read(reader).LastIndex;
      }
      const lastIndex = this.#lastIndex;
      const used = this.#db.write(lastIndex, (tx) => restoreAll(tx, lastIndex, bytes, reader));
      this.#bytes.copyWithin(0, used, this.#length);
      this.#length -= used;
    });
  }

  /** Kinds of configuration entries so far that Consul 1.10 does not know. */
  laterParts(): readonly LaterPart[] {
    return this.#db.peek(laterEntries).entries.map((entry) => laterPart(entry) as LaterPart);
  }

  /** The restored database. @throws TribuneError when the bytes ended too soon. */
  finish(): MemDatabase {
    if (this.#lastIndex === undefined) throw TribuneError.internal("the snapshot ends before its header");
    if (this.#length > 0) throw TribuneError.internal("the snapshot ends inside a record");
    return this.#db;
  }

  #append(chunk: Uint8Array): void {
    const needed = this.#length + chunk.length;
    if (needed > this.#bytes.length) {
      // Doubling: a record in many chunks is then copied a few times, not once per chunk.
      const larger = Buffer.allocUnsafeSlow(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, this.#length);
      this.#bytes = larger;
    }
    this.#bytes.set(chunk, this.#length);
    this.#length = needed;
  }
}

/**
 * Restores the records from the reader's position on.
 *
 * @param bytes those of the reader.
 * @returns where the first incomplete record starts.
 */
function restoreAll(tx: WriteTx, lastIndex: number, bytes: Buffer, reader: MsgpackReader): number {
  const scanner = new MsgpackScanner();
  let at = reader.position;
  let newestEntry = 0;
  while (at < bytes.length) {
    scanner.restart(at + 1);
    const end = scanner.scan(bytes);
    if (end === undefined) break;
    const type = bytes[at] as number;
    if (type === MESSAGE.KVS) {
      reader.position = at + 1;
      const entry = tryReadEntry(reader) ?? storedEntry(codecOf(DirEntry).read(reader));
      tx.put(KVS, entry);
      newestEntry = Math.max(newestEntry, entry.ModifyIndex);
      at = end;
      continue;
    }
    if (newestEntry > 0) raiseIndex(tx, "kvs", newestEntry); // behind which the index itself may stand in the file
    newestEntry = 0;
    const restore = RECORDS.get(type);
    if (restore !== undefined) {
      reader.position = at + 1;
      restore(tx, lastIndex, reader);
    } else if (type === MESSAGE.PREPARED_QUERY) {
      restorePreparedQuery(tx, bytes.subarray(at + 1, end));
    } else if (type === MESSAGE.CONFIG_ENTRY) {
      restoreConfigEntry(tx, bytes.subarray(at + 1, end));
    } else {
      restoreOpaque(tx, type, bytes.subarray(at + 1, end));
    }
    at = end;
  }
  if (newestEntry > 0) raiseIndex(tx, "kvs", newestEntry);
  return at;
}

/** Garbage is the file's fault, not a bug of ours. */
function explain(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (error instanceof MsgpackError) throw TribuneError.internal(`the snapshot is damaged: ${error.message}`, error);
    throw error;
  }
}
