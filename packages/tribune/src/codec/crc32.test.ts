import assert from "node:assert/strict";
import { test } from "node:test";
import { crc32 } from "./crc32.ts";

test("the check value of the CRC catalogues, and nothing", () => {
  assert.equal(crc32(Buffer.from("123456789")), 0xcbf4_3926);
  assert.equal(crc32(new Uint8Array(0)), 0);
});
