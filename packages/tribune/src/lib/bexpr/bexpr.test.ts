import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { mutateText, pick } from "../fuzz.ts";
import { seededRng } from "../random.ts";
import { compileFilter, createFilter, createLateFilter, REGEXP_LENGTH_MAX, type Row } from "./compile.ts";
import { FilterError } from "./expression.ts";
import { type FieldType, int, list, map, operatorsOf, type StructType, string, struct, uint64 } from "./field-type.ts";
import {
  AGENT_SERVICE,
  CHECK_SERVICE_NODE,
  HEALTH_CHECK,
  INTENTION,
  NODE,
  NODE_INFO,
  NODE_SERVICE,
  SERVICE_NODE,
} from "./filter-types.ts";
import { EXPRESSION_DEPTH_MAX, EXPRESSION_LENGTH_MAX, parseFilter } from "./parser.ts";
import { compileRe2 } from "./re2.ts";

const TYPES: Readonly<Record<string, StructType>> = {
  node: NODE,
  serviceNode: SERVICE_NODE,
  nodeService: NODE_SERVICE,
  agentService: AGENT_SERVICE,
  healthCheck: HEALTH_CHECK,
  checkServiceNode: CHECK_SERVICE_NODE,
  nodeInfo: NODE_INFO,
  intention: INTENTION,
};

interface Golden {
  readonly type: string;
  readonly rows: readonly Row[];
  /** Expression, and the indexes of the rows it lets pass or the error text. */
  readonly cases: readonly (readonly [string, readonly number[] | string])[];
}

// The build leaves test data beside the sources.
const testdata = (file: string): string =>
  readFileSync(new URL(`../../../src/lib/bexpr/testdata/${file}`, import.meta.url), "utf8");
const golden = JSON.parse(testdata("golden.json")) as readonly Golden[];

function run(expression: string, type: FieldType, rows: readonly Row[]): readonly number[] | string {
  try {
    const filter = compileFilter(expression, type, compileRe2);
    return [...rows.keys()].filter((index) => filter(rows[index] as Row));
  } catch (error) {
    assert.ok(error instanceof FilterError, String(error));
    return error.message;
  }
}

for (const { type, rows, cases } of golden) {
  test(`${cases.length} recorded expressions over ${type} rows answer as go-bexpr does`, () => {
    for (const [expression, expected] of cases) {
      assert.deepEqual(run(expression, TYPES[type] as StructType, rows), expected, expression);
    }
  });
}

test("every row type has exactly the recorded selectors and operators", () => {
  const lines = Object.entries(TYPES).flatMap(([name, type]) => describe(type).map((line) => `${name} ${line}`));
  assert.deepEqual(lines.sort(), testdata("selectors.txt").trim().split("\n").sort());
});

function describe(type: FieldType, path = ""): string[] {
  const own = path === "" ? [] : [`${path} [${[...operatorsOf(type)].sort().join(",")}]`];
  return [...own, ...describeMembers(type, path === "" ? "" : `${path}.`)];
}

function describeMembers(type: FieldType, prefix: string): string[] {
  if (type.kind === "struct") return Object.entries(type.fields).flatMap(([k, t]) => describe(t, prefix + k));
  if (type.kind === "map") return describe(type.value, `${prefix}*`);
  return type.kind === "list" ? describeMembers(type.element, prefix) : [];
}

test("endpoints' errors carry the prefix, the agent's checks only for syntax", () => {
  const prefixed = /Error: Failed to create boolean expression evaluator: /;
  assert.equal(createFilter("", NODE, compileRe2), undefined);
  assert.throws(() => createFilter("Nope == 1", NODE, compileRe2), prefixed);
  assert.throws(() => createFilter("Nope", NODE, compileRe2), prefixed);
  assert.throws(() => createLateFilter("Nope", HEALTH_CHECK, compileRe2), prefixed);
  const late = createLateFilter("Nope == 1", HEALTH_CHECK, compileRe2);
  assert.throws(() => late?.({}), { message: 'Selector "Nope" is not valid', stage: "type" });
});

test("filters in use are compiled once, and only so many are kept", () => {
  const ask = (expression: string, type = NODE): unknown => createFilter(expression, type, compileRe2);
  const first = ask("Node == n0");
  assert.equal(ask("Node == n0"), first);
  assert.notEqual(ask("Node == n0", HEALTH_CHECK), first, "each type has its own");
  for (let n = 1; n <= 200; n++) ask(`Node == n${n}`);
  assert.notEqual(ask("Node == n0"), first, "the oldest made room");
  assert.notEqual(ask("Node matches n"), ask("Node matches n"), "regular expressions are not kept");
});

