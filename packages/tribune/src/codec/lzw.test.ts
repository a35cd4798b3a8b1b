import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { mutateBytes, pick } from "../lib/fuzz.ts";
import { seededRng } from "../lib/random.ts";
import { GossipCodecError } from "./gossip-error.ts";
import { lzwDecode, lzwEncode } from "./lzw.ts";

interface Recorded {
  readonly description: string;
  readonly plainHex: string;
  readonly hex: string;
}
const RECORDED: readonly Recorded[] = JSON.parse(
  readFileSync(new URL("../../test-data/lzw.json", import.meta.url), "utf8"),
).vectors;

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const fault = (fault: string) => (error: unknown) => error instanceof GossipCodecError && error.fault === fault;

for (const { description, plainHex, hex: compressed } of RECORDED) {
  test(`recorded, both ways: ${description}`, () => {
    const plain = Buffer.from(plainHex, "hex");
    assert.equal(hex(lzwDecode(Buffer.from(compressed, "hex"), plain.length)), plainHex);
    assert.equal(hex(lzwEncode(plain)), compressed);
  });
}

test("what is compressed comes back, over table sizes and alphabets", () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 400 }),
    fc.uint8Array({ max: 2, maxLength: 12_000, size: "max" }),
    fc.uint8Array({ minLength: 3_000, maxLength: 9_000, size: "max" }),
  );
  const check = fc.property(bytes, (plain) => {
    assert.deepEqual(lzwDecode(lzwEncode(plain), plain.length), new Uint8Array(plain));
  });
  fc.assert(check, { numRuns: 60, seed: 7 });
});

test("lengths around the moment the table is cleared", () => {
  const rng = seededRng(3);
  const random = rng.bytes(4_200);
  for (let length = 3_820; length < 3_860; length++) {
    const plain = random.subarray(0, length);
    assert.deepEqual(lzwDecode(lzwEncode(plain), length), plain);
  }
});

test("a reader goes on with a full table that is never cleared", () => {
  // 5,000 literals of rising width; a real writer would have cleared after the 3,838th.
  const literals = 5_000;
  let bits = "";
  const put = (code: number, width: number) => {
    bits += code.toString(2).padStart(width, "0").split("").reverse().join("");
  };
  let next = 257;
  let width = 9;
  for (let at = 0; at < literals; at++) {
    put(at & 0xff, width);
    next++;
    if (next === 1 << width && width < 12) width++;
  }
  put(257, width);
  const bytes = (bits.match(/.{1,8}/g) ?? []).map((byte) => Number.parseInt(byte.split("").reverse().join(""), 2));
  const plain = lzwDecode(Uint8Array.from(bytes), literals);
  assert.deepEqual(
    plain,
    Uint8Array.from({ length: literals }, (_, at) => at & 0xff),
  );
});

test("bounds and damage", () => {
  const bomb = lzwEncode(new Uint8Array(100_000));
  assert.ok(bomb.length < 1_000);
  assert.throws(() => lzwDecode(bomb, 99_999), fault("tooLarge"));
  assert.equal(lzwDecode(bomb, 100_000).length, 100_000);
  assert.throws(() => lzwDecode(new Uint8Array(0), 10), fault("malformed"));
  assert.throws(() => lzwDecode(Buffer.from("00dd04", "hex"), 10), fault("malformed"), "no end code");
  assert.throws(() => lzwDecode(Buffer.from("ffff", "hex"), 10), fault("malformed"), "code 511 before all others");
});

test("damaged bytes are refused or stay within the bound", () => {
  const rng = seededRng(1);
  const seeds = RECORDED.slice(0, 3).map((one) => Buffer.from(one.hex, "hex"));
  for (let round = 0; round < 3_000; round++) {
    try {
      assert.ok(lzwDecode(mutateBytes(rng, pick(rng, seeds)), 20_000).length <= 20_000);
    } catch (error) {
      assert.ok(error instanceof GossipCodecError, String(error));
    }
  }
});
