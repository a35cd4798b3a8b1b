/** The API as an OpenAPI 3.1 document, derived from the contracts. */
import { ANSWERS } from "./answers.ts";
import { COMMON_PARAMETERS, type CommonName, commonParametersOf } from "./common-parameters.ts";
import type { AnyContract, Parameter } from "./contract.ts";
import { CONTRACT_AREAS } from "./contracts/all.ts";
import { JsonSchemas } from "./json-schema.ts";

type Json = Readonly<Record<string, unknown>>;
type Areas = Readonly<Record<string, Readonly<Record<string, AnyContract>>>>;

/** @param version of the agent that serves the document. */
export function openApiDocument(version: string, areas: Areas = CONTRACT_AREAS): Json {
  const schemas = new JsonSchemas();
  const templates = new Map<string, string>();
  const paths: Record<string, Record<string, Json>> = {};
  for (const [area, contracts] of Object.entries(areas)) {
    for (const group of byRoute(contracts, templates)) {
      const operation = operationOf(area, group, schemas);
      for (const [at, method] of [group[0]!.method, ...(group[0]!.contract.alsoMethods ?? [])].entries()) {
        const operations = paths[group[0]!.path] ?? {};
        paths[group[0]!.path] = operations;
        const operationId = at === 0 ? operation.operationId : `${operation.operationId}${method}`;
        operations[method.toLowerCase()] = { ...operation, operationId };
      }
    }
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Tribune HTTP API",
      version,
      description: "Wire-compatible with Consul 1.10. Generated from the contracts of @tribune/api.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "http://127.0.0.1:8500" }],
    security: [{}, { token: [] }],
    tags: Object.keys(areas).map((name) => ({ name })),
    paths,
    components: {
      parameters: Object.fromEntries(
        Object.entries(COMMON_PARAMETERS).map(([name, parameter]) => [name, parameterOf(name, parameter)]),
      ),
      headers: HEADERS,
      responses: {
        Error: { description: "Refused; the body says why", content: TEXT },
        Forbidden: {
          description: "The token may not; or the agent takes no such request from this address",
          content: TEXT,
        },
        TooLarge: { description: "The body is larger than it may be", content: TEXT },
        Failed: {
          description: "No leader, no way to the datacenter, or a failure; the body says which",
          content: TEXT,
        },
      },
      schemas: schemas.all(),
      securitySchemes: { token: { type: "apiKey", in: "header", name: "X-Consul-Token" } },
    },
  };
}

interface Named {
  readonly name: string;
  readonly method: string;
  readonly path: string;
  readonly contract: AnyContract;
}

/**
 * OpenAPI knows one operation for a method and path, and paths do not differ by the names in them. Contracts that differ
 * by `when` or `whenRest` come together, the plain one first.
 *
 * @param templates of all areas: the first contract of a route names its parameter.
 */
function byRoute(
  contracts: Readonly<Record<string, AnyContract>>,
  templates: Map<string, string>,
): readonly (readonly Named[])[] {
  const groups = new Map<string, Named[]>();
  for (const [name, contract] of Object.entries(contracts)) {
    const [method, route] = contract.http.split(" ") as [string, string];
    const nameless = route.replace(/[:*]\w+/g, "*");
    const path = templates.get(nameless) ?? route.replace(/[:*](\w+)/g, "{$1}");
    templates.set(nameless, path);
    const named = { name, method, path, contract };
    const group = groups.get(`${method} ${path}`) ?? [];
    const isPlain = contract.when === undefined && contract.whenRest === undefined;
    groups.set(`${method} ${path}`, isPlain ? [named, ...group] : [...group, named]);
  }
  return [...groups.values()];
}

