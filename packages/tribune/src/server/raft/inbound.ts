import { MsgpackError } from "../../codec/msgpack.ts";
import { encodeRaftError, encodeRaftReply } from "../../codec/raft-message-encode.ts";
import type { RaftWireRequest } from "../../codec/raft-messages.ts";
import { RaftRequestReader, type UnknownRaftRequest } from "../../codec/raft-stream.ts";
import type { Stream } from "../../lib/runtime.ts";
import type { ExchangeId, RaftReply, RaftRequest } from "../../raft/types.ts";
import {
  fromWireRequest,
  RAFT_PROTOCOL,
  speaksOurs,
  toWireReply,
  UNEXPECTED_COMMAND,
  UNSUPPORTED_PROTOCOL,
} from "./wire.ts";

/** Where the bytes behind an InstallSnapshot go. */
export interface StateSink {
  /** @returns false when it has as much as it wants for now: `onDrain` says when to go on. */
  write(chunk: Uint8Array): boolean;
  onDrain: () => void;
  /** All bytes are there. */
  end(): void;
  /** The stream broke before. */
  fail(cause: string): void;
}

export interface InboundEvents {
  /** A request to hand to the core; the answer comes by `answer` under the same id. */
  readonly request: (from: Inbound, exchange: ExchangeId, wire: RaftWireRequest, message: RaftRequest) => void;
  readonly closed: (from: Inbound) => void;
  readonly nextExchange: () => ExchangeId;
  /** A peer speaks what no correct one does; the connection is over. */
  readonly nonsense: (from: Inbound, reason: string) => void;
}

/** Requests of one connection that are being worked on; more wait unread. Leaders have 128 appends under way. */
export const INBOUND_OPEN_MAX = 256;
/** State bytes taken off the queue at once. */
const STATE_SLICE_BYTES = 256 * 1_024;

interface IncomingState {
  left: number;
  readonly exchange: ExchangeId;
  /** Undefined until the core has decided. */
  sink: StateSink | "drain" | undefined;
}

interface Slot {
  answer: Uint8Array | undefined;
}

/**
 * A connection that a peer opened. Requests are given to the core as they arrive, so that a leader's pipeline is
 * stored with few flushes; answers leave in the order of the requests, as the peer expects.
 */
export class Inbound {
  readonly remoteAddress: string;
  /** Who sent an append over it, as far as is known. */
  leader: string | undefined;
  readonly #stream: Stream;
  readonly #events: InboundEvents;
  readonly #reader = new RaftRequestReader();
  readonly #slots: Slot[] = [];
  readonly #byExchange = new Map<ExchangeId, Slot>();
  /** State of a snapshot still to come on this stream. */
  #state: IncomingState | undefined;
  #paused = false;
  /** The peer does not read its answers. */
  #choked = false;
  #reading = false;
  #closed = false;

  constructor(stream: Stream, events: InboundEvents) {
    this.#stream = stream;
    this.#events = events;
    this.remoteAddress = stream.remoteAddress;
    stream.onData = (chunk) => {
      if (this.#closed) return;
      this.#reader.push(chunk);
      this.#read();
    };
    stream.onDrain = () => {
      this.#choked = false;
      this.#read();
    };
    stream.onEnd = () => this.close();
    stream.onClose = () => this.close();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#stream.destroy();
    const state = this.#state;
    this.#state = undefined;
    if (state !== undefined && typeof state.sink === "object") state.sink.fail("the leader's connection was closed");
    this.#events.closed(this);
  }

  /** @returns whether the exchange was one of this connection's. */
  answer(exchange: ExchangeId, message: RaftReply): boolean {
    const slot = this.#byExchange.get(exchange);
    if (slot === undefined) return false;
    this.#byExchange.delete(exchange);
    // A refusal before all bytes came: they are drained all the same, so that the peer gets to read it.
    if (this.#state?.exchange === exchange) this.#state.sink = "drain";
    slot.answer = encodeRaftReply(toWireReply(message), RAFT_PROTOCOL);
    this.#flush();
    this.#read();
    return true;
  }

  /** The core wants the bytes of this exchange's snapshot. */
  takeState(exchange: ExchangeId, sink: StateSink): boolean {
    const state = this.#state;
    if (state === undefined || state.exchange !== exchange || state.sink !== undefined) return false;
    state.sink = sink;
    sink.onDrain = () => this.#read();
    this.#read();
    return true;
  }

  /** Never re-entered: what an answer makes possible is done by the loop that is running. */
  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    try {
      while (!this.#closed && this.#step());
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      this.#events.nonsense(this, error.message);
      this.close();
    } finally {
      this.#reading = false;
    }
  }

  /** @returns false when nothing more can be done for now. */
  #step(): boolean {
    if (this.#state !== undefined) return this.#readState(this.#state);
    if (this.#choked || this.#slots.length >= INBOUND_OPEN_MAX) {
      this.#pause();
      return false;
    }
    this.#resume();
    const next = this.#reader.next();
    if (next === undefined) return false;
    this.#handle(next);
    return true;
  }

  #handle(request: RaftWireRequest | UnknownRaftRequest): void {
    const slot: Slot = { answer: undefined };
    this.#slots.push(slot);
    const refusal =
      request.type === "unknown" ? UNEXPECTED_COMMAND : speaksOurs(request) ? undefined : UNSUPPORTED_PROTOCOL;
    const exchange = this.#events.nextExchange();
    if (request.type === "installSnapshot")
      this.#state = { left: request.sizeBytes, exchange, sink: refusal === undefined ? undefined : "drain" };
    if (refusal !== undefined || request.type === "unknown") {
      slot.answer = encodeRaftError(refusal ?? UNEXPECTED_COMMAND);
      this.#flush();
      return;
    }
    this.#byExchange.set(exchange, slot);
    this.#events.request(this, exchange, request, fromWireRequest(request));
  }

  /** @returns false when nothing more can be done before bytes, a decision or room for them come. */
  #readState(state: IncomingState): boolean {
    if (state.sink === undefined) {
      this.#pause();
      return false;
    }
    this.#resume();
    while (state.left > 0) {
      const chunk = this.#reader.takeState(Math.min(state.left, STATE_SLICE_BYTES));
      if (chunk.length === 0) return false;
      state.left -= chunk.length;
      if (state.sink !== "drain" && !state.sink.write(chunk) && state.left > 0) {
        this.#pause();
        return false;
      }
    }
    this.#state = undefined;
    if (state.sink !== "drain") state.sink.end();
    return true;
  }

  #flush(): void {
    while (this.#slots[0]?.answer !== undefined)
      if (!this.#stream.write(this.#slots.shift()!.answer!)) this.#choked = true;
  }

  #pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#stream.pause?.();
  }

  #resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#stream.resume?.();
  }
}
