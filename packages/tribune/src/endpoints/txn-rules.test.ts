import assert from "node:assert/strict";
import { test } from "node:test";
import { HealthCheck, make, Node, TxnOp } from "@tribune/api";
import { Machine } from "../state/testing.ts";
import { prepareTxn } from "./txn-rules.ts";

const checkCas = (given: Partial<HealthCheck>): TxnOp =>
  make(TxnOp, { Check: { Verb: "cas", Check: make(HealthCheck, { Name: "c", ...given }) } });

test("a check that a cas has no place for is refused, unless the place may come with the transaction", () => {
  const machine = new Machine();
  machine.register("n1");
  const leader = { lockDelayMs: () => 0, peek: machine.db.peek.bind(machine.db) };
  const errorsOf = (...ops: readonly TxnOp[]) =>
    prepareTxn(ops, leader).errors.map(({ OpIndex, What }) => `${OpIndex}: ${What}`);
  const homeless = checkCas({ Node: "n2", CheckID: "c" });
  assert.deepEqual(errorsOf(checkCas({ Node: "n1", CheckID: "c" }), homeless), ["1: Missing node registration"]);
  assert.deepEqual(errorsOf(checkCas({ Node: "n1", CheckID: "c", ServiceID: "web" })), [
    "0: Missing service registration",
  ]);
  // Of an index that is another it is told so.
  assert.deepEqual(errorsOf(checkCas({ Node: "n2", CheckID: "c", ModifyIndex: 9 })), []);
  const node = make(TxnOp, { Node: { Verb: "set", Node: make(Node, { Node: "n2", Address: "10.0.0.2" }) } });
  assert.deepEqual(errorsOf(node, homeless), []);
});
