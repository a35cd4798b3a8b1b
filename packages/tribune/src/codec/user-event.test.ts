import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeUserEvent, encodeUserEvent } from "./user-event.ts";

const ID = "f3e4a4d2-1111-2222-3333-444455556666";

test("an event's bytes are those of Consul's newer msgpack: bin for the payload, str8 for long texts", () => {
  const event = {
    id: ID,
    name: "deploy",
    payload: Buffer.from("v1"),
    nodeFilter: "",
    serviceFilter: "web",
    tagFilter: "",
    version: 1,
  };
  const expected = Buffer.concat([
    Buffer.from([0x85, 0xa2]),
    Buffer.from("ID"),
    Buffer.from([0xd9, 36]),
    Buffer.from(ID),
    Buffer.from([0xa1, 0x6e, 0xa6]),
    Buffer.from("deploy"),
    Buffer.from([0xa1, 0x70, 0xc4, 2]),
    Buffer.from("v1"),
    Buffer.from([0xa2]),
    Buffer.from("sf"),
    Buffer.from([0xa3]),
    Buffer.from("web"),
    Buffer.from([0xa1, 0x76, 1]),
  ]);
  assert.deepEqual(Buffer.from(encodeUserEvent(event)), expected);
});

test("what was encoded is decoded", () => {
  const text = fc.string({ maxLength: 300, unit: "grapheme" });
  const events = fc.record({
    id: text,
    name: text,
    payload: fc.option(fc.uint8Array({ minLength: 1, maxLength: 70_000 }), { nil: null }),
    nodeFilter: text,
    serviceFilter: text,
    tagFilter: text,
    version: fc.nat(),
  });
  fc.assert(fc.property(events, (event) => assert.deepEqual(decodeUserEvent(encodeUserEvent(event)), { ...event })));
});

test("garbage is refused with an error, unknown fields are passed over", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeUserEvent(bytes);
      } catch (error) {
        assert.match((error as Error).name, /^Msgpack/);
      }
    }),
  );
  const known = decodeUserEvent(
    Buffer.concat([
      Buffer.from([0x82, 0xa1]),
      Buffer.from("x"),
      Buffer.from([1, 0xa1]),
      Buffer.from("n"),
      Buffer.from([0xa1, 0x61]),
    ]),
  );
  assert.equal(known.name, "a");
});
