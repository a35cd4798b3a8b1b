/** What the members of a pool said about an operation on their keyrings. */
import { GossipCodecError } from "../codec/gossip-error.ts";
import { decodeSerfMessage, type KeyResponse } from "../codec/serf-messages.ts";
import type { KeyringOutcome } from "./types.ts";

export class KeyringTally {
  readonly #messages = new Map<string, string>();
  readonly #keys = new Map<string, number>();
  readonly #primaryKeys = new Map<string, number>();
  readonly #members: number;
  #responses = 0;
  #errors = 0;

  /** @param members from whom an answer is expected. */
  constructor(members: number) {
    this.#members = members;
  }

  get isComplete(): boolean {
    return this.#responses >= this.#members;
  }

  add(from: string, payload: Uint8Array): void {
    this.#responses++;
    const response = keyResponseOf(payload);
    if (typeof response === "string") {
      this.#errors++;
      this.#messages.set(from, response);
      return;
    }
    if (!response.result) this.#errors++;
    if (!response.result || response.message !== "") this.#messages.set(from, response.message);
    for (const key of response.keys) countOne(this.#keys, key);
    if (response.primaryKey !== "") countOne(this.#primaryKeys, response.primaryKey);
  }

  outcome(): KeyringOutcome {
    return {
      messages: this.#messages,
      keys: this.#keys,
      primaryKeys: this.#primaryKeys,
      members: this.#members,
      responses: this.#responses,
      errors: this.#errors,
    };
  }
}

function countOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function keyResponseOf(payload: Uint8Array): KeyResponse | string {
  try {
    const message = decodeSerfMessage(payload);
    return message.type === "keyResponse" ? message : `Invalid key query response type: ${message.type}`;
  } catch (error) {
    if (!(error instanceof GossipCodecError)) throw error;
    return `Failed to decode key query response: ${error.message}`;
  }
}
