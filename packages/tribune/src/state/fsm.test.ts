import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AutopilotConfig,
  AutopilotSetConfigRequest,
  Coordinate,
  DeregisterRequest,
  DirEntry,
  KVSRequest,
  make,
  NodeService,
  RegisterRequest,
  type Schema,
  SessionRequest,
  TombstoneRequest,
  TxnOp,
  TxnRequest,
} from "@tribune/api";
import fc from "fast-check";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import { TribuneError } from "../lib/errors.ts";
import { InvariantError } from "../lib/invariant.ts";
import { autopilotConfig } from "./autopilot.ts";
import { CoordinateBatch } from "./catalog/snapshot.ts";
import { CHUNKS, decodeChunkHeader } from "./chunking.ts";
import { peekIndex } from "./index-table.ts";
import { kvGet, kvList } from "./kv.ts";
import { IGNORE_IF_UNKNOWN, MESSAGE } from "./message-types.ts";
import { bytesOf, kvOp, Machine } from "./testing.ts";

const isRefusal = (result: unknown, text: RegExp): void => {
  assert.ok(result instanceof TribuneError, String(result));
  assert.match(result.message, text);
};

test("a command of a later version stops the process, unless it says that it may be passed over", () => {
  const machine = new Machine();
  const apply = (type: number) => machine.fsm.apply({ index: 1, term: 1, data: Uint8Array.of(type, 0x80) });
  assert.throws(() => apply(77), InvariantError);
  assert.equal(apply(77 | IGNORE_IF_UNKNOWN), undefined);
});

test("a known command may carry the bit too", () => {
  const machine = new Machine();
  machine.register("n1");
  const update = make(Coordinate, { Node: "n1" });
  machine.apply(MESSAGE.COORDINATE_BATCH_UPDATE | IGNORE_IF_UNKNOWN, CoordinateBatch, [update]);
  assert.equal(
    machine.db.peek((tx) => peekIndex(tx, "coordinates")),
    2,
  );
});

test("what Consul knows and nothing supports yet is refused, as is garbage; neither leaves a trace", () => {
  const machine = new Machine();
  machine.kv("set", "a");
  const apply = (...data: readonly number[]) => machine.fsm.apply({ index: 2, term: 1, data: Uint8Array.from(data) });
  isRefusal(apply(MESSAGE.ACL_TOKEN_SET, 0x80), /^acl-token-set commands are not supported yet$/);
  isRefusal(apply(MESSAGE.KVS, 0x81), /^failed to decode request: msgpack: the bytes end inside a value/);
  isRefusal(apply(MESSAGE.KVS, 0x93), /^failed to decode request: msgpack: a map was expected/);
  isRefusal(apply(), /^failed to decode request: the command is empty$/);
  assert.equal(
    machine.db.peek((tx) => kvList(tx, "").index),
    1,
  );
});

test("damaged commands are answered, never thrown", () => {
  const machine = new Machine();
  machine.register("n1", { Service: make(NodeService, { ID: "s", Service: "web" }) });
  machine.session("create", 1);
  const good = [
    encodeStruct(RegisterRequest, make(RegisterRequest, { Node: "n1", Address: "1" }), MESSAGE.REGISTER),
    encodeStruct(DeregisterRequest, make(DeregisterRequest, { Node: "n1" }), MESSAGE.DEREGISTER),
    kvCommand("lock"),
    encodeStruct(SessionRequest, make(SessionRequest, { Op: "create" }), MESSAGE.SESSION),
    encodeStruct(TxnRequest, make(TxnRequest, { Ops: [make(TxnOp, kvOp("set", "a")), null] }), MESSAGE.TXN),
    encodeStruct(CoordinateBatch, [make(Coordinate, { Node: "n1" }), null], MESSAGE.COORDINATE_BATCH_UPDATE),
    encodeStruct(TombstoneRequest, make(TombstoneRequest, { Op: "reap" }), MESSAGE.TOMBSTONE),
  ];
  let index = 10;
  const damage = fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { maxLength: 3 });
  fc.assert(
    fc.property(fc.constantFrom(...good), damage, fc.nat(400), (command, changes, length) => {
      const data = Uint8Array.from(command.subarray(0, Math.max(1, length)));
      for (const [at, byte] of changes) if (at > 0 && at < data.length) data[at] = byte;
      machine.fsm.apply({ index: ++index, term: 1, data });
    }),
    { numRuns: 1_000 },
  );
  assert.ok([...machine.fsm.snapshot().chunks].length > 0);
});

