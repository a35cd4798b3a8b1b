import type { TxnError, TxnOp } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import type { LeaderApi } from "./agent-api.ts";
import { admitNode, NO_CHECK_ID, prepareCheck, prepareService } from "./catalog-rules.ts";
import { refuseKvOp } from "./kv-rules.ts";

/** What the leader checks and completes in each operation; refusals carry the operation's place in the list. */
export function prepareTxn(
  ops: readonly TxnOp[],
  leader: Pick<LeaderApi, "lockDelayMs">,
): { readonly ops: readonly TxnOp[]; readonly errors: readonly TxnError[] } {
  const errors: TxnError[] = [];
  const prepared = ops.map((op, OpIndex) => {
    try {
      return prepareOp(op, leader);
    } catch (error) {
      if (!(error instanceof TribuneError)) throw error;
      errors.push({ OpIndex, What: error.message });
      return op;
    }
  });
  return { ops: prepared, errors };
}

function prepareOp(op: TxnOp, leader: Pick<LeaderApi, "lockDelayMs">): TxnOp {
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