function operationOf(area: string, group: readonly Named[], schemas: JsonSchemas): Json {
  const [{ name, path, contract }] = group as [Named];
  const [, pathName] = /\{(\w+)\}/.exec(path) ?? [];
  const variants = group.slice(1);
  const parameters: Record<string, Json> = {};
  for (const [property, parameter] of Object.entries(contract.parameters as Parameters))
    if (parameter.in !== "body")
      parameters[property] = parameterOf(parameter.in === "path" ? pathName! : property, parameter);
  for (const variant of variants) {
    const { when, whenRest } = variant.contract;
    if (when !== undefined)
      parameters[when] = { name: when, in: "query", description: variant.contract.summary, ...FLAG };
    const condition = when === undefined ? `where the path holds \`${whenRest}\`` : `with \`?${when}\``;
    for (const [property, parameter] of Object.entries(variant.contract.parameters as Parameters))
      if (parameter.in === "query")
        parameters[property] = {
          ...parameterOf(property, parameter),
          description: `${parameter.about} (${condition})`,
        };
  }
  const common = new Set<CommonName>(group.flatMap((one) => commonParametersOf(one.contract)));
  return {
    operationId: name,
    tags: [area],
    summary: contract.summary,
    parameters: [
      ...Object.values(parameters),
      ...[...common].map((each) => ({ $ref: `#/components/parameters/${each}` })),
    ],
    ...bodyOf(contract, schemas),
    responses: responsesOf(group, schemas),
    ...extensionsOf(contract),
    ...(variants.length === 0
      ? {}
      : {
          "x-variants": variants.map((variant) => ({
            operationId: variant.name,
            when: variant.contract.when,
            whenRest: variant.contract.whenRest,
            summary: variant.contract.summary,
            ...extensionsOf(variant.contract),
          })),
        }),
  };
}

type Parameters = Readonly<Record<string, Parameter<unknown>>>;

/** A flag is there or not; its value is nothing. */
const FLAG = { schema: { type: "boolean" }, allowEmptyValue: true };
const TEXT = { "text/plain": { schema: { type: "string" } } };

function parameterOf(property: string, parameter: Parameter<any, any>): Json {
  return {
    name: parameter.name ?? property,
    in: parameter.in,
    description: parameter.about,
    ...(parameter.in === "path" ? { required: true } : {}),
    ...parameterSchema(parameter),
  };
}

function parameterSchema({ type }: Parameter<unknown>): Json {
  switch (type) {
    case "boolean":
      return FLAG;
    case "text-bool":
      return { schema: { type: "boolean" } };
    case "integer":
    case "text-number":
      return { schema: { type: "integer" } };
    case "u64":
      return { schema: { type: "integer", format: "uint64", minimum: 0 } };
    case "duration":
      return { schema: { type: "string", examples: ["10s"] } };
    case "strings":
      return { schema: { type: "array", items: { type: "string" } }, explode: true };
    case "meta":
      return { schema: { type: "array", items: { type: "string", pattern: ":" } }, explode: true };
    default:
      return { schema: { type: "string" } };
  }
}

function bodyOf(contract: AnyContract, schemas: JsonSchemas): Json {
  const parameter = Object.values(contract.parameters as Parameters).find((each) => each.in === "body");
  if (parameter === undefined) return {};
  const shape = parameter.schema ?? parameter.shape;
  const content =
    shape === undefined
      ? { "application/octet-stream": {} }
      : { "application/json": { schema: schemas.of(shape, "input") } };
  return {
    requestBody: { description: parameter.about, required: parameter.required === true, content },
    ...(parameter.bytesMax === undefined ? {} : { "x-body-bytes-max": parameter.bytesMax }),
  };
}

