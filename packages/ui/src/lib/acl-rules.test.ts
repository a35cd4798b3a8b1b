import assert from "node:assert/strict";
import { test } from "node:test";
import { decide, identityRules, type Need, type RuleNode, type RuleTree, rulesOf, ruleText } from "./acl-rules.ts";

/** The tree that the parser makes of JSON. */
function node(value: unknown): RuleNode {
  if (Array.isArray(value)) return { kind: "list", items: value.map(node) };
  if (typeof value === "object" && value !== null) return tree(value);
  return { kind: "literal", value: value as string };
}
function tree(value: object): RuleTree {
  const items = Object.entries(value).map(([key, each], i) => ({
    keys: [key],
    value: node(each),
    position: { line: i + 1, column: 1 },
  }));
  return { kind: "object", items };
}
const source = (policy: string, rules: object, role = "") => ({ policy, role, rules: rulesOf(tree(rules)) });
const policy = (access: string, more = {}) => ({ policy: access, ...more });

test("rules of all shapes are read: labelled, nested, in lists, without names, of Enterprise", () => {
  const labelled: RuleTree = {
    kind: "object",
    items: [{ keys: ["service", "web"], value: tree(policy("write")), position: { line: 3, column: 1 } }],
  };
  assert.deepEqual(rulesOf(labelled), [{ resource: "service", name: "web", prefix: false, access: "write", line: 3 }]);
  const rules = rulesOf(
    tree({
      key_prefix: [{ "app/": policy("list") }, { "": policy("deny") }],
      service: { web: policy("read", { intentions: "write" }) },
      operator: "read",
      namespace_prefix: { x: { service: { web: policy("write") } } },
    }),
  );
  assert.deepEqual(
    rules.map(({ resource, name, prefix, access, intentions }) => [resource, name, prefix, access, intentions]),
    [
      ["key", "app/", true, "list", undefined],
      ["key", "", true, "deny", undefined],
      ["service", "web", false, "read", "write"],
      ["operator", "", false, "read", undefined],
    ],
  );
});

test("what would do nothing or is refused is a fault with its place", () => {
  const faults: [object, RegExp][] = [
    [{ sevrice: { web: policy("read") } }, /^At 1:1: there is no resource "sevrice"$/],
    [{ service: { web: {} } }, /has no policy/],
    [{ service: { web: policy("list") } }, /only rules of keys/],
    [{ service: { web: policy("all") } }, /"read", "write" or "deny"/],
    [{ node: { n: policy("read", { intentions: "read" }) } }, /only rules of services/],
    [{ operator: { x: policy("read") } }, /write operator = "read"/],
    [{ service: "read" }, /write service "name"/],
    [{ key: { a: policy("read") }, acl: 7 }, /^At 2:1/],
  ];
  for (const [rules, message] of faults) assert.throws(() => rulesOf(tree(rules)), { name: "RuleFault", message });
});

const key = (name: string, access: Need["access"], more = {}): Need => ({ resource: "key", name, access, ...more });

test("the most exact rule decides, among equals the strictest, without any the default", () => {
  const wide = source("wide", { key_prefix: { "": policy("write") } });
  const narrow = source("narrow", { key_prefix: { "app/": policy("read") } }, "role");
  const exact = source("exact", { key: { "app/a": policy("deny") } });
  assert.equal(decide(key("other", "write"), [wide, narrow], false).allowed, true);
  const refused = decide(key("app/b", "write"), [wide, narrow], true);
  assert.equal(refused.allowed, false);
  assert.deepEqual(
    refused.matches.map((match) => [match.policy, match.role, match.decides]),
    [
      ["narrow", "role", true],
      ["wide", "", false],
    ],
  );
  assert.equal(decide(key("app/b", "read"), [wide, narrow, exact], false).allowed, true);
  assert.equal(decide(key("app/a", "read"), [wide, narrow, exact], true).allowed, false);
  const equal = source("equal", { key_prefix: { "app/": policy("write") } });
  assert.equal(decide(key("app/b", "write"), [narrow, equal], false).allowed, true, "write over read");
  const deny = source("deny", { key_prefix: { "app/": policy("deny") } });
  assert.equal(decide(key("app/b", "read"), [narrow, equal, deny], false).allowed, false, "deny over all");
  assert.deepEqual(decide(key("app/b", "read"), [], false), { allowed: false, byDefault: true, matches: [] });
  assert.equal(decide(key("app/b", "read"), [], true).allowed, true);
  assert.equal(decide(key("app/", "list"), [narrow], true).allowed, false, "read does not list");
  assert.equal(decide(key("app/", "list"), [equal], false).allowed, true);
});

test("a folder is granted only with all that is in it", () => {
  const sources = [source("p", { key_prefix: { "app/": policy("write"), "app/secret/": policy("read") } })];
  const verdict = decide(key("app/", "write", { tree: true }), sources, false);
  assert.equal(verdict.allowed, false);
  assert.deepEqual(
    verdict.matches.filter(({ decides }) => decides).map(({ name }) => name),
    ["app/secret/"],
  );
  assert.equal(decide(key("app/secret/", "write", { tree: true }), sources, false).allowed, false);
});

test("intentions follow their own word, and else let those read who may see the service", () => {
  const need = (access: Need["access"]): Need => ({ resource: "intention", name: "web", access });
  const told = [source("p", { service: { web: policy("read", { intentions: "write" }) } })];
  assert.equal(decide(need("write"), told, false).allowed, true);
  const untold = [source("p", { service: { web: policy("write") } })];
  assert.equal(decide(need("write"), untold, false).allowed, false);
  assert.equal(decide(need("read"), untold, false).allowed, true);
  assert.equal(decide(need("read"), [source("p", { service: { web: policy("deny") } })], true).allowed, false);
});

test("identities bring rules, and what is missing is written as a rule", () => {
  const sources = [{ policy: "web", role: "", rules: identityRules.service("web") }];
  assert.equal(
    decide({ resource: "service", name: "web-sidecar-proxy", access: "write" }, sources, false).allowed,
    true,
  );
  assert.equal(decide({ resource: "service", name: "db", access: "write" }, sources, false).allowed, false);
  assert.equal(ruleText(key("app/", "write", { tree: true })), 'key_prefix "app/" {\n  policy = "write"\n}\n');
  assert.equal(ruleText({ resource: "operator", name: "", access: "read" }), 'operator = "read"\n');
  assert.match(ruleText({ resource: "intention", name: "web", access: "write" }), /intentions = "write"/);
});
