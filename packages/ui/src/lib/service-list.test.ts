import assert from "node:assert/strict";
import { test } from "node:test";
import { type Summary, searchServices, summarize } from "./service-list.ts";

const row = (Name: string, more: Partial<Summary> = {}): Summary => ({
  Name,
  Tags: null,
  Nodes: ["n1"],
  InstanceCount: 1,
  ChecksPassing: 1,
  ChecksWarning: 0,
  ChecksCritical: 0,
  ...more,
});
const rows = [
  row("web", { Tags: ["v2"], ChecksCritical: 1, InstanceCount: 3 }),
  row("api", { ChecksWarning: 1, Nodes: ["n2"] }),
  row("web-sidecar-proxy", { Kind: "connect-proxy" }),
  row("gate", { Kind: "mesh-gateway", ChecksPassing: 0 }),
  row("db"),
];
const names = (text: string, sort: "status" | "name" | "instances" = "status"): string[] =>
  searchServices(summarize(rows).services, text, sort).map(({ name }) => name);

test("the worst come first, sidecars not at all", () => {
  assert.deepEqual(names(""), ["web", "api", "gate", "db"]);
  assert.deepEqual(names("", "name"), ["api", "db", "gate", "web"]);
  assert.deepEqual(names("", "instances"), ["web", "api", "db", "gate"]);
  assert.deepEqual(summarize(rows).health, { critical: 1, warning: 1, passing: 1, none: 1 });
  assert.equal(summarize(rows).instances, 6);
});

test("the keys of the search find what they say", () => {
  assert.deepEqual(names("is:failing"), ["web"]);
  assert.deepEqual(names("is:unhealthy"), ["web", "api"]);
  assert.deepEqual(names("tag:v2"), ["web"]);
  assert.deepEqual(names("kind:gateway"), ["gate"]);
  assert.deepEqual(names("node:n2"), ["api"]);
  assert.deepEqual(names("-is:passing -web"), ["api", "gate"]);
});

test("a summary that has not changed gives the same row", () => {
  assert.equal(summarize(rows).services[0], summarize(rows.slice()).services[0]);
});
