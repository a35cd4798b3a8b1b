import { durationFault, formatGoDuration, parseGoDuration } from "./duration.ts";
import { type Field, type Schema, sharedZero, ZERO_TIME, zero } from "./schema.ts";

/** A JSON text that does not fit the struct it was meant for. The message is Go's. */
export class JsonShapeError extends Error {
  override readonly name = "JsonShapeError";
}

/**
 * The plain object that `JSON.stringify` turns into what Go's encoder prints: wire order, JSON names,
 * `omitempty` honoured, bytes as base64. Fields that a draft leaves out stay out. A bigint is left for the writer, which prints its digits.
 */
export function toJson<T>(schema: Schema<T>, value: T): unknown {
  return encode(schema, value);
}

function encode(schema: Schema<any>, value: any): unknown {
  switch (schema.kind) {
    case "list":
      return value === null ? null : value.map((item: unknown) => encode(schema.of!, item));
    case "map": {
      if (value === null) return null;
      const out: Record<string, unknown> = {};
      for (const key of Object.keys(value).sort()) out[key] = encode(schema.of!, value[key]);
      return out;
    }
    case "nullable":
      return value === null ? null : encode(schema.of!, value);
    case "struct": {
      const out: Record<string, unknown> = {};
      for (const { name, jsonName, schema: field } of schema.fields!) {
        if (field.hidden === true) continue;
        const own = value[name];
        if (own === undefined) continue; // a draft
        if (field.omitEmpty === true && isEmpty(field, own)) continue;
        if (field.omitZero === true && isZero(field, own)) continue;
        out[jsonName] = encode(field, own);
      }
      return out;
    }
    case "bytes":
      return value === null ? null : base64(value);
    case "duration":
      return schema.asText === true ? formatGoDuration(value) : value;
    default:
      return value;
  }
}

function isEmpty(schema: Schema<unknown>, value: unknown): boolean {
  switch (schema.kind) {
    case "struct":
    case "time":
      return false; // Go never omits a struct, and a time is one
    case "list":
    case "bytes":
      return value === null || (value as ArrayLike<unknown>).length === 0;
    case "map":
      return value === null || Object.keys(value as object).length === 0;
    case "nullable":
      return value === null || value === undefined; // a pointer to a zero is no zero
    default:
      return value === null || value === undefined || value === "" || value === 0 || value === 0n || value === false;
  }
}

function isZero(schema: Schema<any>, value: any): boolean {
  if (schema.kind === "time") return value === ZERO_TIME;
  if (schema.kind !== "struct") return isEmpty(schema, value);
  return schema.fields!.every((field) => isZero(field.schema, value[field.name]));
}

