/**
 * Reads a configuration entry from JSON as loosely as Consul does: names match whatever their case, in CamelCase or
 * snake_case; numbers and booleans may come as text, durations as text or nanoseconds, a list of one for what is
 * no list, and one thing for a list of one. What is not known is refused.
 */
import { type ConfigEntry, configEntryStruct, durationFault, parseGoDuration, type Schema, zero } from "@tribune/api";
import { goQuote } from "../lib/go-quote.ts";

/** What was given is no configuration entry; the message is the one of Consul's decoder. */
export class ConfigEntryError extends Error {
  override readonly name = "ConfigEntryError";
}

export function isConfigEntryKind(kind: string): boolean {
  return configEntryStruct(kind) !== undefined;
}

/**
 * @param namespaces whether they may be said, and are passed over: what is only read ahead is judged by the servers
 * @throws ConfigEntryError
 */
export function decodeConfigEntry(raw: unknown, namespaces: "refused" | "passed over" = "refused"): ConfigEntry {
  if (raw === undefined) throw refused("EOF");
  if (raw !== null && !isObject(raw)) throw refused(oneError([`'' expected a map, got '${goKind(raw)}'`], "decoding"));
  const given = raw ?? {};
  const kind = Object.hasOwn(given, "Kind") ? given.Kind : given.kind;
  if (kind === undefined) throw refused("Payload does not contain a kind/Kind key at the top level");
  if (typeof kind !== "string") throw refused("Kind value in payload is not a string");
  const schema = configEntryStruct(kind);
  if (schema === undefined) throw refused(`invalid config entry kind: ${kind}`);
  const decoder = new Decoder();
  const entry = decoder.decode(schema, given, "") as ConfigEntry;
  if (decoder.errors.length > 0) throw refused(oneError(decoder.errors, "decoding"));
  const unknown = decoder.unused
    .filter((name) => !TOLERATED.has(name) && !(namespaces === "passed over" && isNamespace(name)))
    .map(unknownKey);
  if (unknown.length > 0) throw refused(oneError(unknown, "occurred"));
  return { ...entry, Kind: kind, CreateIndex: 0, ModifyIndex: 0 };
}

/** Any struct read as loosely; names that are not known are passed over. `problem` is Consul's text. */
export function decodeLoosely<T>(schema: Schema<T>, raw: unknown): { readonly value: T; readonly problem?: string } {
  const decoder = new Decoder();
  const value = decoder.decode(schema as Schema<unknown>, raw, "") as T;
  return decoder.errors.length === 0 ? { value } : { value, problem: oneError(decoder.errors, "decoding") };
}

/** Indexes come back from reading an entry; they are not the writer's to say. */
const TOLERATED: ReadonlySet<string> = new Set(["Kind", "kind", "CreateIndex", "ModifyIndex"]);

const isNamespace = (name: string): boolean => name.toLowerCase().endsWith("namespace");

function unknownKey(name: string): string {
  return `invalid config key ${goQuote(name)}${isNamespace(name) ? ", namespaces are a consul enterprise feature" : ""}`;
}

/** The texts of two Go libraries: "1 error occurred:\\n\\t* …\\n\\n" and "1 error(s) decoding:\\n\\n* …". */
function oneError(errors: readonly string[], verb: "decoding" | "occurred"): string {
  if (verb === "decoding") {
    return `${errors.length} error(s) decoding:\n\n${[...errors]
      .sort()
      .map((error) => `* ${error}`)
      .join("\n")}`;
  }
  const many = errors.length === 1 ? "error" : "errors";
  return `${errors.length} ${many} occurred:\n${errors.map((error) => `\t* ${error}\n`).join("")}\n`;
}

function refused(why: string): ConfigEntryError {
  return new ConfigEntryError(why);
}

class Decoder {
  readonly errors: string[] = [];
  readonly unused: string[] = [];

  decode(schema: Schema<unknown>, value: unknown, at: string): unknown {
    if (value === null || value === undefined) return zero(schema);
    const of = schema.of;
    const only = Array.isArray(value) && value.length === 1 && schema.kind !== "list" && schema.kind !== "any";
    if (only) return this.decode(schema, value[0], at);
    switch (schema.kind) {
      case "text":
        return this.#text(value, at);
      case "bool":
        return this.#bool(value, at);
      case "int":
      case "uint":
      case "u64":
      case "float":
        return this.#number(schema, value, at);
      case "duration":
        return this.#duration(value, at);
      case "time":
        return typeof value === "string" ? value : this.#mismatch(schema, value, at);
      case "any":
        // HCL makes a list of every block, so a list of one stands for what is in it.
        return Array.isArray(value) && value.length === 1 ? withoutLists(value[0]) : value;
      case "nullable":
        return this.decode(of as Schema<unknown>, value, at);
      case "list":
        return this.#list(schema, value, at);
      case "map":
        return this.#map(schema, value, at);
      case "struct":
        return this.#struct(schema, value, at);
      default:
        return this.#mismatch(schema, value, at);
    }
  }

