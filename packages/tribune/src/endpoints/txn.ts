import {
  type DirEntry,
  HealthCheck,
  HealthCheckDefinition,
  JsonShapeError,
  make,
  Node,
  NodeService,
  TxnOp,
  type TxnOperation,
  TxnOperations,
  TxnReadRequest,
  TxnReadResponse,
  TxnRequest,
  TxnResponse,
  txnContracts,
  txnRpcContracts,
  zero,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { JsonError, parseJson } from "../lib/go-json-parse.ts";
import { readStruct } from "../lib/struct-json.ts";
import { KV_WRITES, readLongTxn, readTxn } from "../state/txn.ts";
import type { Answer } from "./answer.ts";
import { type Bindings, bind, bindRpc, type HttpView, type RpcBindings, Settled } from "./binding.ts";
import { commonOptions } from "./common-options.ts";
import { outcomeBody } from "./txn-outcome.ts";
import { prepareTxn } from "./txn-rules.ts";
import { wireMeta } from "./wire-meta.ts";

/** Operations in one transaction. */
const OPS_MAX = 64;

const OPS = TxnOperations;
const NO_OP = zero(TxnOp);

export const txnEndpoints = bind(txnContracts, {
  txn: {
    async answer({ ops: body }, http, agent): Promise<Answer> {
      const { ops, writes } = readOps(body, http);
      if (writes === 0) {
        const request = { ...commonOptions(TxnReadRequest, http), Ops: ops };
        const outcome = await agent.ask(txnRpcContracts.txnRead, request);
        // Only the freshness is told: a transaction does not block, so its index is the least.
        const { LastContact, KnownLeader } = outcome;
        const meta = { Index: 1, LastContact, KnownLeader, ConsistencyLevel: "", NotModified: false, Backend: 0 };
        const freshness = [
          ...["X-Consul-Lastcontact", String(Math.floor(LastContact / 1e6))],
          ...["X-Consul-Knownleader", String(KnownLeader)],
        ];
        return outcomeBody(outcome, meta, freshness);
      }
      const request = make(TxnRequest, { Datacenter: http.datacenter, Token: http.token, Ops: ops });
      const outcome = await agent.ask(txnRpcContracts.txnApply, request);
      return outcomeBody(outcome);
    },
  },
} satisfies Bindings<typeof txnContracts>);

export const txnMethods = bindRpc(txnRpcContracts, {
  txnApply: {
    prepare(request, leader) {
      const { ops, errors } = prepareTxn(opsOf(request.Ops), leader);
      if (errors.length > 0) return new Settled(make(TxnResponse, { Errors: errors }));
      return { ...request, Ops: ops };
    },
    errorPrefix: "raft apply failed: ",
  },
  txnRead: {
    answer(request, server) {
      const meta = { ...wireMeta(server.operator.queryMeta()), Index: 1 };
      const { ops, errors } = prepareTxn(opsOf(request.Ops), server);
      if (errors.length > 0) return make(TxnReadResponse, { ...meta, Errors: errors });
      const reply = ({ Results, Errors }: TxnResponse) => make(TxnReadResponse, { ...meta, Results, Errors });
      return server.peek((tx) => {
        const long = readLongTxn(tx, ops);
        if (long === undefined) return reply(readTxn(tx, ops));
        return (function* () {
          return reply(yield* long);
        })();
      });
    },
  },
} satisfies RpcBindings<typeof txnRpcContracts>);

/** Operations as peers send them; a nil one is none. */
function opsOf(ops: TxnRequest["Ops"]): readonly TxnOp[] {
  return (ops ?? []).filter((op) => op !== null);
}

function tooLarge(message: string): never {
  throw new TribuneError("payloadTooLarge", message);
}

function readOps(body: Uint8Array, http: HttpView): { readonly ops: TxnOp[]; readonly writes: number } {
  const { kvMaxValueSize, txnMaxReqLen } = http.limits;
  // For those who raised only the value limit.
  const bodyMax = Math.max(txnMaxReqLen, kvMaxValueSize);
  const length = Math.max(body.length, http.contentLength ?? 0);
  if (length > bodyMax) {
    const url = "https://www.consul.io/docs/agent/options.html#txn_max_req_len";
    tooLarge(`Request body(${length} bytes) too large, max size: ${bodyMax} bytes. See ${url}.`);
  }
  let given: readonly TxnOperation[];
  try {
    const text = Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString("utf8");
    given = readStruct(OPS, parseJson(text), true) ?? [];
  } catch (error) {
    if (!(error instanceof JsonError) && !(error instanceof JsonShapeError)) throw error;
    throw TribuneError.badRequest(`Failed to parse body: ${error.message}`);
  }
  if (given.length > OPS_MAX) tooLarge(`Transaction contains too many operations (${given.length} > ${OPS_MAX})`);
  const ops: TxnOp[] = [];
  let writes = 0;
  for (const op of given) {
    const converted = convert(op, http, kvMaxValueSize);
    if (converted === undefined) continue;
    ops.push(converted);
    if (isWrite(converted)) writes++;
  }
  return { ops, writes };
}

function isWrite({ KV, Node, Service, Check }: TxnOp): boolean {
  return KV === null ? (Node ?? Service ?? Check)?.Verb !== "get" : KV_WRITES.has(KV.Verb);
}

function convert(op: TxnOperation, http: HttpView, valueMax: number): TxnOp | undefined {
  if (op.KV !== null) {
    const { Verb, Key, Value, Flags, Index, Session } = op.KV;
    const size = Value?.length ?? 0;
    if (size > valueMax) tooLarge(`Value for key ${JSON.stringify(Key)} is too large (${size} > ${valueMax} bytes)`);
    const DirEnt: DirEntry = { LockIndex: 0, Key, Flags, Value, Session, CreateIndex: 0, ModifyIndex: Index };
    return { ...NO_OP, KV: { Verb, DirEnt } };
  }
  if (op.Node !== null) {
    const { Verb, Node: body } = op.Node;
    const node = make(Node, { ...body, Datacenter: body.Datacenter || http.datacenter, CreateIndex: 0 });
    return { ...NO_OP, Node: { Verb, Node: node } };
  }
  if (op.Service !== null) {
    const { Verb, Node: node, Service: body } = op.Service;
    const service: NodeService = {
      ...zero(NodeService),
      ID: body.ID,
      Service: body.Service,
      Tags: body.Tags,
      Address: body.Address,
      Meta: body.Meta,
      Port: body.Port,
      Weights: body.Weights,
      EnableTagOverride: body.EnableTagOverride,
      ModifyIndex: body.ModifyIndex,
    };
    return { ...NO_OP, Service: { Verb, Node: node, Service: service } };
  }
  if (op.Check === null) return undefined;
  const { Verb, Check: body } = op.Check;
  const given = body.Definition;
  const definition = make(HealthCheckDefinition, {
    HTTP: given.HTTP,
    TLSServerName: given.TLSServerName,
    TLSSkipVerify: given.TLSSkipVerify,
    Header: given.Header,
    Method: given.Method,
    Body: given.Body,
    TCP: given.TCP,
    GRPC: given.GRPC,
    GRPCUseTLS: given.GRPCUseTLS,
    // The longer names are what an old client library sent by mistake.
    Interval: given.Interval || given.IntervalDuration,
    Timeout: given.Timeout || given.TimeoutDuration,
    DeregisterCriticalServiceAfter:
      given.DeregisterCriticalServiceAfter || given.DeregisterCriticalServiceAfterDuration,
  });
  const check = make(HealthCheck, {
    Node: body.Node,
    CheckID: body.CheckID,
    Name: body.Name,
    Status: body.Status,
    Notes: body.Notes,
    Output: body.Output,
    ServiceID: body.ServiceID,
    ServiceName: body.ServiceName,
    ServiceTags: body.ServiceTags,
    ExposedPort: body.ExposedPort,
    Definition: definition,
    ModifyIndex: body.ModifyIndex,
  });
  return { ...NO_OP, Check: { Verb, Check: check } };
}
