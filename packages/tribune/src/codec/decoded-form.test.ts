/** A server applies its own requests without reading back what it wrote: others must get the very same. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ALL_CONTRACTS,
  KVSRequest,
  make,
  map,
  RPC_CONTRACTS,
  type Schema,
  sharedZero,
  text,
  ZERO_TIME,
  zero,
} from "@tribune/api";
import fc from "fast-check";
import { TribuneError } from "../lib/errors.ts";
import { decodedForm } from "./decoded-form.ts";
import { decodeStruct, encodeStruct } from "./struct-msgpack.ts";

const WRITES = [...Object.entries(ALL_CONTRACTS), ...Object.entries(RPC_CONTRACTS)].flatMap(([name, contract]) =>
  contract.kind === "write" ? [[name, contract.request as Schema<unknown>] as const] : [],
);

/** Plain: what arrives at a server as a rule. Odd: what a caller can put there and the wire cannot hold, or holds otherwise. */
interface Leaves {
  readonly text: fc.Arbitrary<unknown>;
  readonly integer: fc.Arbitrary<unknown>;
  readonly u64: fc.Arbitrary<unknown>;
  readonly float: fc.Arbitrary<unknown>;
  readonly time: fc.Arbitrary<unknown>;
  readonly any: fc.Arbitrary<unknown>;
  readonly bytes: fc.Arbitrary<unknown>;
  readonly surplus: boolean;
}

const wellFormed = fc.string({ unit: "binary", maxLength: 40 }).map((given) => given.toWellFormed());
const plain: Leaves = {
  text: fc.oneof(fc.constantFrom("", "set", "\ufeffa", "\ufffd", "é\0", "x".repeat(70_000)), wellFormed),
  integer: fc.maxSafeInteger(),
  u64: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
  float: fc.double({ noNaN: true }),
  time: fc.constant(ZERO_TIME),
  any: fc.constant(null),
  bytes: fc.option(
    fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
    ),
    { nil: null },
  ),
  surplus: false,
};
const half = fc.constantFrom("\ud800", "a\udc80", "\udcff\udc80", "\udcc3\udca9", "\udfff");
const odd: Leaves = {
  text: fc.oneof({ weight: 6, arbitrary: plain.text }, { weight: 1, arbitrary: half }),
  integer: fc.oneof({ weight: 8, arbitrary: plain.integer }, fc.constantFrom<unknown>(-0, 1n, 2n ** 60n, undefined)),
  u64: fc.oneof({ weight: 4, arbitrary: plain.u64 }, fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n })),
  float: fc.oneof(plain.float, fc.constantFrom(-0, Number.NaN, Number.POSITIVE_INFINITY)),
  time: fc.constantFrom(ZERO_TIME, "2021-06-01T10:00:00+02:00", "2021-06-01T10:00:00.500Z", ""),
  any: fc.oneof(plain.any, fc.jsonValue({ maxDepth: 2 })),
  bytes: fc.oneof(plain.bytes, fc.constant(undefined)),
  surplus: true,
};

const STRUCT_DEPTH_MAX = 4;

function arbitraryOf(schema: Schema<unknown>, leaves: Leaves, depth = 0): fc.Arbitrary<unknown> {
  const inner = () => arbitraryOf(schema.of as Schema<unknown>, leaves, depth);
  switch (schema.kind) {
    case "text":
      return leaves.text;
    case "bool":
      return fc.boolean();
    case "int":
    case "uint":
    case "duration":
      return leaves.integer;
    case "u64":
      return leaves.u64;
    case "float":
      return leaves.float;
    case "time":
      return leaves.time;
    case "any":
      return leaves.any;
    case "bytes":
      return leaves.bytes;
    case "list":
      return fc.option(fc.array(inner(), { maxLength: 3 }), { nil: null });
    case "map": {
      // The name of what an object inherits is an odd one.
      const names = leaves.surplus
        ? fc.oneof({ weight: 8, arbitrary: leaves.text }, fc.constant("__proto__"))
        : leaves.text.filter((name) => name !== "__proto__");
      return fc.option(fc.dictionary(names as fc.Arbitrary<string>, inner(), { maxKeys: 3, noNullPrototype: true }), {
        nil: null,
      });
    }
    case "nullable":
      return depth > STRUCT_DEPTH_MAX ? fc.constant(null) : fc.option(inner(), { nil: null });
    case "struct": {
      if (depth > STRUCT_DEPTH_MAX) return fc.constantFrom(sharedZero(schema), zero(schema));
      const fields = (schema.fields ?? []).map(
        ({ name, schema: of }) => [name, arbitraryOf(of, leaves, depth + 1)] as const,
      );
      const whole = fc.record(Object.fromEntries(fields), { noNullPrototype: true });
      const surplus = leaves.surplus ? [whole.map((value) => ({ ...value, Surplus: 1 }))] : [];
      return fc.oneof({ weight: 6, arbitrary: whole }, fc.constantFrom(sharedZero(schema), zero(schema)), ...surplus);
    }
  }
}

