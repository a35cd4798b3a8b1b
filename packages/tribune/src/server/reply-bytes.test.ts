import assert from "node:assert/strict";
import { test } from "node:test";
import { IndexedKeyList, make } from "@tribune/api";
import fc from "fast-check";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { ReplyBytes } from "./reply-bytes.ts";

const nanos = fc.integer({ min: 0, max: 2 ** 45 });
const replies = fc.record({
  Keys: fc.array(fc.string({ maxLength: 4 }), { maxLength: 3 }),
  Index: fc.integer({ min: 1, max: 300 }),
  LastContact: nanos,
  KnownLeader: fc.boolean(),
  ConsistencyLevel: fc.constantFrom("", "stale", "consistent"),
});
type Reply = Parameters<typeof make<IndexedKeyList>>[1];
const encode = (reply: Reply) => encodeStruct(IndexedKeyList, make(IndexedKeyList, reply));

test("replies that differ only in how they came about are the same answer", () => {
  fc.assert(
    fc.property(replies, replies, (one, two) => {
      const other = { ...two, Keys: one.Keys, Index: one.Index };
      assert.deepEqual(ReplyBytes.of(encode(one)).sameAnswer(encode(other)), {
        knownLeader: two.KnownLeader,
        lastContactMs: two.LastContact / 1e6,
      });
    }),
  );
});

test("replies that differ in what they say are not", () => {
  fc.assert(
    fc.property(replies, replies, (one, two) => {
      const same = JSON.stringify([one.Keys, one.Index]) === JSON.stringify([two.Keys, two.Index]);
      assert.equal(ReplyBytes.of(encode(one)).sameAnswer(encode(two)) !== undefined, same);
    }),
  );
});

test("garbage is never the same, and never thrown about", () => {
  const held = ReplyBytes.of(encode({ Index: 5, LastContact: 1 }));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 120 }), (bytes) => {
      assert.equal(held.sameAnswer(bytes), undefined);
    }),
  );
  const damaged = Buffer.from(encode({ Index: 5, LastContact: 1 }));
  const at = damaged.indexOf("LastContact") + "LastContact".length;
  damaged[at] = 0xd9;
  assert.equal(held.sameAnswer(damaged), undefined);
});
