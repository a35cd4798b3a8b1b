import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { TailBuffer } from "./tail-buffer.ts";

test("keeps the last bytes whatever the chunks", () => {
  void fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 40 })), fc.integer({ min: 1, max: 50 }), (chunks, capacity) => {
      const ascii = chunks.map((chunk) => Buffer.from(chunk.map((byte) => 32 + (byte % 90))));
      const buffer = new TailBuffer(capacity);
      for (const chunk of ascii) buffer.write(chunk);
      const all = Buffer.concat(ascii).toString();
      assert.equal(buffer.text(), all.slice(-capacity));
      assert.equal(buffer.total, all.length);
    }),
  );
});

test("says what it dropped", () => {
  const buffer = new TailBuffer(4);
  buffer.write(Buffer.from("abc"));
  assert.equal(buffer.labelledText(), "abc");
  buffer.write(Buffer.from("def"));
  assert.equal(buffer.labelledText(), "Captured 4 of 6 bytes\n...\ncdef");
});
