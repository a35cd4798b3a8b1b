/** Transactions. Fields and order are Consul 1.10's. */
import { any, type Infer, int, list, nullable, omitEmpty, struct, text } from "../schema.ts";
import { Node } from "./catalog.ts";
import { HealthCheck } from "./check.ts";
import { queryMeta, queryOptions } from "./common.ts";
import { DirEntry } from "./kv.ts";
import { NodeService } from "./service.ts";
import { Session } from "./session.ts";

export const TxnKVOp = struct("TxnKVOp", {
  Verb: text,
  DirEnt: DirEntry,
});
export type TxnKVOp = Infer<typeof TxnKVOp>;

export const TxnNodeOp = struct("TxnNodeOp", {
  Verb: text,
  Node: Node,
});
export type TxnNodeOp = Infer<typeof TxnNodeOp>;

export const TxnServiceOp = struct("TxnServiceOp", {
  Verb: text,
  Node: text,
  Service: NodeService,
});
export type TxnServiceOp = Infer<typeof TxnServiceOp>;

export const TxnCheckOp = struct("TxnCheckOp", {
  Verb: text,
  Check: HealthCheck,
});
export type TxnCheckOp = Infer<typeof TxnCheckOp>;

export const TxnSessionOp = struct("TxnSessionOp", {
  Verb: text,
  Session: Session,
});
export type TxnSessionOp = Infer<typeof TxnSessionOp>;

export const TxnOp = struct("TxnOp", {
  KV: nullable(TxnKVOp),
  Node: nullable(TxnNodeOp),
  Service: nullable(TxnServiceOp),
  Check: nullable(TxnCheckOp),
  Session: nullable(TxnSessionOp),
  Intention: any,
});
export type TxnOp = Infer<typeof TxnOp>;

export const TxnRequest = struct("TxnRequest", {
  Datacenter: text,
  Ops: list(nullable(TxnOp)),
  Token: text,
});
export type TxnRequest = Infer<typeof TxnRequest>;

export const TxnReadRequest = struct("TxnReadRequest", {
  Datacenter: text,
  Ops: list(nullable(TxnOp)),
  ...queryOptions,
});
export type TxnReadRequest = Infer<typeof TxnReadRequest>;

export const TxnError = struct("TxnError", {
  OpIndex: int,
  What: text,
});
export type TxnError = Infer<typeof TxnError>;

export const TxnResult = struct("TxnResult", {
  KV: omitEmpty(nullable(DirEntry)),
  Node: omitEmpty(nullable(Node)),
  Service: omitEmpty(nullable(NodeService)),
  Check: omitEmpty(nullable(HealthCheck)),
});
export type TxnResult = Infer<typeof TxnResult>;

export const TxnResponse = struct("TxnResponse", {
  Results: list(nullable(TxnResult)),
  Errors: list(nullable(TxnError)),
});
export type TxnResponse = Infer<typeof TxnResponse>;

export const TxnReadResponse = struct("TxnReadResponse", {
  Results: list(nullable(TxnResult)),
  Errors: list(nullable(TxnError)),
  ...queryMeta,
});
export type TxnReadResponse = Infer<typeof TxnReadResponse>;
