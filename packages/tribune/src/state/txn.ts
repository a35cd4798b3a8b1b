/**
 * Transactions: a list of operations on keys, nodes, services and checks that all happen, or none. Every
 * operation is tried, so that the caller learns of all that is wrong at once; texts are Consul's.
 */
import {
  make,
  type TxnCheckOp,
  TxnError,
  type TxnKVOp,
  type TxnNodeOp,
  type TxnOp,
  type TxnResponse,
  TxnResult,
  type TxnServiceOp,
  type TxnSessionOp,
} from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { goQuote } from "../lib/go-quote.ts";
import { ROWS_A_STEP, type Steps } from "../lib/steps.ts";
import { deleteCheck, deleteCheckCas, ensureCheck, ensureCheckCas, getNodeCheck } from "./catalog/checks.ts";
import { deleteNode, deleteNodeCas, ensureNode, ensureNodeCas, getNode, getNodeById } from "./catalog/nodes.ts";
import {
  deleteService,
  deleteServiceCas,
  ensureService,
  ensureServiceCas,
  getNodeService,
} from "./catalog/services.ts";
import {
  type KvEntry,
  kvCheckIndex,
  kvCheckSession,
  kvDelete,
  kvDeleteCas,
  kvDeleteTree,
  kvList,
  kvListSteps,
  kvLock,
  kvSet,
  kvSetCas,
  kvUnlock,
  peekEntry,
  plainEntry,
} from "./kv.ts";
import type { ReadTx, WriteTx } from "./memdb/types.ts";
import { sessionForget } from "./session.ts";

type Results = readonly TxnResult[];
const NONE: Results = [];

/**
 * Runs the operations in a transaction of the caller's.
 *
 * @returns results, or the errors of all failed operations: the caller must then abort the transaction.
 */
export function runTxn(tx: WriteTx, index: number, ops: readonly (TxnOp | null)[]): TxnResponse {
  return runAll(ops, (op) => writeOp(tx, index, op));
}

/** Runs operations that only read. One that writes is refused. */
export function readTxn(tx: ReadTx, ops: readonly (TxnOp | null)[]): TxnResponse {
  return runAll(ops, (op) => readOnly(tx, op));
}

/**
 * The same in steps, where whole prefixes are read.
 *
 * @returns undefined where none is
 */
export function readLongTxn(tx: ReadTx, ops: readonly (TxnOp | null)[]): Steps<TxnResponse> | undefined {
  if (!ops.some((op) => op?.KV?.Verb === "get-tree")) return undefined;
  const moment = tx.later();
  return (function* () {
    const results: TxnResult[] = [];
    const errors: TxnError[] = [];
    for (const [at, op] of ops.entries()) {
      if (op?.KV?.Verb !== "get-tree") {
        runOne(at, op, (each) => readOnly(moment, each), results, errors);
        continue;
      }
      const { entries } = yield* kvListSteps(moment, op.KV.DirEnt.Key);
      for (const entry of entries) {
        results.push(...keyResult(entry, true));
        if (results.length % ROWS_A_STEP === 0) yield;
      }
    }
    return outcome(results, errors);
  })();
}

function readOnly(tx: ReadTx, op: TxnOp): Results {
  const results = readOp(tx, op);
  if (results !== undefined) return results;
  if (op.KV !== null && !KV_WRITES.has(op.KV.Verb)) return refuse(`unknown KV verb ${goQuote(op.KV.Verb)}`);
  return refuse("cannot write in a read-only transaction");
}

function runAll(ops: readonly (TxnOp | null)[], run: (op: TxnOp) => Results): TxnResponse {
  const results: TxnResult[] = [];
  const errors: TxnError[] = [];
  for (const [at, op] of ops.entries()) runOne(at, op, run, results, errors);
  return outcome(results, errors);
}

function runOne(
  OpIndex: number,
  op: TxnOp | null,
  run: (op: TxnOp) => Results,
  results: TxnResult[],
  errors: TxnError[],
): void {
  try {
    if (op === null) throw TribuneError.internal("no operation specified");
    for (const result of run(op)) results.push(result);
  } catch (error) {
    if (!(error instanceof TribuneError)) throw error;
    errors.push(make(TxnError, { OpIndex, What: error.message }));
  }
}

function outcome(results: TxnResult[], errors: TxnError[]): TxnResponse {
  return errors.length > 0 ? { Results: null, Errors: errors } : { Results: results, Errors: null };
}

