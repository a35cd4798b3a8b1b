import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { MsgpackScanner } from "../codec/msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { autopilotConfig } from "./autopilot.ts";
import { SERVICES } from "./catalog.ts";
import { CHUNKS } from "./chunking.ts";
import { peekIndex } from "./index-table.ts";
import { kvGet, kvList } from "./kv.ts";
import { MESSAGE } from "./message-types.ts";
import { decodeOpaque, OPAQUE, opaqueRecords } from "./opaque.ts";
import { sessionList } from "./session.ts";
import { bytesOf, Machine } from "./testing.ts";

const DATA = new URL("../../test-data/", import.meta.url);
const RECORDED = JSON.parse(readFileSync(new URL("consul-1.10.snap.json", DATA), "utf8")) as {
  readonly header: { readonly LastIndex: number };
  readonly records: readonly { readonly type: number; readonly name: string; readonly value: never }[];
};

/** `state.bin` of an archive that Consul 1.10.11 wrote. */
function recordedState(): Uint8Array {
  const tar = gunzipSync(readFileSync(new URL("consul-1.10.snap", DATA)));
  for (let at = 0; at < tar.length; ) {
    const name = tar.toString("latin1", at, at + 100).replace(/\0.*$/s, "");
    const size = Number.parseInt(tar.toString("latin1", at + 124, at + 136), 8);
    if (name === "state.bin") return tar.subarray(at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new Error("no state.bin in the archive");
}

/** Type and bytes of every record behind the header. */
function recordsOf(state: Uint8Array): { readonly type: number; readonly body: Buffer }[] {
  const records = [];
  let at = new MsgpackScanner().scan(state)!;
  while (at < state.length) {
    const end = new MsgpackScanner(at + 1).scan(state)!;
    records.push({ type: state[at]!, body: Buffer.from(state.subarray(at + 1, end)) });
    at = end;
  }
  return records;
}

function restored(state: Uint8Array, chunkBytes: number): Machine {
  const machine = new Machine();
  const restore = machine.fsm.restore();
  for (let at = 0; at < state.length; at += chunkBytes) restore.push(state.subarray(at, at + chunkBytes));
  restore.finish();
  machine.index = machine.db.index;
  return machine;
}

function saved(machine: Machine): Buffer {
  const snapshot = machine.fsm.snapshot();
  const state = Buffer.concat([...snapshot.chunks]);
  snapshot.release();
  return state;
}

/** Consul puts map entries in no particular order: compare what they decode to. */
function comparable({ type, body }: { readonly type: number; readonly body: Buffer }): unknown {
  return [type, decodeOpaque(type, body)];
}

/** Indexes of Tribune's own, which Consul passes over. */
function isOurs(value: unknown): boolean {
  const [type, entry] = value as [number, { readonly Key: string }];
  return type === MESSAGE.INDEX && /^(node|node_checks|connect)\./.test(entry.Key);
}

test("Consul's own snapshot is restored with everything in it", () => {
  const { db } = restored(recordedState(), 1_000);
  db.peek((tx) => {
    assert.equal(tx.index, RECORDED.header.LastIndex);
    assert.deepEqual(
      kvList(tx, "").entries.map((entry) => entry.Key),
      ["app/lock", "app/one", "app/two", "bin", "locked/key"],
    );
    const locked = kvGet(tx, "locked/key").entry;
    assert.equal(locked?.Session, sessionList(tx).sessions[0]?.ID);
    assert.deepEqual(Buffer.from(locked?.Value ?? []).toString(), "held");
    assert.equal(kvGet(tx, "app/two").entry?.Flags, 42);
    assert.equal(kvList(tx, "txn/").index, 45); // a tombstone's
    assert.equal(autopilotConfig(tx).config?.MaxTrailingLogs, 250);
    assert.equal(peekIndex(tx, "service.web"), 55);
    assert.equal([...tx.scan(SERVICES, "")].length, 4);
  });
  const opaque = RECORDED.records.filter(({ type }) => type === 7 || (type >= 12 && type !== 16 && type !== 29));
  assert.equal(db.count(OPAQUE), opaque.length);
});

test("a restored snapshot is saved again record by record", () => {
  const state = recordedState();
  const before = recordsOf(state).map(comparable);
  const again = saved(restored(state, 4_096));
  const after = recordsOf(again).map(comparable);
  assert.deepEqual(
    after.filter((record) => !isOurs(record)),
    before,
  );
  assert.deepEqual(again.subarray(0, 13), Buffer.from(state.subarray(0, 13)));
});

test("records whose meaning is not built yet keep their very bytes", () => {
  const state = recordedState();
  const opaque = (all: Uint8Array) =>
    recordsOf(all).filter(({ type }) => ![0, 2, 3, 5, 6, 9, MESSAGE.INDEX, MESSAGE.CHUNKING_STATE].includes(type));
  assert.deepEqual(opaque(saved(restored(state, 333))), opaque(state));
});

test("it does not matter how the bytes are cut", () => {
  const state = recordedState();
  const whole = saved(restored(state, state.length));
  for (const chunkBytes of [1, 7, 100]) assert.deepEqual(saved(restored(state, chunkBytes)), whole);
});

test("config entries are found by kind and name, unwrapped", () => {
  const { db } = restored(recordedState(), 65_536);
  const entries = db.peek((tx) => [...opaqueRecords(tx, MESSAGE.CONFIG_ENTRY)]);
  assert.deepEqual(
    entries.map((entry) => entry.id.split("\0")[0]),
    [...entries.map((entry) => entry.id.split("\0")[0])].sort(),
  );
  const defaults = entries.find((entry) => entry.id === "proxy-defaults\0global");
  const value = decodeOpaque(MESSAGE.CONFIG_ENTRY, defaults!.body) as { Request: { Entry: { Config: unknown } } };
  assert.deepEqual(value.Request.Entry.Config, { x: 1, protocol: "http" });
});

test("a damaged, unknown or cut snapshot changes nothing", () => {
  const state = recordedState();
  const machine = new Machine();
  machine.kv("set", "present");
  const attempts: Uint8Array[] = [
    state.subarray(0, state.length - 5),
    state.subarray(0, 5),
    Uint8Array.of(),
    Buffer.concat([state, Uint8Array.of(99, 0x80)]),
    Buffer.concat([state.subarray(0, 13), Uint8Array.of(MESSAGE.KVS, 0xc1)]),
    Buffer.concat([state.subarray(0, 13), Uint8Array.of(MESSAGE.KVS, 0x81, 0xa3, 0x4b, 0x65, 0x79, 0x80)]),
    Buffer.concat([state.subarray(0, 13), Uint8Array.of(MESSAGE.ACL_POLICY_SET, 0x80)]),
  ];
  for (const bytes of attempts) {
    assert.throws(() => {
      const restore = machine.fsm.restore();
      restore.push(bytes);
      restore.finish();
    }, TribuneError);
  }
  assert.equal(
    machine.db.peek((tx) => kvList(tx, "").entries.length),
    1,
  );
});

test("whatever was damaged: it restores, or is refused with an error that says so", () => {
  const state = recordedState();
  const bytes = fc.array(fc.tuple(fc.nat(state.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(bytes, fc.nat(state.length), (changes, length) => {
      const damaged = Uint8Array.from(state);
      for (const [at, byte] of changes) damaged[at] = byte;
      try {
        restored(damaged.subarray(0, length), 5_000);
      } catch (error) {
        assert.ok(error instanceof TribuneError, String(error));
      }
    }),
    { numRuns: 300 },
  );
});

test("a snapshot stays as it was while writes go on, and comes in chunks", () => {
  const machine = new Machine();
  for (let n = 0; n < 2_000; n++) machine.kv("set", `key/${n}`, { value: "v".repeat(100) });
  const snapshot = machine.fsm.snapshot();
  const chunks: Uint8Array[] = [];
  for (const chunk of snapshot.chunks) {
    chunks.push(chunk);
    machine.kv("delete-tree", `key/${chunks.length}`);
    machine.kv("set", `new/${chunks.length}`);
  }
  snapshot.release();
  assert.ok(chunks.length >= 3);
  assert.ok(chunks.every((chunk) => chunk.length < 128 * 1_024));
  const { db } = restored(Buffer.concat(chunks), 10_000);
  assert.equal(
    db.peek((tx) => kvList(tx, "").entries.length),
    2_000,
  );
});

test("parts of a command that is not complete yet are in the snapshot", () => {
  const source = new Machine();
  const extensions = Uint8Array.of(0x08, 0xc1, 0x8c, 0xbd, 0x9f, 0xb3, 0xe9, 0xff, 0xd8, 0x5b, 0x18, 0x02);
  assert.equal(source.fsm.apply({ index: 1, term: 3, data: bytesOf("\x02part"), extensions }), undefined);
  const copy = restored(saved(source), 64);
  assert.deepEqual(
    copy.db.peek((tx) => [...tx.scan(CHUNKS, "")]),
    source.db.peek((tx) => [...tx.scan(CHUNKS, "")]),
  );
  assert.equal(copy.db.count(CHUNKS), 1);
});
