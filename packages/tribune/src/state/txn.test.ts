import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, Node, NodeService, Session, type TxnOp, type TxnResponse } from "@tribune/api";
import { getNode } from "./catalog/nodes.ts";
import { kvGet, kvList } from "./kv.ts";
import { bytesOf, kvOp, Machine, sessionId } from "./testing.ts";
import { readTxn } from "./txn.ts";

const errorsOf = (response: unknown) =>
  ((response as TxnResponse).Errors ?? []).map((error) => `${error?.OpIndex}: ${error?.What}`);
const resultsOf = (response: unknown) => (response as TxnResponse).Results;
const nodeOp = (Verb: string, given: Partial<Node>): Partial<TxnOp> => ({ Node: { Verb, Node: make(Node, given) } });
const serviceOp = (Verb: string, given: Partial<NodeService>, on = "n1"): Partial<TxnOp> => ({
  Service: { Verb, Node: on, Service: make(NodeService, given) },
});
const checkOp = (Verb: string, given: Partial<HealthCheck>): Partial<TxnOp> => ({
  Check: { Verb, Check: make(HealthCheck, given) },
});

test("every key verb does its work and sees what came before it", () => {
  const machine = new Machine();
  machine.register("n1");
  machine.session("create", 1);
  const lock = { Session: sessionId(1), Value: bytesOf("held") };
  const response = machine.txn(
    kvOp("check-not-exists", "a"),
    kvOp("set", "a", { Value: bytesOf("1"), Flags: 5 }),
    kvOp("get", "a"),
    kvOp("check-index", "a", { ModifyIndex: 3 }),
    kvOp("cas", "a", { ModifyIndex: 3, Value: bytesOf("2") }),
    kvOp("lock", "l", lock),
    kvOp("check-session", "l", lock),
    kvOp("unlock", "l", lock),
    kvOp("get-tree", ""),
    kvOp("delete-cas", "a", { ModifyIndex: 3 }),
    kvOp("delete", "nothing"),
    kvOp("delete-tree", "l"),
  );
  assert.equal((response as TxnResponse).Errors, null);
  const shown = (resultsOf(response) ?? []).map((result) => {
    const entry = result?.KV;
    return [entry?.Key, entry?.Value === null ? null : Buffer.from(entry?.Value ?? []).toString(), entry?.LockIndex];
  });
  assert.deepEqual(shown, [
    ["a", null, 0],
    ["a", "1", 0],
    ["a", null, 0],
    ["a", null, 0],
    ["l", null, 1],
    ["l", null, 1],
    ["l", null, 1],
    ["a", "2", 0],
    ["l", "held", 1],
  ]);
  machine.db.peek((tx) => assert.deepEqual(kvList(tx, ""), { index: 3, entries: [] }));
});

test("one failure undoes everything, and all failures are told", () => {
  const machine = new Machine();
  machine.kv("set", "there");
  const response = machine.txn(
    kvOp("set", "new"),
    kvOp("cas", "there", { ModifyIndex: 9 }),
    kvOp("lock", "a", { Session: "foo" }),
    kvOp("unlock", "there", { Session: sessionId(1) }),
    kvOp("get", "né\u0001"),
    kvOp("check-index", "there", { ModifyIndex: 4 }),
    kvOp("check-session", "there", { Session: "x" }),
    kvOp("check-not-exists", "there"),
    kvOp("delete-cas", "there", { ModifyIndex: 9 }),
    kvOp("get-or-empty", "q"),
    {},
    nodeOp("get", { Node: "zz" }),
    nodeOp("cas", { Node: "zz", Address: "10.0.0.1", ModifyIndex: 3 }),
    serviceOp("get", { ID: "web" }),
    checkOp("get", { Node: "n1", CheckID: "c" }),
    checkOp("burn", { Node: "n1", CheckID: "c" }),
    { Session: { Verb: "delete", Session: make(Session, { ID: sessionId(9) }) } },
  );
  assert.equal(resultsOf(response), null);
  assert.deepEqual(errorsOf(response), [
    `1: failed to set key "there", index is stale`,
    "2: failed session lookup: index error: UUID must be 36 characters",
    `3: failed to unlock key "there", lock isn't held, or is held by another session`,
    `4: key "né\\x01" doesn't exist`,
    `5: failed index check for key "there", current modify index 1 != 4`,
    `6: failed session check for key "there", current session "" != "x"`,
    `7: key "there" exists`,
    `8: failed to delete key "there", index is stale`,
    `9: unknown KV verb "get-or-empty"`,
    "10: no operation specified",
    `11: node "zz" doesn't exist`,
    `12: failed to set node "zz", index is stale`,
    `13: service "web" on node "n1" doesn't exist`,
    `14: check "c" on node "n1" doesn't exist`,
    `15: unknown Check verb "burn"`,
    "16: failed to delete session: failed deleting session: not found",
  ]);
  machine.db.peek((tx) => assert.equal(kvGet(tx, "new").entry, undefined));
  assert.deepEqual(machine.tombstoneIndexes, []);
});

