import { encodeRaftRequest } from "../../codec/raft-message-encode.ts";
import type { RaftHeader } from "../../codec/raft-messages.ts";
import type { RaftRequest } from "../../raft/types.ts";
import { toWireRequest } from "./wire.ts";

type Append = Extract<RaftRequest, { type: "appendEntries" }>;

/**
 * Requests as bytes. Followers that keep up get the very same append, and every heartbeat of a term is the same: what
 * was encoded last is used again.
 */
export class RequestEncoder {
  readonly #header: RaftHeader;
  #append: { readonly message: Append; readonly bytes: Uint8Array } | undefined;
  #heartbeat: { readonly term: number; readonly bytes: Uint8Array } | undefined;

  constructor(header: RaftHeader) {
    this.#header = header;
  }

  /** @returns bytes that nobody may change */
  encode(message: RaftRequest): Uint8Array {
    if (message.type !== "appendEntries") return this.#encoded(message);
    if (isHeartbeat(message)) {
      if (this.#heartbeat?.term !== message.term)
        this.#heartbeat = { term: message.term, bytes: this.#encoded(message) };
      return this.#heartbeat.bytes;
    }
    if (this.#append === undefined || !sameAppend(this.#append.message, message))
      this.#append = { message, bytes: this.#encoded(message) };
    const { bytes } = this.#append;
    return bytes;
  }

  #encoded(message: RaftRequest): Uint8Array {
    return encodeRaftRequest(toWireRequest(message, this.#header));
  }
}

export function isHeartbeat(message: Append): boolean {
  return message.prevLogIndex === 0 && message.entries.length === 0 && message.leaderCommit === 0;
}

/** A leader has one entry at each index of a term: the same place and number are the same entries. */
function sameAppend(one: Append, other: Append): boolean {
  return (
    one.term === other.term &&
    one.prevLogIndex === other.prevLogIndex &&
    one.leaderCommit === other.leaderCommit &&
    one.entries.length === other.entries.length &&
    one.entries[0] === other.entries[0]
  );
}
