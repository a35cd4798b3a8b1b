/**
 * A vote about our own name (serf's `resolveNodeConflict`): another address claims it, and the pool is asked which of
 * the two it knows by it. Who has no majority of the answers goes.
 */
import { GossipCodecError } from "../../codec/gossip-error.ts";
import { decodeSerfMessage } from "../../codec/serf-messages.ts";
import { type Endpoint, endpointOf } from "../swim/endpoint.ts";
import { CONFLICT_RESPONSE, MSGPACK_NIL } from "./internal-queries.ts";
import type { Outbox } from "./outbox.ts";

/** How it ended. Nobody may have answered: then there was none. */
export type VoteResult = "kept" | "lost" | "none";

export class NameVote {
  readonly #self: Endpoint;
  readonly #outbox: Outbox;
  #answers = 0;
  #forUs = 0;

  constructor(self: Endpoint, outbox: Outbox) {
    this.#self = self;
    this.#outbox = outbox;
  }

  /** @param payload an answer to the query; what is none does not count */
  answered(payload: Uint8Array): void {
    if (payload[0] !== CONFLICT_RESPONSE)
      return this.#outbox.log("ERROR", `Invalid conflict query response type: ${payload[0] ?? "none"}`);
    // Who does not know the name at all has not voted for us either.
    const isUnknown = payload.length === 2 && payload[1] === MSGPACK_NIL;
    let endpoint: Endpoint | undefined;
    try {
      const member = isUnknown ? undefined : decodeSerfMessage(payload);
      if (member?.type === "conflictResponse") endpoint = endpointOf(member.addr, member.port);
    } catch (error) {
      if (!(error instanceof GossipCodecError)) throw error;
      return this.#outbox.log("ERROR", `Failed to decode conflict query response: ${error.message}`);
    }
    this.#answers++;
    if (endpoint === this.#self) this.#forUs++;
  }

  end(): VoteResult {
    const count = `[${this.#forUs} / ${this.#answers}]`;
    if (this.#answers === 0) {
      this.#outbox.log("WARN", `no answer in name conflict resolution ${count}, going on`);
      return "none";
    }
    if (this.#forUs >= Math.floor(this.#answers / 2) + 1) {
      this.#outbox.log("INFO", `majority in name conflict resolution ${count}`);
      return "kept";
    }
    this.#outbox.log("WARN", `minority in name conflict resolution, quiting ${count}`);
    return "lost";
  }
}
