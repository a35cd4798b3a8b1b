import assert from "node:assert/strict";
import { test } from "node:test";
import { make, TombstoneRequest } from "@tribune/api";
import { byteString, textOfBytes } from "../codec/byte-text.ts";
import { kvGet, kvKeys, kvList, TOMBSTONES } from "./kv.ts";
import { MESSAGE } from "./message-types.ts";
import { Machine, sessionId } from "./testing.ts";

const get = (machine: Machine, key: string) => machine.db.peek((tx) => kvGet(tx, key));
const list = (machine: Machine, prefix: string) => machine.db.peek((tx) => kvList(tx, prefix));
const keys = (machine: Machine, prefix: string, separator = "") =>
  machine.db.peek((tx) => kvKeys(tx, prefix, separator)).keys;
const textOf = (value: Uint8Array | null | undefined) => Buffer.from(value ?? []).toString();

/** A machine with a node and the given sessions on it, at index 10. */
function withSessions(...numbers: readonly number[]): Machine {
  const machine = new Machine();
  machine.register("n1");
  for (const n of numbers) machine.session("create", n);
  machine.index = 10;
  return machine;
}

test("set creates, changes and, when nothing differs, leaves alone", () => {
  const machine = new Machine();
  machine.kv("set", "a", { value: "1", Flags: 2n ** 64n - 1n });
  machine.kv("set", "a", { value: "2", Flags: 7 });
  machine.kv("set", "a", { value: "2", Flags: 7 });
  const { index, entry } = get(machine, "a");
  assert.equal(index, 2);
  assert.deepEqual([entry?.CreateIndex, entry?.ModifyIndex, entry?.Flags, textOf(entry?.Value)], [1, 2, 7, "2"]);
  assert.equal(list(machine, "").index, 2);
});

test("a value that was not given stays nil, an empty one empty, and both are equal", () => {
  const machine = new Machine();
  machine.kv("set", "nil", { value: null });
  machine.kv("set", "empty", { value: "" });
  assert.equal(get(machine, "nil").entry?.Value, null);
  assert.equal(get(machine, "empty").entry?.Value?.length, 0);
  machine.kv("set", "nil", { value: "" });
  assert.equal(get(machine, "nil").index, 1);
});

test("large values are kept as they are, and compared", () => {
  const machine = new Machine();
  const value = "x".repeat(300_000);
  machine.kv("set", "big", { value });
  machine.kv("set", "big", { value });
  assert.equal(textOf(get(machine, "big").entry?.Value), value);
  assert.equal(get(machine, "big").index, 1);
});

test("what is not there answers the tables' index, and is watched", () => {
  const machine = new Machine();
  machine.kv("set", "other");
  machine.kv("delete", "other");
  const { result, watch } = machine.db.read((tx) => kvGet(tx, "a"));
  assert.deepEqual(result, { index: 2, entry: undefined });
  machine.kv("set", "ab");
  machine.kv("set", "other");
  assert.equal(watch.fired, false);
  machine.kv("set", "a");
  assert.equal(watch.fired, true);
});

test("a list's index never goes back when its newest entry is deleted", () => {
  const machine = new Machine();
  machine.kv("set", "app/1");
  machine.kv("set", "app/2");
  machine.kv("set", "zzz");
  assert.equal(list(machine, "app/").index, 2);
  machine.kv("delete", "app/2");
  assert.equal(list(machine, "app/").index, 4);
  machine.kv("set", "zzz", { value: "new" });
  assert.equal(list(machine, "app/").index, 4);
  machine.kv("delete-tree", "app/");
  assert.deepEqual(list(machine, "app/"), { index: 6, entries: [] });
  assert.deepEqual(machine.tombstoneIndexes, [4, 6]);
});

test("reaped tombstones are gone, the tables' index is not", () => {
  const machine = new Machine();
  machine.kv("set", "a/1");
  machine.kv("set", "a/2");
  machine.kv("delete", "a/1");
  machine.kv("delete", "a/2");
  machine.apply(MESSAGE.TOMBSTONE, TombstoneRequest, make(TombstoneRequest, { Op: "reap", ReapIndex: 3 }));
  assert.deepEqual(
    machine.db.peek((tx) => [...tx.scan(TOMBSTONES, "")]),
    [{ Key: "a/2", Index: 4 }],
  );
  machine.apply(MESSAGE.TOMBSTONE, TombstoneRequest, make(TombstoneRequest, { Op: "reap", ReapIndex: 9 }));
  assert.equal(list(machine, "a/").index, 4);
});

test("deleting the whole store leaves one index and no tombstone", () => {
  const machine = new Machine();
  machine.kv("set", "a");
  machine.kv("set", "b");
  machine.kv("delete-tree", "");
  assert.equal(machine.db.count(TOMBSTONES), 0);
  assert.deepEqual(list(machine, ""), { index: 3, entries: [] });
  machine.kv("delete-tree", "");
  assert.equal(list(machine, "").index, 3);
});

