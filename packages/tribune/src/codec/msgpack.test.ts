import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { randomInt, seededRng } from "../lib/random.ts";
import {
  MSGPACK_LIMITS,
  MsgpackError,
  MsgpackReader,
  MsgpackScanner,
  MsgpackShortError,
  type MsgpackValue,
  MsgpackWriter,
  writeAny,
} from "./msgpack.ts";

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const unhex = (text: string): Uint8Array => Buffer.from(text, "hex");
const written = (write: (writer: MsgpackWriter) => void): string => {
  const writer = new MsgpackWriter();
  write(writer);
  return hex(writer.take());
};

interface Recorded {
  readonly name: string;
  readonly hex: string;
  readonly decoded: unknown;
}
const RECORDED: readonly Recorded[] = JSON.parse(
  readFileSync(new URL("../../test-data/msgpack-consul-1.10.json", import.meta.url), "utf8"),
).values;

/** Reads one value and writes it back, kind by kind, keeping the order of map keys. */
function transcode(reader: MsgpackReader, writer: MsgpackWriter): void {
  const kind = reader.peekKind();
  if (kind === "nil") {
    assert.ok(reader.tryNil());
    writer.nil();
  } else if (kind === "bool") writer.bool(reader.bool());
  else if (kind === "int") writer.int(reader.integer());
  else if (kind === "float") writer.float(reader.float());
  else if (kind === "raw") writer.bytes(reader.bytesView());
  else if (kind === "array" || kind === "map") {
    const count = kind === "map" ? reader.mapHeader() : reader.arrayHeader();
    if (kind === "map") writer.mapHeader(count);
    else writer.arrayHeader(count);
    for (let left = kind === "map" ? 2 * count : count; left > 0; left--) transcode(reader, writer);
  } else throw new Error("no extension was recorded");
}

/** As the recordings print a value: text where clean, `$hex` otherwise, big integers with an n. */
function printed(value: MsgpackValue): unknown {
  if (typeof value === "bigint") return `${value}n`;
  if (value instanceof Uint8Array) return { $hex: hex(value) };
  if (Array.isArray(value)) return value.map(printed);
  if (typeof value === "object" && value !== null)
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, printed(item)]));
  return value;
}

/** Control characters make the recordings print hex although the bytes are valid UTF-8. */
function sameAsRecorded(ours: unknown, recorded: unknown): boolean {
  if (typeof recorded !== "object" || recorded === null) return ours === recorded;
  if ("$hex" in recorded)
    return typeof ours === "string" ? hex(Buffer.from(ours)) === recorded.$hex : sameJson(ours, recorded);
  if (typeof ours !== "object" || ours === null) return false;
  const names = Object.keys(recorded).filter((name) => !name.startsWith("$"));
  return (
    names.length === Object.keys(ours).length &&
    names.every((name) => sameAsRecorded((ours as never)[name], (recorded as never)[name]))
  );
}
const sameJson = (left: unknown, right: unknown): boolean => JSON.stringify(left) === JSON.stringify(right);

test("every recorded value decodes as recorded and is written back to the same bytes", () => {
  assert.ok(RECORDED.length > 50);
  for (const { name, hex: bytesHex, decoded } of RECORDED) {
    const bytes = unhex(bytesHex);
    const writer = new MsgpackWriter(1);
    transcode(new MsgpackReader(bytes), writer);
    assert.equal(hex(writer.take()), bytesHex, name);
    const ours = printed(new MsgpackReader(bytes).any("either"));
    assert.ok(sameAsRecorded(ours, decoded), `${name}: ${JSON.stringify(ours)} and ${JSON.stringify(decoded)}`);
    const reader = new MsgpackReader(bytes);
    reader.skip();
    assert.equal(reader.remaining, 0, name);
    assert.equal(new MsgpackScanner().scan(bytes), bytes.length, name);
  }
});

