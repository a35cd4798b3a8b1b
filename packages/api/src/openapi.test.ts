import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { AnyContract, Parameter } from "./contract.ts";
import { ALL_CONTRACTS, CONTRACT_AREAS } from "./contracts/all.ts";
import { openApiDocument } from "./openapi.ts";

const contracts = Object.entries(ALL_CONTRACTS) as readonly (readonly [string, AnyContract])[];
const document = JSON.parse(JSON.stringify(openApiDocument("1.2.3")));

test("every contract and every parameter says what it is", () => {
  for (const [name, contract] of contracts) {
    assert.match(contract.summary, /^[A-Z].*[^.]$/, `summary of ${name}`);
    const inPath = [...contract.http.matchAll(/[:*](\w+)/g)].map(([, parameter]) => parameter);
    const parameters = Object.entries(contract.parameters as Readonly<Record<string, Parameter<unknown>>>);
    for (const [property, parameter] of parameters) assert.ok(parameter.about.length > 5, `${name}.${property}`);
    const declared = parameters.filter(([, parameter]) => parameter.in === "path").map(([property]) => property);
    assert.deepEqual(declared, inPath, `path parameters of ${name}`);
    assert.ok(parameters.filter(([, { in: place }]) => place === "body").length <= 1, `${name} has one body`);
  }
});

test("names are unique across areas, and the areas hold every contract", () => {
  const names = Object.values(CONTRACT_AREAS).flatMap(Object.keys);
  assert.deepEqual(names.toSorted(), Object.keys(ALL_CONTRACTS).toSorted());
});

test("the document has every contract, and every reference leads somewhere", () => {
  const operations = Object.values(document.paths).flatMap((path: any) => Object.values(path)) as any[];
  const ids = operations.flatMap((operation) => [
    operation.operationId,
    ...(operation["x-variants"] ?? []).map((variant: any) => variant.operationId),
  ]);
  for (const [name] of contracts) assert.ok(ids.includes(name), name);
  assert.equal(new Set(ids).size, ids.length);
  JSON.stringify(document, (key, value) => {
    if (key === "$ref") {
      const found = value
        .slice(2)
        .split("/")
        .reduce((at: any, part: string) => at?.[part], document);
      assert.ok(found !== undefined, value);
    }
    return value;
  });
  for (const [path, methods] of Object.entries(document.paths) as [string, any][])
    for (const { parameters } of Object.values(methods) as any[])
      for (const [, name] of path.matchAll(/\{(\w+)\}/g))
        assert.ok(
          parameters.some((each: any) => each.name === name),
          path,
        );
});

test("the document is one of OpenAPI 3.1, by its rules", () => {
  const operations = (Object.entries(document.paths) as [string, any][]).flatMap(([path, methods]) =>
    Object.entries(methods as Record<string, any>).map(([method, operation]) => ({ path, method, operation })),
  );
  assert.match(document.openapi, /^3\.1\.\d$/);
  const tags = document.tags.map(({ name }: any) => name);
  for (const { path, method, operation } of operations) {
    const where = `${method} ${path}`;
    assert.match(method, /^(get|put|post|delete|options)$/, where);
    assert.ok(path.startsWith("/v1/"), where);
    assert.ok(
      operation.tags.every((tag: string) => tags.includes(tag)),
      where,
    );
    const parameters = operation.parameters.map((one: any) => (one.$ref ? lookUp(one.$ref) : one));
    const keys = parameters.map((one: any) => `${one.in} ${one.name}`);
    assert.equal(new Set(keys).size, keys.length, `${where}: a parameter twice`);
    const inPath = parameters.filter((one: any) => one.in === "path");
    assert.deepEqual(
      inPath.map((one: any) => one.name).sort(),
      [...path.matchAll(/\{(\w+)\}/g)].map(([, n]) => n).sort(),
    );
    for (const one of parameters) {
      assert.ok(["path", "query", "header"].includes(one.in) && one.description, `${where}: ${one.name}`);
      assert.equal(one.in === "path", one.required === true, `${where}: ${one.name}`);
      checkSchema(one.schema, `${where}: ${one.name}`);
    }
    if (operation.requestBody !== undefined) {
      assert.notEqual(method, "get", where);
      checkContent(operation.requestBody.content, `${where}: body`);
    }
    assert.ok("200" in operation.responses && "500" in operation.responses, where);
    for (const [status, response] of Object.entries(operation.responses) as [string, any][]) {
      assert.match(status, /^([2-5]\d\d|default)$/, where);
      const { description, content, headers } = response.$ref ? lookUp(response.$ref) : response;
      assert.ok(typeof description === "string" && description !== "", `${where}: ${status}`);
      if (content !== undefined) checkContent(content, `${where}: ${status}`);
      for (const header of Object.values(headers ?? {}) as any[]) checkSchema(lookUp(header.$ref).schema, where);
    }
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) checkSchema(schema, name);
  for (const requirement of document.security)
    for (const name of Object.keys(requirement)) assert.ok(name in document.components.securitySchemes, name);
});

