import assert from "node:assert/strict";
import { test } from "node:test";
import { endpointOf, endpointParts } from "./endpoint.ts";

const unhex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

test("endpoints, both ways", () => {
  for (const [addr, text, host] of [
    ["7f000e01", "127.0.14.1:8301", "127.0.14.1"],
    ["20010db8000000000000000000000001", "[2001:db8::1]:8301", "2001:db8::1"],
    ["00000000000000000000000000000001", "[::1]:8301", "::1"],
  ] as const) {
    assert.equal(endpointOf(unhex(addr), 8301), text);
    assert.deepEqual(endpointParts(text), { host, port: 8301, addr: unhex(addr) });
  }
});

test("IPv4 in 16 bytes is the same endpoint", () => {
  assert.equal(endpointOf(unhex("00000000000000000000ffff7f000e01"), 1), "127.0.14.1:1");
});

test("what is no endpoint", () => {
  for (const addr of ["", "7f00", "00".repeat(15)]) assert.equal(endpointOf(unhex(addr), 1), undefined);
  for (const text of ["", "127.0.0.1", "::1:80", "127.0.0.1:65536", "host:1", "[127.0.0:1", "1.2.3:4", "[::1]"]) {
    assert.equal(endpointParts(text), undefined, text);
  }
});
