import { make, type Schema, type Struct } from "@tribune/api";

/**
 * Rows as plain JSON without what is zero: most fields of most rows are. Names are the wire's. Reading gives
 * every row the nested zero values of one template, so that a thousand of them share what they have in common.
 */
export interface Compact<T> {
  write(value: T): Readonly<Record<string, unknown>>;
  /** Fields that are missing (zero, or newer than the file) get their zero value; unknown ones are dropped. */
  read(json: Readonly<Record<string, unknown>>): T;
}

/** @param zero the template of all zeros; what is identical to its parts is not written. */
export function compact<T extends object>(schema: Struct<T>, zero: T): Compact<T> {
  const empty = zero as Readonly<Record<string, unknown>>;
  return {
    write(value) {
      const out: Record<string, unknown> = {};
      for (const { name } of schema.fields) {
        const own = (value as Readonly<Record<string, unknown>>)[name];
        if (own !== empty[name]) out[name] = own;
      }
      return out;
    },
    read(json) {
      const out: Record<string, unknown> = { ...empty };
      for (const { name, schema: field } of schema.fields)
        if (Object.hasOwn(json, name)) out[name] = fill(field, json[name]);
      return out as T;
    },
  };
}

const nested = new WeakMap<object, Compact<object>>();

/** Completes the structs within a value; everything else is as it was written. */
function fill(schema: Schema<unknown>, value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  switch (schema.kind) {
    case "struct": {
      let codec = nested.get(schema);
      if (codec === undefined) {
        codec = compact(schema as Struct<object>, make(schema as Struct<object>));
        nested.set(schema, codec);
      }
      return codec.read(value as Record<string, unknown>);
    }
    case "nullable":
      return fill(schema.of!, value);
    case "list":
      return (value as unknown[]).map((item) => fill(schema.of!, item));
    default:
      return value;
  }
}
