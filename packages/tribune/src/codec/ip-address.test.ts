import assert from "node:assert/strict";
import { isIP } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { formatIp, ipOfReverseName, parseIp } from "./ip-address.ts";

test("text to bytes and back", () => {
  for (const [text, canonical] of [
    ["10.0.0.1", "10.0.0.1"],
    ["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
    ["::", "::"],
    ["::1", "::1"],
    ["1::", "1::"],
    ["1:0:0:2:0:0:0:3", "1:0:0:2::3"],
    ["1:2:3:4:5:6:7:0", "1:2:3:4:5:6:7:0"],
    ["::ffff:10.0.0.1", "10.0.0.1"],
    ["64:ff9b::10.0.0.1", "64:ff9b::a00:1"],
  ] as const) {
    const bytes = parseIp(text);
    assert.ok(bytes, text);
    assert.equal(formatIp(bytes), canonical);
  }
});

test("what is no address", () => {
  for (const text of [
    "",
    "localhost",
    "10.0.0",
    "10.0.0.256",
    "10.0.0.01",
    "10.0.0.1:80",
    ":",
    ":::",
    "1::2::3",
    "1:2:3:4:5:6:7:8::",
    "fe80::1%eth0",
    "12345::",
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
});

test("agrees with the platform about what an address is", () => {
  const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{1,24}$/));
  fc.assert(fc.property(text, (candidate) => assert.equal(parseIp(candidate) !== undefined, isIP(candidate) !== 0)));
});

test("reverse names", () => {
  assert.equal(ipOfReverseName("1.2.0.10.in-addr.arpa."), "10.0.2.1");
  assert.equal(ipOfReverseName(`1.${"0.".repeat(23)}8.b.d.0.1.0.0.2.ip6.arpa.`), "2001:db8::1");
  for (const name of [
    "arpa.",
    "in-addr.arpa.",
    "2.0.10.in-addr.arpa.",
    "x.1.2.0.10.in-addr.arpa.",
    "1.2.0.300.in-addr.arpa.",
  ]) {
    assert.equal(ipOfReverseName(name), undefined, name);
  }
});
