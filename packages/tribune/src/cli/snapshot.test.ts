import assert from "node:assert/strict";
import { test } from "node:test";
import { DirEntry, make } from "@tribune/api";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { distanceSeconds } from "./commands/rtt.ts";
import { recordLine } from "./snapshot-records.ts";
import { StateCounter } from "./snapshot-stats.ts";

const text = (value: string): Buffer => Buffer.concat([Buffer.from([0xa0 + value.length]), Buffer.from(value)]);
const kv = (key: string): Buffer =>
  Buffer.concat([Buffer.from([2, 0x82]), text("Key"), text(key), text("N"), Buffer.from([0xcd, 1, 2])]);
/** Header, three KV records, one registration with nested values, one kind nobody knows. */
const STATE = Buffer.concat([
  Buffer.concat([Buffer.from([0x81]), text("LastIndex"), Buffer.from([9])]),
  ...[kv("a/b/c"), kv("a/b/d"), kv("z")],
  Buffer.from([0, 0x92, 0x93, 1, 2, 0xc0, 0xc4, 2, 7, 7]),
  Buffer.from([128 + 99, 0xda, 0, 3, 1, 2, 3]),
]);

test("records are counted whatever the chunks", () => {
  for (const size of [1, 2, 7, STATE.length]) {
    const counter = new StateCounter({ depth: 2, prefix: "a" });
    for (let at = 0; at < STATE.length; at += size) counter.add(STATE.subarray(at, at + size));
    const stats = counter.finish();
    assert.deepEqual(
      stats.kinds.map((kind) => [kind.Name, kind.Count, kind.Sum]),
      [
        ["KVS", 3, 59], // the header's twelve bytes with the first record, as in Consul
        ["Register", 1, 10],
        ["Unknown(227)", 1, 7],
      ],
    );
    assert.equal(stats.totalBytes, STATE.length);
    assert.deepEqual(stats.kvPrefixes, [{ Name: "a/b", Sum: 34, Count: 2 }]);
  }
});

test("records come as lines of JSON, bytes as base64 where the kind is known", () => {
  const lines: string[] = [];
  const counter = new StateCounter(undefined, (kind, value) => lines.push(`${kind} ${value.length}`));
  counter.add(STATE);
  counter.finish();
  assert.deepEqual(lines, ["KVS 16", "KVS 16", "KVS 12", "Register 9", "Unknown(227) 6"]);

  const entry = make(DirEntry, { Key: "a", Value: Buffer.from("v"), Flags: 7 });
  const shown = JSON.parse(recordLine("KVS", encodeStruct(DirEntry, entry))) as { Type: string; Data: object };
  assert.equal(shown.Type, "KVS");
  assert.deepEqual(
    { ...shown.Data, Session: "" },
    {
      ...{ LockIndex: 0, Key: "a", Flags: 7, Value: "dg==", Session: "", CreateIndex: 0, ModifyIndex: 0 },
    },
  );
  const other = Buffer.concat([Buffer.from([0x82]), text("b"), Buffer.from([1]), text("a"), text("x")]);
  assert.equal(recordLine("ACLPolicy", other), '{"Data":{"b":1,"a":"x"},"Type":"ACLPolicy"}');
  assert.throws(() => recordLine("KVS", Buffer.from([0x81])), /^Error: failed to decode msg type KVS, error /);
});

test("a state that breaks off is an error", () => {
  const counter = new StateCounter();
  counter.add(STATE.subarray(0, STATE.length - 1));
  assert.throws(() => counter.finish(), /unexpected EOF/);
});

test("Vivaldi distance", () => {
  const at = (x: number, adjustment: number) => ({ Vec: [x, 0], Error: 0, Adjustment: adjustment, Height: 0.0001 });
  assert.equal(distanceSeconds(at(0.001, 0), at(0.0035, 0)).toFixed(7), "0.0027000");
  assert.equal(distanceSeconds(at(0, 0.001), at(0, 0)).toFixed(7), "0.0012000");
  assert.equal(distanceSeconds(at(0, -1), at(0, 0)).toFixed(7), "0.0002000"); // an adjustment never makes it negative
});
