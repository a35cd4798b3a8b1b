/**
 * The msgpack maps of memberlist and serf, described once for both directions (sheet memberlist §1): keys in
 * ascending order when writing; when reading any order, unknown keys passed over, absent ones zero.
 *
 * (`struct-msgpack` does the same for the contracts of `@tribune/api`, which know nothing of gossip's bounds.)
 */
import { bytesOfText, hasRawBytes, textOfBytes } from "./byte-text.ts";
import { GOSSIP_LIMITS, GossipCodecError } from "./gossip-error.ts";
import { MsgpackError, type MsgpackLimits, MsgpackReader, MsgpackWriter } from "./msgpack.ts";

/** How one field is read and written. Reading throws `MsgpackError` or `GossipCodecError`. */
export interface Field<T> {
  /** What an absent field counts as. */
  readonly zero: T;
  read(reader: MsgpackReader): T;
  write(writer: MsgpackWriter, value: T): void;
}

type Entry<T> = readonly [wireName: string, field: Field<T>, omit?: "omitZero"];
type Fields<T> = { readonly [Key in keyof T]-?: Entry<T[Key]> };

/** A map with one entry per property of `T`. */
export function struct<T extends object>(fields: Fields<T>): Field<T> {
  const entries = Object.entries<Entry<unknown>>(fields as Record<string, Entry<unknown>>)
    .map(([property, [wireName, field, omit]]) => ({ property, wireName, field, omitZero: omit !== undefined }))
    .sort((left, right) => (left.wireName < right.wireName ? -1 : 1));
  const byWireName = new Map(entries.map((entry) => [entry.wireName, entry]));
  const zero = Object.fromEntries(entries.map(({ property, field }) => [property, field.zero]));
  return {
    zero: zero as T,
    read(reader) {
      const value = { ...zero };
      for (let left = reader.mapHeader(); left > 0; left--) {
        const entry = byWireName.get(reader.key());
        if (entry === undefined) reader.skip();
        else value[entry.property] = entry.field.read(reader);
      }
      return value as T;
    },
    write(writer, value) {
      const of = value as Record<string, unknown>;
      const written = entries.filter(({ property, omitZero }) => !omitZero || !isZero(of[property]));
      writer.mapHeader(written.length);
      for (const { property, wireName, field } of written) {
        writer.text(wireName);
        field.write(writer, of[property]);
      }
    },
  };
}

function isZero(value: unknown): boolean {
  return value === 0 || value === "" || (value instanceof Uint8Array && value.length === 0);
}

// ---- whole messages ----

const READER_LIMITS: MsgpackLimits = {
  depthMax: 16,
  rawBytesMax: GOSSIP_LIMITS.streamPlainBytesMax,
  countMax: GOSSIP_LIMITS.membersMax,
};

/** A reader with gossip's bounds. */
export function gossipReader(bytes: Uint8Array, start = 0): MsgpackReader {
  return new MsgpackReader(bytes, start, READER_LIMITS);
}

/** Runs `read`; whatever msgpack refuses in it becomes gossip's own error. */
export function readingGossip<T>(what: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof MsgpackError) throw new GossipCodecError("malformed", `${what}: ${error.message}`, error);
    throw error;
  }
}

/** Kept between messages: a writer per message would cost more than the writing. */
const shared = new MsgpackWriter(2_048);

/** A type byte and a map. */
export function encodeTyped<T>(typeByte: number, field: Field<T>, value: T): Uint8Array {
  shared.reset();
  shared.byte(typeByte);
  field.write(shared, value);
  return shared.take();
}

// ---- scalars ----

function unsigned(what: string, max: number): Field<number> {
  return {
    zero: 0,
    read(reader) {
      const value = reader.int();
      if (value < 0 || value > max) throw new GossipCodecError("malformed", `${what} out of range: ${value}`);
      return value;
    },
    write: (writer, value) => void writer.int(value),
  };
}

export const u8: Field<number> = unsigned("u8", 0xff);
export const u16: Field<number> = unsigned("u16", 0xffff);
export const u32: Field<number> = unsigned("u32", 0xffff_ffff);
/** A u64 on the wire. */
export const lamportTime: Field<number> = unsigned("Lamport time", GOSSIP_LIMITS.lamportTimeMax);
/** A Go int that counts something. */
export const count = (what: string, max: number): Field<number> => unsigned(what, max);