  #text(value: unknown, at: string): string {
    if (typeof value === "string") return value;
    if (typeof value === "boolean") return value ? "1" : "0";
    if (typeof value === "number" || typeof value === "bigint") return String(value);
    return this.#mismatch(TEXT, value, at) as string;
  }

  #bool(value: unknown, at: string): boolean {
    if (typeof value === "boolean") return value;
    if (typeof value === "number") return value !== 0;
    if (typeof value !== "string") return this.#mismatch(BOOL, value, at) as boolean;
    if (["1", "t", "T", "TRUE", "true", "True"].includes(value)) return true;
    if (["0", "f", "F", "FALSE", "false", "False", ""].includes(value)) return false;
    this.errors.push(`cannot parse '${at}' as bool: strconv.ParseBool: parsing ${goQuote(value)}: invalid syntax`);
    return false;
  }

  #number(schema: Schema<unknown>, value: unknown, at: string): number {
    const whole = schema.kind !== "float";
    let number: number;
    if (typeof value === "number") number = value;
    else if (typeof value === "boolean") number = value ? 1 : 0;
    else if (typeof value === "string" && (whole ? /^[+-]?\d{1,18}$/ : /^[+-]?\d*\.?\d+(e[+-]?\d+)?$/i).test(value))
      number = Number(value);
    else if (typeof value === "string") {
      const parser = whole ? (schema.kind === "int" ? "ParseInt" : "ParseUint") : "ParseFloat";
      this.errors.push(
        `cannot parse '${at}' as ${kindName(schema)}: strconv.${parser}: parsing ${goQuote(value)}: invalid syntax`,
      );
      return 0;
    } else return this.#mismatch(schema, value, at) as number;
    if (!whole) return number;
    number = Math.trunc(number);
    if (!Number.isSafeInteger(number)) {
      this.errors.push(`cannot parse '${at}', ${number} overflows ${kindName(schema)}`);
      return 0;
    }
    if (number < 0 && schema.kind !== "int") {
      this.errors.push(`cannot parse '${at}', ${number} overflows uint`);
      return 0;
    }
    return number;
  }

  #duration(value: unknown, at: string): number {
    if (typeof value !== "string") return this.#number(INT, value, at);
    const ns = parseGoDuration(value);
    if (ns !== undefined && Number.isSafeInteger(ns)) return ns;
    this.errors.push(`error decoding '${at}': ${durationFault(value)}`);
    return 0;
  }

  #list(schema: Schema<unknown>, value: unknown, at: string): unknown {
    const items = Array.isArray(value) ? value : isObject(value) && Object.keys(value).length === 0 ? [] : [value];
    return items.map((item, index) => this.decode(schema.of as Schema<unknown>, item, `${at}[${index}]`));
  }

  #map(schema: Schema<unknown>, value: unknown, at: string): unknown {
    if (Array.isArray(value) && value.length === 0) return {};
    if (!isObject(value)) return this.#mismatch(schema, value, at);
    const entries = Object.entries(value).map(([name, item]) => [
      name,
      this.decode(schema.of as Schema<unknown>, item, `${at}[${name}]`),
    ]);
    return Object.fromEntries(entries);
  }

  #struct(schema: Schema<unknown>, value: unknown, at: string): unknown {
    if (!isObject(value)) {
      this.errors.push(`'${at}' expected a map, got '${goKind(value)}'`);
      return zero(schema);
    }
    const prefix = at === "" ? "" : `${at}.`;
    const fields = fieldsByName(schema);
    const decoded: Record<string, unknown> = { ...(zero(schema) as object) };
    for (const [name, item] of Object.entries(value)) {
      const field = fields.get(name.toLowerCase());
      if (field === undefined) this.unused.push(prefix + name);
      else decoded[field.name] = this.decode(field.schema, item, prefix + field.name);
    }
    return decoded;
  }

  #mismatch(schema: Schema<unknown>, value: unknown, at: string): unknown {
    const got = goKind(value);
    this.errors.push(
      schema.kind === "map"
        ? `'${at}' expected a map, got '${got}'`
        : `'${at}' expected type '${schema.goType}', got unconvertible type '${got}'`,
    );
    return zero(schema);
  }
}

const TEXT: Schema<unknown> = { kind: "text", goType: "string" };
const BOOL: Schema<unknown> = { kind: "bool", goType: "bool" };
const INT: Schema<unknown> = { kind: "int", goType: "int64" };

function kindName({ kind, goType }: Schema<unknown>): string {
  return kind === "uint" ? "uint" : goType;
}

type Fields = ReadonlyMap<string, { readonly name: string; readonly schema: Schema<unknown> }>;
const byStruct = new WeakMap<object, Fields>();

/** By their names in lower case, in both spellings. Raft's indexes are no one's to set. */
function fieldsByName(schema: Schema<unknown>): Fields {
  let found = byStruct.get(schema);
  if (found === undefined) {
    const fields = (schema.fields ?? []).filter(
      ({ name, schema: of }) => of.hidden !== true && name !== "CreateIndex" && name !== "ModifyIndex",
    );
    found = new Map(
      fields.flatMap(
        (field) =>
          [
            [field.name.toLowerCase(), field],
            [snakeCase(field.name), field],
          ] as const,
      ),
    );
    byStruct.set(schema, found);
  }
  return found;
}

/** `CAFile` is `ca_file`, `EnvoyListenerJSON` is `envoy_listener_json`. */
function snakeCase(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, "_").toLowerCase();
}

/** What lies in a block, with the lists of one in it taken apart as well. */
function withoutLists(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutLists);
  if (!isObject(value)) return value;
  const entries = Object.entries(value).map(([name, item]) => {
    const only = Array.isArray(item) && item.length === 1;
    return [name, withoutLists(only ? item[0] : item)] as const;
  });
  return Object.fromEntries(entries);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function goKind(value: unknown): string {
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number" || typeof value === "bigint") return "float64";
  return Array.isArray(value) ? "[]interface {}" : "map[string]interface {}";
}
