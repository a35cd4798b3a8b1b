import type { TxnError, TxnOp } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import { getNodeCheck, requireOwner } from "../state/catalog/checks.ts";
import type { LeaderApi } from "./agent-api.ts";
import { admitNode, NO_CHECK_ID, prepareCheck, prepareService } from "./catalog-rules.ts";
import { refuseKvOp } from "./kv-rules.ts";

type Leader = Pick<LeaderApi, "lockDelayMs" | "peek">;

/** What the leader checks and completes in each operation; refusals carry the operation's place in the list. */
export function prepareTxn(
  ops: readonly TxnOp[],
  leader: Leader,
): { readonly ops: readonly TxnOp[]; readonly errors: readonly TxnError[] } {
  const errors: TxnError[] = [];
  // What one operation registers another may rely on.
  const changesOwners = ops.some(({ Node, Service }) => [Node?.Verb ?? "get", Service?.Verb ?? "get"].some(isWrite));
  const prepared = ops.map((op, OpIndex) => {
    try {
      const ready = prepareOp(op, leader);
      if (!changesOwners) refuseLostCheck(ready, leader);
      return ready;
    } catch (error) {
      if (!(error instanceof TribuneError)) throw error;
      errors.push({ OpIndex, What: error.message });
      return op;
    }
  });
  return { ops: prepared, errors };
}

const isWrite = (verb: string): boolean => verb !== "get";

/** A check that there is no place for is passed over when the command is applied, and nobody would be told. */
function refuseLostCheck({ Check: op }: TxnOp, leader: Leader): void {
  if (op?.Verb !== "cas") return;
  const { Check: check } = op;
  leader.peek((tx) => {
    const known = getNodeCheck(tx, check.Node, check.CheckID)?.ModifyIndex ?? 0;
    if (known === check.ModifyIndex) requireOwner(tx, check);
  });
}

function prepareOp(op: TxnOp, leader: Leader): TxnOp {
  if (op.KV !== null) {
    const { Verb, DirEnt } = op.KV;
    const refusal = refuseKvOp(Verb, DirEnt.Key, leader);
    if (refusal === "missing key") throw TribuneError.internal("Must provide key");
    if (refusal === "lock delay")
      throw TribuneError.internal(`failed to lock key ${JSON.stringify(DirEnt.Key)} due to lock delay`);
    return op;
  }
  if (op.Node !== null && op.Node.Verb !== "get") admitNode(op.Node.Node.Node, op.Node.Node.ID);
  if (op.Service !== null && op.Service.Verb !== "get")
    return { ...op, Service: { ...op.Service, Service: prepareService(op.Service.Service) } };
  if (op.Check !== null && op.Check.Verb !== "get") {
    const check = prepareCheck(op.Check.Check);
    if (check.CheckID === "") throw TribuneError.internal(NO_CHECK_ID);
    return { ...op, Check: { ...op.Check, Check: check } };
  }
  return op;
}