/** Go's `time.Duration`: nanoseconds on the wire, milliseconds here. */
export const durationMs: Field<number> = {
  zero: 0,
  read: (reader) => reader.int() / 1e6,
  write: (writer, value) => void writer.int(Math.round(value * 1e6)),
};

export const bool: Field<boolean> = {
  zero: false,
  read: (reader) => reader.bool(),
  write: (writer, value) => void writer.bool(value),
};

export const float: Field<number> = {
  zero: 0,
  read: (reader) => reader.float(),
  write: (writer, value) => void writer.float(value),
};

// ---- raw values ----

function bounded(reader: MsgpackReader, max: number): Uint8Array {
  const view = reader.bytesView();
  if (view.length > max) throw new GossipCodecError("tooLarge", `a value of ${view.length} bytes, at most ${max}`);
  return view;
}

/** Go strings hold any bytes: what is not UTF-8 comes back out as it went in (`byte-text`). */
export function text(max: number = GOSSIP_LIMITS.valueBytesMax): Field<string> {
  return {
    zero: "",
    read: (reader) => textOfBytes(bounded(reader, max)),
    write(writer, value) {
      if (hasRawBytes(value)) writer.bytes(bytesOfText(value));
      else writer.text(value);
    },
  };
}

/** A member's name. */
export const name: Field<string> = text(GOSSIP_LIMITS.nameBytesMax);

const EMPTY = new Uint8Array(0);

/** A Go byte slice whose nil and empty forms mean the same; an empty one is written as nil. */
export function bytes(max: number = GOSSIP_LIMITS.valueBytesMax): Field<Uint8Array> {
  return {
    zero: EMPTY,
    read: (reader) => new Uint8Array(bounded(reader, max)),
    write: (writer, value) => void (value.length === 0 ? writer.nil() : writer.bytes(value)),
  };
}

/** A Go byte slice that keeps nil (undefined) and empty apart. */
export function optionalBytes(max: number = GOSSIP_LIMITS.valueBytesMax): Field<Uint8Array | undefined> {
  return {
    zero: undefined,
    read: (reader) => (reader.tryNil() ? undefined : new Uint8Array(bounded(reader, max))),
    write: (writer, value) => void (value === undefined ? writer.nil() : writer.bytes(value)),
  };
}

/** 4 or 16 bytes, or none. */
export const ip: Field<Uint8Array> = {
  zero: EMPTY,
  read(reader) {
    const address = reader.bytes();
    if (address.length !== 0 && address.length !== 4 && address.length !== 16) {
      throw new GossipCodecError("malformed", `an address of ${address.length} bytes`);
    }
    return address;
  },
  write: (writer, value) => void (value.length === 0 ? writer.nil() : writer.bytes(value)),
};

// ---- collections ----

/** @param whenEmpty how Go writes the empty one: a nil slice or an empty one. */
export function arrayOf<T>(item: Field<T>, max: number, whenEmpty: "nil" | "empty"): Field<readonly T[]> {
  return {
    zero: [],
    read(reader) {
      const length = reader.arrayHeader();
      if (length > max) throw new GossipCodecError("tooLarge", `an array of ${length}, at most ${max}`);
      const items: T[] = [];
      for (let index = 0; index < length; index++) items.push(item.read(reader));
      return items;
    },
    write(writer, value) {
      if (value.length === 0 && whenEmpty === "nil") return void writer.nil();
      writer.arrayHeader(value.length);
      for (const one of value) item.write(writer, one);
    },
  };
}

/** Keys keep their order: Go's is arbitrary, and reading then writing must not change the bytes. */
export function mapOf<T>(key: Field<string>, item: Field<T>, max: number): Field<ReadonlyMap<string, T>> {
  return {
    zero: new Map(),
    read(reader) {
      const length = reader.mapHeader();
      if (length > max) throw new GossipCodecError("tooLarge", `a map of ${length}, at most ${max}`);
      const map = new Map<string, T>();
      for (let index = 0; index < length; index++) map.set(key.read(reader), item.read(reader));
      return map;
    },
    write(writer, value) {
      writer.mapHeader(value.size);
      for (const [mapKey, one] of value) {
        key.write(writer, mapKey);
        item.write(writer, one);
      }
    },
  };
}

/** A Go pointer: nil is undefined. */
export function optional<T>(field: Field<T>): Field<T | undefined> {
  return {
    zero: undefined,
    read: (reader) => (reader.tryNil() ? undefined : field.read(reader)),
    write: (writer, value) => void (value === undefined ? writer.nil() : field.write(writer, value)),
  };
}
