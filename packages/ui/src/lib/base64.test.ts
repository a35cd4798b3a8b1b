import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeBase64, hexDump, utf8 } from "./base64.ts";

test("bytes are text only when they are UTF-8, a byte order mark kept", () => {
  assert.equal(utf8(decodeBase64("w6k=")), "é");
  assert.equal(utf8(decodeBase64("/w==")), undefined);
  assert.equal(utf8(decodeBase64("77u/YQ==")), "\ufeffa");
});

test("a dump shows bytes and letters, and what it leaves out", () => {
  assert.equal(hexDump(new TextEncoder().encode("ab\n")), `000000  61 62 0a${" ".repeat(39)}  ab.`);
  assert.match(hexDump(new Uint8Array(20), 16), /… 4 more bytes$/);
});
