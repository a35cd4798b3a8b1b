// The document against answers that a real Consul gave: the recorded ones of test/conformance.
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { openApiDocument } from "./openapi.ts";

type Json = any;
const document: Json = JSON.parse(JSON.stringify(openApiDocument("1.2.3")));
const scenarios = new URL("../../../test/conformance/scenarios/", import.meta.url);

/** Faults of a value, by JSON Schema as far as the document uses it. What a struct does not list is a fault as well. */
function faults(schema: Json, value: Json, at: string): readonly string[] {
  if (isPlaceholder(value)) return [];
  if (schema.$ref !== undefined) return faults(resolve(schema.$ref), value, at);
  if (schema.oneOf !== undefined) {
    const all = schema.oneOf.map((one: Json) => faults(one, value, at));
    return all.some((one: Json) => one.length === 0) ? [] : all[0];
  }
  if (schema.type !== undefined && ![schema.type].flat().includes(typeOf(value, schema.type)))
    return [`${at}: ${JSON.stringify(value)} is no ${schema.type}`];
  if (Array.isArray(value))
    return value.flatMap((item, index) => (schema.items ? faults(schema.items, item, `${at}/${index}`) : []));
  if (typeof value !== "object" || value === null) return [];
  const missing = (schema.required ?? []).filter((name: string) => !(name in value));
  return [
    ...missing.map((name: string) => `${at}/${name} is missing`),
    ...Object.entries(value).flatMap(([name, inner]) => {
      const of = schema.properties?.[name] ?? schema.additionalProperties;
      if (of !== undefined) return faults(of, inner, `${at}/${name}`);
      return schema.properties === undefined ? [] : [`${at}/${name} is not in the document`];
    }),
  ];
}

/** Of the recording: a value that each run has its own of. */
const isPlaceholder = (value: unknown) => typeof value === "string" && /\{\{.*\}\}|%\{.*\}/.test(value);
const resolve = (ref: string) =>
  ref
    .slice(2)
    .split("/")
    .reduce((at: Json, part) => at[part], document);
function typeOf(value: unknown, wanted: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  if (typeof value === "number")
    return Number.isInteger(value) && [wanted].flat().includes("integer") ? "integer" : "number";
  return typeof value;
}

/** Of the paths that fit, the one with the fewest parameters: `/v1/health/state/any` before `/v1/kv/{key}`. */
function operationOf(method: string, target: string): Json {
  const path = target.split("?")[0]!;
  const fitting = Object.entries(document.paths as Record<string, Json>).filter(([template, operations]) => {
    if (operations[method.toLowerCase()] === undefined) return false;
    const rest = operations[method.toLowerCase()]["x-path-rest"] === true;
    const pattern = template.replace(/[.]/g, "\\.").replace(/\{\w+\}/g, rest ? ".+" : "[^/]+");
    return new RegExp(`^${pattern}$`).test(path);
  });
  fitting.sort(([a], [b]) => a.split("{").length - b.split("{").length || b.length - a.length);
  return fitting[0]?.[1][method.toLowerCase()];
}

test("recorded answers are what the document says they are", () => {
  const found: string[] = [];
  let compared = 0;
  for (const file of readdirSync(scenarios)) {
    const { steps } = JSON.parse(readFileSync(new URL(file, scenarios), "utf8"));
    for (const { name, method = "GET", path, expect, compare } of steps) {
      const body = expect?.body?.json;
      const isWhole = compare?.drop === undefined && compare?.subset === undefined;
      if (path === undefined || body === undefined || expect.status !== 200) continue;
      const schema = operationOf(method, path)?.responses[200].content?.["application/json"]?.schema;
      if (schema === undefined) continue;
      compared++;
      const here = faults(schema, body, `${file}: ${name ?? path}: `);
      found.push(...(isWhole ? here : here.filter((fault) => !fault.endsWith("is missing"))));
    }
  }
  assert.deepEqual(found, []);
  assert.ok(compared > 300, `${compared} compared`);
});