test("integers take the smallest form, unsigned where not negative", () => {
  const cases: [number | bigint, string][] = [
    [0, "00"],
    [-0, "00"],
    [127, "7f"],
    [128, "cc80"],
    [255, "ccff"],
    [256, "cd0100"],
    [65_535, "cdffff"],
    [65_536, "ce00010000"],
    [2 ** 32 - 1, "ceffffffff"],
    [2 ** 32, "cf0000000100000000"],
    [Number.MAX_SAFE_INTEGER, "cf001fffffffffffff"],
    [2n ** 64n - 1n, "cfffffffffffffffff"],
    [5n, "05"],
    [-1, "ff"],
    [-32, "e0"],
    [-33, "d0df"],
    [-128, "d080"],
    [-129, "d1ff7f"],
    [-32_768, "d18000"],
    [-32_769, "d2ffff7fff"],
    [-(2 ** 31), "d280000000"],
    [-(2 ** 31) - 1, "d3ffffffff7fffffff"],
    [Number.MIN_SAFE_INTEGER, "d3ffe0000000000001"],
    [-(2n ** 63n), "d38000000000000000"],
  ];
  for (const [value, expected] of cases) {
    assert.equal(
      written((writer) => writer.int(value)),
      expected,
      `${value}`,
    );
    const back = new MsgpackReader(unhex(expected)).bigint();
    assert.equal(back, BigInt(value));
  }
  for (const bad of [1.5, Number.NaN, 2 ** 53, 2n ** 64n, -(2n ** 63n) - 1n])
    assert.throws(() => written((writer) => writer.int(bad)), { name: "InvariantError" });
  assert.throws(() => new MsgpackReader(unhex("cf0020000000000000")).int(), /beyond 2\^53 at byte 0/);
});

test("raw lengths use fixraw, raw16 and raw32 only", () => {
  for (const [length, head] of [
    [0, "a0"],
    [31, "bf"],
    [32, "da0020"],
    [255, "da00ff"],
    [65_535, "daffff"],
    [65_536, "db00010000"],
  ] as const) {
    const expected = head + "61".repeat(length);
    assert.equal(
      written((writer) => writer.text("a".repeat(length))),
      expected,
    );
    assert.equal(
      written((writer) => writer.bytes(Buffer.alloc(length, "a"))),
      expected,
    );
  }
});

test("text of every length and width round-trips through exactly its UTF-8 bytes", () => {
  for (const unit of ["a", "é", "漢", "😀"]) {
    for (const count of [0, 1, 7, 8, 10, 11, 15, 16, 20, 31, 32, 100, 21_844, 21_845, 21_846, 33_000]) {
      const value = unit.repeat(count);
      const writer = new MsgpackWriter();
      writer.byte(7).text(value);
      const bytes = writer.take();
      const reader = new MsgpackReader(bytes, 1);
      const byteCount = Buffer.byteLength(value);
      const head = byteCount < 32 ? 1 : byteCount < 65_536 ? 3 : 5;
      assert.equal(bytes.length, 1 + head + byteCount, `${unit} x ${count}`);
      assert.equal(reader.text(), value);
    }
  }
});

test("both dialects are read", () => {
  assert.equal(new MsgpackReader(unhex("d90161")).text(), "a");
  assert.deepEqual([...new MsgpackReader(unhex("c40161")).bytes()], [0x61]);
  assert.equal(new MsgpackReader(unhex("c5000161")).text(), "a");
  assert.equal(new MsgpackReader(unhex("c60000000161")).text(), "a");
  assert.equal(new MsgpackReader(unhex("ca3fc00000")).float(), 1.5);
  assert.equal(new MsgpackReader(unhex("07")).float(), 7);
  assert.deepEqual(new MsgpackReader(unhex("d6ff01020304")).any(), {
    extensionType: -1,
    data: Uint8Array.of(1, 2, 3, 4),
  });
});

test("nil reads as the zero value of any type", () => {
  const nils = new MsgpackReader(unhex("c0".repeat(9)));
  assert.deepEqual(
    [nils.bool(), nils.int(), nils.bigint(), nils.float(), nils.text(), nils.key(), nils.arrayHeader()],
    [false, 0, 0n, 0, "", "", 0],
  );
  assert.deepEqual([nils.mapHeader(), [...nils.bytes()]], [0, []]);
  assert.equal(new MsgpackReader(unhex("a0")).tryNil(), false);
});

test("keys are shared, and never mistaken for one another", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "binary", maxLength: 20 })), (names) => {
      const writer = new MsgpackWriter();
      for (const name of names) writer.text(name).text(name);
      const bytes = writer.take();
      const reader = new MsgpackReader(bytes);
      for (const _ of names) {
        assert.equal(reader.key(), reader.text());
      }
    }),
  );
});

const anyValue = fc.letrec<{ value: MsgpackValue }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.maxSafeInteger(),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 64n - 1n }).filter((big) => !Number.isSafeInteger(Number(big))),
    fc.double({ noNaN: true }).filter((float) => !Number.isInteger(float)),
    fc.string({ unit: "grapheme" }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(fc.string({ unit: "grapheme" }), tie("value"), { maxKeys: 20, noNullPrototype: true }),
  ),
})).value;

