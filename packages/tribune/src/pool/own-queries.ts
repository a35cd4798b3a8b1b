/** Queries that we have asked: who is to be told of answers, and of the end. */
import { encodeQueryFilter } from "../codec/serf-filters.ts";
import type { QueryRequest, QueryToken } from "../gossip/serf/types.ts";
import type { QueryOptions } from "./types.ts";

export class OwnQueries {
  readonly #running = new Map<QueryToken, QueryOptions>();
  #last = 0;

  request(name: string, options: QueryOptions): QueryRequest {
    const { nodes = [], tags = new Map<string, string>() } = options;
    return {
      token: ++this.#last as QueryToken,
      name,
      payload: options.payload,
      filters: [
        ...(nodes.length === 0 ? [] : [encodeQueryFilter({ type: "nodes", nodes })]),
        ...Array.from(tags, ([tag, expr]) => encodeQueryFilter({ type: "tag", tag, expr })),
      ],
      wantAck: options.wantAck ?? false,
      relayFactor: options.relayFactor ?? 0,
      timeoutMs: options.timeoutMs ?? 0,
    };
  }

  begin(token: QueryToken, options: QueryOptions): void {
    this.#running.set(token, options);
  }

  acknowledged(token: QueryToken, from: string): void {
    this.#running.get(token)?.onAck?.(from);
  }

  answered(token: QueryToken, from: string, payload: Uint8Array): void {
    this.#running.get(token)?.onResponse?.(from, payload);
  }

  done(token: QueryToken): void {
    const options = this.#running.get(token);
    this.#running.delete(token);
    options?.onDone?.();
  }

  /** The pool stops: no answers will come. */
  endAll(): void {
    for (const token of [...this.#running.keys()]) this.done(token);
  }
}
