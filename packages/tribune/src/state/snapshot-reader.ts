/**
 * Reads `state.bin` into a fresh database as its bytes arrive. The live database is not touched before the whole
 * is there: a damaged snapshot changes nothing.
 */
import { AutopilotConfig, DirEntry, RegisterRequest, type Schema, Session, struct, text, uint } from "@tribune/api";
import { MsgpackError, MsgpackReader, MsgpackScanner } from "../codec/msgpack.ts";
import { codecOf } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { restoreAutopilot } from "./autopilot.ts";
import { CoordinateBatch, restoreCoordinateBatch, restoreRegistration } from "./catalog/snapshot.ts";
import { restoreChunks } from "./chunking.ts";
import { restoreConfigEntry } from "./config-entry.ts";
import { bumpIndex } from "./index-table.ts";
import { restoreEntry, restoreTombstone } from "./kv.ts";
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
  [MESSAGE.KVS, record(DirEntry, (tx, _, entry) => restoreEntry(tx, entry))],
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
      let used = 0;
      if (this.#lastIndex === undefined) {
        const end = this.#endOfValue(0);
        if (end === undefined) return;
        this.#lastIndex = codecOf(Header).read(this.#reader(0, end)).LastIndex;
        used = end;
      }
      const lastIndex = this.#lastIndex;
      this.#db.write(lastIndex, (tx) => {
        used = this.#restoreAll(tx, lastIndex, used);
      });
      this.#bytes.copyWithin(0, used, this.#length);
      this.#length -= used;
    });
  }

  /** The restored database. @throws TribuneError when the bytes ended too soon. */
  finish(): MemDatabase {
    if (this.#lastIndex === undefined) throw TribuneError.internal("the snapshot ends before its header");
    if (this.#length > 0) throw TribuneError.internal("the snapshot ends inside a record");
    return this.#db;
  }

  /** @returns where the first incomplete record starts. */
  #restoreAll(tx: WriteTx, lastIndex: number, from: number): number {
    let at = from;
    while (at < this.#length) {
      const end = this.#endOfValue(at + 1);
      if (end === undefined) break;
      const type = this.#bytes[at] as number;
      const restore = RECORDS.get(type);
      if (restore !== undefined) restore(tx, lastIndex, this.#reader(at + 1, end));
      else if (type === MESSAGE.PREPARED_QUERY) restorePreparedQuery(tx, this.#bytes.subarray(at + 1, end));
      else if (type === MESSAGE.CONFIG_ENTRY) restoreConfigEntry(tx, this.#bytes.subarray(at + 1, end));
      else restoreOpaque(tx, type, this.#bytes.subarray(at + 1, end));
      at = end;
    }
    return at;
  }

  #endOfValue(start: number): number | undefined {
    return new MsgpackScanner(start).scan(this.#bytes.subarray(0, this.#length));
  }

  #reader(start: number, end: number): MsgpackReader {
    return new MsgpackReader(this.#bytes.subarray(start, end));
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

/** Garbage is the file's fault, not a bug of ours. */
function explain(step: () => void): void {
  try {
    step();
  } catch (error) {
    if (error instanceof MsgpackError) throw TribuneError.internal(`the snapshot is damaged: ${error.message}`, error);
    throw error;
  }
}