const lookUp = (ref: string): any =>
  ref
    .slice(2)
    .split("/")
    .reduce((at: any, part: string) => at[part], document);

function checkContent(content: any, where: string): void {
  for (const [media, { schema }] of Object.entries(content) as [string, any][]) {
    assert.match(media, /^[a-z]+\/[a-z-]+$/, where);
    if (schema !== undefined) checkSchema(schema, `${where} ${media}`);
  }
}

const KEYWORDS: Readonly<Record<string, RegExp | true>> = {
  $ref: /^#\/components\/schemas\/\w+$/,
  ...{ description: /./, format: /^[a-z0-9-]+$/, contentEncoding: /^base64$/, pattern: /./ },
  ...{ type: true, minimum: true, enum: true, examples: true, required: true },
  ...{ properties: true, items: true, additionalProperties: true, oneOf: true },
};

/** JSON Schema, as far as the document uses it; a keyword that nobody knows would say nothing. */
function checkSchema(schema: any, where: string): void {
  assert.ok(typeof schema === "object" && schema !== null, where);
  for (const [keyword, value] of Object.entries(schema)) {
    const rule = KEYWORDS[keyword];
    assert.ok(rule !== undefined, `${where}: ${keyword}`);
    if (rule !== true) assert.match(value as string, rule, `${where}: ${keyword}`);
  }
  for (const type of [schema.type ?? []].flat())
    assert.match(type, /^(string|boolean|integer|number|array|object|null)$/, where);
  for (const name of schema.required ?? []) assert.ok(name in schema.properties, `${where}: ${name}`);
  for (const [name, inner] of Object.entries(schema.properties ?? {})) checkSchema(inner, `${where}.${name}`);
  for (const inner of [schema.items ?? [], schema.additionalProperties ?? [], schema.oneOf ?? []].flat())
    checkSchema(inner, where);
}

test("common parameters and headers follow from kind and flags", () => {
  const service = document.paths["/v1/health/service/{service}"].get;
  const names = service.parameters.map((each: any) => each.name ?? each.$ref.split("/").at(-1));
  assert.deepEqual(
    ["passing", "node-meta", "dc", "index", "wait", "stale", "consistent", "cached", "pretty"].filter(
      (name) => !names.includes(name),
    ),
    [],
  );
  assert.ok("X-Consul-Index" in service.responses[200].headers);
  assert.equal(service["x-rpc"], "Health.ServiceNodes");
  const put = document.paths["/v1/kv/{key}"].put;
  assert.equal(put["x-acl"], "key:write");
  assert.ok(!JSON.stringify(put.parameters).includes("stale"));
});

test("struct schemas use JSON names and tell what may be left out", () => {
  const entry = document.components.schemas.DirEntry;
  assert.deepEqual(entry.required, ["LockIndex", "Key", "Flags", "Value", "CreateIndex", "ModifyIndex"]);
  assert.equal(entry.properties.Value.contentEncoding, "base64");
  assert.equal(document.components.schemas.HealthCheckDefinition.properties.Interval.type, "string");
  assert.equal(document.components.schemas.NodeService.properties.LocallyRegisteredAsSidecar, undefined);
  assert.equal(document.components.schemas.RegisterRequestInput.required, undefined);
});

test("docs/api.md is what the contracts say", () => {
  const script = fileURLToPath(new URL("../../../scripts/api-docs.mjs", import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  assert.equal(status, 0, stderr);
});
