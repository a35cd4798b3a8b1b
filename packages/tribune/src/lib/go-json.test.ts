import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { mutateText, pick } from "./fuzz.ts";
import { DECODE_CASES } from "./go-json.cases.ts";
import { goMap, stringifyGo } from "./go-json.ts";
import { decodeJson, type JsonShape, shapes } from "./go-json-decode.ts";
import { JSON_DEPTH_MAX, JsonError, parseJson } from "./go-json-parse.ts";
import { seededRng } from "./random.ts";

const IN = shapes.struct("main.In", {
  Port: shapes.int,
  U8: shapes.uint8,
  F: shapes.float64,
  Tags: shapes.list(shapes.string),
  Meta: shapes.map(shapes.string),
  B: shapes.bytes,
  T: shapes.bool,
  Ptr: shapes.int,
});
const OUT = shapes.struct("main.Out", {
  Name: shapes.string,
  Svc: IN,
  List: shapes.list(IN),
  Any: shapes.any,
  M: shapes.map(IN),
});

function errorOf(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (error) {
    assert.ok(error instanceof JsonError, String(error));
    return error.message;
  }
}

test("text is escaped as Go's encoder does", () => {
  assert.equal(
    stringifyGo({ a: '<>&\u2028\u2029\b\f\n\r\t\x01\x7f"\\', "\\b<": ["\ud800x", "😀", "\\b\\\\f", "\\\\ud800"] }),
    '{"a":"\\u003c\\u003e\\u0026\\u2028\\u2029\\u0008\\u000c\\n\\r\\t\\u0001\x7f\\"\\\\",' +
      '"\\\\b\\u003c":["\\ufffdx","😀","\\\\b\\\\\\\\f","\\\\\\\\ud800"]}',
  );
  assert.equal(
    stringifyGo([1e21, 1e-7, 123456789012345680000, 0.000001, 100]),
    "[1e+21,1e-7,123456789012345680000,0.000001,100]",
  );
  assert.equal(stringifyGo(undefined), "null");
});

test("bigint is digits, compact and pretty, and nothing else changes", () => {
  const value = { a: [], b: {}, c: [1, { d: null, e: "<" }], u: undefined, date: new Date(0), s: "x\ud800" };
  for (const pretty of [false, true]) {
    const plain = stringifyGo({ ...value, n: 18 }, pretty);
    assert.equal(stringifyGo({ ...value, n: 18n }, pretty), plain);
  }
  assert.equal(stringifyGo(2n ** 64n - 1n), "18446744073709551615");
  assert.equal(stringifyGo({ a: [1n] }, true), '{\n    "a": [\n        1\n    ]\n}\n');
  const cyclic: Record<string, unknown> = { n: 1n };
  cyclic.self = cyclic;
  assert.throws(() => stringifyGo(cyclic), TypeError);
});

test("goMap sorts by bytes", () => {
  assert.deepEqual(Object.keys(goMap({ b: 1, "\u{1f600}": 2, "\uffee": 3, a: 4, B: 5 })), [
    "B",
    "a",
    "b",
    "\uffee",
    "\u{1f600}",
  ]);
});

test("what is written reads back the same, however it is read", () => {
  fc.assert(
    fc.property(
      fc.jsonValue().filter((value) => !/\d{16}/.test(JSON.stringify(value))),
      fc.boolean(),
      (value, pretty) => {
        const text = stringifyGo(value, pretty);
        assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(value)));
        // The long number takes both through the reader that knows bigint.
        assert.deepEqual(parseJson(`[12345678901234567890,${text}]`), [12345678901234567890n, JSON.parse(text)]);
      },
    ),
  );
});

test("decoding fails with Go's words, from a stream and as a whole", () => {
  for (const [text, whole, stream] of DECODE_CASES) {
    assert.equal(
      errorOf(() => decodeJson(text, OUT, { mode: "whole" })),
      whole,
      `whole: ${text}`,
    );
    assert.equal(
      errorOf(() => decodeJson(text, OUT)),
      stream,
      `stream: ${text}`,
    );
  }
});

test("decoding fills known fields, whatever their case", () => {
  const text =
    '{"NAME":"a","x":1,"svc":{"port":-0,"Tags":null,"b":"aGk=","meta":{"__proto__":"p"}},"list":[{"F":1}],"any":{"A":[1]}}';
  const expected = {
    Name: "a",
    Svc: { Port: 0, B: Buffer.from("hi"), Meta: JSON.parse('{"__proto__":"p"}') },
    List: [{ F: 1 }],
    Any: { A: [1] },
  };
  assert.deepEqual(decodeJson(text, OUT), expected);
  assert.equal(
    errorOf(() => decodeJson('{"x":1}', OUT, { disallowUnknown: true })),
    'json: unknown field "x"',
  );
  assert.deepEqual(decodeJson('{"Flags":18446744073709551615}', shapes.struct("X", { Flags: shapes.uint64 })), {
    Flags: 2n ** 64n - 1n,
  });
  const duration = shapes.custom("time.Duration", (value) => {
    if (value !== "10s") throw new JsonError(`time: invalid duration "${value}"`);
    return 10;
  });
  const shape: JsonShape = shapes.struct("X", { D: duration });
  assert.deepEqual(decodeJson('{"d":"10s"}', shape), { D: 10 });
  assert.equal(
    errorOf(() => decodeJson('{"d":"x"}', shape)),
    'time: invalid duration "x"',
  );
});

test("nesting is bounded on every path", () => {
  const deep = (depth: number): string => "[".repeat(depth) + "]".repeat(depth);
  assert.equal(
    errorOf(() => parseJson(deep(JSON_DEPTH_MAX))),
    "",
  );
  assert.equal(
    errorOf(() => parseJson(deep(JSON_DEPTH_MAX + 1))),
    "exceeded max depth",
  );
  assert.equal(
    errorOf(() => parseJson("[".repeat(1_000_000))),
    "exceeded max depth",
  );
});

test("any text is read as JSON.parse reads it, or fails with a text", () => {
  const rng = seededRng(7);
  const seeds = [...DECODE_CASES.map(([text]) => text), stringifyGo({ a: [1.5e-7, true, null, "é\\n"], b: { c: -0 } })];
  for (let round = 0; round < 20_000; round++) {
    const text = mutateText(rng, pick(rng, seeds));
    if (/\d{16}/.test(text)) continue; // read more exactly than JSON.parse does
    let native: unknown;
    try {
      native = JSON.parse(text);
    } catch {
      assert.notEqual(
        errorOf(() => parseJson(text, { mode: "whole" })),
        "",
        text,
      );
      errorOf(() => decodeJson(text, OUT));
      continue;
    }
    assert.deepEqual(parseJson(`[${text},1234567890123456789]`), [native, 1234567890123456789n], text);
  }
});
