import type { Schema } from "@tribune/api";
import { decodedForm } from "../codec/decoded-form.ts";
import { encodeStruct } from "../codec/struct-msgpack.ts";
import type { Runtime } from "../lib/runtime.ts";
import { CHUNK_BYTES, commandPieces } from "./chunked-proposal.ts";
import type { RaftHost } from "./raft-host.ts";

export interface ProposerDependencies {
  readonly host: () => RaftHost;
  readonly rng: Runtime["rng"];
}

/** Commands as values → entries of the log as Consul's servers read them. */
export class Proposer {
  readonly #d: ProposerDependencies;

  constructor(dependencies: ProposerDependencies) {
    this.#d = dependencies;
  }

  /**
   * @param type the entry's first byte: `MessageType` of Consul.
   * @returns what the state machine answered; rejects as `RaftHost.propose` does.
   */
  async propose<T>(type: number, schema: Schema<T>, request: T): Promise<unknown> {
    const host = this.#d.host();
    const data = encodeStruct(schema, request, type);
    if (data.length <= CHUNK_BYTES) {
      const decoded = decodedForm(schema, request);
      return host.propose(data, undefined, decoded && { schema: schema as Schema<unknown>, request: decoded });
    }
    const opNum = BigInt(`0x${Buffer.from(this.#d.rng.bytes(8)).toString("hex")}`);
    // Proposed in one turn, they enter the log together, in one term.
    const pieces = commandPieces(data, opNum);
    return (await Promise.all(pieces.map((piece) => host.propose(piece.data, piece.extensions)))).at(-1);
  }
}
