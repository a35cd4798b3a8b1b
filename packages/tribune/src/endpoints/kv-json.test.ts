import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry, list, make, TxnResult, toJson } from "@tribune/api";
import fc from "fast-check";
import { stringifyGo } from "../lib/go-json.ts";
import { KvEntry } from "../state/kv.ts";
import { packValue } from "../state/kv-entry.ts";
import { entriesJson, keyResultsJson, textsJson } from "./kv-json.ts";

const joined = (pieces: Iterable<Uint8Array>): string => Buffer.concat([...pieces]).toString();

// Any UTF-16, lone surrogates among them: keys hold what clients send.
const key = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string(),
  fc.constantFrom('a"<b>&\\', "\u2028\udc80", "\0\b\f\t"),
);
const entry = fc
  .record({
    LockIndex: fc.oneof(fc.nat(), fc.maxSafeNat()),
    Key: key,
    Flags: fc.oneof(fc.nat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
    Value: fc.oneof(fc.constant(null), fc.uint8Array({ maxLength: 300, size: "max" })),
    Session: fc.constantFrom("", "adf4238a-882b-9ddc-4a9d-5b6758e4159e"),
    CreateIndex: fc.nat(),
    ModifyIndex: fc.maxSafeNat(),
  })
  .chain((plain) => fc.constantFrom<DirEntry>(plain, new KvEntry(plain, packValue(plain.Value))));

test("a list of entries is what the general encoder writes, compact and pretty", () => {
  fc.assert(
    fc.property(fc.array(entry, { minLength: 1 }), fc.boolean(), (entries, pretty) => {
      assert.equal(joined(entriesJson(entries, pretty)), stringifyGo(toJson(list(DirEntry), entries), pretty));
    }),
  );
});

test("results of a transaction on keys are what the general encoder writes, and others are left to it", () => {
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const results = entries.map((KV) => make(TxnResult, { KV }));
      const written = keyResultsJson(results);
      if (entries.some(({ Flags }) => typeof Flags === "bigint")) assert.equal(written, undefined);
      else assert.equal(written, stringifyGo(toJson(list(TxnResult), results)));
    }),
  );
  assert.equal(keyResultsJson([make(TxnResult)]), undefined);
  // What most writes answer, which chance seldom draws: nothing but a key and its place in the log.
  const bare = { LockIndex: 0, Key: "a/b", Flags: 0, Value: null, Session: "", CreateIndex: 3, ModifyIndex: 4 };
  for (const KV of [bare, new KvEntry(bare, null), { ...bare, Value: Buffer.from("v") }]) {
    const results = [make(TxnResult, { KV })];
    assert.equal(keyResultsJson(results), stringifyGo(toJson(list(TxnResult), results)));
  }
});

test("a list of keys is what the general encoder writes, also across pieces", () => {
  const many = Array.from({ length: 2_500 }, (_, at) => `folder/<${at}>`);
  for (const texts of [[], ["one"], many, many.slice(0, 1_024), many.slice(0, 1_025)]) {
    for (const pretty of [false, true]) assert.equal(joined(textsJson(texts, pretty)), stringifyGo(texts, pretty));
  }
});

test("a large value fits into a piece", () => {
  const value = Buffer.alloc(300_000, "x");
  const large = new KvEntry(
    { LockIndex: 0, Key: "k", Flags: 0, Session: "", CreateIndex: 1, ModifyIndex: 2 },
    packValue(value),
  );
  const [shown] = JSON.parse(joined(entriesJson([large], false)));
  assert.equal(shown.Value, value.toString("base64"));
});
