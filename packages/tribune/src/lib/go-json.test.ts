import assert from "node:assert/strict";
import { test } from "node:test";
import {
  any,
  bool,
  bytes,
  float,
  fromJson,
  int,
  JsonShapeError,
  list,
  map,
  nullable,
  struct,
  text,
  u64,
  uint,
} from "@tribune/api";
import fc from "fast-check";
import { mutateText, pick } from "./fuzz.ts";
import { DECODE_CASES } from "./go-json.cases.ts";
import { goMap, stringifyGo } from "./go-json.ts";
import { JSON_DEPTH_MAX, JsonError, parseJson } from "./go-json-parse.ts";
import { seededRng } from "./random.ts";

const IN = struct("In", {
  Port: int,
  U8: uint,
  F: float,
  Tags: list(text),
  Meta: map(text),
  B: bytes,
  T: bool,
  Ptr: nullable(int),
});
const OUT = struct("Out", { Name: text, Svc: IN, List: list(IN), Any: any, M: map(IN) });

function errorOf(run: () => unknown): string {
  try {
    run();
    return "";
  } catch (error) {
    assert.ok(error instanceof JsonError || error instanceof JsonShapeError, String(error));
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
        const written = stringifyGo(value, pretty);
        assert.deepEqual(JSON.parse(written), JSON.parse(JSON.stringify(value)));
        // The long number takes both through the reader that knows bigint.
        assert.deepEqual(parseJson(`[12345678901234567890,${written}]`), [12345678901234567890n, JSON.parse(written)]);
      },
    ),
  );
});

test("decoding fails with Go's words, from a stream and as a whole", () => {
  for (const [body, whole, stream] of DECODE_CASES) {
    // Wire structs have no 8-bit fields: bounds of that kind are the endpoints' business.
    if (whole.includes("uint8") && !whole.includes("[]uint8")) continue;
    const named = (message: string): string => message.replaceAll("main.", "structs.");
    assert.equal(
      errorOf(() => fromJson(OUT, parseJson(body, { mode: "whole" }))),
      named(whole),
      `whole: ${body}`,
    );
    assert.equal(
      errorOf(() => fromJson(OUT, parseJson(body))),
      named(stream),
      `stream: ${body}`,
    );
  }
});

test("decoding fills known fields, whatever their case, and leaves the rest zero", () => {
  const body =
    '{"NAME":"a","x":1,"svc":{"port":-0,"Tags":null,"b":"aGk=","meta":{"__proto__":"p"}},"list":[{"F":1}],"any":{"A":[1]}}';
  const decoded = fromJson(OUT, parseJson(body));
  assert.equal(decoded.Name, "a");
  assert.deepEqual(decoded.Svc.B, Uint8Array.from(Buffer.from("hi")));
  assert.deepEqual(decoded.Svc.Meta, JSON.parse('{"__proto__":"p"}'));
  assert.deepEqual([decoded.Svc.Tags, decoded.Svc.Ptr, decoded.Svc.T], [null, null, false]);
  assert.deepEqual([decoded.List?.[0]?.F, decoded.Any], [1, { A: [1] }]);
  assert.equal(
    errorOf(() => fromJson(OUT, parseJson('{"x":1}'), true)),
    'json: unknown field "x"',
  );
  assert.deepEqual(fromJson(struct("X", { Flags: u64 }), parseJson('{"Flags":18446744073709551615}')), {
    Flags: 2n ** 64n - 1n,
  });
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
  const seeds = [...DECODE_CASES.map(([body]) => body), stringifyGo({ a: [1.5e-7, true, null, "é\\n"], b: { c: -0 } })];
  for (let round = 0; round < 20_000; round++) {
    const body = mutateText(rng, pick(rng, seeds));
    if (/\d{16}/.test(body)) continue; // read more exactly than JSON.parse does
    let native: unknown;
    try {
      native = JSON.parse(body);
    } catch {
      assert.notEqual(
        errorOf(() => parseJson(body, { mode: "whole" })),
        "",
        body,
      );
      errorOf(() => fromJson(OUT, parseJson(body)));
      continue;
    }
    assert.deepEqual(parseJson(`[${body},1234567890123456789]`), [native, 1234567890123456789n], body);
  }
});
