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
