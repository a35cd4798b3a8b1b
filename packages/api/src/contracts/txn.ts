import { jsonBytes, local, rpcCall, rpcWrite } from "../contract.ts";
import { list } from "../schema.ts";
import { TxnReadRequest, TxnReadResponse, TxnRequest, TxnResponse } from "../structs/txn.ts";
import { TxnOperation } from "../structs/txn-operation.ts";

export const txnContracts = {
  /**
   * Several operations, all or none. Operations that only read take `Txn.Read`, which honours `?stale` and
   * `?consistent` and makes no log entry; everything else is one entry of type 8 by `Txn.Apply`. Because the body
   * decides which, the binding routes it.
   */
  txn: local({
    http: "PUT /v1/txn",
    parameters: { ops: jsonBytes(list(TxnOperation), "Operations, each with one of KV, Node, Service, Check") },
    honours: ["dc", "stale", "consistent", "maxStale"],
    statuses: { 409: "Nothing was done: Errors says which operations failed" },
    acl: { by: "filter" },
    summary: "Apply several operations atomically",
    answers: "TxnResponse",
  }),
};

export const txnRpcContracts = {
  txnApply: rpcWrite({
    rpc: "Txn.Apply",
    request: TxnRequest,
    reply: TxnResponse,
    raftType: 8,
    summary: "Apply several operations atomically",
  }),
  txnRead: rpcCall({
    rpc: "Txn.Read",
    request: TxnReadRequest,
    reply: TxnReadResponse,
    answeredBy: "asked",
    summary: "Read several things as of one moment",
  }),
};
