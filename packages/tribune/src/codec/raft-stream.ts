/** Raft's messages cut out of a stream of bytes (sheet raft §1): neither requests nor replies carry their length. */
import { ByteQueue } from "./byte-queue.ts";
import { MsgpackError, MsgpackReader, MsgpackScanner } from "./msgpack.ts";
import { decodeRaftReply, decodeRaftRequest } from "./raft-message-decode.ts";
import {
  RAFT_LIMITS,
  RAFT_MSGPACK_LIMITS,
  type RaftRpc,
  type RaftWireReply,
  type RaftWireRequest,
  raftRpcOf,
} from "./raft-messages.ts";
import { RepeatedMessage } from "./repeated-message.ts";

/** A request of a type that this version does not know; its map was passed over. */
export interface UnknownRaftRequest {
  readonly type: "unknown";
  readonly typeByte: number;
}

/** The listening side. Every method may throw `MsgpackError`: nothing behind that can be read. */
export class RaftRequestReader {
  readonly #queue = new ByteQueue();
  readonly #heartbeat = new RepeatedMessage<RaftWireRequest>();
  #scanner = new MsgpackScanner(1, RAFT_MSGPACK_LIMITS);

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** The next request that is whole. Behind an InstallSnapshot its state must be taken before the next call. */
  next(): RaftWireRequest | UnknownRaftRequest | undefined {
    if (this.#queue.length < 2) return undefined;
    const bytes = this.#queue.view();
    const again = this.#heartbeat.at(bytes);
    if (again !== undefined) {
      this.#queue.drop(this.#heartbeat.length);
      this.#scanner.restart(1);
      return again;
    }
    const end = wholeValue(this.#scanner, bytes);
    if (end === undefined) return undefined;
    const typeByte = bytes[0]!;
    const type = raftRpcOf(typeByte);
    const request: RaftWireRequest | UnknownRaftRequest =
      type === undefined ? { type: "unknown", typeByte } : decodeRaftRequest(type, bytes.subarray(1, end));
    if (request.type === "appendEntries" && (request.entries ?? []).length === 0)
      this.#heartbeat.keep(bytes.subarray(0, end), request);
    this.#queue.drop(end);
    this.#scanner = new MsgpackScanner(1, RAFT_MSGPACK_LIMITS);
    return request;
  }

  /** At most `max` bytes of a snapshot's state; empty when none wait. A copy. */
  takeState(max: number): Uint8Array {
    const taken = this.#queue.view().slice(0, max);
    this.#queue.drop(taken.length);
    return taken;
  }
}

export interface RaftAnswer {
  /** "" when the request went well; `reply` means something only then. */
  readonly error: string;
  readonly reply: RaftWireReply;
}

/** The dialling side. Throws `MsgpackError` like the other. */
export class RaftReplyReader {
  readonly #queue = new ByteQueue();
  readonly #lastAppended = new RepeatedMessage<RaftAnswer>();
  #scanner = new MsgpackScanner(0, RAFT_MSGPACK_LIMITS);
  /** Offset behind the error text, once that is whole. */
  #errorEnd: number | undefined;

  push(chunk: Uint8Array): void {
    this.#queue.push(chunk);
  }

  /** Whether bytes wait that belong to no whole answer yet. */
  get partial(): boolean {
    return this.#queue.length > 0;
  }

  /** The answer to the oldest open request, which was of `type`, once it is whole. */
  next(type: RaftRpc): RaftAnswer | undefined {
    const bytes = this.#queue.view();
    const again = type === "appendEntries" ? this.#lastAppended.at(bytes) : undefined;
    if (again !== undefined) {
      this.#queue.drop(this.#lastAppended.length);
      this.#restart();
      return again;
    }
    if (this.#errorEnd === undefined) {
      const end = wholeValue(this.#scanner, bytes);
      if (end === undefined) return undefined;
      this.#errorEnd = end;
      this.#scanner.restart(end);
    }
    const end = wholeValue(this.#scanner, bytes);
    if (end === undefined) return undefined;
    const error = new MsgpackReader(bytes.subarray(0, this.#errorEnd), 0, RAFT_MSGPACK_LIMITS).text();
    if (error.length > RAFT_LIMITS.errorBytesMax) throw new MsgpackError("an error text of that length", 0);
    const value = error === "" ? bytes.subarray(this.#errorEnd, end) : NIL;
    const answer = { error, reply: decodeRaftReply(type, value) };
    if (type === "appendEntries") this.#lastAppended.keep(bytes.subarray(0, end), answer);
    this.#queue.drop(end);
    this.#restart();
    return answer;
  }

  #restart(): void {
    this.#scanner.restart(0);
    this.#errorEnd = undefined;
  }
}

const NIL = Uint8Array.of(0xc0);

function wholeValue(scanner: MsgpackScanner, bytes: Uint8Array): number | undefined {
  const end = scanner.scan(bytes);
  if ((end ?? bytes.length) > RAFT_LIMITS.messageBytesMax + 1)
    throw new MsgpackError(`a message of more than ${RAFT_LIMITS.messageBytesMax} bytes`, 0);
  return end;
}
