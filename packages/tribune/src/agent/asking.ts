import { make, type Struct } from "@tribune/api";
import type { Endpoint } from "../endpoints/binding.ts";
import { ENDPOINTS, METHODS } from "../endpoints/index.ts";
import type { HttpBackend, ReadCall, ReadOutcome } from "../http/backend.ts";
import { invariant } from "../lib/invariant.ts";
import { questionKey } from "../server/question-key.ts";

export type { ReadCall, ReadOutcome } from "../http/backend.ts";

/** What answers questions and carries changes out, whoever is behind it: the HTTP door's backend without the agent. */
export type Asking = Omit<HttpBackend, "agent">;

const BY_NAME: ReadonlyMap<string, Endpoint> = new Map(ENDPOINTS.map((endpoint) => [endpoint.name, endpoint]));

/** The agent's own questions take the same way as its clients'. */
export function endpointNamed(name: string): Endpoint {
  const endpoint = BY_NAME.get(name);
  invariant(endpoint !== undefined, `no endpoint called ${name}`);
  return endpoint;
}

/** A method that no route leads to, to be asked like an endpoint: nobody shows its answer. */
export function methodNamed(name: string): Endpoint {
  const method = METHODS.find((one) => one.name === name);
  invariant(method !== undefined, `no method called ${name}`);
  return method as Endpoint;
}

interface ReadRequest {
  readonly Datacenter: string;
  readonly MinQueryIndex: number;
  /** Nanoseconds. */
  readonly MaxQueryTime: number;
  readonly AllowStale: boolean;
  readonly UseCache: boolean;
}

/** A read of the agent itself. The request's own options say how fresh the answer must be. */
export function ownRead(endpoint: Endpoint, given: Readonly<Record<string, unknown>>): ReadCall {
  const { request: schema } = endpoint.contract as { readonly request: Struct<ReadRequest> };
  const request = make(schema, given as Partial<ReadRequest>);
  return {
    endpoint,
    key: questionKey(endpoint, { ...request }),
    request,
    minIndex: request.MinQueryIndex,
    waitMs: request.MaxQueryTime / 1e6,
    consistency: request.AllowStale === true ? "stale" : "leader",
    datacenter: request.Datacenter,
    cached: request.UseCache === true,
  };
}

export function ask(asking: Pick<Asking, "read">, call: ReadCall): Promise<ReadOutcome> {
  return new Promise((resolve, reject) => {
    asking.read(call, (outcome) => {
      if (outcome instanceof Error) reject(outcome);
      else resolve(outcome);
    });
  });
}