function base64(value: Uint8Array): string {
  let binary = "";
  for (const byte of value) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * Reads a parsed JSON value as Go's decoder would: names match without regard to case, null leaves the zero
 * value, and what is missing is zero. Unknown names are ignored, or refused when `strict`, as Consul does
 * with request bodies.
 *
 * @throws JsonShapeError with Go's text.
 */
export function fromJson<T>(schema: Schema<T>, value: unknown, strict = false): T {
  return decode(schema, value, NOWHERE, strict) as T;
}

/** Where a value stands: the innermost struct, and the field of it that is being read. */
interface Place {
  readonly struct: string;
  field: string;
  readonly above: Place | undefined;
}
const NOWHERE: Place = { struct: "", field: "", above: undefined };
/** What a struct of `aliased` stands in, as far as errors know. */
const ALIAS: Place = { struct: "", field: "Alias", above: undefined };

function decode(schema: Schema<any>, value: unknown, where: Place, strict: boolean): unknown {
  if (value === null || value === undefined) return zero(schema);
  switch (schema.kind) {
    case "text":
      return typeof value === "string" ? value : mismatch(schema, value, where);
    case "bool":
      return typeof value === "boolean" ? value : mismatch(schema, value, where);
    case "int":
      return Number.isSafeInteger(value) ? value : mismatch(schema, value, where);
    case "uint":
      return Number.isSafeInteger(value) && (value as number) >= 0 ? value : mismatch(schema, value, where);
    case "u64":
      if (typeof value === "bigint" && value >= 0n && value < 1n << 64n) return value;
      return typeof value === "number" && Number.isInteger(value) && value >= 0
        ? value
        : mismatch(schema, value, where);
    case "float":
      return typeof value === "number" ? value : mismatch(schema, value, where);
    case "duration": {
      if (typeof value === "number") return Math.trunc(value);
      const ns = typeof value === "string" ? parseGoDuration(value) : undefined;
      if (ns === undefined && typeof value === "string") throw new JsonShapeError(durationFault(value));
      if (ns === undefined && schema.readable === true)
        throw new JsonShapeError(
          `strconv.ParseFloat: parsing ${JSON.stringify(JSON.stringify(value))}: invalid syntax`,
        );
      return ns ?? 0; // Consul looks for a text and for a number, and passes over all else
    }
    case "time":
      if (typeof value !== "string") return mismatch(schema, value, where);
      return value === "" ? ZERO_TIME : value;
    case "bytes": {
      if (typeof value !== "string") return mismatch(schema, value, where);
      return fromBase64(value);
    }
    case "any":
      return value;
    case "nullable":
      return decode(schema.of!, value, where, strict);
    case "list":
      if (!Array.isArray(value)) return mismatch(schema, value, where);
      return value.map((item) => decode(schema.of!, item, where, strict));
    case "map": {
      if (typeof value !== "object" || Array.isArray(value)) return mismatch(schema, value, where);
      const out: Record<string, unknown> = {};
      for (const [key, item] of Object.entries(value)) setOwn(out, key, decode(schema.of!, item, where, strict));
      return out;
    }
    case "struct":
      return decodeStruct(schema, value, where, strict);
  }
}

function decodeStruct(schema: Schema<any>, value: unknown, where: Place, strict: boolean): unknown {
  if (typeof value !== "object" || Array.isArray(value)) return mismatch(schema, value, where);
  const { zeros, byName, struct } = readingPlan(schema);
  const minds = strict && schema.lenient !== true;
  const here: Place =
    schema.aliased === true ? { struct: "", field: "", above: ALIAS } : { struct, field: "", above: where };
  const out: Record<string, unknown> = { ...zeros };
  for (const key of Object.keys(value as object)) {
    const field = byName.get(key) ?? byName.get(key.toLowerCase());
    if (field === undefined) {
      if (
        minds &&
        !(schema.silent?.includes(key.toLowerCase()) && saysNothing((value as Record<string, unknown>)[key]))
      )
        throw new JsonShapeError(`json: unknown field ${JSON.stringify(key)}`);
      continue;
    }
    const item = (value as Record<string, unknown>)[key];
    if (item === null) continue;
    here.field = field.jsonName;
    out[field.name] = decode(field.schema, item, here, minds);
  }
  return out;
}

function saysNothing(value: unknown): boolean {
  return value === null || value === false || value === "" || (Array.isArray(value) && value.length === 0);
}

/** What reading a struct needs to know of it, worked out once. */
interface ReadingPlan {
  /** All its fields, in their order. */
  readonly zeros: Readonly<Record<string, unknown>>;
  /** By JSON name, as spelled and in lower case. */
  readonly byName: ReadonlyMap<string, Field>;
  /** Its name in Go, as errors have it. */
  readonly struct: string;
}

const readingPlans = new WeakMap<object, ReadingPlan>();

function readingPlan(schema: Schema<any>): ReadingPlan {
  let plan = readingPlans.get(schema);
  if (plan === undefined) {
    const zeros: Record<string, unknown> = {};
    const byName = new Map<string, Field>();
    for (const field of schema.fields!) {
      zeros[field.name] = sharedZero(field.schema);
      if (field.schema.hidden === true) continue;
      byName.set(field.jsonName, field);
      byName.set(field.jsonName.toLowerCase(), field);
    }
    plan = { zeros, byName, struct: schema.goType.slice(schema.goType.lastIndexOf(".") + 1) };
    readingPlans.set(schema, plan);
  }
  return plan;
}

/** `__proto__` is a legal key of a user's map and must not reach the setter of that name. */
function setOwn(target: Record<string, unknown>, key: string, value: unknown): void {
  if (key === "__proto__")
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  else target[key] = value;
}

const BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const SIXTH_OF_CODE = new Int8Array(128).fill(-1);
for (let sixth = 0; sixth < BASE64.length; sixth++) SIXTH_OF_CODE[BASE64.charCodeAt(sixth)] = sixth;

/** In one pass by hand, where checking, `atob` and turning its text into bytes are three. */
function fromBase64(value: string): Uint8Array {
  const digits = value.length - (value.endsWith("==") ? 2 : value.endsWith("=") ? 1 : 0);
  const out = new Uint8Array((digits * 3) >> 2);
  let bits = 0;
  let kept = 0;
  let filled = 0;
  let isForeign = value.length % 4 !== 0;
  for (let at = 0; at < digits && !isForeign; at++) {
    const sixth = SIXTH_OF_CODE[value.charCodeAt(at)] ?? -1;
    isForeign = sixth < 0;
    bits = (bits << 6) | sixth;
    kept += 6;
    if (kept >= 8) {
      kept -= 8;
      out[filled++] = bits >> kept;
    }
  }
  if (!isForeign) return out;
  // Go names the byte where it stopped; the position of the first foreign character is that byte.
  const at = Math.max(0, value.search(/[^A-Za-z0-9+/]/));
  throw new JsonShapeError(`illegal base64 data at input byte ${at}`);
}

const NUMERIC: ReadonlySet<string> = new Set(["int", "uint", "u64", "duration"]);

function mismatch(schema: Schema<unknown>, value: unknown, where: Place): never {
  const isNumber = typeof value === "number" || typeof value === "bigint";
  // A number that does not fit a number is quoted; one that stands where none belongs is only called so.
  const quoted = isNumber && NUMERIC.has(schema.kind) ? ` ${value}` : "";
  const name = Array.isArray(value)
    ? "array"
    : isNumber
      ? "number"
      : typeof value === "boolean"
        ? "bool"
        : typeof value;
  const got = name + quoted;
  const target = where === NOWHERE ? "Go value" : `Go struct field ${where.struct}.${pathOf(where)}`;
  throw new JsonShapeError(`json: cannot unmarshal ${got} into ${target} of type ${schema.goType}`);
}

/** From the outermost struct down to the field. */
function pathOf({ field, above }: Place): string {
  return above === undefined || above === NOWHERE ? field : `${pathOf(above)}.${field}`;
}