/** @returns undefined for an operation that is not one of the reading verbs. */
function readOp(tx: ReadTx, op: TxnOp): Results | undefined {
  if (op.KV !== null) return readKv(tx, op.KV);
  if (op.Node?.Verb === "get") {
    return nodeResult(tx, op.Node) ?? refuse(`node ${goQuote(op.Node.Node.Node)} doesn't exist`);
  }
  if (op.Service?.Verb === "get") {
    const { Node, Service } = op.Service;
    return (
      serviceResult(tx, op.Service) ?? refuse(`service ${goQuote(Service.ID)} on node ${goQuote(Node)} doesn't exist`)
    );
  }
  if (op.Check?.Verb === "get") {
    const { Node, CheckID } = op.Check.Check;
    return checkResult(tx, op.Check) ?? refuse(`check ${goQuote(CheckID)} on node ${goQuote(Node)} doesn't exist`);
  }
  return undefined;
}

function writeOp(tx: WriteTx, index: number, op: TxnOp): Results {
  const read = readOp(tx, op);
  if (read !== undefined) return read;
  if (op.KV !== null) return writeKv(tx, index, op.KV);
  if (op.Node !== null) return writeNode(tx, index, op.Node);
  if (op.Service !== null) return writeService(tx, index, op.Service);
  if (op.Check !== null) return writeCheck(tx, index, op.Check);
  if (op.Session !== null) return writeSession(tx, index, op.Session);
  if (op.Intention !== null) return refuse("intentions are not supported in transactions yet");
  return refuse("no operation specified");
}

function refuse(text: string): never {
  throw TribuneError.internal(text);
}

// ---- keys ----

function readKv(tx: ReadTx, { Verb, DirEnt }: TxnKVOp): Results | undefined {
  const { Key } = DirEnt;
  switch (Verb) {
    case "get":
      return keyResult(peekEntry(tx, Key) ?? refuse(`key ${goQuote(Key)} doesn't exist`), true);
    case "get-tree":
      return kvList(tx, Key).entries.flatMap((entry) => keyResult(entry, true));
    case "check-session":
      return keyResult(kvCheckSession(tx, Key, DirEnt.Session), false);
    case "check-index":
      return keyResult(kvCheckIndex(tx, Key, DirEnt.ModifyIndex), false);
    case "check-not-exists":
      return peekEntry(tx, Key) === undefined ? NONE : refuse(`key ${goQuote(Key)} exists`);
    default:
      return undefined;
  }
}

/** Verbs on keys that change something: a transaction with one of them goes through the log. */
export const KV_WRITES: ReadonlySet<string> = new Set([
  "set",
  "delete",
  "delete-cas",
  "delete-tree",
  "cas",
  "lock",
  "unlock",
]);

function writeKv(tx: WriteTx, index: number, { Verb, DirEnt }: TxnKVOp): Results {
  const { Key } = DirEnt;
  const name = (): string => goQuote(Key);
  switch (Verb) {
    case "set":
      return keyResult(kvSet(tx, index, DirEnt), false);
    case "cas":
      return keyResult(kvSetCas(tx, index, DirEnt) ?? refuse(`failed to set key ${name()}, index is stale`), false);
    case "lock":
      return keyResult(
        kvLock(tx, index, DirEnt) ?? refuse(`failed to lock key ${name()}, lock is already held`),
        false,
      );
    case "unlock": {
      const problem = `failed to unlock key ${name()}, lock isn't held, or is held by another session`;
      return keyResult(kvUnlock(tx, index, DirEnt) ?? refuse(problem), false);
    }
    case "delete":
      kvDelete(tx, index, Key);
      return NONE;
    case "delete-cas":
      if (!kvDeleteCas(tx, index, DirEnt.ModifyIndex, Key)) refuse(`failed to delete key ${name()}, index is stale`);
      return NONE;
    case "delete-tree":
      kvDeleteTree(tx, index, Key);
      return NONE;
    default:
      return refuse(`unknown KV verb ${goQuote(Verb)}`);
  }
}

/** Only reads answer the value. */
function keyResult(entry: KvEntry, withValue: boolean): Results {
  return [{ KV: withValue ? entry : plainEntry(entry, null), Node: null, Service: null, Check: null }];
}

// ---- catalog ----

