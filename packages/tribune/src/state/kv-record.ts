/**
 * Entries in a snapshot: there may be millions, and they all look alike. What most of them say is read and written here
 * without the general codec, byte for byte as that does (see the test); any other is left to it.
 */
import { byteString, textOfByteString } from "../codec/byte-text.ts";
import type { MsgpackReader } from "../codec/msgpack.ts";
import { KvEntry, PACKED_BYTES_MAX } from "./kv-entry.ts";
import { MESSAGE } from "./message-types.ts";

/** msgpack of a text of fewer than 32 bytes, as a byte string. */
const short = (text: string): string => String.fromCharCode(0xa0 | text.length) + text;

/** What stands between the values of an entry without flags that was never locked. */
const HEAD = `\x87${short("CreateIndex")}`;
const TO_KEY = `${short("Flags")}\0${short("Key")}`;
const TO_MODIFIED = `${short("LockIndex")}\0${short("ModifyIndex")}`;
const TO_VALUE = `${short("Session")}${short("")}${short("Value")}`;
const TYPE = String.fromCharCode(MESSAGE.KVS);

/** A record as a byte string, type byte and all; undefined for an entry that is not plain. */
export function entryRecord(entry: KvEntry): string | undefined {
  const { value, CreateIndex, ModifyIndex } = entry;
  if (typeof value !== "string" || entry.Flags !== 0 || entry.LockIndex !== 0 || entry.Session !== "") return undefined;
  if (CreateIndex > UINT32_MAX || ModifyIndex > UINT32_MAX) return undefined;
  const key = byteString(entry.Key);
  const before = TYPE + HEAD + uint(CreateIndex) + TO_KEY + rawHeader(key.length) + key;
  return before + TO_MODIFIED + uint(ModifyIndex) + TO_VALUE + rawHeader(value.length) + value;
}

const UINT32_MAX = 2 ** 32 - 1;

function uint(value: number): string {
  if (value < 0x80) return String.fromCharCode(value);
  if (value <= 0xff) return String.fromCharCode(0xcc, value);
  if (value <= 0xffff) return String.fromCharCode(0xcd, value >>> 8, value & 0xff);
  return String.fromCharCode(0xce, value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);
}

function rawHeader(length: number): string {
  if (length < 32) return String.fromCharCode(0xa0 | length);
  if (length <= 0xffff) return String.fromCharCode(0xda, length >>> 8, length & 0xff);
  return String.fromCharCode(0xdb, length >>> 24, (length >>> 16) & 0xff, (length >>> 8) & 0xff, length & 0xff);
}

const [HEAD_BYTES, TO_KEY_BYTES, TO_MODIFIED_BYTES, TO_VALUE_BYTES] = [HEAD, TO_KEY, TO_MODIFIED, TO_VALUE].map(
  (bytes) => Buffer.from(bytes, "latin1"),
) as [Buffer, Buffer, Buffer, Buffer];

/** Reads an entry that is plain, without its type byte. @returns undefined, with nothing read, for any other. */
export function tryReadEntry(reader: MsgpackReader): KvEntry | undefined {
  const start = reader.position;
  const entry = readPlain(reader);
  if (entry === undefined) reader.position = start;
  return entry;
}

function readPlain(reader: MsgpackReader): KvEntry | undefined {
  if (!reader.tryEncoded(HEAD_BYTES)) return undefined;
  const CreateIndex = reader.int();
  if (!reader.tryEncoded(TO_KEY_BYTES)) return undefined;
  const key = reader.tryByteString(PACKED_BYTES_MAX);
  if (key === undefined || !reader.tryEncoded(TO_MODIFIED_BYTES)) return undefined;
  const ModifyIndex = reader.int();
  if (!reader.tryEncoded(TO_VALUE_BYTES)) return undefined;
  const value = reader.tryByteString(PACKED_BYTES_MAX);
  if (value === undefined) return undefined;
  return new KvEntry(
    { LockIndex: 0, Key: textOfByteString(key), Flags: 0, Session: "", CreateIndex, ModifyIndex },
    value,
  );
}
