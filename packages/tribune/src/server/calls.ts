import type { AnsweredBy } from "@tribune/api";
import type { LeaderApi } from "../endpoints/agent-api.ts";
import type { Method } from "../endpoints/binding.ts";
import { TribuneError } from "../lib/errors.ts";
import { isSteps } from "../lib/steps.ts";
import { type CallTimes, timeOf } from "./call-measures.ts";
import type { Leadership } from "./leadership.ts";
import type { QueryEngine } from "./query-engine.ts";
import type { RaftHost } from "./raft-host.ts";
import type { ServerReads } from "./reads.ts";

/** What of a call's request says who may answer it; not every request has these fields. */
export interface CallRequest {
  readonly Datacenter?: string;
  readonly AllowStale?: boolean;
  readonly RequireConsistent?: boolean;
}

export interface ServerCallsDependencies {
  readonly leadership: Leadership;
  readonly leader: LeaderApi;
  readonly host: () => RaftHost;
  readonly engine: Pick<QueryEngine, "carryOn">;
  readonly reads: Pick<ServerReads, "requireDatacenter" | "mayReadAsLeader">;
  readonly times: CallTimes;
}

/** Calls: neither writes nor watched reads, such as executing a prepared query or asking for Raft's peers. */
export class ServerCalls {
  readonly #d: ServerCallsDependencies;

  constructor(dependencies: ServerCallsDependencies) {
    this.#d = dependencies;
  }

  /** Whether this server may answer now: the leader everything, the others what is theirs or may be stale. */
  mayAnswer(answeredBy: AnsweredBy, { AllowStale }: CallRequest): boolean {
    if (this.#d.leadership.ready || answeredBy === "any") return true;
    return answeredBy === "asked" && AllowStale === true && this.#d.host().lastContactMs !== undefined;
  }

  /** Answers a call as this server may: at once if any server may, else when it leads. */
  call(endpoint: Method, request: CallRequest): Promise<unknown> {
    return this.#d.times.timed(timeOf(endpoint), this.#call(endpoint, request));
  }

  /**
   * The same, if it needs nobody else and no wait; else undefined. A promise of what takes several turns of the event
   * loop. Throws what it is refused with.
   */
  now(endpoint: Method, request: CallRequest): unknown {
    const { contract, binding } = endpoint;
    const { reads, times } = this.#d;
    if (contract.kind !== "call" || contract.answeredBy !== "asked") return undefined;
    if (request.RequireConsistent === true) return undefined;
    if (request.AllowStale !== true && !reads.mayReadAsLeader()) return undefined;
    reads.requireDatacenter(request.Datacenter ?? "");
    const done = times.begin(timeOf(endpoint));
    let result: unknown;
    try {
      result = this.#answer(binding, request);
      return result;
    } finally {
      if (done !== undefined) {
        if (result instanceof Promise) result.then(done, done);
        else done();
      }
    }
  }

  async #call(endpoint: Method, request: CallRequest): Promise<unknown> {
    const { contract, binding } = endpoint;
    const { reads, leadership, host } = this.#d;
    if (contract.kind !== "call") throw TribuneError.internal(`${endpoint.name} is no call`);
    reads.requireDatacenter(request.Datacenter ?? "");
    const asked = contract.answeredBy === "asked";
    if (contract.answeredBy === "leader" || (asked && request.AllowStale !== true)) {
      if (!leadership.ready) await leadership.waitReady();
      if (asked && (request.RequireConsistent === true || !reads.mayReadAsLeader())) await host().verifyLeader();
    }
    return this.#answer(binding, request);
  }

  #answer(binding: Method["binding"], request: CallRequest): unknown {
    const result = binding.answer(request, this.#d.leader);
    return result instanceof Object && isSteps(result) ? this.#d.engine.carryOn(result) : result;
  }
}