/**
 * A node or a check that a `cas` cannot write for another reason than its index (its node or service is not there, its
 * name is taken) is left out, and the rest is carried out. Consul forgets the reason so, and every server of a cluster
 * must make the same of a command; what the leader can see before, it refuses (`endpoints/txn-rules.ts`).
 *
 * @returns false when the index was another.
 */
function passingOver(writeCas: () => boolean): boolean {
  try {
    return writeCas();
  } catch (error) {
    if (error instanceof TribuneError) return true;
    throw error;
  }
}

function writeNode(tx: WriteTx, index: number, op: TxnNodeOp): Results {
  const { Verb, Node: node } = op;
  switch (Verb) {
    case "set":
      ensureNode(tx, index, node);
      return nodeResult(tx, op) ?? NONE;
    case "cas":
      if (!passingOver(() => ensureNodeCas(tx, index, node)))
        refuse(`failed to set node ${goQuote(node.Node)}, index is stale`);
      return nodeResult(tx, op) ?? NONE;
    case "delete":
      deleteNode(tx, index, node.Node);
      return NONE;
    case "delete-cas":
      if (!deleteNodeCas(tx, index, node.ModifyIndex, node.Node)) {
        refuse(`failed to delete node ${goQuote(node.Node)}, index is stale`);
      }
      return NONE;
    default:
      return refuse(`unknown Node verb ${goQuote(Verb)}`);
  }
}

function writeService(tx: WriteTx, index: number, op: TxnServiceOp): Results {
  const { Verb, Node, Service } = op;
  const where = (): string => `service ${goQuote(Service.ID)} on node ${goQuote(Node)}, index is stale`;
  switch (Verb) {
    case "set":
      ensureService(tx, index, Node, Service);
      return serviceResult(tx, op) ?? NONE;
    case "cas":
      if (!ensureServiceCas(tx, index, Node, Service)) refuse(`failed to set ${where()}`);
      return serviceResult(tx, op) ?? NONE;
    case "delete":
      deleteService(tx, index, Node, Service.ID);
      return NONE;
    case "delete-cas":
      if (!deleteServiceCas(tx, index, Service.ModifyIndex, Node, Service.ID)) refuse(`failed to delete ${where()}`);
      return NONE;
    default:
      return refuse(`unknown Service verb ${goQuote(Verb)}`);
  }
}

function writeCheck(tx: WriteTx, index: number, op: TxnCheckOp): Results {
  const { Verb, Check } = op;
  const where = (): string => `check ${goQuote(Check.CheckID)} on node ${goQuote(Check.Node)}, index is stale`;
  switch (Verb) {
    case "set":
      ensureCheck(tx, index, Check);
      return checkResult(tx, op) ?? NONE;
    case "cas":
      if (!passingOver(() => ensureCheckCas(tx, index, Check))) refuse(`failed to set ${where()}`);
      return checkResult(tx, op) ?? NONE;
    case "delete":
      deleteCheck(tx, index, Check.Node, Check.CheckID);
      return NONE;
    case "delete-cas":
      if (!deleteCheckCas(tx, index, Check.ModifyIndex, Check.Node, Check.CheckID))
        refuse(`failed to delete ${where()}`);
      return NONE;
    default:
      return refuse(`unknown Check verb ${goQuote(Verb)}`);
  }
}

function nodeResult(tx: ReadTx, { Node: wanted }: TxnNodeOp): Results | undefined {
  const Node = wanted.ID === "" ? getNode(tx, wanted.Node) : getNodeById(tx, wanted.ID);
  return Node === undefined ? undefined : [make(TxnResult, { Node })];
}

function serviceResult(tx: ReadTx, op: TxnServiceOp): Results | undefined {
  const Service = getNodeService(tx, op.Node, op.Service.ID);
  return Service === undefined ? undefined : [make(TxnResult, { Service })];
}

function checkResult(tx: ReadTx, op: TxnCheckOp): Results | undefined {
  const Check = getNodeCheck(tx, op.Check.Node, op.Check.CheckID);
  return Check === undefined ? undefined : [make(TxnResult, { Check })];
}

// ---- sessions ----

function writeSession(tx: WriteTx, index: number, { Verb, Session }: TxnSessionOp): Results {
  if (Verb !== "delete") return refuse(`failed to delete session: unknown Session verb ${goQuote(Verb)}`);
  if (!sessionForget(tx, index, Session.ID))
    return refuse("failed to delete session: failed deleting session: not found");
  return NONE;
}
