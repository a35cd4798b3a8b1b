/**
 * A small language for Consul's wire structs. One `struct(...)` gives the static type, the zero value, the
 * JSON form (Go's rules: field order, `omitempty`, case-insensitive reading) and, in the server's codec
 * room, the msgpack form of RPC, Raft log and snapshots. Field names are the wire's own spelling.
 */

export type Kind =
  | "text"
  | "bool"
  | "int"
  | "uint"
  | "u64"
  | "float"
  | "bytes"
  | "duration"
  | "time"
  | "any"
  | "list"
  | "map"
  | "nullable"
  | "struct";

export interface Schema<T> {
  readonly kind: Kind;
  /** Name in Go's error texts: `string`, `int`, `structs.NodeService`. */
  readonly goType: string;
  readonly of?: Schema<unknown>;
  readonly name?: string;
  readonly fields?: readonly Field[];
  /** JSON leaves the field out when it is Go's zero value. Has no effect on a struct, as in Go. */
  readonly omitEmpty?: boolean;
  /** JSON leaves a struct out when all of it is zero (a custom marshaller does so in Go). */
  readonly omitZero?: boolean;
  /** A field that came after Consul 1.10: not on the wire while no such field of its struct says anything. */
  readonly later?: boolean;
  /** Name in JSON where it differs from the wire's. */
  readonly jsonName?: string;
  /** On the wire, but never in JSON. */
  readonly hidden?: boolean;
  /** A float of 32 bits. */
  readonly single?: boolean;
  /** Names the hand-written wire form (codec room) of what Consul does not write as a plain map of fields. */
  readonly wire?: string;
  /** The structs that a value of kind `any` may be, for documentation. */
  readonly forms?: readonly Schema<unknown>[];
  /** A duration that JSON shows as `"10s"`; otherwise nanoseconds. */
  readonly asText?: boolean;
  /** Consul reads it by a method of its own, so Go's errors name it `.Alias`, and nothing of what it stands in. */
  readonly aliased?: boolean;
  /** Fields that nobody knows are passed over in it, also where the rest of a body must have none. */
  readonly lenient?: boolean;
  /** Fields of later Consuls, in lower case, which may stand in it as long as they say nothing. */
  readonly silent?: readonly string[];
  /** A duration of which Consul's reader wants text or a number, and says so. */
  readonly readable?: boolean;
  /** Carries the static type; never set. */
  readonly __type?: T;
}

export interface Field {
  readonly name: string;
  readonly jsonName: string;
  readonly schema: Schema<unknown>;
}

export type Infer<S> = S extends Schema<infer T> ? T : never;
/** A value of which every part may be left out, as callers write it. */
export type Draft<T> = 0 extends 1 & T
  ? any
  : T extends Uint8Array
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Draft<Item>[]
      : T extends object
        ? { readonly [K in keyof T]?: Draft<T[K]> | undefined }
        : T;
type Shape = Readonly<Record<string, Schema<any>>>;
export type StructOf<S extends Shape> = { readonly [K in keyof S]: Infer<S[K]> };
export interface Struct<T> extends Schema<T> {
  readonly kind: "struct";
  readonly name: string;
  readonly fields: readonly Field[];
}

export const text: Schema<string> = { kind: "text", goType: "string" };
export const bool: Schema<boolean> = { kind: "bool", goType: "bool" };
export const int: Schema<number> = { kind: "int", goType: "int" };
/** An unsigned number that stays below 2^53: indexes, terms, counts. */
export const uint: Schema<number> = { kind: "uint", goType: "uint64" };
/** A full 64-bit unsigned number that users choose (KV `Flags`): a number while it is safe, else a bigint. */
export const u64: Schema<number | bigint> = { kind: "u64", goType: "uint64" };
export const float: Schema<number> = { kind: "float", goType: "float64" };
/** The shortest decimal that a float of 32 bits stands for. */
export const float32: Schema<number> = { kind: "float", goType: "float32", single: true };
/** Raw bytes; base64 in JSON. Null is Go's nil slice. */
export const bytes: Schema<Uint8Array | null> = { kind: "bytes", goType: "[]uint8" };
/** Nanoseconds. */
export const duration: Schema<number> = { kind: "duration", goType: "time.Duration" };
/** Nanoseconds; JSON shows a Go duration string and leaves zero out. */
export const durationText: Schema<number> = {
  kind: "duration",
  goType: "time.Duration",
  asText: true,
  omitEmpty: true,
};
/** RFC 3339 text with nanoseconds, `0001-01-01T00:00:00Z` for Go's zero time. */
export const time: Schema<string> = { kind: "time", goType: "time.Time" };
export const any: Schema<any> = { kind: "any", goType: "interface {}" };

