/**
 * Which calls may be sent again although the first may have been carried out: those that answer and leave behind the
 * same when they are carried out twice. Everything else is only repeated when it certainly was not carried out.
 */
import type { ALL_CONTRACTS, AnyContract } from "@tribune/api";

type Given = Readonly<Record<string, unknown>>;
type Rule = (given: Given) => boolean;

const always: Rule = () => true;
/** A second time, the condition would be judged by what the first has made. */
const withoutCondition: Rule = ({ cas, release }) => cas === undefined && release === undefined;

const WRITES: { readonly [K in keyof typeof ALL_CONTRACTS]?: Rule } = {
  agentCheckFail: always,
  agentCheckPass: always,
  agentCheckRegister: always,
  agentCheckUpdate: always,
  agentCheckWarn: always,
  agentMaintenance: always,
  agentServiceMaintenance: always,
  agentServiceRegister: always,
  agentToken: always,
  catalogDeregister: always,
  catalogRegister: always,
  kvDelete: withoutCondition,
  kvPut: withoutCondition,
  queryUpdate: always,
  sessionDestroy: always,
  sessionRenew: always,
  txn: ({ ops }) => Array.isArray(ops) && ops.every(readsOnly),
};

const READING: ReadonlySet<unknown> = new Set(["get", "get-tree", "check-index", "check-session", "check-not-exists"]);

function readsOnly(operation: unknown): boolean {
  const { KV, ...others } = operation as Given;
  return Object.keys(others).length === 0 && READING.has((KV as Given | undefined)?.Verb);
}

export function isIdempotent(name: string, contract: AnyContract, given: Given): boolean {
  return (
    contract.kind === "read" ||
    contract.http.startsWith("GET ") ||
    (WRITES[name as keyof typeof WRITES]?.(given) ?? false)
  );
}
