import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry } from "@tribune/api";
import fc from "fast-check";
import { textOfBytes } from "../codec/byte-text.ts";
import { MsgpackReader } from "../codec/msgpack.ts";
import { decodeStruct, encodeStruct } from "../codec/struct-msgpack.ts";
import { KvEntry, packValue, plainEntry } from "./kv-entry.ts";
import { entryRecord, tryReadEntry } from "./kv-record.ts";
import { MESSAGE } from "./message-types.ts";

const index = fc.oneof(fc.nat(300), fc.nat(70_000), fc.nat(2 ** 32), fc.integer({ min: 0, max: 2 ** 53 - 1 }));
const bytes = fc.oneof(
  fc.uint8Array({ maxLength: 40 }),
  fc.integer({ min: 0, max: 70_000 }).map((length) => new Uint8Array(length).fill(0x61)),
);
const entries = fc.record({
  Key: fc.oneof(fc.string(), bytes.map(textOfBytes)),
  Flags: fc.constantFrom<number | bigint>(0, 0, 0, 7, 2n ** 63n),
  Session: fc.constantFrom("", "", "", "0f2b0ad5-3cc7-4a7e-b7a3-f2d2f4a1a7ab"),
  LockIndex: fc.constantFrom(0, 0, 0, 2),
  CreateIndex: index,
  ModifyIndex: index,
  Value: fc.option(bytes, { nil: null }),
});
type Fields = typeof entries extends fc.Arbitrary<infer T> ? T : never;
const PLAIN: Fields = {
  ...{ Key: "k", Flags: 0, Session: "", LockIndex: 0, CreateIndex: 1, ModifyIndex: 2 },
  Value: new Uint8Array([0x61]),
};

test("a plain entry is written and read as the general codec does it, and any other is left to that", () => {
  const entryOf = ({ Value, ...fields }: Fields) => new KvEntry(fields, packValue(Value));
  assert.notEqual(entryRecord(entryOf(PLAIN)), undefined, "none is plain");
  fc.assert(
    fc.property(entries, (fields) => {
      const entry = entryOf(fields);
      const general = Buffer.from(encodeStruct(DirEntry, plainEntry(entry), MESSAGE.KVS));
      const record = entryRecord(entry);
      if (record !== undefined) assert.deepEqual(Buffer.from(record, "latin1"), general);
      const reader = new MsgpackReader(general, 1);
      const read = tryReadEntry(reader);
      if (record !== undefined && fields.Key.length < 1_000) assert.notEqual(read, undefined);
      assert.equal(reader.position, read === undefined ? 1 : general.length);
      if (read === undefined) return;
      assert.deepEqual(plainEntry(read), plainEntry(entry));
      assert.deepEqual(plainEntry(read), decodeStruct(DirEntry, general, 1));
      assert.deepEqual(read, entry);
    }),
    { examples: [[PLAIN]] },
  );
});

test("no value is not an empty one", () => {
  const fields = { Key: "k", Flags: 0, Session: "", LockIndex: 0, CreateIndex: 1, ModifyIndex: 2 };
  for (const Value of [null, new Uint8Array(0)]) {
    const body = encodeStruct(DirEntry, { ...fields, Value });
    const read = tryReadEntry(new MsgpackReader(body));
    assert.equal(read?.value, Value === null ? undefined : "");
  }
});
