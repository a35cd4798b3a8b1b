import assert from "node:assert/strict";
import { test } from "node:test";
import {
  any,
  bool,
  bytes,
  duration,
  float,
  HealthCheck,
  int,
  KVSRequest,
  list,
  make,
  map,
  nullable,
  RegisterRequest,
  type Schema,
  sharedZero,
  struct,
  text,
  time,
  u64,
  ZERO_TIME,
  zero,
} from "@tribune/api";
import fc from "fast-check";
import { TribuneError } from "../lib/errors.ts";
import { formatGoTime, parseGoTime } from "./go-time.ts";
import { MsgpackError, MsgpackReader, MsgpackWriter } from "./msgpack.ts";
import { codecOf, decodeStruct, encodeStruct } from "./struct-msgpack.ts";

const Inner = struct("Inner", { Zebra: int, Apple: text });
const Everything = struct("Everything", {
  Text: text,
  Flag: bool,
  Whole: int,
  Big: u64,
  Real: float,
  Raw: bytes,
  Wait: duration,
  At: time,
  Any: any,
  List: list(text),
  Map: map(list(int)),
  Maybe: nullable(Inner),
  Inner,
});

const safe = fc.maxSafeInteger();
const orNull = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: null });
const inner = fc.record({ Zebra: safe, Apple: fc.string({ unit: "binary" }) });
const everything = fc.record({
  Text: fc.string({ unit: "binary", maxLength: 80 }),
  Flag: fc.boolean(),
  Whole: safe,
  Big: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
  Real: fc.double({ noNaN: true }),
  Raw: orNull(fc.uint8Array()),
  Wait: safe,
  At: fc
    .record({
      seconds: fc.integer({ min: -62_135_596_800, max: 4e9 }),
      nanoseconds: fc.integer({ min: 0, max: 999_999_999 }),
    })
    .map((at) => formatGoTime({ ...at, zoneMinutes: undefined })),
  Any: fc
    .anything({ values: [fc.string(), fc.boolean(), fc.constant(null), fc.double({ noNaN: true })], maxDepth: 2 })
    .filter((value) => JSON.stringify(value)?.includes("__proto__") === false),
  List: orNull(fc.array(fc.string())),
  Map: orNull(fc.dictionary(fc.string(), orNull(fc.array(safe)))),
  Maybe: orNull(inner),
  Inner: inner,
});

/** fast-check makes objects without a prototype now and then. */
const plain = (value: unknown): unknown => structuredClone(value);

test("whatever a schema allows comes back as it was, null and empty apart", () => {
  fc.assert(
    fc.property(everything, (value) => {
      const decoded = decodeStruct(Everything as Schema<unknown>, encodeStruct(Everything as Schema<unknown>, value));
      assert.deepEqual(plain(decoded), plain(value));
    }),
    { numRuns: 300 },
  );
});

test("field names come in ascending order whatever the schema's order is", () => {
  const reader = new MsgpackReader(encodeStruct(RegisterRequest, make(RegisterRequest)));
  const names = Array.from({ length: reader.mapHeader() }, () => {
    const name = reader.key();
    reader.skip();
    return name;
  });
  assert.deepEqual(names, [...names].sort());
  assert.equal(names.length, RegisterRequest.fields.length);
});

test("a log entry is Consul's, byte for byte", () => {
  const request = make(KVSRequest, {
    Datacenter: "dc1",
    Op: "set",
    DirEnt: { ...zero(KVSRequest).DirEnt, Key: "a", Value: Uint8Array.of(1, 2), Flags: 2n ** 64n - 1n },
  });
  assert.equal(
    Buffer.from(encodeStruct(KVSRequest, request, 2)).toString("latin1"),
    "\x02\x84\xaaDatacenter\xa3dc1\xa6DirEnt\x87\xabCreateIndex\x00\xa5Flags\xcf\xff\xff\xff\xff\xff\xff\xff\xff" +
      "\xa3Key\xa1a\xa9LockIndex\x00\xabModifyIndex\x00\xa7Session\xa0\xa5Value\xa2\x01\x02\xa2Op\xa3set\xa5Token\xa0",
  );
});

test("fields may come in any order, be unknown or missing, or nil", () => {
  const writer = new MsgpackWriter().mapHeader(4);
  writer.text("Whole").int(7).text("Novelty").arrayHeader(1).mapHeader(0).text("Inner").nil().text("Flag").nil();
  const value = decodeStruct(Everything, writer.take());
  assert.deepEqual(value, { ...zero(Everything), Whole: 7 });
  assert.equal(value.At, ZERO_TIME);
  assert.deepEqual(decodeStruct(Everything, Uint8Array.of(0xc0)), zero(Everything));
});

test("a key that is not UTF-8 survives", () => {
  const writer = new MsgpackWriter()
    .mapHeader(1)
    .text("Text")
    .bytes(Uint8Array.of(0x61, 0x80, 0xff));
  const value = decodeStruct(Everything, writer.take());
  const again = decodeStruct(Everything, encodeStruct(Everything, value));
  assert.equal(again.Text, value.Text);
  assert.notEqual(value.Text, "a\ufffd\ufffd");
});

