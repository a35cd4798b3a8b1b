import type { AnsweredBy, AnyContract, RpcContract } from "./contract.ts";
import { ALL_CONTRACTS, RPC_CONTRACTS } from "./contracts/all.ts";
import type { Schema, Struct } from "./schema.ts";

/** A method of the servers' RPC interface. */
export interface RpcMethod {
  readonly request: Struct<any>;
  readonly reply: Schema<any>;
  readonly kind: "read" | "write" | "call";
  /** Who answers it: reads are `asked`, writes the leader's. */
  readonly answeredBy: AnsweredBy;
  /** Names of the endpoints that are answered by it: several forms of one question may share a method. */
  readonly contracts: readonly string[];
}

/** RPC methods by Consul's name, such as `Health.ServiceNodes`. */
export const RPC_METHODS: ReadonlyMap<string, RpcMethod> = methodsOf({ ...ALL_CONTRACTS, ...RPC_CONTRACTS });

/** @throws Error when two contracts name one method but not one request, reply and kind. */
export function methodsOf(
  contracts: Readonly<Record<string, AnyContract | RpcContract>>,
): ReadonlyMap<string, RpcMethod> {
  const methods = new Map<string, RpcMethod>();
  for (const [name, contract] of Object.entries(contracts)) {
    if (contract.kind === "local") continue;
    const { rpc, kind, request, reply } = contract;
    const known = methods.get(rpc);
    if (known !== undefined && (known.request !== request || known.reply !== reply || known.kind !== kind))
      throw new Error(`${name} and ${known.contracts.join(", ")} disagree about the RPC method ${rpc}`);
    methods.set(rpc, {
      request,
      reply,
      kind,
      answeredBy: answeredBy(contract),
      contracts: [...(known?.contracts ?? []), name],
    });
  }
  return methods;
}

/** Whose answer it is; a `local` endpoint's is the agent's own. */
export function answeredBy(contract: Exclude<AnyContract, { kind: "local" }> | RpcContract): AnsweredBy {
  if (contract.kind === "call") return contract.answeredBy;
  return contract.kind === "read" ? "asked" : "leader";
}
