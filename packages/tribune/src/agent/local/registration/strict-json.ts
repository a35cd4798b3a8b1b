import { JsonShapeError, type Schema, type Struct } from "@tribune/api";
import { readStruct } from "../../../lib/struct-json.ts";

/** Spellings beside the field's own. */
const SYNONYMS: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  CheckType: { args: "ScriptArgs" },
  CheckDefinition: { args: "ScriptArgs" },
};
/** Accepted and of no effect. */
const IGNORED: Readonly<Record<string, ReadonlySet<string>>> = { CheckType: new Set(["serviceid"]) };

/**
 * Reads a registration: field names in CamelCase, lower case or snake_case, and none that is unknown. Keys of
 * the user's own maps stay as they are. Where two spellings of one field are given, the later counts.
 *
 * @throws JsonShapeError with Go's text.
 */
export function fromStrictJson<T>(schema: Struct<T>, json: unknown): T {
  return readStruct(schema, canonical(schema, json));
}

function canonical(schema: Schema<unknown>, json: unknown): unknown {
  if (json === null || typeof json !== "object") return json;
  switch (schema.kind) {
    case "struct":
      return Array.isArray(json) ? json : canonicalStruct(schema, json);
    case "nullable":
      return canonical(schema.of!, json);
    case "list":
      return Array.isArray(json) ? json.map((item: unknown) => canonical(schema.of!, item)) : json;
    case "map": {
      if (Array.isArray(json)) return json;
      const entries = Object.entries(json).map(([key, value]) => [key, canonical(schema.of!, value)] as const);
      return Object.fromEntries(entries);
    }
    default:
      return json;
  }
}

function canonicalStruct(schema: Schema<unknown>, json: object): Record<string, unknown> {
  const name = schema.name ?? "";
  const fields = fieldsOf(schema);
  const out: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(json)) {
    const folded = fold(key);
    const field = fields.get(folded);
    if (field !== undefined) {
      if (value !== null) out[field.name] = canonical(field.schema, value);
    } else if (!IGNORED[name]?.has(folded) && schema.lenient !== true)
      throw new JsonShapeError(`json: unknown field ${JSON.stringify(key)}`);
  }
  return out;
}

interface NamedField {
  readonly name: string;
  readonly schema: Schema<unknown>;
}

const foldedFields = new WeakMap<object, Map<string, NamedField>>();

function fieldsOf(schema: Schema<unknown>): Map<string, NamedField> {
  let found = foldedFields.get(schema);
  if (found === undefined) {
    found = new Map();
    for (const field of schema.fields ?? [])
      if (field.schema.hidden !== true) found.set(fold(field.jsonName), { name: field.jsonName, schema: field.schema });
    for (const [synonym, name] of Object.entries(SYNONYMS[schema.name ?? ""] ?? {}))
      found.set(synonym, found.get(fold(name))!);
    foldedFields.set(schema, found);
  }
  return found;
}

function fold(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}