test("any value survives, and its bytes do not depend on the order of keys", () => {
  const writer = new MsgpackWriter();
  const encode = (value: MsgpackValue): Uint8Array => {
    writeAny(writer, value, "int");
    return writer.take();
  };
  fc.assert(
    fc.property(anyValue, (value) => {
      const bytes = encode(value);
      const reader = new MsgpackReader(bytes);
      const back = reader.any();
      assert.deepEqual(back, value);
      assert.equal(reader.remaining, 0);
      assert.deepEqual(encode(back), bytes);
      assert.equal(new MsgpackScanner().scan(bytes), bytes.length);
    }),
  );
  assert.equal(hex(encode({ b: 1, a: 2 })), "82a16102a16201");
  writeAny(writer, 1, "float");
  assert.equal(hex(writer.take()), "cb3ff0000000000000");
  const hostile = new MsgpackReader(unhex(`81a9${hex(Buffer.from("__proto__"))}81a16101`)).any() as object;
  assert.equal(Object.getPrototypeOf(hostile), Object.prototype);
  assert.deepEqual(Object.keys(hostile), ["__proto__"]);
});

test("a cut-off value says so, wherever the cut is, and the scanner resumes behind it", () => {
  for (const { name, hex: bytesHex } of RECORDED.filter((recorded) => recorded.hex.length < 600)) {
    const bytes = unhex(bytesHex);
    const scanner = new MsgpackScanner();
    for (let length = 0; length < bytes.length; length++) {
      const part = bytes.subarray(0, length);
      assert.throws(() => new MsgpackReader(part).any(), MsgpackShortError, `${name} cut at ${length}`);
      assert.throws(() => new MsgpackReader(part).skip(), MsgpackShortError);
      assert.equal(scanner.scan(part), undefined);
    }
    assert.equal(scanner.scan(bytes), bytes.length);
  }
});

test("one scanner walks a stream of values", () => {
  const values = RECORDED.slice(0, 12).map((recorded) => unhex(recorded.hex));
  const stream = Buffer.concat(values);
  const scanner = new MsgpackScanner();
  let start = 0;
  for (const value of values) {
    start += value.length;
    assert.equal(scanner.scan(stream), start);
    scanner.restart(start);
  }
});

test("limits hold, and a peer's count alone allocates nothing", () => {
  const limits = { ...MSGPACK_LIMITS, depthMax: 3, rawBytesMax: 100, countMax: 50 };
  const failing = (bytesHex: string): void => {
    const bytes = unhex(bytesHex);
    assert.throws(
      () => new MsgpackReader(bytes, 0, limits).any(),
      (error) => isMalformed(error),
      bytesHex,
    );
  };
  failing("9191919191");
  failing(`da0065${"61".repeat(101)}`);
  failing("dc0033");
  failing("de0033");
  failing("c1");
  failing(`c800ff01${"00".repeat(255)}`);
  assert.throws(() => new MsgpackScanner(0, limits).scan(unhex("da0065")), isMalformed);
  assert.throws(() => new MsgpackScanner(0, limits).scan(unhex("dd7fffffff")), isMalformed);
  assert.throws(() => new MsgpackScanner(0, limits).scan(unhex("c1")), isMalformed);
  assert.throws(() => new MsgpackReader(unhex("dcffff")).any(), MsgpackShortError);
  new MsgpackReader(unhex(`${"91".repeat(5_000)}00`)).skip();
});
const isMalformed = (error: unknown): boolean => error instanceof MsgpackError && !(error instanceof MsgpackShortError);

test("a changed byte gives a value or a MsgpackError, never anything else", () => {
  const rng = seededRng(20_210);
  for (let round = 0; round < 8_000; round++) {
    const bytes = Uint8Array.from(unhex(RECORDED[randomInt(rng, RECORDED.length)]!.hex));
    for (let change = randomInt(rng, 4); change >= 0; change--)
      bytes[randomInt(rng, bytes.length)] = randomInt(rng, 256);
    let end: number | undefined | "malformed";
    try {
      end = new MsgpackScanner().scan(bytes);
    } catch (error) {
      assert.ok(error instanceof MsgpackError);
      end = "malformed";
    }
    const reader = new MsgpackReader(bytes);
    try {
      reader.any("either");
      assert.equal(reader.position, end);
    } catch (error) {
      assert.ok(error instanceof MsgpackError, String(error));
    }
  }
});

test("a writer is reusable: what was taken stays as it was", () => {
  const writer = new MsgpackWriter();
  const first = writer.text("first").take();
  writer.bytes(Buffer.alloc(3_000_000));
  assert.equal(writer.length, 3_000_005);
  writer.reset();
  const second = writer.text("second").take();
  assert.deepEqual([new MsgpackReader(first).text(), new MsgpackReader(second).text()], ["first", "second"]);
  const source = unhex("a3616263");
  const copied = new MsgpackReader(source).bytes();
  source.fill(0);
  assert.equal(Buffer.from(copied).toString(), "abc");
});