test("a map may hold a key named __proto__", () => {
  const given = Object.defineProperty({}, "__proto__", { value: "x", enumerable: true }) as Record<string, string>;
  const decoded = decodeStruct(map(text), encodeStruct(map(text), given));
  assert.deepEqual(Object.entries(decoded ?? {}), [["__proto__", "x"]]);
});

test("bytes are a copy, and what is missing cannot be changed for everybody", () => {
  const message = encodeStruct(Everything, make(Everything, { Raw: Uint8Array.of(9) }));
  const first = decodeStruct(Everything, message);
  message.fill(0);
  assert.deepEqual(first.Raw, Buffer.of(9));
  const blank = decodeStruct(Everything, Uint8Array.of(0x80));
  assert.throws(() => Object.assign(blank.Inner, { Zebra: 1 }), TypeError);
});

test("a nested struct that is zero reads as the one shared zero, whoever wrote it", () => {
  const zeroCheck = zero(HealthCheck);
  const bytes = encodeStruct(HealthCheck, { ...zeroCheck, Node: "n" });
  assert.deepEqual(encodeStruct(HealthCheck, { ...sharedZero(HealthCheck), Node: "n" }), bytes);
  const read = decodeStruct(HealthCheck, bytes);
  assert.equal(read.Definition, sharedZero(HealthCheck).Definition);
  assert.deepEqual(read, { ...zeroCheck, Node: "n" });
});

test("a number that a client made too large is refused, not a broken invariant", () => {
  for (const Whole of [2 ** 53, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => encodeStruct(Everything, make(Everything, { Whole })), TribuneError);
  }
  assert.equal(decodeStruct(Everything, encodeStruct(Everything, make(Everything, { Whole: 1 }))).Whole, 1);
});

test("durations are those of 64 bits: ten years of max_stale, which Consul's DNS asks with, and Go's longest", () => {
  const waitOf = (bytes: Uint8Array) => decodeStruct(Everything, bytes).Wait;
  for (const ns of [87_600n * 3600n * 10n ** 9n, 2n ** 63n - 1n, -(2n ** 62n)]) {
    const Wait = waitOf(new MsgpackWriter().mapHeader(1).text("Wait").int(ns).take());
    assert.equal(Wait, Number(ns));
    assert.equal(waitOf(encodeStruct(Everything, make(Everything, { Wait }))), Wait);
  }
  // The number next to the longest is one more, which Go would refuse.
  const longest = encodeStruct(Everything, make(Everything, { Wait: Number(2n ** 63n - 1n) }));
  assert.ok(Buffer.from(longest).includes(Buffer.from("a457616974cf7fffffffffffffff", "hex")));
});

test("damaged bytes decode or fail with a MsgpackError", () => {
  const good = encodeStruct(RegisterRequest, make(RegisterRequest, { Node: "n", NodeMeta: { a: "b" } }));
  fc.assert(
    fc.property(fc.nat(good.length - 1), fc.nat(255), fc.nat(good.length), (at, byte, length) => {
      const bad = Uint8Array.from(good.subarray(0, length));
      if (at < length) bad[at] = byte;
      try {
        codecOf(RegisterRequest).read(new MsgpackReader(bad));
      } catch (error) {
        assert.ok(error instanceof MsgpackError, String(error));
      }
    }),
  );
});

test("times in every zone and fraction are read as they are shown", () => {
  for (const shown of [
    ZERO_TIME,
    "2026-11-22T13:38:08.42Z",
    "1969-12-31T23:59:59.000000001Z",
    "0099-03-01T00:00:00+05:30",
  ]) {
    assert.equal(formatGoTime(parseGoTime(shown)), shown);
  }
  assert.throws(() => parseGoTime("yesterday"), MsgpackError);
});

test("each field is written as by itself, wherever the zeroes around it begin and end", () => {
  const filled = {
    ...{ Text: "t", Flag: true, Whole: 300, Big: 2n ** 63n, Real: 1.5, Raw: new Uint8Array([1]), Wait: 5 },
    ...{ At: "2020-01-01T00:00:00Z", Any: "any", List: [], Map: {}, Maybe: { Zebra: 0, Apple: "" } },
    Inner: { Zebra: 0, Apple: "x" },
  };
  const names = (Everything.fields ?? []).map(({ name }) => name).sort();
  for (let chosen = 0; chosen < 1 << names.length; chosen++) {
    const isFilled = (at: number): boolean => ((chosen >> at) & 1) === 1;
    const given = Object.fromEntries(
      names.filter((_, at) => isFilled(at)).map((name) => [name, filled[name as never]]),
    );
    const value = make(Everything, given) as Record<string, unknown>;
    const writer = new MsgpackWriter().mapHeader(names.length);
    for (const name of names) {
      const of = Everything.fields?.find((field) => field.name === name)?.schema as Schema<unknown>;
      codecOf(of).write(writer.text(name), value[name]);
    }
    assert.deepEqual(Buffer.from(encodeStruct(Everything, value as never)), Buffer.from(writer.take()));
  }
});

test("a zero with a sign stays what it is where it has bytes of its own", () => {
  const back = decodeStruct(Everything, encodeStruct(Everything, make(Everything, { Real: -0, Whole: -0 })));
  assert.ok(Object.is(back.Real, -0));
  assert.ok(Object.is(back.Whole, 0));
});