test("nodes, services and checks are written and read back in one transaction", () => {
  const machine = new Machine();
  const response = machine.txn(
    nodeOp("set", { Node: "n1", Address: "10.0.0.1" }),
    serviceOp("set", { ID: "web1", Service: "web", Port: 80 }),
    checkOp("set", { Node: "n1", CheckID: "c", ServiceID: "web1", Status: "passing" }),
    serviceOp("cas", { ID: "web1", Service: "web", Port: 81, ModifyIndex: 1 }),
    nodeOp("get", { Node: "n1" }),
  );
  assert.deepEqual(errorsOf(response), []);
  const results = resultsOf(response) ?? [];
  assert.deepEqual(
    results.map((result) => result?.Node?.Node ?? result?.Service?.Port ?? result?.Check?.ServiceName),
    ["n1", 80, "web", 81, "n1"],
  );
  const gone = machine.txn(
    checkOp("delete", { Node: "n1", CheckID: "c" }),
    serviceOp("delete-cas", { ID: "web1", ModifyIndex: 1 }),
    nodeOp("delete", { Node: "n1" }),
  );
  assert.deepEqual([resultsOf(gone), errorsOf(gone)], [[], []]);
  machine.db.peek((tx) => assert.equal(getNode(tx, "n1"), undefined));
});

test("a transaction that only reads needs no log, and may not write", () => {
  const machine = new Machine();
  machine.kv("set", "a", { value: "1" });
  const run = (...ops: readonly Partial<TxnOp>[]) =>
    machine.db.peek((tx) =>
      readTxn(
        tx,
        ops.map((op) => ({ KV: null, Node: null, Service: null, Check: null, Session: null, Intention: null, ...op })),
      ),
    );
  assert.equal(resultsOf(run(kvOp("get", "a"), kvOp("get-tree", "")))?.length, 2);
  assert.deepEqual(errorsOf(run(kvOp("set", "a"))), ["0: cannot write in a read-only transaction"]);
});

test("a node or check that a cas has no place for is passed over, and the rest is done, on every server alike", () => {
  const machine = new Machine();
  machine.register("n1");
  const response = machine.txn(
    kvOp("set", "a", { Value: bytesOf("1") }),
    checkOp("cas", { Node: "n1", CheckID: "c", Name: "c", ServiceID: "nothing" }),
    checkOp("cas", { Node: "nowhere", CheckID: "c", Name: "c" }),
  );
  assert.deepEqual(errorsOf(response), []);
  assert.equal(resultsOf(response)?.length, 1);
  machine.db.peek((tx) => assert.notEqual(kvGet(tx, "a").entry, undefined));
  const stale = machine.txn(checkOp("cas", { Node: "n1", CheckID: "c", Name: "c", ModifyIndex: 7 }));
  assert.deepEqual(errorsOf(stale), ['0: failed to set check "c" on node "n1", index is stale']);
});
