import assert from "node:assert/strict";
import { test } from "node:test";
import { metaRecords, rfc1464 } from "./node-meta.ts";
import { nodeRow, texts } from "./testing.test.support.ts";

test("RFC 1464 quoting", () => {
  for (const [key, value, expected] of [
    ["color", "blue", "color=blue"],
    ["equation", "a=4", "equation=a=4"],
    ["a=a", "true", "a`=a=true"],
    ["tick`", "`", "tick``=``"],
    ["  lead ", "v", "` ` lead` =v"],
  ] as const) {
    assert.equal(rfc1464(key, value), expected);
  }
});

const meta = (Meta: Record<string, string>): string[] =>
  texts(metaRecords("n.", nodeRow("n", "10.0.0.1", { Meta }), 5));

test("plain text under rfc1035- keys, escapes taken as in zone files, long values in several strings", () => {
  assert.deepEqual(meta({ "RFC1035-x": "just text" }), ["n. 5 TXT just text"]);
  assert.deepEqual(meta({ quote: 'say "hi" \\ there\\065\\' }), ['n. 5 TXT quote=say "hi"  thereA']);
  assert.deepEqual(meta({ empty: "" }), ["n. 5 TXT empty="]);
  assert.deepEqual(meta({ "rfc1035-": "x".repeat(300) }), [`n. 5 TXT ${"x".repeat(255)}|${"x".repeat(45)}`]);
});
