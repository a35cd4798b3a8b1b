/**
 * msgpack of long replies in steps: the bytes and values are those of `struct-msgpack.ts`, whose codecs take a row at a
 * time here, so that a list of ten thousand does not hold the event loop.
 */
import { type Schema, text, zero } from "@tribune/api";
import type { Steps } from "../lib/steps.ts";
import { MSGPACK_LIMITS, MsgpackError, MsgpackReader, MsgpackWriter } from "./msgpack.ts";
import { codecOf, type StructCodec } from "./struct-msgpack.ts";

/** Rows that a step goes through: each may take some microseconds. */
const ROWS_A_STEP = 128;
/** Replies up to here are decoded in less than a millisecond or two. */
const SHORT_BYTES_MAX = 128 * 1_024;
/** What is written is handed out in pieces of this size. */
const PIECE_BYTES = 64 * 1_024;

type Fields = Readonly<Record<string, unknown>>;
type NamedSchema = { readonly name: string; readonly schema: Schema<unknown> };

/** Whether a value has a list or map with so many rows that it should be written in steps. */
export function isLong(schema: Schema<unknown>, value: unknown): boolean {
  if (value === null || typeof value !== "object") return false;
  if (schema.wire !== undefined) return codecOf(schema).inSteps?.isLong(value) === true;
  switch (schema.kind) {
    case "list": {
      const rows = value as readonly unknown[];
      return rows.length > ROWS_A_STEP || rows.some((row) => isLongRow(schema.of as Schema<unknown>, row));
    }
    case "map":
      return Object.keys(value).length > ROWS_A_STEP;
    case "nullable":
      return isLong(schema.of as Schema<unknown>, value);
    case "struct":
      return schema.fields?.some(({ name, schema: of }) => isLong(of, (value as Fields)[name])) === true;
    default:
      return false;
  }
}

const listFields = new WeakMap<Schema<unknown>, readonly string[]>();

/** Whether one of a row's own lists of structs is long: a node may bear ten thousand services. */
function isLongRow(schema: Schema<unknown>, row: unknown): boolean {
  if (row === null || row === undefined || schema.wire !== undefined) return false;
  if (schema.kind === "nullable") return isLongRow(schema.of as Schema<unknown>, row);
  let names = listFields.get(schema);
  if (names === undefined) {
    const isOfStructs = ({ schema: { kind, of } }: NamedSchema): boolean =>
      kind === "list" && (of?.kind === "struct" || of?.kind === "nullable");
    names = (schema.fields ?? []).filter(isOfStructs).map(({ name }) => name);
    listFields.set(schema, names);
  }
  for (const name of names) {
    const rows = (row as Fields)[name] as readonly unknown[] | null | undefined;
    if (rows && rows.length > ROWS_A_STEP) return true;
  }
  return false;
}

export const isLongReply = (bytes: Uint8Array): boolean => bytes.length > SHORT_BYTES_MAX;

/** Pieces of a value, in the order in which they go. */
export class SteppedWriter {
  readonly #writer = new MsgpackWriter(2 * PIECE_BYTES);
  readonly #pieces: Uint8Array[] = [];

  mapHeader(count: number): void {
    this.#writer.mapHeader(count);
  }

  /** Fields in the order of their names. */
  *fields(fields: readonly NamedSchema[], value: Fields): Steps<void> {
    for (const { name, schema } of fields) {
      this.#writer.text(name);
      yield* this.value(schema, value[name]);
    }
  }

  *value(schema: Schema<unknown>, value: unknown): Steps<void> {
    const writer = this.#writer;
    if (value === undefined || value === null) return void writer.nil();
    const { write, inSteps } = codecOf(schema);
    if (!isLong(schema, value)) return write(writer, value);
    if (inSteps !== undefined) return yield* inSteps.write(writer, value);
    const of = (schema.of ?? schema) as Schema<unknown>;
    const rows = codecOf(of);
    switch (schema.kind) {
      case "nullable":
        return yield* this.value(schema.of as Schema<unknown>, value);
      case "struct": {
        const fields = (schema.fields ?? []).toSorted((a, b) => (a.name < b.name ? -1 : 1));
        writer.mapHeader(fields.length);
        return yield* this.fields(fields, value as Fields);
      }
      case "list": {
        const items = value as readonly unknown[];
        writer.arrayHeader(items.length);
        for (let at = 0; at < items.length; at++) {
          if (at % ROWS_A_STEP === 0) yield this.#cut();
          if (isLongRow(of, items[at])) yield* this.value(of, items[at]);
          else rows.write(writer, items[at]);
        }
        return;
      }
      default: {
        const names = Object.keys(value);
        writer.mapHeader(names.length);
        for (const [at, name] of names.entries()) {
          if (at % ROWS_A_STEP === 0) yield this.#cut();
          codecOf(text).write(writer, name);
          rows.write(writer, (value as Fields)[name]);
        }
      }
    }
  }

