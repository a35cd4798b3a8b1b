import { local, rawBody } from "../contract.ts";

export const txnContracts = {
  /**
   * Several operations, all or none. Operations that only read take `Txn.Read`, which honours `?stale` and
   * `?consistent` and makes no log entry; everything else is one entry of type 8 by `Txn.Apply`. Because the body
   * decides which, the binding routes it.
   */
  txn: local({
    http: "PUT /v1/txn",
    parameters: { ops: rawBody("Array of operations, each with one of KV, Node, Service, Check") },
    acl: { by: "filter" },
    summary: "Apply several operations atomically",
    answers: "TxnResponse",
  }),
};
