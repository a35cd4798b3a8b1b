/** Operations in the body of `/v1/txn`: names and nesting differ from the wire's `TxnOp`. */
import {
  any,
  bool,
  bytes,
  duration,
  type Infer,
  int,
  list,
  map,
  nullable,
  struct,
  text,
  u64,
  uint,
} from "../schema.ts";
import { Weights } from "./service.ts";

const KvOperation = struct("KVTxnOp", {
  Verb: text,
  Key: text,
  Value: bytes,
  Flags: u64,
  Index: uint,
  Session: text,
});
const NodeBody = struct("Node", {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map(text),
  Meta: map(text),
  CreateIndex: uint,
  ModifyIndex: uint,
});
const ServiceBody = struct("AgentService", {
  Kind: text,
  ID: text,
  Service: text,
  Tags: list(text),
  Meta: map(text),
  Port: int,
  Address: text,
  SocketPath: text,
  TaggedAddresses: any,
  Weights,
  EnableTagOverride: bool,
  CreateIndex: uint,
  ModifyIndex: uint,
  ContentHash: text,
  Proxy: any,
  Connect: any,
  Datacenter: text,
});
const DefinitionBody = struct("HealthCheckDefinition", {
  HTTP: text,
  Header: map(list(text)),
  Method: text,
  Body: text,
  TLSServerName: text,
  TLSSkipVerify: bool,
  TCP: text,
  GRPC: text,
  GRPCUseTLS: bool,
  IntervalDuration: duration,
  TimeoutDuration: duration,
  DeregisterCriticalServiceAfterDuration: duration,
  Interval: duration,
  Timeout: duration,
  DeregisterCriticalServiceAfter: duration,
});
const CheckBody = struct("HealthCheck", {
  Node: text,
  CheckID: text,
  Name: text,
  Status: text,
  Notes: text,
  Output: text,
  ServiceID: text,
  ServiceName: text,
  ServiceTags: list(text),
  Type: text,
  Definition: DefinitionBody,
  CreateIndex: uint,
  ModifyIndex: uint,
});
export const TxnOperation = struct("TxnOp", {
  KV: nullable(KvOperation),
  Node: nullable(struct("NodeTxnOp", { Verb: text, Node: NodeBody })),
  Service: nullable(struct("ServiceTxnOp", { Verb: text, Node: text, Service: ServiceBody })),
  Check: nullable(struct("CheckTxnOp", { Verb: text, Check: CheckBody })),
});
export type TxnOperation = Infer<typeof TxnOperation>;
