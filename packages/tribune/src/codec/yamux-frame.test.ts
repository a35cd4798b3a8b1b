import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { encodeYamuxHeader, YamuxError, type YamuxHeader, YamuxParser } from "./yamux-frame.ts";

const recorded: { readonly vectors: readonly { readonly description: string; readonly hex: string }[] } = JSON.parse(
  readFileSync(new URL("../../test-data/yamux-frames-consul-1.10.json", import.meta.url), "utf8"),
);

function parsed(chunks: readonly Uint8Array[]): { headers: YamuxHeader[]; payload: string } {
  const headers: YamuxHeader[] = [];
  const payload: Uint8Array[] = [];
  const parser = new YamuxParser(
    (header) => headers.push(header),
    (_streamId, piece) => payload.push(Uint8Array.from(piece)),
  );
  for (const chunk of chunks) parser.push(chunk);
  return { headers, payload: Buffer.concat(payload).toString("hex") };
}

test("frames recorded from Consul are read, and written again to the same bytes", () => {
  const frames = recorded.vectors.slice(1); // the first is the connection's first byte
  assert.ok(frames.length > 15);
  for (const { description, hex } of frames) {
    const { headers, payload } = parsed([Buffer.from(hex, "hex")]);
    assert.equal(headers.length, 1, description);
    const { type, flags, streamId, length } = headers[0]!;
    const written = Buffer.from(encodeYamuxHeader(type, flags, streamId, length)).toString("hex") + payload;
    assert.equal(written, hex, description);
  }
});

test("wherever a stream is cut into chunks, the same frames come out", () => {
  const whole = Buffer.concat(recorded.vectors.slice(1).map(({ hex }) => Buffer.from(hex, "hex")));
  const expected = parsed([whole]);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: whole.length }), { maxLength: 20 }), (cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), whole.length];
      const chunks = ends.map((end, at) => whole.subarray(at === 0 ? 0 : ends[at - 1], end));
      assert.deepEqual(parsed(chunks), expected);
    }),
  );
});

test("another version and an unknown type are no yamux", () => {
  assert.throws(() => parsed([Buffer.from("010000000000000000000000", "hex")]), YamuxError);
  assert.throws(() => parsed([Buffer.from("000400000000000000000000", "hex")]), YamuxError);
});
