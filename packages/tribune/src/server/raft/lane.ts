import { MsgpackError } from "../../codec/msgpack.ts";
import type { RaftRpc } from "../../codec/raft-messages.ts";
import { type RaftAnswer, RaftReplyReader } from "../../codec/raft-stream.ts";
import type { Cancel, Runtime, Stream } from "../../lib/runtime.ts";

/** How a request ended. `closed`: the peer hung up behind it without a byte of answer. */
export type LaneOutcome = RaftAnswer | { readonly failed: "error" | "closed"; readonly cause: string };

export interface LaneRequest {
  readonly type: RaftRpc;
  /** Made when the stream takes it: what waits costs no bytes. */
  readonly encode: () => Uint8Array;
  readonly done: (outcome: LaneOutcome) => void;
}

export interface LaneDependencies {
  readonly runtime: Pick<Runtime, "clock" | "timers">;
  /** A stream on which the next byte is Raft's; rejects when the peer cannot be reached. */
  readonly dial: () => Promise<Stream>;
}

export interface LaneOptions {
  /** hashicorp's I/O timeout: an answer that takes longer ends the connection, and everything open on it fails. */
  readonly timeoutMs: number;
  /** A connection without open requests is closed after this; Infinity keeps it. */
  readonly idleMs: number;
}

/** Requests that wait for their stream; the Raft core has its own, lower bounds for each kind. */
export const LANE_WAITING_MAX = 1_024;

/**
 * One connection to one peer: requests go out in order and answers come back in that order, any number of them under
 * way. It is dialled when there is something to send, and dialled again after it broke.
 */
export class Lane {
  readonly #d: LaneDependencies;
  readonly #options: LaneOptions;
  #stream: Stream | undefined;
  #dialling = false;
  /** The stream takes no more for now. */
  #full = false;
  #reader = new RaftReplyReader();
  #waiting: LaneRequest[] = [];
  readonly #open: { readonly request: LaneRequest; readonly sentAtMs: number }[] = [];
  #cancelTimer: Cancel = () => {};
  #timerArmed = false;
  #closed = false;

  constructor(dependencies: LaneDependencies, options: LaneOptions) {
    this.#d = dependencies;
    this.#options = options;
  }

  /** Never calls `done` before it returns. */
  send(request: LaneRequest): void {
    if (this.#closed || this.#waiting.length >= LANE_WAITING_MAX) {
      const cause = this.#closed ? "the transport is closed" : "too many requests wait for the connection";
      this.#d.runtime.timers.soon(() => request.done({ failed: "error", cause }));
      return;
    }
    this.#waiting.push(request);
    if (this.#stream === undefined) this.#dial();
    else this.#pump();
  }

  close(): void {
    this.#closed = true;
    this.#drop("error", "the transport is closed");
  }

  #dial(): void {
    if (this.#dialling) return;
    this.#dialling = true;
    this.#d.dial().then(
      (stream) => {
        this.#dialling = false;
        if (this.#closed) stream.destroy();
        else this.#adopt(stream);
      },
      (error: unknown) => {
        this.#dialling = false;
        this.#drop("error", error instanceof Error ? error.message : String(error));
      },
    );
  }

  #adopt(stream: Stream): void {
    this.#stream = stream;
    this.#full = false;
    this.#reader = new RaftReplyReader();
    stream.onData = (chunk) => this.#received(chunk);
    stream.onDrain = () => {
      this.#full = false;
      this.#pump();
    };
    // A peer that ends its side answers nothing more; ours has nothing to add.
    stream.onEnd = () => this.#lost(stream, "the peer closed the connection");
    stream.onClose = (error) => this.#lost(stream, error?.message ?? "the connection was closed");
    this.#pump();
  }

  #pump(): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    let sent = 0;
    while (!this.#full && sent < this.#waiting.length) {
      const request = this.#waiting[sent++]!;
      this.#open.push({ request, sentAtMs: this.#d.runtime.clock.nowMs() });
      this.#full = !stream.write(request.encode());
      if (this.#stream !== stream) return; // it broke meanwhile, and took everything with it
    }
    if (sent > 0) this.#waiting = this.#waiting.slice(sent);
    this.#armTimer();
  }

  #received(chunk: Uint8Array): void {
    const stream = this.#stream;
    if (stream === undefined) return;
    try {
      this.#reader.push(chunk);
      for (let oldest = this.#open[0]; oldest !== undefined; oldest = this.#open[0]) {
        const answer = this.#reader.next(oldest.request.type);
        if (answer === undefined) return;
        this.#open.shift();
        oldest.request.done(answer);
        if (this.#stream !== stream) return;
      }
      if (this.#reader.partial) throw new MsgpackError("an answer to no request", 0);
    } catch (error) {
      if (!(error instanceof MsgpackError)) throw error;
      stream.destroy();
      this.#lost(stream, `the peer's answer makes no sense: ${error.message}`);
    }
  }

  #lost(stream: Stream, cause: string): void {
    if (this.#stream !== stream) return;
    this.#drop(this.#reader.partial ? "error" : "closed", cause);
  }

  /** Everything sent or waiting fails: the core knows what to send again. Only the first can have met a refusal. */
  #drop(failed: "error" | "closed", cause: string): void {
    const stream = this.#stream;
    this.#stream = undefined;
    this.#cancelTimer();
    this.#timerArmed = false;
    stream?.destroy();
    const open = this.#open.splice(0);
    const waiting = this.#waiting;
    this.#waiting = [];
    open.forEach(({ request }, at) => {
      request.done({ failed: at === 0 ? failed : "error", cause });
    });
    for (const request of waiting) request.done({ failed: "error", cause });
  }

  /** One timer for the oldest request, or for an idle connection; set again when it rings, not for each request. */
  #armTimer(): void {
    if (this.#timerArmed) return;
    const { timeoutMs, idleMs } = this.#options;
    const oldest = this.#open[0];
    const idle = oldest === undefined;
    if (idle && idleMs === Number.POSITIVE_INFINITY) return;
    this.#timerArmed = true;
    const { clock, timers } = this.#d.runtime;
    const delayMs = idle ? idleMs : Math.max(0, oldest.sentAtMs + timeoutMs - clock.nowMs());
    this.#cancelTimer = timers.after(delayMs, () => {
      this.#timerArmed = false;
      const first = this.#open[0];
      if (first === undefined) {
        if (idle && this.#waiting.length === 0) this.#drop("error", "idle");
        else this.#armTimer();
      } else if (clock.nowMs() - first.sentAtMs >= timeoutMs) this.#drop("error", `no answer in ${timeoutMs} ms`);
      else this.#armTimer();
    });
  }
}
