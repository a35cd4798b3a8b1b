import type { HclMap, HclValue } from "../codec/hcl.ts";
import type { AnySchema, ScalarType, StructFields } from "./schema.ts";

/** The language decides how Consul names a wrong number in its errors: JSON knows floats only. */
export type SourceFormat = "hcl" | "json";

export interface Decoded {
  readonly value: HclValue | undefined;
  /** Keys no schema knows, as full paths (`ports.bogus`, `services[1].bogus`), in the order met. */
  readonly unknownKeys: readonly string[];
  /** Values of the wrong type; texts are Consul's (mapstructure). */
  readonly typeErrors: readonly string[];
}

/**
 * Reads plain HCL or JSON values against a schema, with the leniency Consul's configuration has always had:
 * a list of one stands for its element, struct keys ignore case, null counts as absent.
 */
export function decodeValue(schema: AnySchema, raw: HclValue, format: SourceFormat): Decoded {
  const decoder = new Decoder(format);
  const value = decoder.decode(schema, raw, "");
  return { value, unknownKeys: decoder.unknownKeys, typeErrors: decoder.typeErrors };
}

class Decoder {
  readonly unknownKeys: string[] = [];
  readonly typeErrors: string[] = [];
  readonly #format: SourceFormat;

  constructor(format: SourceFormat) {
    this.#format = format;
  }

  decode(schema: AnySchema, raw: HclValue, path: string): HclValue | undefined {
    if (raw === null) return undefined;
    if (schema.type === "any") return isList(raw) && raw.length === 1 ? unwrapDeep(raw[0] ?? null) : raw;
    if (schema.type === "list") return this.#list(schema.of, raw, path);
    const value = isList(raw) && raw.length === 1 ? (raw[0] ?? null) : raw;
    if (value === null) return undefined;
    if (schema.type === "scalar") return this.#scalar(schema.scalar, value, path);
    if (!isMap(value)) {
      this.typeErrors.push(`'${path}' expected a map, got '${this.#goKind(value)}'`);
      return undefined;
    }
    return schema.type === "map"
      ? this.#map(schema.of, value, path)
      : this.#struct(schema.fields, schema.aliases, value, path);
  }

  #list(of: AnySchema, raw: HclValue, path: string): HclValue | undefined {
    if (!isList(raw)) {
      this.typeErrors.push(`'${path}': source data must be an array or slice, got ${this.#goKind(raw)}`);
      return undefined;
    }
    return raw.map((item, index) => this.decode(of, item, `${path}[${index}]`) ?? zeroOf(of));
  }

  #map(of: AnySchema, raw: HclMap, path: string): HclValue {
    const entries = Object.entries(raw).map(([key, item]) => [
      key,
      this.decode(of, item, `${path}[${key}]`) ?? zeroOf(of),
    ]);
    return Object.fromEntries(entries) as HclMap;
  }

  #struct(fields: StructFields, aliases: Readonly<Record<string, string>>, raw: HclMap, path: string): HclValue {
    const out: Record<string, HclValue> = {};
    const source = translateAliases(raw, aliases);
    const unused = new Set(source.keys());
    for (const [field, schema] of Object.entries(fields)) {
      const key = source.has(field) ? field : keyIgnoringCase(source, field);
      if (key === undefined) continue;
      unused.delete(key);
      const value = this.decode(schema, source.get(key) ?? null, join(path, field));
      if (value !== undefined) out[field] = value;
    }
    for (const key of unused) this.unknownKeys.push(join(path, key));
    return out;
  }

  #scalar(type: ScalarType, value: HclValue, path: string): HclValue | undefined {
    if (type === "bool" || type === "string") {
      if (typeof value === (type === "bool" ? "boolean" : "string")) return value;
    } else if (typeof value === "number") {
      if (type === "float64") return value;
      if (type === "int" || value >= 0) return Math.trunc(value);
      this.typeErrors.push(`cannot parse '${path}', ${value} overflows uint`);
      return undefined;
    }
    this.typeErrors.push(
      `'${path}' expected type '${type}', got unconvertible type '${this.#goType(value)}', value: '${goText(value)}'`,
    );
    return undefined;
  }

  #goKind(value: HclValue): string {
    if (isList(value)) return "slice";
    if (isMap(value)) return "map";
    return this.#goType(value);
  }

  #goType(value: HclValue): string {
    if (isList(value)) {
      const blocks = this.#format === "hcl" && value.length > 0 && value.every(isMap);
      return blocks ? "[]map[string]interface {}" : "[]interface {}";
    }
    if (isMap(value)) return "map[string]interface {}";
    if (typeof value === "boolean") return "bool";
    if (typeof value === "number") return this.#format === "hcl" && Number.isInteger(value) ? "int" : "float64";
    return "string";
  }
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

function isList(value: HclValue): value is readonly HclValue[] {
  return Array.isArray(value);
}

function isMap(value: HclValue): value is HclMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** What Go would leave in a list or map at the place of a null. */
function zeroOf(schema: AnySchema): HclValue {
  if (schema.type === "list") return [];
  if (schema.type === "map" || schema.type === "struct") return {};
  if (schema.type === "any") return null;
  if (schema.scalar === "bool") return false;
  return schema.scalar === "string" ? "" : 0;
}

/** A canonical key beats its aliases; an alias only counts where the canonical key is absent. */
function translateAliases(raw: HclMap, aliases: Readonly<Record<string, string>>): ReadonlyMap<string, HclValue> {
  const out = new Map<string, HclValue>();
  for (const [key, value] of Object.entries(raw)) {
    const lower = key.toLowerCase();
    const canonical = Object.hasOwn(aliases, lower) ? (aliases[lower] ?? key) : key;
    out.set(canonical, Object.hasOwn(raw, canonical) ? (raw[canonical] ?? null) : value);
  }
  return out;
}

function keyIgnoringCase(source: ReadonlyMap<string, unknown>, field: string): string | undefined {
  for (const key of source.keys()) if (key.toLowerCase() === field) return key;
  return undefined;
}

/**
 * Opaque values (proxy `config`, `watches`) keep no trace of HCL's lists-around-blocks: below a block every list
 * of one is its element. It also flattens real lists of one, and readers of opaque values live with it.
 */
function unwrapDeep(value: HclValue): HclValue {
  if (isList(value)) return value.map(unwrapDeep);
  if (!isMap(value)) return value;
  const entries = Object.entries(value).map(([key, item]) => [
    key,
    unwrapDeep(isList(item) && item.length === 1 ? (item[0] ?? null) : item),
  ]);
  return Object.fromEntries(entries) as HclMap;
}

/** Go's `%v`. */
function goText(value: HclValue): string {
  if (isList(value)) return `[${value.map(goText).join(" ")}]`;
  if (isMap(value)) {
    const keys = Object.keys(value).sort();
    return `map[${keys.map((key) => `${key}:${goText(value[key] ?? null)}`).join(" ")}]`;
  }
  return value === null ? "<nil>" : String(value);
}
