/**
 * Commands that were too long for one log entry. Consul cuts a large KV write into several entries; each says in
 * its extensions which command it belongs to, and the last one to arrive applies the whole (sheet raft §5).
 *
 * The parts that wait for their rest are rows like all others, so they are in every snapshot.
 */
import { bytes, type Infer, struct, u64, uint } from "@tribune/api";
import type { MsgpackReader, MsgpackWriter } from "../codec/msgpack.ts";
import { codecOf } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { key, keyPrefix } from "./memdb/key.ts";
import type { ReadTx, TableSchema, WriteTx } from "./memdb/types.ts";

/** Of one command; bounds what a peer may make us wait for. 512 KiB a piece makes 2 GiB. */
const CHUNKS_MAX = 4_096;

const ChunkInfo = struct("ChunkInfo", { OpNum: u64, SequenceNum: uint, NumChunks: uint, Term: uint, Data: bytes });
export type ChunkInfo = Infer<typeof ChunkInfo>;

export const CHUNKS: TableSchema<ChunkInfo> = {
  name: "chunks",
  key: (chunk) => key(opKey(chunk.OpNum), String(chunk.SequenceNum).padStart(10, "0")),
};

const opKey = (opNum: number | bigint): string => String(opNum).padStart(20, "0");

export interface ChunkHeader {
  readonly opNum: number | bigint;
  readonly sequenceNum: number;
  readonly numChunks: number;
  /** Extensions of the command that the parts make up. */
  readonly nextExtensions: Uint8Array | undefined;
}

/** @throws TribuneError when the bytes are no such header. */
export function decodeChunkHeader(extensions: Uint8Array): ChunkHeader {
  const fields = new Map<number, bigint>();
  let nextExtensions: Uint8Array | undefined;
  for (let at = 0; at < extensions.length; ) {
    const tag = varint(extensions, at);
    const payload = varint(extensions, tag.end);
    const [field, wireType] = [Number(tag.value >> 3n), Number(tag.value & 7n)];
    at = payload.end;
    if (wireType === 0) fields.set(field, payload.value);
    else if (wireType === 2) {
      const end = at + Number(payload.value);
      if (end > extensions.length) throw malformed();
      if (field === 4) nextExtensions = extensions.slice(at, end);
      at = end;
    } else throw malformed();
  }
  const opNum = fields.get(1) ?? 0n;
  const [sequenceNum, numChunks] = [Number(fields.get(2) ?? 0n), Number(fields.get(3) ?? 0n)];
  if (numChunks < 1 || numChunks > CHUNKS_MAX || sequenceNum >= numChunks) throw malformed();
  const small = opNum <= BigInt(Number.MAX_SAFE_INTEGER);
  return { opNum: small ? Number(opNum) : opNum, sequenceNum, numChunks, nextExtensions };
}

function varint(from: Uint8Array, start: number): { readonly value: bigint; readonly end: number } {
  let value = 0n;
  for (let at = start; at < Math.min(from.length, start + 10); at++) {
    const byte = from[at] as number;
    value |= BigInt(byte & 0x7f) << BigInt(7 * (at - start));
    if (byte < 0x80) return { value: BigInt.asUintN(64, value), end: at + 1 };
  }
  throw malformed();
}

const malformed = () => TribuneError.internal("error unmarshaling chunk info: malformed extensions");

/** @returns the whole command once all of it is there, and then forgets the parts. */
export function addChunk(tx: WriteTx, header: ChunkHeader, term: number, data: Uint8Array): Uint8Array | undefined {
  forgetOtherTerms(tx, term);
  tx.put(CHUNKS, {
    OpNum: header.opNum,
    SequenceNum: header.sequenceNum,
    NumChunks: header.numChunks,
    Term: term,
    Data: new Uint8Array(data),
  });
  const parts = [...tx.peekScan(CHUNKS, keyPrefix(opKey(header.opNum)))];
  if (parts.length < header.numChunks) return undefined;
  for (const part of parts) tx.delete(CHUNKS, CHUNKS.key(part));
  return Buffer.concat(parts.map((part) => part.Data ?? new Uint8Array(0)));
}

/** A new leader knows nothing of what the old one began: its client must write again. */
function forgetOtherTerms(tx: WriteTx, term: number): void {
  for (const chunk of tx.peekScan(CHUNKS, "")) if (chunk.Term !== term) tx.delete(CHUNKS, CHUNKS.key(chunk));
}

/** Writes the snapshot record: `{ChunkMap: {opNum: [chunk or nil, ...]}}`. */
export function writeChunks(writer: MsgpackWriter, tx: ReadTx): void {
  const operations = new Map<number | bigint, ChunkInfo[]>();
  for (const chunk of tx.peekScan(CHUNKS, "")) {
    const parts = operations.get(chunk.OpNum) ?? [];
    operations.set(chunk.OpNum, [...parts, chunk]);
  }
  writer.mapHeader(1).text("ChunkMap").mapHeader(operations.size);
  for (const [opNum, parts] of operations) {
    const count = (parts[0] as ChunkInfo).NumChunks;
    writer.int(opNum).arrayHeader(count);
    for (let at = 0; at < count; at++) {
      const part = parts.find((chunk) => chunk.SequenceNum === at);
      if (part === undefined) writer.nil();
      else codecOf(ChunkInfo).write(writer, part);
    }
  }
}

export function restoreChunks(tx: WriteTx, reader: MsgpackReader): void {
  for (let fields = reader.mapHeader(); fields > 0; fields--) {
    if (reader.key() !== "ChunkMap") {
      reader.skip();
      continue;
    }
    for (let operations = reader.mapHeader(); operations > 0; operations--) {
      reader.skip(); // the operation's number, which its parts repeat
      for (let parts = reader.arrayHeader(); parts > 0; parts--) {
        if (reader.tryNil()) continue;
        const chunk = codecOf(ChunkInfo).read(reader);
        tx.put(CHUNKS, { ...chunk, Data: new Uint8Array(chunk.Data ?? []) });
      }
    }
  }
}
