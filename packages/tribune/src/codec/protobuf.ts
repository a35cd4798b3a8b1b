/**
 * Protocol buffers, as far as Consul's port 8300 speaks them: messages described by tables of fields. Written as Go's
 * generated code writes them: fields in ascending order, zero scalars left out, messages that are no pointers always
 * there.
 */

export type PbType =
  | "string"
  | "bool"
  /** Also int32, uint32 and enums: all of them varints. Negative numbers take ten bytes. */
  | "int"
  /** Nanoseconds here, google.protobuf.Duration there; always there. */
  | "duration"
  /** A JSON object, google.protobuf.Struct; left out when null. */
  | "struct"
  | { readonly message: PbMessage /** A pointer: left out when null. */; readonly optional?: boolean }
  | { readonly repeated: "string" | PbMessage }
  | { readonly map: "string" | PbMessage };

export interface PbField {
  readonly number: number;
  readonly name: string;
  readonly type: PbType;
}
/** In ascending order of numbers. */
export type PbMessage = readonly PbField[];

/** Bytes that are no such message. */
export class ProtobufError extends Error {
  override readonly name = "ProtobufError";
}

type Fields = Readonly<Record<string, unknown>>;
const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;
const FIXED32 = 5;
const NS_PER_SECOND = 1e9;
/** Messages in messages, and values in google.protobuf.Struct. */
const DEPTH_MAX = 64;

export const pbMessage = (fields: Readonly<Record<number, readonly [name: string, type: PbType]>>): PbMessage =>
  Object.entries(fields).map(([number, [name, type]]) => ({ number: Number(number), name, type }));

// ---- writing ----

class PbWriter {
  #buffer = Buffer.allocUnsafe(256);
  #length = 0;

