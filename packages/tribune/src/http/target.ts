import type { Parameter } from "@tribune/api";
import { JsonShapeError, type Schema } from "@tribune/api";
import type { Endpoint, HttpView } from "../endpoints/binding.ts";
import { TribuneError, withNamespaceHint } from "../lib/errors.ts";
import { JsonError, parseJson } from "../lib/go-json-parse.ts";
import { readStruct } from "../lib/struct-json.ts";

/** Reads a contract's parameters from a request. `body` is undefined for methods without one. */
export function parameterValues(
  parameters: Readonly<Record<string, Parameter<unknown>>>,
  rest: string,
  http: HttpView,
  body: Uint8Array | undefined,
): Record<string, unknown> {
  let entries = entriesOf.get(parameters);
  if (entries === undefined) {
    entries = Object.entries(parameters);
    entriesOf.set(parameters, entries);
  }
  const values: Record<string, unknown> = {};
  for (const [property, parameter] of entries)
    values[property] = parameterValue(parameter, parameter.name ?? property, rest, http, body);
  return values;
}

const entriesOf = new WeakMap<object, readonly (readonly [property: string, parameter: Parameter<unknown>])[]>();

function parameterValue(
  parameter: Parameter<unknown>,
  name: string,
  rest: string,
  http: HttpView,
  body: Uint8Array | undefined,
): unknown {
  if (parameter.in === "path") return required(parameter, rest);
  if (parameter.type === "stream") return http.body;
  if (parameter.in === "body") return bodyValue(parameter, body ?? new Uint8Array(0));
  const { query } = http;
  switch (parameter.type) {
    case "boolean":
      return query.has(name);
    case "strings":
      return query.all(name);
    case "meta":
      return metaPairs(query.all(name));
    case "integer":
    case "u64": {
      const raw = query.get(name);
      if (raw === "") return undefined;
      if (/^\d+$/.test(raw) && BigInt(raw) < 1n << 64n) {
        const value = BigInt(raw);
        return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : parameter.type === "u64" ? value : undefined;
      }
      // Left to the binding where the contract names no text: Consul words these differently by endpoint.
      if (parameter.invalid === undefined) return undefined;
      throw TribuneError.badRequest(
        parameter.invalid.replace("%s", `strconv.ParseUint: parsing ${JSON.stringify(raw)}: invalid syntax`),
      );
    }
    default:
      return required(parameter, query.get(name));
  }
}

function required(parameter: Parameter<unknown>, value: string): string {
  if (value === "" && parameter.missing !== undefined) throw TribuneError.badRequest(parameter.missing);
  return value;
}

function metaPairs(pairs: readonly string[]): Record<string, string> | null {
  if (pairs.length === 0) return null;
  return Object.fromEntries(
    pairs.map((pair) => {
      const colon = pair.indexOf(":");
      return colon < 0 ? [pair, ""] : [pair.slice(0, colon), pair.slice(colon + 1)];
    }),
  );
}

function bodyValue(parameter: Parameter<unknown>, body: Uint8Array): unknown {
  if (parameter.type === "bytes") return body;
  const schema = parameter.schema as Schema<unknown> | undefined;
  if (body.length === 0 && (schema === undefined || parameter.invalid === undefined)) return undefined;
  try {
    const value = parseJson(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8"));
    return schema === undefined ? value : readStruct(schema, value, true);
  } catch (error) {
    if (!(error instanceof JsonShapeError) && !(error instanceof JsonError)) throw error;
    const text = (parameter.invalid ?? "Request decode failed: %s").replace(
      "%s",
      parameter.namespaceHint === true ? withNamespaceHint(error.message) : error.message,
    );
    throw parameter.invalidStatus === 500 ? TribuneError.internal(text) : TribuneError.badRequest(text);
  }
}

interface BodyParameter {
  readonly in: string;
  readonly type: string;
  readonly bytesMax?: number;
}

const bodyParameters = new WeakMap<Endpoint["contract"], BodyParameter | null>();

/** The one that the body says, unless its binding reads the body as it comes. */
export function bodyParameter(contract: Endpoint["contract"]): BodyParameter | undefined {
  let found = bodyParameters.get(contract);
  if (found === undefined) {
    const parameters: readonly BodyParameter[] = Object.values(contract.parameters);
    found = parameters.find((parameter) => parameter.in === "body" && parameter.type !== "stream") ?? null;
    bodyParameters.set(contract, found);
  }
  return found ?? undefined;
}
