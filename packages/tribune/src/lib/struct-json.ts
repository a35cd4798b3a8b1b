/**
 * `fromJson` of `@tribune/api` for the requests of a busy server: the same values and the same errors, with readers
 * compiled once per schema. Whatever is not plainly right is read again by `fromJson`, which knows the texts.
 */
import { fromJson, parseGoDuration, type Schema, sharedZero, ZERO_TIME, zero } from "@tribune/api";

/** @throws Unusual */
type Read = (value: unknown, strict: boolean) => unknown;

class Unusual extends Error {
  override readonly name = "Unusual";
}
/** Thrown again and again: nobody reads it, and a new one would cost a stack trace. */
const UNUSUAL = new Unusual("left to the slower reader");

const readers = new WeakMap<Schema<unknown>, Read>();

function readerOf(schema: Schema<unknown>): Read {
  let read = readers.get(schema);
  if (read === undefined) {
    const present = presentReader(schema);
    read = (value, strict) => (value === null ? zero(schema) : present(value, strict));
    readers.set(schema, read);
  }
  return read;
}

/** As `fromJson`. @throws JsonShapeError with Go's text. */
export function readStruct<T>(schema: Schema<T>, value: unknown, strict = false): T {
  try {
    return readerOf(schema)(value, strict) as T;
  } catch (error) {
    if (error !== UNUSUAL) throw error;
    return fromJson(schema, value, strict);
  }
}

/** Reads anything but null. */
function presentReader(schema: Schema<unknown>): Read {
  switch (schema.kind) {
    case "text":
      return (value) => (typeof value === "string" ? value : unusual());
    case "bool":
      return (value) => (typeof value === "boolean" ? value : unusual());
    case "int":
      return (value) => (Number.isSafeInteger(value) ? value : unusual());
    case "uint":
      return (value) => (Number.isSafeInteger(value) && (value as number) >= 0 ? value : unusual());
    case "u64":
      return (value) => (Number.isInteger(value) && (value as number) >= 0 ? value : unusual());
    case "float":
      return (value) => (typeof value === "number" ? value : unusual());
    case "duration":
      return (value) =>
        typeof value === "number"
          ? Math.trunc(value)
          : ((typeof value === "string" ? parseGoDuration(value) : undefined) ?? unusual());
    case "time":
      return (value) => (typeof value === "string" ? value || ZERO_TIME : unusual());
    case "bytes":
      return (value) => (typeof value === "string" ? bytesOfBase64(value) : unusual());
    case "any":
      return (value) => (value === undefined ? unusual() : value);
    case "nullable":
      return readerOf(schema.of as Schema<unknown>);
    case "list":
      return listReader(readerOf(schema.of as Schema<unknown>));
    case "map":
      return mapReader(readerOf(schema.of as Schema<unknown>));
    case "struct":
      return structReader(schema);
  }
}

function unusual(): never {
  throw UNUSUAL;
}

function listReader(read: Read): Read {
  return (value, strict) => {
    if (!Array.isArray(value)) return unusual();
    const items: unknown[] = [];
    for (const item of value) items.push(read(item, strict));
    return items;
  };
}

function mapReader(read: Read): Read {
  return (value, strict) => {
    if (typeof value !== "object" || Array.isArray(value)) return unusual();
    const map: Record<string, unknown> = {};
    for (const key of Object.keys(value as object)) {
      if (key === "__proto__") return unusual(); // a plain assignment would change the object's prototype
      map[key] = read((value as Record<string, unknown>)[key], strict);
    }
    return map;
  };
}

/** Compiled: a field's name is compared where it stands, and each value goes to its place without a list of them. */
function structReader(schema: Schema<unknown>): Read {
  const fields = schema.fields ?? [];
  const exact: string[] = [];
  // In any case of the letters, as Go reads them; of two names that differ by it the last.
  const anyCase = new Map<string, string>();
  for (const [at, { jsonName, schema: of }] of fields.entries()) {
    if (of.hidden === true) continue;
    const take = `if (item !== null) value${at} = read${at}(item, strict); break;`;
    exact.push(`case ${JSON.stringify(jsonName)}: ${take}`);
    anyCase.set(jsonName.toLowerCase(), take);
  }
  const others = Array.from(anyCase, ([name, take]) => `case ${JSON.stringify(name)}: ${take}`);
  const body = `return function (value, strict) {
      if (typeof value !== "object" || Array.isArray(value)) return unusual();
      ${fields.map((_, at) => `let value${at} = zero${at};`).join("\n")}
      for (const key in value) {
        const item = value[key];
        switch (key) {
          ${exact.join("\n")}
          default: switch (key.toLowerCase()) {
            ${others.join("\n")}
            default: if (strict) return unusual();
          }
        }
      }
      return { ${fields.map(({ name }, at) => `${JSON.stringify(name)}: value${at}`).join(", ")} };
    };`;
  const names = ["unusual", ...fields.map((_, at) => `read${at}`), ...fields.map((_, at) => `zero${at}`)];
  const reads = fields.map((field) => readerOf(field.schema));
  const zeros = fields.map((field) => sharedZero(field.schema));
  return new Function(...names, body)(unusual, ...reads, ...zeros) as Read;
}

/** The runtime's decoder passes over what is no base64, so the bytes must be as many as the text stands for. */
function bytesOfBase64(text: string): Uint8Array {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  const bytes = Buffer.from(text, "base64");
  if (text.length % 4 !== 0 || bytes.length !== (text.length / 4) * 3 - padding) return unusual();
  if (text.includes("-") || text.includes("_")) return unusual(); // the URL's alphabet, which it takes as well
  return bytes;
}