/** What others get; undefined for what is refused before it is written. */
function throughTheWire(schema: Schema<unknown>, value: unknown): unknown {
  let bytes: Uint8Array;
  try {
    bytes = encodeStruct(schema, value);
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
  return decodeStruct(schema, bytes);
}

const hasWireForm = (schema: Schema<unknown>): boolean =>
  schema.wire !== undefined ||
  (schema.of !== undefined && hasWireForm(schema.of)) ||
  (schema.fields ?? []).some((field) => hasWireForm(field.schema));

for (const [name, schema] of WRITES) {
  test(`${name}: the decoded form, where there is one, is what the wire makes of it`, () => {
    fc.assert(
      fc.property(arbitraryOf(schema, odd), (value) => {
        const form = decodedForm(schema, value);
        if (form !== undefined) assert.deepStrictEqual(form, throughTheWire(schema, value));
      }),
      { numRuns: 200 },
    );
    if (hasWireForm(schema)) return;
    fc.assert(
      fc.property(arbitraryOf(schema, plain), (value) => {
        assert.deepStrictEqual(decodedForm(schema, value), throughTheWire(schema, value));
      }),
      { numRuns: 100 },
    );
  });
}

test("what the wire changes, or cannot hold, has no decoded form", () => {
  const put = make(KVSRequest, { Op: "set" });
  const entry = (given: Partial<(typeof put)["DirEnt"]>) => ({ ...put, DirEnt: { ...put.DirEnt, ...given } });
  for (const request of [
    entry({ Key: "a\udc80" }),
    entry({ Key: "\ud800" }),
    entry({ Flags: 7n }),
    entry({ ModifyIndex: 2n as unknown as number }),
    { ...put, Op: undefined as unknown as string },
  ])
    assert.equal(decodedForm(KVSRequest, request), undefined);
  const proto = Object.defineProperty({}, "__proto__", { value: "x", enumerable: true }) as Record<string, string>;
  assert.equal(decodedForm(map(text), proto), undefined);
  assert.ok(decodedForm(KVSRequest, entry({ Key: "é", Flags: 2n ** 64n - 1n })) !== undefined);
});

test("unknown fields do not come along, nor what an object of a class only shows", () => {
  const put = make(KVSRequest, { Op: "set" });
  const { DirEnt } = put;
  const form = decodedForm(KVSRequest, { ...put, Surplus: 1 } as never);
  assert.ok(form !== undefined && !("Surplus" in form));
  assert.equal(form.DirEnt, DirEnt, "what is the same is shared");
  const Value = Buffer.of(1, 2);
  const shown = Object.assign(Object.create({ Value }), { ...DirEnt, Surplus: 1 });
  delete shown.Value;
  assert.deepStrictEqual(decodedForm(KVSRequest, { ...put, DirEnt: shown })?.DirEnt, { ...DirEnt, Value });
});

test("a request that is what others decode is not copied", () => {
  const request = make(KVSRequest, { Op: "set", DirEnt: { ...zero(KVSRequest).DirEnt, Value: Buffer.of(1) } });
  assert.equal(decodedForm(KVSRequest, request), request);
});

test("what encoding refuses is refused before anybody asks for its decoded form", () => {
  const request = make(KVSRequest, { DirEnt: { ...zero(KVSRequest).DirEnt, ModifyIndex: 2 ** 60 } });
  assert.throws(() => encodeStruct(KVSRequest, request), TribuneError);
  assert.equal(decodedForm(KVSRequest, request), undefined);
});
