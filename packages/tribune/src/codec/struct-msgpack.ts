/**
 * msgpack of wire structs, driven by their schema (`@tribune/api`): maps keyed by field name in ascending
 * order as Go writes them, nil and empty kept apart, unknown fields passed over, missing ones zero (sheet
 * consul-rpc §4).
 *
 * Encoding refuses numbers that are out of range with a `TribuneError`; decoding throws `MsgpackError`.
 *
 * A schema is turned into a tree of closures once; encoding and decoding then only walk it.
 */
import type { Schema } from "@tribune/api";
import { sharedZero, zero } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import type { Steps } from "../lib/steps.ts";
import { bytesOfText, hasRawBytes, textOfBytes } from "./byte-text.ts";
import { configEntryForms } from "./config-entry-msgpack.ts";
import { decodeGoTime, encodeGoTime, formatGoTime, parseGoTime } from "./go-time.ts";
import { MsgpackReader, type MsgpackValue, MsgpackWriter, writeAny } from "./msgpack.ts";
import { type StructField, structReader, structWriter } from "./struct-compile.ts";

export interface StructCodec<T> {
  write(writer: MsgpackWriter, value: T): void;
  /** @throws MsgpackError for a value that does not fit the schema. */
  read(reader: MsgpackReader): T;
  /** Of a form that is written by hand and may be long; others are taken apart by their schema (`struct-steps.ts`). */
  readonly inSteps?: SteppedCodec<T> | undefined;
}

export interface SteppedCodec<T> {
  isLong(value: T): boolean;
  write(writer: MsgpackWriter, value: T): Steps<void>;
  read(reader: MsgpackReader): Steps<T>;
}

// biome-ignore lint/suspicious/noExplicitAny: the schema, not the compiler, knows what a closure is given.
type Write = (writer: MsgpackWriter, value: any) => void;
type Read = (reader: MsgpackReader) => unknown;
type Fields = Record<string, unknown>;

const codecs = new WeakMap<Schema<unknown>, StructCodec<unknown>>();

/** The codec of a schema; made on first use and kept with the schema. */
export function codecOf<T>(schema: Schema<T>): StructCodec<T> {
  let codec = codecs.get(schema);
  if (codec === undefined) {
    codec = schema.wire === undefined ? { write: writeOf(schema), read: readOf(schema) } : wireForm(schema);
    codecs.set(schema, codec);
  }
  return codec as StructCodec<T>;
}

const WIRE_FORMS = configEntryForms(codecOf);

function wireForm(schema: Schema<unknown>): StructCodec<unknown> {
  const form = WIRE_FORMS[schema.wire ?? ""];
  if (form === undefined) throw new Error(`no wire form called ${schema.wire}`);
  return form(schema);
}

/** Kept between calls: a writer per call would cost more than the writing. */
const shared = new MsgpackWriter(4096);

/** @param typeByte goes in front, as in Raft log entries. */
export function encodeStruct<T>(schema: Schema<T>, value: T, typeByte?: number): Uint8Array {
  shared.reset();
  if (typeByte !== undefined) shared.byte(typeByte);
  codecOf(schema).write(shared, value);
  // From the runtime's pool: encoded messages are sent or logged in the order they were made, and go together.
  return shared.takePooled();
}

/** @param start where the value begins, behind a type byte for instance. Bytes behind the value are ignored. */
export function decodeStruct<T>(schema: Schema<T>, bytes: Uint8Array, start = 0): T {
  return codecOf(schema).read(new MsgpackReader(bytes, start));
}

// ---- writing ----

function writeText(writer: MsgpackWriter, value: string): void {
  if (writer.tryShortAscii(value)) return;
  if (hasRawBytes(value)) writer.bytes(bytesOfText(value));
  else writer.text(value);
}

/** Clients choose durations and indexes: one that no integer can hold is their error, not a bug of ours. */
const writeNumber: Write = (writer, value: number | bigint) => {
  if (typeof value === "number" && !Number.isSafeInteger(value)) {
    throw TribuneError.badRequest(`${value} is not an integer between -2^53 and 2^53`);
  }
  writer.int(value);
};

/** The largest that Go's `int64` holds, and the number next to it, which is one more. */
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Durations may be longer than numbers are exact: Consul's `max_stale` of DNS is ten years by default, 3e17 ns. What is
 * lost beyond 2^53 (104 days) is less than a microsecond.
 */
const writeDuration: Write = (writer, value: number) => {
  if (Number.isSafeInteger(value) || !Number.isInteger(value)) return writeNumber(writer, value);
  const ns = BigInt(value);
  writer.int(ns > INT64_MAX ? INT64_MAX : ns < -INT64_MAX ? -INT64_MAX : ns);
};

function writeOf(schema: Schema<unknown>): Write {
  switch (schema.kind) {
    case "text":
      return writeText;
    case "bool":
      return (writer, value: boolean) => void writer.bool(value);
    case "int":
    case "uint":
    case "u64":
      return writeNumber;
    case "duration":
      return writeDuration;
    case "float":
      if (schema.single === true) return (writer, value: number) => void writer.float32(value);
      return (writer, value: number) => void writer.float(value);
    case "bytes":
      return (writer, value: Uint8Array | null) => void (value === null ? writer.nil() : writer.bytes(value));
    case "time":
      return (writer, value: string) => void writer.bytes(encodeGoTime(parseGoTime(value)));
    case "any":
      // Untyped numbers came out of JSON, where Go has floats only.
      return (writer, value: MsgpackValue) => writeAny(writer, value ?? null, "float");
    case "list":
      return writeList(codecOf(schema.of as Schema<unknown>).write);
    case "map":
      return writeMap(codecOf(schema.of as Schema<unknown>).write);
    case "nullable":
      return writeNullable(codecOf(schema.of as Schema<unknown>).write);
    case "struct":
      return writeFields(schema);
  }
}