  take(): Uint8Array {
    return Uint8Array.from(this.#buffer.subarray(0, this.#length));
  }

  #room(bytes: number): void {
    if (this.#length + bytes <= this.#buffer.length) return;
    const grown = Buffer.allocUnsafe(Math.max(2 * this.#buffer.length, this.#length + bytes));
    this.#buffer.copy(grown, 0, 0, this.#length);
    this.#buffer = grown;
  }

  varint(value: number): void {
    this.#room(10);
    if (value < 0) return this.#negative(value);
    let left = value;
    while (left >= 0x80) {
      this.#buffer[this.#length++] = (left % 0x80) | 0x80;
      left = Math.floor(left / 0x80);
    }
    this.#buffer[this.#length++] = left;
  }

  #negative(value: number): void {
    let left = BigInt.asUintN(64, BigInt(value));
    while (left >= 0x80n) {
      this.#buffer[this.#length++] = Number(left & 0x7fn) | 0x80;
      left >>= 7n;
    }
    this.#buffer[this.#length++] = Number(left);
  }

  key(number: number, wire: number): void {
    this.varint((number << 3) | wire);
  }

  double(value: number): void {
    this.#room(8);
    this.#buffer.writeDoubleLE(value, this.#length);
    this.#length += 8;
  }

  bytes(number: number, bytes: Uint8Array): void {
    this.key(number, BYTES);
    this.varint(bytes.length);
    this.#room(bytes.length);
    this.#buffer.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(number: number, text: string): void {
    this.bytes(number, Buffer.from(text));
  }
}

export function encodePb(message: PbMessage, value: Fields): Uint8Array {
  const writer = new PbWriter();
  for (const field of message) writeField(writer, field, value[field.name]);
  return writer.take();
}

function writeField(writer: PbWriter, { number, type }: PbField, value: unknown): void {
  if (type === "duration") return writer.bytes(number, encodeDuration((value as number | undefined) ?? 0));
  const absent = value === undefined || value === null;
  if (typeof type === "object" && "message" in type) {
    if (!absent || type.optional !== true) writer.bytes(number, encodePb(type.message, (value ?? {}) as Fields));
    return;
  }
  if (absent) return;
  if (type === "string") {
    if (value !== "") writer.text(number, value as string);
  } else if (type === "bool" || type === "int") {
    const numeric = Number(value);
    if (numeric === 0) return;
    writer.key(number, VARINT);
    writer.varint(numeric);
  } else if (type === "struct") writer.bytes(number, encodeStructValue(value as Fields));
  else if ("repeated" in type) {
    for (const item of value as readonly unknown[]) writeItem(writer, number, type.repeated, item);
  } else {
    for (const [key, item] of Object.entries(value as Fields)) {
      const entry = new PbWriter();
      entry.text(1, key);
      writeItem(entry, 2, type.map, item);
      writer.bytes(number, entry.take());
    }
  }
}

function writeItem(writer: PbWriter, number: number, type: "string" | PbMessage, item: unknown): void {
  if (type === "string") writer.text(number, item as string);
  else writer.bytes(number, encodePb(type, (item ?? {}) as Fields));
}

function encodeDuration(ns: number): Uint8Array {
  const writer = new PbWriter();
  const seconds = Math.trunc(ns / NS_PER_SECOND);
  const nanos = ns % NS_PER_SECOND;
  if (seconds !== 0) {
    writer.key(1, VARINT);
    writer.varint(seconds);
  }
  if (nanos !== 0) {
    writer.key(2, VARINT);
    writer.varint(nanos);
  }
  return writer.take();
}

/** google.protobuf.Struct: `map<string, Value> fields = 1`. */
function encodeStructValue(object: Fields): Uint8Array {
  const writer = new PbWriter();
  for (const [key, value] of Object.entries(object)) {
    const entry = new PbWriter();
    entry.text(1, key);
    entry.bytes(2, encodeValue(value));
    writer.bytes(1, entry.take());
  }
  return writer.take();
}

/** google.protobuf.Value: null 1, number 2, string 3, bool 4, struct 5, list 6. */
function encodeValue(value: unknown): Uint8Array {
  const writer = new PbWriter();
  if (typeof value === "number" || typeof value === "bigint") {
    writer.key(2, FIXED64);
    writer.double(Number(value));
  } else if (typeof value === "string") writer.text(3, value);
  else if (typeof value === "boolean") {
    writer.key(4, VARINT);
    writer.varint(value ? 1 : 0);
  } else if (value instanceof Uint8Array) writer.text(3, Buffer.from(value).toString());
  else if (Array.isArray(value)) {
    const list = new PbWriter();
    for (const item of value) list.bytes(1, encodeValue(item));
    writer.bytes(6, list.take());
  } else if (typeof value === "object" && value !== null) writer.bytes(5, encodeStructValue(value as Fields));
  else {
    writer.key(1, VARINT);
    writer.varint(0);
  }
  return writer.take();
}

// ---- reading ----

/** Missing fields are absent from the result; unknown ones are passed over. @throws ProtobufError */
export function decodePb(message: PbMessage, bytes: Uint8Array, depth = 0): Record<string, unknown> {
  if (depth > DEPTH_MAX) throw new ProtobufError("nested too deep");
  const value: Record<string, unknown> = {};
  const reader = new PbReader(bytes);
  while (!reader.atEnd) {
    const { number, wire } = reader.key();
    const field = message.find((one) => one.number === number);
    if (field === undefined) reader.skip(wire);
    else readField(reader, field, wire, value, depth);
  }
  return value;
}

function readField(
  reader: PbReader,
  { name, type }: PbField,
  wire: number,
  into: Record<string, unknown>,
  depth: number,
) {
  if (type === "bool" || type === "int") {
    if (wire !== VARINT) throw new ProtobufError(`${name} is no number`);
    const number = reader.varint();
    into[name] = type === "bool" ? number !== 0 : number;
    return;
  }
  if (wire !== BYTES) throw new ProtobufError(`${name} has wire type ${wire}`);
  const bytes = reader.bytes();
  if (type === "string") into[name] = textOf(bytes);
  else if (type === "duration") {
    const { seconds = 0, nanos = 0 } = decodePb(DURATION, bytes, depth + 1) as { seconds?: number; nanos?: number };
    into[name] = seconds * NS_PER_SECOND + nanos;
  } else if (type === "struct") into[name] = decodeStructValue(bytes, depth + 1);
  else if ("message" in type) into[name] = decodePb(type.message, bytes, depth + 1);
  else if ("repeated" in type) {
    into[name] ??= [];
    const items = into[name] as unknown[];
    items.push(type.repeated === "string" ? textOf(bytes) : decodePb(type.repeated, bytes, depth + 1));
  } else {
    const item: PbType = type.map === "string" ? "string" : { message: type.map };
    const entry = decodePb(
      [
        { number: 1, name: "key", type: "string" },
        { number: 2, name: "value", type: item },
      ],
      bytes,
      depth + 1,
    );
    into[name] ??= Object.create(null);
    const map = into[name] as Record<string, unknown>;
    map[(entry.key as string | undefined) ?? ""] = entry.value ?? (item === "string" ? "" : {});
  }
}

const DURATION: PbMessage = pbMessage({ 1: ["seconds", "int"], 2: ["nanos", "int"] });

function decodeStructValue(bytes: Uint8Array, depth: number): Record<string, unknown> {
  if (depth > DEPTH_MAX) throw new ProtobufError("nested too deep");
  const object: Record<string, unknown> = Object.create(null);
  const reader = new PbReader(bytes);
  while (!reader.atEnd) {
    const { number, wire } = reader.key();
    if (number !== 1 || wire !== BYTES) {
      reader.skip(wire);
      continue;
    }
    const entry = new PbReader(reader.bytes());
    let [key, value]: [string, unknown] = ["", null];
    while (!entry.atEnd) {
      const part = entry.key();
      if (part.number === 1 && part.wire === BYTES) key = textOf(entry.bytes());
      else if (part.number === 2 && part.wire === BYTES) value = decodeValue(entry.bytes(), depth + 1);
      else entry.skip(part.wire);
    }
    object[key] = value;
  }
  return object;
}

function decodeValue(bytes: Uint8Array, depth: number): unknown {
  if (depth > DEPTH_MAX) throw new ProtobufError("nested too deep");
  const reader = new PbReader(bytes);
  let value: unknown = null;
  while (!reader.atEnd) {
    const { number, wire } = reader.key();
    if (number === 2 && wire === FIXED64) value = reader.double();
    else if (number === 3 && wire === BYTES) value = textOf(reader.bytes());
    else if (number === 4 && wire === VARINT) value = reader.varint() !== 0;
    else if (number === 5 && wire === BYTES) value = decodeStructValue(reader.bytes(), depth + 1);
    else if (number === 6 && wire === BYTES) {
      const items: unknown[] = [];
      const list = new PbReader(reader.bytes());
      while (!list.atEnd) {
        const item = list.key();
        if (item.number === 1 && item.wire === BYTES) items.push(decodeValue(list.bytes(), depth + 1));
        else list.skip(item.wire);
      }
      value = items;
    } else reader.skip(wire);
  }
  return value;
}

const textOf = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString();

class PbReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  key(): { readonly number: number; readonly wire: number } {
    const key = this.varint();
    if (key < 0) throw new ProtobufError("a field number out of range");
    return { number: Math.floor(key / 8), wire: key % 8 };
  }

  /** Signed, of 64 bits. One that is not exact comes out as the nearest that is: nobody counts so far. */
  varint(): number {
    const start = this.#at;
    let value = 0;
    for (let shift = 0; shift < 70; shift += 7) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) throw new ProtobufError("the bytes end inside a number");
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value <= Number.MAX_SAFE_INTEGER ? value : this.#wide(start);
    }
    throw new ProtobufError("a number without end");
  }

  /** Negative numbers stand at the upper end of 64 bits. */
  #wide(start: number): number {
    let value = 0n;
    for (let at = start; at < this.#at; at++) value |= BigInt(this.#bytes[at]! & 0x7f) << BigInt(7 * (at - start));
    return Number(BigInt.asIntN(64, value));
  }

  double(): number {
    return this.#bytes.readDoubleLE(this.#take(8));
  }

  bytes(): Uint8Array {
    const length = this.varint();
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  skip(wire: number): void {
    if (wire === VARINT) this.varint();
    else if (wire === FIXED64) this.#take(8);
    else if (wire === BYTES) this.bytes();
    else if (wire === FIXED32) this.#take(4);
    else throw new ProtobufError(`wire type ${wire}`);
  }

  #take(length: number): number {
    const at = this.#at;
    if (length < 0 || length > this.#bytes.length - at) throw new ProtobufError("the bytes end inside a value");
    this.#at = at + length;
    return at;
  }
}
