import assert from "node:assert/strict";
import { test } from "node:test";
import { accessorIn, needOf } from "./acl-needs.ts";

test("a refusal that says what was missing is understood", () => {
  const accessor = "9b5a1f7e-2a4c-4c37-8f0e-2b1c2d3e4f50";
  const text = `Permission denied: token with AccessorID '${accessor}' lacks permission 'service:read' on "web"`;
  assert.deepEqual(needOf(text), { resource: "service", name: "web", access: "read" });
  assert.equal(accessorIn(text), accessor);
  assert.deepEqual(needOf("Permission denied: anonymous token lacks permission 'acl:write'. The anonymous token …"), {
    resource: "acl",
    name: "",
    access: "write",
  });
  assert.equal(needOf("Permission denied"), undefined);
});

test("a request says what it needs", () => {
  const needs: [string, string, string, string][] = [
    ["GET /v1/kv/app/limit", "key", "app/limit", "read"],
    ["GET /v1/kv/app/?keys", "key", "app/", "list"],
    ["PUT https://consul.example:8501/v1/kv/a%20b?cas=1", "key", "a b", "write"],
    ["put /behind/v1/acl/token", "acl", "", "write"],
    ["/v1/acl/policies", "acl", "", "read"],
    ["GET /v1/operator/raft/configuration", "operator", "", "read"],
    ["GET /v1/operator/keyring", "keyring", "", "read"],
    ["PUT /v1/connect/intentions/exact?source=web&destination=default/db", "intention", "db", "write"],
    ["DELETE /v1/config/service-defaults/web", "service", "web", "write"],
    ["PUT /v1/config/proxy-defaults/global", "operator", "", "write"],
    ["GET /v1/config/service-intentions/web", "intention", "web", "read"],
    ["PUT /v1/event/fire/deploy", "event", "deploy", "write"],
    ["PUT /v1/agent/force-leave/n2", "operator", "", "write"],
    ["GET /v1/agent/service/web", "service", "web", "read"],
    ["GET /v1/health/service/web?passing", "service", "web", "read"],
    ["PUT /v1/query/abc", "query", "abc", "write"],
  ];
  for (const [text, resource, name, access] of needs) assert.deepEqual(needOf(text), { resource, name, access }, text);
  assert.deepEqual(needOf("DELETE /v1/kv/app/?recurse"), {
    resource: "key",
    name: "app/",
    access: "write",
    tree: true,
  });
  assert.equal(needOf("GET /v1/status/leader"), undefined);
});