function writeList(write: Write): Write {
  return (writer, items: readonly unknown[] | null) => {
    if (items === null) {
      writer.nil();
      return;
    }
    writer.arrayHeader(items.length);
    for (const item of items) write(writer, item);
  };
}

function writeMap(write: Write): Write {
  return (writer, map: Readonly<Fields> | null) => {
    if (map === null) {
      writer.nil();
      return;
    }
    const names = Object.keys(map);
    writer.mapHeader(names.length);
    for (const name of names) {
      writeText(writer, name);
      write(writer, map[name]);
    }
  };
}

function writeNullable(write: Write): Write {
  return (writer, value: unknown) => {
    if (value === null) writer.nil();
    else write(writer, value);
  };
}

function writeFields(schema: Schema<unknown>): Write {
  const write = structWriter(structFields(schema));
  const zeroValue = sharedZero(schema);
  return (writer, value: Readonly<Fields>) => {
    if (value === zeroValue) writer.encoded(encodedZero(schema));
    else write(writer, value);
  };
}

// ---- reading ----

/** The decimal of the fewest digits that is the same float of 32 bits: how Go prints it, and what was meant. */
function shortestFloat32(value: number): number {
  for (let digits = 1; digits <= 9; digits++) {
    const candidate = Number(value.toPrecision(digits));
    if (Math.fround(candidate) === value) return candidate;
  }
  return value;
}

function readText(reader: MsgpackReader): string {
  const start = reader.position;
  const text = reader.text();
  if (!text.includes("\ufffd")) return text;
  reader.position = start;
  return textOfBytes(reader.bytesView());
}

function readOf(schema: Schema<unknown>): Read {
  switch (schema.kind) {
    case "text":
      return readText;
    case "bool":
      return (reader) => reader.bool();
    case "int":
    case "uint":
      return (reader) => reader.int();
    case "duration":
      return (reader) => Number(reader.integer());
    case "u64":
      return (reader) => reader.integer();
    case "float":
      return schema.single === true ? (reader) => shortestFloat32(reader.float()) : (reader) => reader.float();
    case "bytes":
      // A copy, but from the runtime's pool, which is ten times cheaper: who keeps bytes for long packs them anew.
      return (reader) => (reader.tryNil() ? null : reader.pooledBytes());
    case "time":
      return (reader) => (reader.tryNil() ? zero(schema) : formatGoTime(decodeGoTime(reader.bytesView())));
    case "any":
      return (reader) => reader.any("text");
    case "list":
      return readList(codecOf(schema.of as Schema<unknown>).read);
    case "map":
      return readMap(codecOf(schema.of as Schema<unknown>).read);
    case "nullable": {
      const { read } = codecOf(schema.of as Schema<unknown>);
      return (reader) => (reader.tryNil() ? null : read(reader));
    }
    case "struct":
      return readFields(schema);
  }
}

function readList(read: Read): Read {
  return (reader) => {
    if (reader.tryNil()) return null;
    const count = reader.arrayHeader();
    const items: unknown[] = []; // not sized by `count`: the peer's word is no reason to allocate
    for (let at = 0; at < count; at++) items.push(read(reader));
    return items;
  };
}

function readMap(read: Read): Read {
  return (reader) => {
    if (reader.tryNil()) return null;
    const count = reader.mapHeader();
    const map: Fields = {};
    for (let at = 0; at < count; at++) {
      const name = readText(reader);
      const value = read(reader);
      // A plain assignment of this one name would change the object's prototype.
      if (name === "__proto__") {
        Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
      } else map[name] = value;
    }
    return map;
  };
}

function readFields(schema: Schema<unknown>): Read {
  const zeroValue = sharedZero(schema);
  const read = structReader(structFields(schema));
  return (reader) => (reader.tryEncoded(encodedZero(schema)) ? zeroValue : read(reader));
}

/** In the order of the wire: ascending by their names' bytes, which are ASCII. */
function structFields(schema: Schema<unknown>): readonly StructField[] {
  const zeroValue = sharedZero(schema) as Fields;
  const fields = (schema.fields ?? []).map(({ name, schema: of }, place) => {
    const { write, read } = codecOf(of);
    // A float may be -0.
    const hasOneZero = of.kind !== "float" && of.wire === undefined;
    return { name, place, write, read, zero: zeroValue[name], hasOneZero };
  });
  return fields.sort((a, b) => (a.name < b.name ? -1 : 1));
}

const encodedZeros = new WeakMap<Schema<unknown>, Uint8Array>();

/** A struct's zero value in msgpack: what most nested structs look like, recognised and written as a whole. */
function encodedZero(schema: Schema<unknown>): Uint8Array {
  let encoded = encodedZeros.get(schema);
  if (encoded === undefined) {
    const writer = new MsgpackWriter();
    codecOf(schema).write(writer, zero(schema));
    encoded = writer.take();
    encodedZeros.set(schema, encoded);
  }
  return encoded;
}
