import type { Struct } from "@tribune/api";
import type { LeaderApi } from "../endpoints/agent-api.ts";
import { type Method, Settled } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import { type CallTimes, timeOf } from "./call-measures.ts";
import type { Leadership } from "./leadership.ts";
import type { Proposer } from "./proposer.ts";
import type { ServerReads } from "./reads.ts";

export interface ServerWritesDependencies {
  readonly leadership: Leadership;
  readonly leader: LeaderApi;
  readonly proposer: Proposer;
  readonly reads: Pick<ServerReads, "requireDatacenter">;
  readonly times: CallTimes;
}

/** A write on the leader: completed first, so that replicas have nothing left to choose, then proposed. */
export class ServerWrites {
  readonly #d: ServerWritesDependencies;

  constructor(dependencies: ServerWritesDependencies) {
    this.#d = dependencies;
  }

  /** Validates, completes and proposes a write. Rejects with the refusal's text as Consul words it. */
  write(endpoint: Method, request: { readonly Datacenter?: string }): Promise<unknown> {
    return this.#d.times.timed(timeOf(endpoint), this.#write(endpoint, request));
  }

  async #write(endpoint: Method, request: { readonly Datacenter?: string }): Promise<unknown> {
    const { contract, binding } = endpoint;
    const { reads, leadership, leader, proposer } = this.#d;
    if (contract.kind !== "write") throw TribuneError.internal(`${endpoint.name} is no write`);
    reads.requireDatacenter(request.Datacenter ?? "");
    if (!leadership.ready) await leadership.waitReady();
    const prepared = binding.prepare === undefined ? request : binding.prepare(request, leader);
    if (prepared instanceof Settled) return prepared.result;
    let result: unknown;
    try {
      result = await proposer.propose(contract.raftType, contract.request as Struct<unknown>, prepared);
    } catch (error) {
      throw prefixed(binding.errorPrefix, error);
    }
    binding.applied?.(result, prepared, leader);
    return result;
  }
}

function prefixed(prefix: string | undefined, error: unknown): unknown {
  if (prefix === undefined || !(error instanceof TribuneError) || error.code !== undefined) return error;
  return new TribuneError(error.kind, prefix + error.message, { cause: error });
}
