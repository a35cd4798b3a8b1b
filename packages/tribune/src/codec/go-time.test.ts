import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  decodeGoTime,
  encodeGoTime,
  formatGoTime,
  GO_TIME_ZERO,
  goTimeOfMs,
  goTimeToMs,
  isZeroTime,
} from "./go-time.ts";

test("the zero time has the bytes the sheet gives", () => {
  assert.equal(Buffer.from(encodeGoTime(GO_TIME_ZERO)).toString("hex"), `01${"00".repeat(12)}ffff`);
  assert.equal(formatGoTime(GO_TIME_ZERO), "0001-01-01T00:00:00Z");
  assert.ok(isZeroTime(decodeGoTime(encodeGoTime(GO_TIME_ZERO))));
});

test("a recorded AppendedAt keeps its nanoseconds and its zone", () => {
  const recorded = Buffer.from("010000000ee294bf7801f192be0000", "hex");
  const time = decodeGoTime(recorded);
  assert.deepEqual(time, { seconds: 0xee294bf78 - 62_135_596_800, nanoseconds: 0x01f192be, zoneMinutes: 0 });
  assert.deepEqual(Buffer.from(encodeGoTime(time)), recorded);
});

test("text is RFC 3339 as Go prints it", () => {
  const at = { seconds: 1_609_459_200, nanoseconds: 120_000_000, zoneMinutes: undefined };
  assert.equal(formatGoTime(at), "2021-01-01T00:00:00.12Z");
  assert.equal(formatGoTime({ ...at, nanoseconds: 1, zoneMinutes: 90 }), "2021-01-01T01:30:00.000000001+01:30");
  assert.equal(formatGoTime({ ...at, nanoseconds: 0, zoneMinutes: -480 }), "2020-12-31T16:00:00-08:00");
});

test("every instant survives the wire, every millisecond the conversion", () => {
  const zone = fc.oneof(fc.constant(undefined), fc.integer({ min: 0, max: 840 }));
  fc.assert(
    fc.property(fc.integer({ min: -1e11, max: 1e11 }), fc.integer({ min: 0, max: 999_999_999 }), zone, (s, n, z) => {
      const time = { seconds: s, nanoseconds: n, zoneMinutes: z };
      assert.deepEqual(decodeGoTime(encodeGoTime(time)), time);
    }),
  );
  fc.assert(fc.property(fc.integer({ min: -1e13, max: 1e13 }), (ms) => goTimeToMs(goTimeOfMs(ms)) === ms));
});

test("anything else is refused", () => {
  for (const hex of [
    "",
    "01",
    `03${"00".repeat(14)}`,
    `02${"00".repeat(14)}`,
    `0100000000000000007fffffff0000${"0000"}`,
  ])
    assert.throws(() => decodeGoTime(Buffer.from(hex, "hex")), { name: "MsgpackError" }, hex);
});
