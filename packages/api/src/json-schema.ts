import type { Schema } from "./schema.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * JSON Schemas (2020-12) of wire structs, collected as named components. As `output`, fields that are always there are
 * required; as `input`, everything may be left out.
 */
export class JsonSchemas {
  readonly #components = new Map<string, Json>();
  /** Modifiers such as `omitEmpty` copy a schema; its list of fields stays the same and identifies the struct. */
  readonly #names = { input: new Map<unknown, string>(), output: new Map<unknown, string>() };

  of(schema: Schema<unknown>, use: "input" | "output"): Json {
    switch (schema.kind) {
      case "text":
        return { type: "string" };
      case "bool":
        return { type: "boolean" };
      case "int":
        return { type: "integer" };
      case "uint":
      case "u64":
        return { type: "integer", minimum: 0, ...(schema.kind === "u64" ? { format: "uint64" } : {}) };
      case "float":
        return { type: "number", ...(schema.single === true ? { format: "float" } : {}) };
      case "bytes":
        return { type: ["string", "null"], contentEncoding: "base64" };
      case "duration":
        return schema.asText === true
          ? { type: "string", examples: ["10s"] }
          : { type: "integer", description: "Nanoseconds" };
      case "time":
        return { type: "string", format: "date-time" };
      case "any":
        return schema.forms === undefined ? {} : { oneOf: schema.forms.map((form) => this.of(form, use)) };
      case "list":
        return { type: ["array", "null"], items: this.of(schema.of!, use) };
      case "map":
        return { type: ["object", "null"], additionalProperties: this.of(schema.of!, use) };
      case "nullable":
        return { oneOf: [this.of(schema.of!, use), { type: "null" }] };
      case "struct":
        return { $ref: `#/components/schemas/${this.#name(schema, use)}` };
    }
  }

  /** By name, sorted. */
  all(): Readonly<Record<string, Json>> {
    return Object.fromEntries([...this.#components].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** Structs of one name are told apart by a number: an area may have its own form of `HealthCheck`. */
  #name(schema: Schema<unknown>, use: "input" | "output"): string {
    const known = this.#names[use].get(schema.fields);
    if (known !== undefined) return known;
    const wanted = schema.name! + (use === "input" ? "Input" : "");
    let name = wanted;
    for (let number = 2; this.#components.has(name); number++) name = `${wanted}${number}`;
    this.#names[use].set(schema.fields, name);
    this.#components.set(name, {}); // a struct may hold itself
    const fields = schema.fields!.filter((field) => field.schema.hidden !== true);
    const required = fields
      .filter((field) => field.schema.omitEmpty !== true && field.schema.omitZero !== true)
      .map((field) => field.jsonName);
    this.#components.set(name, {
      type: "object",
      properties: Object.fromEntries(fields.map((field) => [field.jsonName, this.of(field.schema, use)])),
      ...(use === "output" && required.length > 0 ? { required } : {}),
    });
    return name;
  }
}