test("autopilot's configuration is set, and conditionally", () => {
  const machine = new Machine();
  const set = (MaxTrailingLogs: number, CAS: boolean, ModifyIndex = 0) =>
    machine.apply(
      MESSAGE.AUTOPILOT,
      AutopilotSetConfigRequest,
      make(AutopilotSetConfigRequest, { CAS, Config: make(AutopilotConfig, { MaxTrailingLogs, ModifyIndex }) }),
    );
  const current = () => machine.db.peek(autopilotConfig);
  assert.deepEqual(current(), { index: 0, config: undefined });
  assert.equal(set(1, true), false);
  assert.equal(set(2, false), undefined);
  assert.equal(set(3, true, 9), false);
  assert.equal(set(4, true, 2), true);
  const { index, config } = current();
  assert.deepEqual([index, config?.MaxTrailingLogs, config?.CreateIndex, config?.ModifyIndex], [4, 4, 2, 4]);
});

// Recorded from Consul: the extensions of the two parts of one command.
const FIRST = Uint8Array.of(0x08, 0xc1, 0x8c, 0xbd, 0x9f, 0xb3, 0xe9, 0xff, 0xd8, 0x5b, 0x18, 0x02);
const SECOND = Uint8Array.of(0x08, 0xc1, 0x8c, 0xbd, 0x9f, 0xb3, 0xe9, 0xff, 0xd8, 0x5b, 0x10, 0x01, 0x18, 0x02);

function kvCommand(Op: string): Uint8Array {
  const DirEnt = make(DirEntry, { Key: "big", Value: bytesOf("x".repeat(1_000)) });
  return encodeStruct(KVSRequest, make(KVSRequest, { Op, DirEnt }), MESSAGE.KVS);
}

test("a command in parts is applied when all are there, in any order", () => {
  for (const order of [
    [0, 1],
    [1, 0],
  ]) {
    const machine = new Machine();
    const whole = kvCommand("cas");
    const parts = [
      { data: whole.subarray(0, 600), extensions: FIRST },
      { data: whole.subarray(600), extensions: SECOND },
    ];
    const results = order.map((at, n) => machine.fsm.apply({ index: n + 1, term: 1, ...parts[at]! }));
    assert.deepEqual(results, [undefined, true]);
    assert.equal(
      machine.db.peek((tx) => kvGet(tx, "big").entry?.Value?.length),
      1_000,
    );
    assert.equal(machine.db.count(CHUNKS), 0);
  }
});

test("parts are forgotten when the command is refused, and when the term changes", () => {
  const machine = new Machine();
  const whole = kvCommand("burn");
  machine.fsm.apply({ index: 1, term: 1, data: whole.subarray(0, 600), extensions: FIRST });
  isRefusal(machine.fsm.apply({ index: 2, term: 1, data: whole.subarray(600), extensions: SECOND }), /^Invalid KVS/);
  assert.equal(machine.db.count(CHUNKS), 0);
  machine.fsm.apply({ index: 3, term: 1, data: whole.subarray(0, 600), extensions: FIRST });
  assert.equal(machine.fsm.apply({ index: 4, term: 2, data: whole.subarray(600), extensions: SECOND }), undefined);
  assert.deepEqual(
    machine.db.peek((tx) => [...tx.scan(CHUNKS, "")].map((chunk) => chunk.Term)),
    [2],
  );
});

test("headers of parts are read or refused", () => {
  assert.deepEqual(decodeChunkHeader(SECOND), {
    opNum: 6_607_342_826_788_177_473n,
    sequenceNum: 1,
    numChunks: 2,
    nextExtensions: undefined,
  });
  assert.deepEqual(decodeChunkHeader(Uint8Array.of(8, 1, 24, 1, 34, 2, 7, 8)).nextExtensions, Uint8Array.of(7, 8));
  for (const bad of [[8], [8, 1], [8, 1, 16, 2, 24, 2], [13, 0, 0, 0, 0], [34, 9, 1], [24, 0xff, 0xff, 0x7f]]) {
    assert.throws(() => decodeChunkHeader(Uint8Array.from(bad)), TribuneError);
  }
});

test("a decoded request counts for the command it was made for, and no other", () => {
  const machine = new Machine();
  const put = (Key: string) => make(KVSRequest, { Op: "set", DirEnt: make(DirEntry, { Key }) });
  const apply = (index: number, schema: Schema<unknown>) =>
    machine.fsm.apply(
      { index, term: 1, data: encodeStruct(KVSRequest, put("bytes"), MESSAGE.KVS) },
      { schema, request: put("hand") },
    );
  apply(1, TxnRequest as Schema<unknown>);
  assert.deepEqual(
    machine.db.peek((tx) => kvList(tx, "").entries.map(({ Key }) => Key)),
    ["bytes"],
  );
  apply(2, KVSRequest as Schema<unknown>);
  assert.deepEqual(
    machine.db.peek((tx) => kvList(tx, "").entries.map(({ Key }) => Key)),
    ["bytes", "hand"],
  );
});
