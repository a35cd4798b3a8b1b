/** Operations in the body of `/v1/txn`: names and nesting differ from the wire's `TxnOp`. */
import {
  any,
  bool,
  bytes,
  called,
  duration,
  type Infer,
  int,
  lenient,
  list,
  map,
  nullable,
  struct,
  text,
  u64,
  uint,
} from "../schema.ts";
import { Weights } from "./service.ts";

/** Consul reads this body with the structs of its client library, and names them so in errors. */
function named<S extends Parameters<typeof struct>[1]>(name: string, shape: S): ReturnType<typeof struct<S>> {
  return called(`api.${name}`, struct(name, shape));
}
const verb = (kind: string) => called(`api.${kind}Op`, text);

const KvOperation = named("KVTxnOp", {
  Verb: verb("KV"),
  Key: text,
  Value: bytes,
  Flags: u64,
  Index: uint,
  Session: text,
  Namespace: text,
});
const NodeBody = named("Node", {
  ID: text,
  Node: text,
  Address: text,
  Datacenter: text,
  TaggedAddresses: map(text),
  Meta: map(text),
  CreateIndex: uint,
  ModifyIndex: uint,
});
const ServiceBody = named("AgentService", {
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
  Namespace: text,
  Datacenter: text,
});
/** Kinds of checks that later Consuls know are passed over, as Consul does: their client libraries name each always. */
const DefinitionBody = lenient(
  named("HealthCheckDefinition", {
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
  }),
);
const CheckBody = named("HealthCheck", {
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
  Namespace: text,
  /** What client libraries of later Consuls always send. */
  ExposedPort: int,
  Definition: DefinitionBody,
  CreateIndex: uint,
  ModifyIndex: uint,
});
export const TxnOperation = named("TxnOp", {
  KV: nullable(KvOperation),
  Node: nullable(named("NodeTxnOp", { Verb: verb("Node"), Node: NodeBody })),
  Service: nullable(named("ServiceTxnOp", { Verb: verb("Service"), Node: text, Service: ServiceBody })),
  Check: nullable(named("CheckTxnOp", { Verb: verb("Check"), Check: CheckBody })),
});
export type TxnOperation = Infer<typeof TxnOperation>;

/** The whole body. */
export const TxnOperations = called("api.TxnOps", list(TxnOperation));