/** One of several structs, told apart by who reads it. */
export const oneOf = (forms: readonly Schema<any>[]): Schema<any> => ({ ...any, forms });

/** Go's slice: null and empty are told apart. */
export const list = <T>(of: Schema<T>): Schema<readonly T[] | null> => ({
  kind: "list",
  goType: `[]${of.goType}`,
  of,
});
/** Go's map with string keys: null and empty are told apart. */
export const map = <T>(of: Schema<T>): Schema<Readonly<Record<string, T>> | null> => ({
  kind: "map",
  goType: `map[string]${of.goType}`,
  of,
});
/** Go's pointer. */
export const nullable = <T>(of: Schema<T>): Schema<T | null> => ({ kind: "nullable", goType: `*${of.goType}`, of });

export const omitEmpty = <T>(schema: Schema<T>): Schema<T> => ({ ...schema, omitEmpty: true });
/** Of a later Consul: left out where it says nothing, in JSON and on the wire (`codec/config-entry-msgpack`). */
export const later = <T>(schema: Schema<T>): Schema<T> => ({ ...schema, omitEmpty: true, later: true });
export const omitZero = <T>(schema: Schema<T>): Schema<T> => ({ ...schema, omitZero: true });
export const hidden = <T>(schema: Schema<T>): Schema<T> => ({ ...schema, hidden: true });
export const wired = <S extends Schema<any>>(wire: string, schema: S): S => ({ ...schema, wire });
export const named = <T>(jsonName: string, schema: Schema<T>): Schema<T> => ({ ...schema, jsonName });

export function struct<S extends Shape>(name: string, shape: S): Struct<StructOf<S>> {
  const fields = Object.entries(shape).map(([field, schema]) => ({
    name: field,
    jsonName: schema.jsonName ?? field,
    schema: schema as Schema<unknown>,
  }));
  return { kind: "struct", goType: `structs.${name}`, name, fields };
}

/** A struct with an `UnmarshalJSON` of its own. */
export function aliased<T>(schema: Struct<T>): Struct<T> {
  return { ...schema, aliased: true };
}

/** A struct in which fields that nobody knows are passed over. */
export function lenient<T>(schema: Struct<T>): Struct<T> {
  return { ...schema, lenient: true };
}

/** A struct in which fields of later Consuls are passed over while they say nothing: client libraries always send them. */
export function withSilent<T>(schema: Struct<T>, ...names: readonly string[]): Struct<T> {
  return { ...schema, silent: names.map((name) => name.toLowerCase()) };
}

/** Under another name in Go's errors: what names it there, and, of a struct, its fields. */
export function called<S extends Schema<any>>(goType: string, schema: S): S {
  return { ...schema, goType };
}

/** Go's zero time as JSON prints it. */
export const ZERO_TIME = "0001-01-01T00:00:00Z";

/** The zero value of a schema: what a field that was not sent holds. */
export function zero<T>(schema: Schema<T>): T {
  return zeroOf(schema) as T;
}

const sharedZeros = new WeakMap<object, unknown>();

/**
 * The zero value of a struct as one deeply frozen object: most nested structs of a request hold nothing, and
 * sharing one object for all of them saves making, keeping and comparing it. Other kinds answer as `zero`.
 */
export function sharedZero<T>(schema: Schema<T>): T {
  const { fields } = schema;
  if (schema.kind !== "struct" || fields === undefined) return zero(schema);
  let shared = sharedZeros.get(fields);
  if (shared === undefined) {
    const entries = fields.map((field) => [field.name, sharedZero(field.schema)] as const);
    shared = Object.freeze(Object.fromEntries(entries));
    sharedZeros.set(fields, shared); // by the fields, which `omitEmpty` and its like leave as they are
  }
  return shared as T;
}

function zeroOf(schema: Schema<unknown>): unknown {
  switch (schema.kind) {
    case "text":
      return "";
    case "bool":
      return false;
    case "int":
    case "uint":
    case "u64":
    case "float":
    case "duration":
      return 0;
    case "time":
      return ZERO_TIME;
    case "struct": {
      const value: Record<string, unknown> = {};
      for (const field of schema.fields ?? []) value[field.name] = zeroOf(field.schema);
      return value;
    }
    default:
      return null;
  }
}

/** A struct with the given fields; the rest are zero. Fields come out in the schema's order. */
export function make<T>(schema: Struct<T>, given: Partial<T> = {}): T {
  const value: Record<string, unknown> = {};
  for (const field of schema.fields) {
    const own = (given as Record<string, unknown>)[field.name];
    value[field.name] = own === undefined ? zeroOf(field.schema) : own;
  }
  return value as T;
}
