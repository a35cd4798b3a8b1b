import assert from "node:assert/strict";
import { test } from "node:test";
import {
  headerTest,
  type IntentionsEntry,
  type Permission,
  pathTest,
  precedenceOf,
  rulesProblem,
  ruleText,
  sourceText,
  withHeaderTest,
  withPath,
  withSource,
} from "./intention.ts";

test("a rule is one line", () => {
  const cases: [Permission, string][] = [
    [{ Action: "allow", HTTP: { PathPrefix: "/v1/", Methods: ["GET", "HEAD"] } }, "allow GET, HEAD /v1/…"],
    [{ Action: "deny", HTTP: { PathExact: "/admin", Header: [{ Name: "x", Present: true }] } }, "deny /admin with x"],
    [
      {
        Action: "deny",
        HTTP: {
          PathRegex: "/a+",
          Header: [
            { Name: "x", Exact: "1", Invert: true },
            { Name: "y", Suffix: "z" },
          ],
        },
      },
      "deny ~ /a+ with not x is 1 and y ends with z",
    ],
    [{ Action: "allow", HTTP: { Methods: ["GET"] } }, "allow GET"],
    [{ Action: "deny" }, "deny"],
  ];
  for (const [rule, text] of cases) assert.equal(ruleText(rule), text);
});

test("another test takes the place of the one before, and leaves the rest", () => {
  assert.deepEqual(withPath({ PathExact: "/a", Methods: ["GET"] }, "PathPrefix", "/b"), {
    Methods: ["GET"],
    PathPrefix: "/b",
  });
  assert.deepEqual(withPath({ PathExact: "/a" }, "", ""), {});
  assert.deepEqual(withHeaderTest({ Name: "x", Present: true, Invert: true }, "Exact", "1"), {
    Name: "x",
    Invert: true,
    Exact: "1",
  });
  assert.deepEqual(withHeaderTest({ Name: "x", Regex: "." }, "Present", "."), { Name: "x", Present: true });
  assert.equal(pathTest({ PathExact: "", PathRegex: "/x" }), "PathRegex");
  assert.equal(pathTest({ Methods: ["GET"] }), "");
  assert.equal(headerTest({ Name: "x", Exact: "", Prefix: "a" }), "Prefix");
  assert.equal(headerTest({ Name: "x" }), "Present");
  // While it is written its value may be empty.
  assert.equal(headerTest({ Name: "x", Suffix: "" }), "Suffix");
  assert.equal(headerTest({ Name: "x", Exact: "", Present: true }), "Present");
  assert.equal(pathTest({ PathPrefix: "" }), "PathPrefix");
});

test("rules that Consul would refuse are named", () => {
  const cases: [readonly Permission[], RegExp | undefined][] = [
    [[], /At least one/],
    [[{ Action: "allow" }], /Rule 1 says nothing/],
    [[{ Action: "allow", HTTP: { Methods: [] } }], /Rule 1 says nothing/],
    [
      [
        { Action: "allow", HTTP: { PathPrefix: "/" } },
        { Action: "deny", HTTP: { PathExact: "admin" } },
      ],
      /Rule 2: a path begins/,
    ],
    [[{ Action: "deny", HTTP: { Header: [{ Name: " ", Present: true }] } }], /no name/],
    [[{ Action: "deny", HTTP: { Header: [{ Name: "x", Exact: "" }] } }], /x is compared with nothing/],
    [[{ Action: "deny", HTTP: { PathRegex: "" } }], /has no path/],
    [[{ Action: "deny", HTTP: { PathPrefix: "" } }], /begins with a slash/],
    [[{ Action: "deny", HTTP: { PathRegex: "admin" } }], undefined],
  ];
  for (const [rules, problem] of cases) {
    if (problem === undefined) assert.equal(rulesProblem(rules), undefined);
    else assert.match(rulesProblem(rules) ?? "", problem);
  }
});

test("names count before wildcards, the destination's first", () => {
  assert.deepEqual(
    [precedenceOf("a", "b"), precedenceOf("*", "b"), precedenceOf("a", "*"), precedenceOf("*", "*")],
    [9, 8, 6, 5],
  );
});

test("a source is put into its entry, the others stay as they are", () => {
  const entry: IntentionsEntry = {
    Kind: "service-intentions",
    Name: "db",
    ModifyIndex: 7,
    Sources: [
      { Name: "web", Action: "deny" },
      { Name: "*", Action: "deny" },
    ],
  };
  assert.deepEqual(withSource(entry, { Name: "web", Action: "allow" }).Sources, [
    { Name: "web", Action: "allow" },
    { Name: "*", Action: "deny" },
  ]);
  assert.equal(withSource({ ...entry, Sources: null }, { Name: "a", Action: "allow" }).Sources?.length, 1);
  assert.equal(withSource(entry, { Name: "a", Action: "allow" }).Sources?.length, 3);
  assert.equal(entry.Sources?.length, 2);
});

test("what a conflict shows is what can be edited", () => {
  assert.deepEqual(JSON.parse(sourceText({ Name: "a", Action: "allow", Precedence: 9, Description: "why" })), {
    Action: "allow",
    Description: "why",
  });
  const rules: Permission[] = [{ Action: "deny", HTTP: { PathExact: "/" } }];
  assert.deepEqual(JSON.parse(sourceText({ Name: "a", Action: "", Permissions: rules })), { Permissions: rules });
});