test("a JSON pointer is a selector where a string cannot stand", () => {
  const rows = [{ Meta: { "a/b": "x" }, Tags: ["/Meta/y"] }, {}];
  assert.deepEqual(run('"/Meta/a~1b" == x', NODE, rows), [0]);
  assert.deepEqual(run('x in "/Meta/a~1b"', NODE, rows), [0]);
  assert.deepEqual(run('"/Meta/y" in Tags', NODE_SERVICE, rows), [0]);
});

test("64-bit fields compare exactly, as number or bigint", () => {
  const type = struct({ Flags: uint64, Ports: list(int), ByName: map(list(string)) });
  const rows = [{ Flags: 2n ** 63n + 1n }, { Flags: 2n ** 63n }, { Flags: 5n }, { Flags: 5 }, {}];
  assert.deepEqual(run("Flags == 9223372036854775809", type, rows), [0]);
  assert.deepEqual(run("Flags == 5", type, rows), [2, 3]);
  assert.deepEqual(run("Flags == 0", type, rows), [4]);
  assert.deepEqual(run("80 in Ports", type, [{ Ports: [80] }, { Ports: null }]), [0]);
  assert.deepEqual(run("a in ByName.x", type, [{ ByName: { x: ["a"] } }, { ByName: {} }]), [0]);
  assert.match(String(run("x in Ports", type, [])), /strconv\.ParseInt: parsing "x": invalid syntax$/);
});

test("names every object has are not fields or keys", () => {
  for (const name of ["constructor", "toString", "__proto__", "hasOwnProperty"]) {
    assert.deepEqual(
      run(`Meta["${name}"] == x or ${name === "__proto__" ? "toString" : name} in Meta`, NODE, [{ Meta: {} }]),
      [],
    );
    assert.match(String(run(`Meta is empty or Node["${name}"] == x`, NODE, [])), /is not valid$/);
  }
  assert.equal(run("constructor == 1", NODE, []), 'Selector "constructor" is not valid');
});

test("nesting and length are bounded, width is not", () => {
  const nested = (depth: number): string => `${"(".repeat(depth)}Node == a${")".repeat(depth)}`;
  assert.deepEqual(run(nested(EXPRESSION_DEPTH_MAX), NODE, []), []);
  assert.match(String(run(nested(EXPRESSION_DEPTH_MAX + 1), NODE, [])), /nested deeper/);
  assert.match(String(run("not ".repeat(5000), NODE, [])), /nested deeper/);
  assert.match(String(run("a".repeat(EXPRESSION_LENGTH_MAX + 1), NODE, [])), /longer than/);
  const regexp = (length: number): string => `Node matches "${"x".repeat(length)}"`;
  assert.deepEqual(run(regexp(REGEXP_LENGTH_MAX), NODE, []), []);
  assert.match(String(run(regexp(REGEXP_LENGTH_MAX + 1), NODE, [])), /^Failed to compile regular expression .* longer/);
  const wide = Array.from({ length: 3000 }, (_, n) => `Node == n${n}`).join(" or ");
  assert.deepEqual(run(wide, NODE, [{ Node: "n2999" }, { Node: "x" }]), [0]);
});

test("an expression built from parts evaluates as its parts do", () => {
  const rows = golden.find(({ type }) => type === "node")?.rows ?? [];
  const leaf = fc.constantFrom(
    ...(golden.find(({ type }) => type === "node")?.cases ?? []).filter(
      (entry): entry is [string, number[]] => typeof entry[1] !== "string" && !/\b(and|or|not)\b/.test(entry[0]),
    ),
  );
  const { tree } = fc.letrec<{ tree: readonly [string, readonly number[]] }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc
        .tuple(tie("tree"), tie("tree"))
        .map(([a, b]) => [`(${a[0]} and ${b[0]})`, a[1].filter((i) => b[1].includes(i))] as const),
      fc
        .tuple(tie("tree"), tie("tree"))
        .map(
          ([a, b]) =>
            [`( ${a[0]}\tor ${b[0]} )`, [...rows.keys()].filter((i) => a[1].includes(i) || b[1].includes(i))] as const,
        ),
      tie("tree").map((a) => [`not (${a[0]})`, [...rows.keys()].filter((i) => !a[1].includes(i))] as const),
    ),
  }));
  fc.assert(fc.property(tree, ([expression, expected]) => assert.deepEqual(run(expression, NODE, rows), expected)));
});

test("any text parses or fails with a FilterError that names a place", () => {
  const rng = seededRng(20260102);
  const seeds = golden.flatMap(({ cases }) => cases.map(([expression]) => expression));
  for (let round = 0; round < 5000; round++) {
    const expression = mutateText(rng, pick(rng, seeds));
    const result = run(expression, pick(rng, Object.values(TYPES)), [{}]);
    if (typeof result === "string") assert.notEqual(result, "", expression);
  }
  assert.throws(() => parseFilter("\ud800"), /^FilterError: 1:1 \(0\): no match found/);
});
