import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { difference } from "./difference.ts";
import { type JsonParts, jsonParts } from "./json-parts.ts";

/** What docs/streams.md tells readers to do with a change. */
function applied(value: unknown, members: string): unknown {
  const { Splices, Set: set, Unset } = JSON.parse(`{${members}}`);
  if (Splices !== undefined) {
    const rows = [...(value as unknown[])];
    for (const { At, Remove, Add } of Splices) rows.splice(At, Remove, ...Add);
    return rows;
  }
  const result: Record<string, unknown> = { ...(value as object) };
  for (const name of Unset) delete result[name];
  return Object.assign(result, set);
}

/** All at once. */
function parts(value: unknown): JsonParts {
  const steps = jsonParts(JSON.stringify(value));
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

const between = (before: unknown, after: unknown, charsMax = 1e9) => difference(parts(before), parts(after), charsMax);

test("a text's parts are what a parser finds", () => {
  const json = fc.jsonValue({ maxDepth: 3 });
  fc.assert(
    fc.property(
      fc.array(json),
      fc.dictionary(
        fc.string().filter((name) => name !== "__proto__"),
        json,
      ),
      (list, object) => {
        const rows = parts(list);
        assert.ok(rows.kind === "list");
        assert.deepEqual(
          rows.rows,
          list.map((row) => JSON.stringify(row)),
        );
        const map = parts(object);
        assert.ok(map.kind === "map");
        assert.deepEqual(
          [...map.values],
          Object.entries(object).map(([name, value]) => [JSON.stringify(name), JSON.stringify(value)]),
        );
      },
    ),
  );
  for (const scalar of [null, 1, "[]", true]) assert.equal(parts(scalar).kind, "scalar");
});

test("a reader who applies a change has what the endpoint answers", () => {
  const row = fc.constantFrom("a", "b", "c", "d", "e");
  fc.assert(
    fc.property(fc.array(row, { maxLength: 40 }), fc.array(row, { maxLength: 40 }), (before, after) => {
      assert.deepEqual(applied(before, between(before, after)!), after);
    }),
  );
  const value = fc.dictionary(fc.constantFrom("x", "y", 'q"', "\\"), fc.integer({ min: 0, max: 2 }));
  fc.assert(
    fc.property(value, value, (before, after) => {
      assert.deepEqual(applied(before, between(before, after)!), { ...after });
    }),
  );
});

test("what is said is about what changed", () => {
  const rows = Array.from({ length: 1_000 }, (_, at) => `row ${at}`);
  const changed = rows.with(500, "other");
  assert.equal(between(rows, changed), '"Splices":[{"At":500,"Remove":1,"Add":["other"]}]');
  const fewer = changed.toSpliced(700, 2);
  assert.equal(
    between(rows, fewer),
    '"Splices":[{"At":700,"Remove":2,"Add":[]},{"At":500,"Remove":1,"Add":["other"]}]',
  );
  assert.equal(between(rows, ["new", ...rows]), '"Splices":[{"At":0,"Remove":0,"Add":["new"]}]');
  assert.equal(between({ a: 1, b: 2 }, { a: 1, c: 3 }), '"Set":{"c":3},"Unset":["b"]');
});

test("what is too long to be said, or is no list or object, is not said", () => {
  const rows = Array.from({ length: 100 }, (_, at) => at);
  assert.equal(
    between(
      rows,
      rows.map((n) => -n - 1),
      200,
    ),
    undefined,
  );
  assert.equal(between({ a: "short" }, { a: "long".repeat(100) }, 200), undefined);
  assert.equal(between([1], { a: 1 }), undefined);
  assert.equal(between(1, 2), undefined);
});
