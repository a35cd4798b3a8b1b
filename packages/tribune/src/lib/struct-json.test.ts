import assert from "node:assert/strict";
import { test } from "node:test";
import {
  any,
  bool,
  bytes,
  durationText,
  float,
  fromJson,
  hidden,
  int,
  list,
  map,
  named,
  nullable,
  RegisterRequest,
  type Schema,
  struct,
  TxnOperation,
  text,
  time,
  u64,
  uint,
} from "@tribune/api";
import fc from "fast-check";
import { readStruct } from "./struct-json.ts";

const Inner = struct("Inner", { Zebra: int, Apple: text });
const Everything = struct("Everything", {
  Text: text,
  Flag: bool,
  Whole: int,
  Count: uint,
  Big: u64,
  Real: float,
  Raw: bytes,
  Wait: durationText,
  At: time,
  Any: any,
  List: list(text),
  Map: map(list(int)),
  Maybe: nullable(Inner),
  Many: list(Inner),
  Inner,
  Secret: hidden(text),
  Renamed: named("Other", text),
});

const scalar = fc.oneof(
  fc.constant(null),
  fc.boolean(),
  fc.integer(),
  fc.double(),
  fc.bigInt({ min: 2n ** 53n, max: 2n ** 65n }),
  fc.string(),
  fc.constantFrom("10s", "1h2x", "", "QUJD", "QUI=", "Q-_D", "QUJ", "Q===", "====", "QUI=QUJD", "QU I="),
  fc.base64String(),
);
const innerJson = fc.dictionary(fc.constantFrom("Zebra", "zebra", "Apple", "Pear"), scalar, { maxKeys: 3 });
const someJson = fc.oneof(
  { weight: 4, arbitrary: scalar },
  fc.array(fc.oneof(scalar, innerJson), { maxLength: 3 }),
  innerJson,
  fc.dictionary(fc.oneof(fc.string(), fc.constant("__proto__")), fc.array(scalar, { maxLength: 2 }), { maxKeys: 2 }),
);
const names = fc.constantFrom(
  ...(Everything.fields ?? []).flatMap(({ name }) => [name, name.toUpperCase()]),
  "Other",
  "Unknown",
);
const json = fc.dictionary(names, someJson, { maxKeys: 5 }).map((object) => ({ ...object }));

type Outcome = { readonly value: unknown } | { readonly refused: string };
function outcome(read: typeof fromJson, schema: Schema<unknown>, value: unknown, strict: boolean): Outcome {
  try {
    // As JSON shows it: bytes come as one class or another, which nobody minds.
    return { value: structuredClone(plainBytes(read(schema, value, strict))) };
  } catch (error) {
    return { refused: `${(error as Error).name}: ${(error as Error).message}` };
  }
}

function plainBytes(value: unknown): unknown {
  if (value instanceof Uint8Array) return Uint8Array.from(value);
  if (Array.isArray(value)) return value.map(plainBytes);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, plainBytes(item)]));
}

test("reads and refuses whatever the general reader does", () => {
  fc.assert(
    fc.property(fc.oneof(json, someJson), fc.boolean(), (value, strict) => {
      assert.deepEqual(outcome(readStruct, Everything, value, strict), outcome(fromJson, Everything, value, strict));
    }),
    { numRuns: 3_000 },
  );
});

test("each field alone, with each kind of value", () => {
  fc.assert(
    fc.property(names, someJson, fc.boolean(), (name, value, strict) => {
      const given = { [name]: value };
      assert.deepEqual(outcome(readStruct, Everything, given, strict), outcome(fromJson, Everything, given, strict));
    }),
    { numRuns: 5_000 },
  );
});

test("fields come out in the schema's order, and what was not given is the shared zero", () => {
  const read = readStruct(RegisterRequest, { Service: { Port: 1, ID: "a" }, node: "n" }, true);
  assert.deepEqual(
    Object.keys(read),
    RegisterRequest.fields.map(({ name }) => name),
  );
  const again = readStruct(RegisterRequest, { Service: { ID: "b" } });
  assert.equal(read.Service?.Proxy, again.Service?.Proxy);
  assert.equal(readStruct(list(TxnOperation), null), null);
});