  take(): readonly Uint8Array[] {
    this.#pieces.push(this.#writer.take());
    return this.#pieces;
  }

  #cut(): undefined {
    if (this.#writer.length >= PIECE_BYTES) this.#pieces.push(this.#writer.take());
  }
}

/** @throws MsgpackError, from a step, for bytes that do not fit the schema. */
export function* decodeSteps<T>(schema: Schema<T>, bytes: Uint8Array): Steps<T> {
  return (yield* readSteps(schema, new MsgpackReader(bytes), new RowReader(bytes))) as T;
}

/** Reads rows at a stretch, but for those that have so many rows of their own that it would be felt. */
class RowReader {
  readonly #reader: MsgpackReader;

  constructor(bytes: Uint8Array) {
    this.#reader = new MsgpackReader(bytes, 0, { ...MSGPACK_LIMITS, countMax: ROWS_A_STEP });
  }

  /** Moves `reader` behind the row. @returns undefined, with nothing read, for one that has to be read in steps */
  tryRead(rows: StructCodec<unknown>, reader: MsgpackReader): { readonly row: unknown } | undefined {
    this.#reader.position = reader.position;
    try {
      const row = rows.read(this.#reader);
      reader.position = this.#reader.position;
      return { row };
    } catch (error) {
      if (error instanceof MsgpackError) return undefined; // what is wrong with it shows when it is read in steps
      throw error;
    }
  }
}

function* readSteps(schema: Schema<unknown>, reader: MsgpackReader, rowReader: RowReader): Steps<unknown> {
  if (schema.wire !== undefined) {
    const { read, inSteps } = codecOf(schema);
    return inSteps === undefined ? read(reader) : yield* inSteps.read(reader);
  }
  switch (schema.kind) {
    case "nullable":
      return reader.tryNil() ? null : yield* readSteps(schema.of as Schema<unknown>, reader, rowReader);
    case "struct":
      return yield* readFields(schema, reader, rowReader);
    case "list": {
      if (reader.tryNil()) return null;
      const of = schema.of as Schema<unknown>;
      const rows = codecOf(of);
      const items: unknown[] = []; // not sized by the header: the peer's word is no reason to allocate
      for (let left = reader.arrayHeader(); left > 0; left--) {
        const read = rowReader.tryRead(rows, reader);
        items.push(read === undefined ? yield* readSteps(of, reader, rowReader) : read.row);
        if (items.length % ROWS_A_STEP === 0) yield;
      }
      return items;
    }
    case "map": {
      if (reader.tryNil()) return null;
      const rows = codecOf(schema.of as Schema<unknown>);
      const map: Record<string, unknown> = {};
      for (let left = reader.mapHeader(); left > 0; left--) {
        const name = codecOf(text).read(reader);
        const value = rows.read(reader);
        // A plain assignment of this one name would change the object's prototype.
        if (name === "__proto__")
          Object.defineProperty(map, name, { value, enumerable: true, configurable: true, writable: true });
        else map[name] = value;
        if (left % ROWS_A_STEP === 0) yield;
      }
      return map;
    }
    default:
      return codecOf(schema).read(reader);
  }
}

/** In whatever order they come; unknown ones are passed over, missing ones zero. */
function* readFields(schema: Schema<unknown>, reader: MsgpackReader, rowReader: RowReader): Steps<unknown> {
  const value = { ...(zero(schema) as Record<string, unknown>) };
  for (let left = reader.mapHeader(); left > 0; left--) {
    const name = reader.key();
    const field = schema.fields?.find((each) => each.name === name);
    if (field === undefined) reader.skip();
    else value[name] = yield* readSteps(field.schema, reader, rowReader);
  }
  return value;
}

/** Passes over a value. */
export function* skipSteps(reader: MsgpackReader): Steps<void> {
  const kind = reader.peekKind();
  if (kind !== "array" && kind !== "map") return reader.skip();
  const count = kind === "array" ? reader.arrayHeader() : 2 * reader.mapHeader();
  for (let at = 1; at <= count; at++) {
    reader.skip();
    if (at % ROWS_A_STEP === 0) yield;
  }
}