test("keys are listed up to a separator, each folder once", () => {
  const machine = new Machine();
  for (const key of ["a", "a/1", "a/2/x", "a/2/y", "a/3", "b/", "b/c", "ab/c"]) machine.kv("set", key);
  assert.deepEqual(keys(machine, "", "/"), ["a", "a/", "ab/", "b/"]);
  assert.deepEqual(keys(machine, "a/", "/"), ["a/1", "a/2/", "a/3"]);
  assert.deepEqual(keys(machine, "a/", "2/"), ["a/1", "a/2/", "a/3"]);
  assert.deepEqual(keys(machine, "a"), ["a", "a/1", "a/2/x", "a/2/y", "a/3", "ab/c"]);
});

test("keys are bytes: they sort and are cut as such, valid UTF-8 or not", () => {
  const machine = new Machine();
  const raw = textOfBytes(Uint8Array.of(0x61, 0xff, 0x2f, 0x62));
  const all = ["\u{10000}", "\uffee", "é/x", raw];
  for (const key of all) machine.kv("set", key);
  assert.deepEqual(keys(machine, ""), [raw, "é/x", "\uffee", "\u{10000}"]);
  assert.deepEqual(keys(machine, textOfBytes(Uint8Array.of(0xc3)), "/"), ["é/"]);
  assert.deepEqual(keys(machine, "a", "/").map(byteString), ["a\xff/"]);
});

test("check-and-set follows ModifyIndex; 0 means that the key must not exist", () => {
  const machine = new Machine();
  assert.equal(machine.kv("cas", "a", { ModifyIndex: 5 }), false);
  assert.equal(machine.kv("cas", "a", { ModifyIndex: 0, value: "1" }), true);
  assert.equal(machine.kv("cas", "a", { ModifyIndex: 0, value: "2" }), false);
  assert.equal(machine.kv("cas", "a", { ModifyIndex: 1, value: "2" }), false);
  assert.equal(machine.kv("cas", "a", { ModifyIndex: 2, value: "2" }), true);
  assert.equal(machine.kv("delete-cas", "a", { ModifyIndex: 2 }), false);
  assert.equal(machine.kv("delete-cas", "a", { ModifyIndex: 5 }), true);
  assert.equal(machine.kv("delete-cas", "a", { ModifyIndex: 5 }), true); // it is gone, as wished
});

test("a lock belongs to one session until it is released", () => {
  const machine = withSessions(1, 2);
  const [first, second] = [{ Session: sessionId(1) }, { Session: sessionId(2) }];
  assert.equal(machine.kv("lock", "a", { ...first, value: "x" }), true);
  assert.equal(machine.kv("lock", "a", second), false);
  assert.equal(machine.kv("lock", "a", { ...first, value: "y" }), true);
  assert.equal(get(machine, "a").entry?.LockIndex, 1);
  assert.equal(machine.kv("unlock", "a", second), false);
  assert.equal(machine.kv("unlock", "none", first), false);
  assert.equal(machine.kv("unlock", "a", first), true);
  assert.equal(machine.kv("lock", "a", second), true);
  const { entry } = get(machine, "a");
  assert.deepEqual([entry?.LockIndex, entry?.Session, entry?.CreateIndex], [2, sessionId(2), 11]);
});

test("a plain write keeps the lock's session but, as in Consul, not its LockIndex", () => {
  const machine = withSessions(1);
  machine.kv("lock", "a", { Session: sessionId(1) });
  machine.kv("set", "a", { value: "new" });
  const { entry } = get(machine, "a");
  assert.deepEqual([entry?.Session, entry?.LockIndex], [sessionId(1), 0]);
});

test("a lock needs a session that exists", () => {
  const machine = withSessions(1);
  const refusals: readonly (readonly [string, string, string])[] = [
    ["lock", "", "missing session"],
    ["unlock", "", "missing session"],
    ["lock", "foo", "failed session lookup: index error: UUID must be 36 characters"],
    ["lock", sessionId(9), `invalid session "${sessionId(9)}"`],
  ];
  for (const [op, Session, text] of refusals) {
    assert.equal((machine.kv(op, "a", { Session }) as Error).message, text);
  }
  assert.equal((machine.kv("burn", "a") as Error).message, "Invalid KVS operation 'burn'");
  assert.equal(get(machine, "a").entry, undefined);
});

test("a list wakes for its prefix only", () => {
  const machine = new Machine();
  machine.kv("set", "a/1");
  const { watch } = machine.db.read((tx) => kvList(tx, "a/"));
  machine.kv("set", "b/1");
  machine.kv("delete", "b/1");
  machine.kv("set", "a/1"); // changes nothing
  assert.equal(watch.fired, false);
  machine.kv("delete-tree", "a");
  assert.equal(watch.fired, true);
});

test("a list does not go back when the tombstone that dated it is reaped", () => {
  const machine = new Machine();
  machine.kv("set", "a/1");
  machine.kv("set", "a/2");
  machine.kv("delete", "a/2");
  assert.equal(list(machine, "a/").index, 3);
  machine.apply(MESSAGE.TOMBSTONE, TombstoneRequest, make(TombstoneRequest, { Op: "reap", ReapIndex: 3 }));
  assert.equal(list(machine, "a/").index, 3);
});
