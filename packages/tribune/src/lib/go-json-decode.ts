import { JsonError, type ParseJsonOptions, parseJson } from "./go-json-parse.ts";

/**
 * The Go type a JSON value is decoded into: which values it takes, and how its errors are worded. `name` of a struct is
 * Go's (`structs.NodeService`), for it appears in the texts.
 */
export type JsonShape =
  | { readonly kind: "string" | "bool" | "float" | "bytes" | "any" }
  | { readonly kind: "int"; readonly bits: 8 | 16 | 32 | 64; readonly signed: boolean; readonly typeName: string }
  | { readonly kind: "list"; readonly element: JsonShape }
  | { readonly kind: "map"; readonly value: JsonShape }
  | { readonly kind: "struct"; readonly name: string; readonly fields: Readonly<Record<string, JsonShape>> }
  /** A type with its own decoding, such as a duration; throws JsonError for what it does not take. */
  | { readonly kind: "custom"; readonly typeName: string; readonly decode: (value: unknown) => unknown };

const text: JsonShape = { kind: "string" };
const integer = (typeName: string, bits: 8 | 16 | 32 | 64, signed: boolean): JsonShape => ({
  kind: "int",
  bits,
  signed,
  typeName,
});

export const shapes = {
  string: text,
  bool: { kind: "bool" },
  float64: { kind: "float" },
  /** Base64 in JSON; a Uint8Array when decoded. */
  bytes: { kind: "bytes" },
  any: { kind: "any" },
  int: integer("int", 64, true),
  int64: integer("int64", 64, true),
  uint8: integer("uint8", 8, false),
  uint16: integer("uint16", 16, false),
  uint32: integer("uint32", 32, false),
  uint64: integer("uint64", 64, false),
  list: (element: JsonShape): JsonShape => ({ kind: "list", element }),
  map: (value: JsonShape): JsonShape => ({ kind: "map", value }),
  struct: (name: string, fields: Readonly<Record<string, JsonShape>>): JsonShape => ({ kind: "struct", name, fields }),
  custom: (typeName: string, decode: (value: unknown) => unknown): JsonShape => ({ kind: "custom", typeName, decode }),
} satisfies Record<string, JsonShape | ((...parts: never[]) => JsonShape)>;

export interface DecodeJsonOptions extends ParseJsonOptions {
  /** Refuse fields the shape does not have, as `json: unknown field "x"`. */
  readonly disallowUnknown?: boolean;
}

/**
 * Decodes JSON text into plain data of the given shape, as Go's decoder fills a struct: field names match
 * whatever their case, unknown fields are skipped, `null` leaves a field out, and of several fields of one name the
 * last counts. Fields have the shape's spelling. Integers are numbers, or bigint where a number is not exact.
 *
 * @throws JsonError, of several mistakes the first:
 * `json: cannot unmarshal string into Go struct field NodeService.Service.Port of type int`
 */
export function decodeJson(json: string, shape: JsonShape, options: DecodeJsonOptions = {}): unknown {
  const binder = new Binder(options.disallowUnknown === true);
  const value = binder.bind(parseJson(json, options), shape, undefined);
  if (binder.firstError !== undefined) throw binder.firstError;
  return value;
}

/** Where a value stands: the innermost struct, and the names from the outermost one down to the field. */
interface Place {
  readonly struct: string;
  readonly path: string;
}

class Binder {
  firstError: JsonError | undefined;
  private readonly disallowUnknown: boolean;

  constructor(disallowUnknown: boolean) {
    this.disallowUnknown = disallowUnknown;
  }

  /** @returns undefined for `null` and for what does not fit; Go goes on after a misfit, and so does this. */
  bind(value: unknown, shape: JsonShape, place: Place | undefined): unknown {
    if (shape.kind === "custom") return this.bindCustom(value, shape.decode);
    if (shape.kind === "any") return value;
    if (value === null) return undefined;
    switch (shape.kind) {
      case "string":
        return typeof value === "string" ? value : this.misfit(value, shape, place);
      case "bool":
        return typeof value === "boolean" ? value : this.misfit(value, shape, place);
      case "float":
        if (typeof value === "bigint") return Number(value);
        return typeof value === "number" && Number.isFinite(value) ? value : this.misfit(value, shape, place);
      case "int":
        return fits(value, shape) ? normal(value) : this.misfit(value, shape, place);
      case "bytes":
        return typeof value === "string" ? this.bindBytes(value) : this.misfit(value, shape, place);
      case "list":
        if (!Array.isArray(value)) return this.misfit(value, shape, place);
        return value.map((item) => this.bind(item, shape.element, place));
      case "map":
        if (!isObject(value)) return this.misfit(value, shape, place);
        return this.bindMap(value, shape.value, place);
      case "struct":
        if (!isObject(value)) return this.misfit(value, shape, place);
        return this.bindStruct(value, shape, place);
    }
  }