function responsesOf(group: readonly Named[], schemas: JsonSchemas): Json {
  const [{ contract }] = group as [Named];
  const contents = group.map((one) => contentOf(one.contract, schemas));
  const headers = headersOf(contract);
  const content = Object.fromEntries(
    [...new Set(contents.flatMap(Object.keys))].map((media) => {
      const forms = distinct(
        contents.flatMap((each): readonly Json[] => (each[media] === undefined ? [] : [each[media]])),
      );
      return [media, { schema: forms.length === 1 ? forms[0] : { oneOf: forms } }];
    }),
  );
  const answer = { ...(headers === undefined ? {} : { headers }), ...(contents.some(Boolean) ? { content } : {}) };
  const parameters = group.flatMap((one) => Object.values(one.contract.parameters as Parameters));
  const refusals = new Set(parameters.flatMap(({ missing, invalid }) => [missing ?? [], invalid ?? []].flat()));
  return {
    200: { description: group.length === 1 ? contract.summary : "What was asked for", ...answer },
    ...Object.fromEntries(
      Object.entries(contract.statuses ?? {}).map(([status, description]) => [status, { description, ...answer }]),
    ),
    ...(refusals.size === 0
      ? {}
      : { 400: { description: [...refusals].map((text) => `\`${text}\``).join(", "), content: TEXT } }),
    ...(contract.acl.by === "none" ? {} : { 403: { $ref: "#/components/responses/Forbidden" } }),
    ...(parameters.some((each) => each.in === "body") ? { 413: { $ref: "#/components/responses/TooLarge" } } : {}),
    500: { $ref: "#/components/responses/Failed" },
    default: { $ref: "#/components/responses/Error" },
  };
}

/** Schema by media type. */
function contentOf({ answers }: AnyContract, schemas: JsonSchemas): Readonly<Record<string, Json>> {
  const form = ANSWERS[answers];
  if (form.body === "none") return {};
  if (form.body === "json") return { "application/json": schemas.of(form.schema, "output") };
  return { [form.mediaType]: { type: "string", format: "binary" } };
}

function distinct(schemas: readonly Json[]): readonly Json[] {
  return [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
}

const header = (description: string, schema: Json): Json => ({ description, schema });
const HEADERS = {
  "X-Consul-Index": header("Index of the answer, for `?index=`", { type: "integer", format: "uint64" }),
  "X-Consul-KnownLeader": header("Whether the server knew a leader", { type: "boolean" }),
  "X-Consul-LastContact": header("Milliseconds since the server heard from the leader", { type: "integer" }),
  "X-Consul-Effective-Consistency": header("How the answer was read", { enum: ["leader", "stale", "consistent"] }),
  "X-Consul-ContentHash": header("Hash of the answer, for `?hash=`", { type: "string" }),
  "X-Cache": header("Whether the cache answered", { enum: ["HIT", "MISS"] }),
  Age: header("Seconds since the cached answer was fetched", { type: "integer" }),
} as const;

function headersOf(contract: AnyContract): Json | undefined {
  const names: (keyof typeof HEADERS)[] = [];
  if (contract.kind === "read") {
    names.push("X-Consul-Index", "X-Consul-KnownLeader", "X-Consul-LastContact");
    if (contract.saysConsistency === true) names.push("X-Consul-Effective-Consistency");
    if (contract.cacheable === true) names.push("X-Cache", "Age");
  } else if (contract.kind === "call") {
    if (contract.cacheable === true) names.push("X-Cache", "Age");
  } else if (contract.kind === "local") {
    if (contract.hashBlocking === true) names.push("X-Consul-ContentHash");
    if (contract.honours?.includes("index") === true) names.push("X-Consul-Index");
  }
  if (names.length === 0) return undefined;
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What OpenAPI has no words for. */
function extensionsOf(contract: AnyContract): Json {
  return {
    "x-kind": contract.kind,
    ...(contract.kind === "local" ? {} : { "x-rpc": contract.rpc }),
    "x-consistency": consistencyOf(contract),
    "x-acl": aclOf(contract),
    // `{key}` may hold slashes.
    ...(contract.http.includes("*") ? { "x-path-rest": true } : {}),
  };
}

/** How fresh an answer is. */
export function consistencyOf(contract: AnyContract): string {
  if (contract.kind === "read") return "leader, stale or consistent";
  if (contract.kind !== "local") return "leader";
  return contract.honours?.includes("stale") === true ? "leader or stale" : "agent";
}

/** The ACL rule: `none`, `filtered`, or what a token must be allowed. */
export function aclOf({ acl }: AnyContract): string {
  if (acl.by === "none") return "none";
  return acl.by === "filter" ? "filtered" : `${acl.resource}:${acl.access}`;
}
