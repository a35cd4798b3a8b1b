import type { RpcContract } from "@tribune/api";
import { TribuneError } from "../lib/errors.ts";
import type { AskServers } from "./agent-api.ts";
import type { Method } from "./binding.ts";
import { METHODS } from "./index.ts";

const BY_CONTRACT: ReadonlyMap<unknown, Method> = new Map(METHODS.map((method) => [method.contract, method]));

/** `ask` of the endpoints' agent over whatever carries methods out. */
export function askOver(backend: {
  write(method: Method, request: any): Promise<unknown>;
  call(method: Method, request: any): Promise<unknown>;
}): AskServers {
  return (contract: RpcContract, request: unknown): Promise<any> => {
    const method = BY_CONTRACT.get(contract);
    if (method === undefined) throw TribuneError.internal(`no method ${contract.rpc}`);
    return contract.kind === "write" ? backend.write(method, request) : backend.call(method, request);
  };
}