  private bindMap(value: Record<string, unknown>, shape: JsonShape, place: Place | undefined): unknown {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, this.bind(item, shape, place)]));
  }

  private bindStruct(
    value: Record<string, unknown>,
    shape: Extract<JsonShape, { kind: "struct" }>,
    place: Place | undefined,
  ): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    for (const [key, item] of Object.entries(value)) {
      const name = Object.hasOwn(shape.fields, key) ? key : folded(shape.fields).get(key.toLowerCase());
      if (name === undefined) {
        if (this.disallowUnknown) this.note(new JsonError(`json: unknown field ${JSON.stringify(key)}`));
        continue;
      }
      const struct = shape.name.slice(shape.name.lastIndexOf(".") + 1);
      const path = place === undefined ? name : `${place.path}.${name}`;
      const bound = this.bind(item, shape.fields[name] as JsonShape, { struct, path });
      if (bound !== undefined) result[name] = bound;
    }
    return result;
  }

  private bindBytes(value: string): Uint8Array | undefined {
    const stripped = value.replace(/[\r\n]/g, "");
    const bad = base64Mistake(stripped);
    if (bad === undefined) return Buffer.from(stripped, "base64");
    this.note(new JsonError(`illegal base64 data at input byte ${bad}`));
    return undefined;
  }

  private bindCustom(value: unknown, decode: (value: unknown) => unknown): unknown {
    try {
      return decode(value);
    } catch (error) {
      if (!(error instanceof JsonError)) throw error;
      this.note(error);
      return undefined;
    }
  }

  private misfit(value: unknown, shape: JsonShape, place: Place | undefined): undefined {
    const target = place === undefined ? "value" : `struct field ${place.struct}.${place.path}`;
    const what = describe(value, shape);
    this.note(new JsonError(`json: cannot unmarshal ${what} into Go ${target} of type ${typeName(shape)}`));
  }

  private note(error: JsonError): void {
    this.firstError ??= error;
  }
}

const FOLDED = new WeakMap<object, ReadonlyMap<string, string>>();

function folded(fields: Readonly<Record<string, JsonShape>>): ReadonlyMap<string, string> {
  let names = FOLDED.get(fields);
  if (names === undefined) {
    names = new Map(Object.keys(fields).map((name) => [name.toLowerCase(), name]));
    FOLDED.set(fields, names);
  }
  return names;
}

function fits(value: unknown, { bits, signed }: Extract<JsonShape, { kind: "int" }>): value is number | bigint {
  if (typeof value === "number" ? !Number.isSafeInteger(value) : typeof value !== "bigint") return false;
  const exact = BigInt(value as number | bigint);
  const max = 1n << BigInt(signed ? bits - 1 : bits);
  return exact < max && exact >= (signed ? -max : 0n);
}

/** Minus zero is zero, and a bigint that a number can hold is one. */
function normal(value: number | bigint): number | bigint {
  return typeof value === "number" ? value + 0 : value;
}

function describe(value: unknown, shape: JsonShape): string {
  if (Array.isArray(value)) return "array";
  if (typeof value === "object") return "object";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "string") return "string";
  return shape.kind === "int" || shape.kind === "float" ? `number ${String(value)}` : "number";
}

function typeName(shape: JsonShape): string {
  switch (shape.kind) {
    case "float":
      return "float64";
    case "bytes":
      return "[]uint8";
    case "any":
      return "interface {}";
    case "list":
      return `[]${typeName(shape.element)}`;
    case "map":
      return `map[string]${typeName(shape.value)}`;
    case "struct":
      return shape.name;
    case "int":
    case "custom":
      return shape.typeName;
    default:
      return shape.kind;
  }
}

/** Index of the first byte that standard, padded base64 does not allow, or undefined. */
function base64Mistake(value: string): number | undefined {
  const good = /^[A-Za-z0-9+/]*/.exec(value)?.[0].length ?? 0;
  const padding = value.slice(good);
  const left = good % 4;
  if (padding === "") return left === 0 ? undefined : value.length;
  const wanted = left === 2 ? "==" : left === 3 ? "=" : "";
  return padding === wanted ? undefined : wanted !== "" && padding.startsWith(wanted) ? good + wanted.length : good;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
