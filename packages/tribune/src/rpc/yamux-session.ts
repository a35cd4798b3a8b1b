/**
 * One yamux session over one stream (sheet consul-rpc §2): many streams, each with a window of its own in both
 * directions, so that a slow one holds up nobody else.
 */
import {
  encodeYamuxHeader,
  YAMUX_FLAG,
  YAMUX_GO_AWAY,
  YAMUX_TYPE,
  YamuxError,
  type YamuxHeader,
  YamuxParser,
} from "../codec/yamux-frame.ts";
import type { Cancel, Clock, Stream, Timers } from "../lib/runtime.ts";
import { YamuxStream } from "./yamux-stream.ts";

/** Streams that a peer may have open; one more is reset. A client agent has one for every blocked query. */
export const STREAMS_MAX = 32_768;
/** Streams of ours that the peer has not acknowledged (its accept backlog); more wait here. */
export const OPENING_MAX = 256;
/** Streams' numbers have 32 bits and none comes again on its session. */
const STREAM_ID_MAX = 2 ** 32 - 1;
const KEEP_ALIVE_MS = 30_000;
/** An answer to a ping later than this means that the peer is gone, or cannot write. */
const PING_TIMEOUT_MS = 10_000;
/** A peer that does not acknowledge a stream for so long will not. */
const OPEN_TIMEOUT_MS = 75_000;
/** Answers owed to a peer that does not read (pings, resets, credit) before it is cut off. */
const OWED_FRAMES_MAX = 8_192;
/** How long a peer may take to read our last words. */
const LINGER_MS = 1_000;
/** Frames made in one turn go out as one chunk up to this size. */
const GATHERED_BYTES_MAX = 64 * 1024;

export interface YamuxOptions {
  /** The dialler: its streams have odd numbers. */
  readonly client: boolean;
  readonly clock: Clock;
  readonly timers: Timers;
  /** Takes a stream that the peer opened; sets its `onData` and the like at once. */
  readonly onStream: (stream: YamuxStream) => void;
  /** Nothing more happens on this session; its streams were closed before. */
  readonly onClose: (error: Error | undefined) => void;
  /** The peer takes no new streams; those that are open go on. */
  readonly onGoAway?: () => void;
  /** The number of the first stream that is opened here; 1 or 2 without. */
  readonly firstStreamId?: number;
}

export class YamuxSession {
  readonly #stream: Stream;
  readonly #options: YamuxOptions;
  readonly #parser: YamuxParser;
  readonly #streams = new Map<number, YamuxStream>();
  /** Streams of ours that wait for their turn to be announced. */
  readonly #unannounced: YamuxStream[] = [];
  /** Announced and not acknowledged, with when. */
  readonly #opening = new Map<YamuxStream, number>();
  /** Streams with something to send that wait for the connection, in turn. */
  #blocked: YamuxStream[] = [];
  #out: Uint8Array[] = [];
  #outBytes = 0;
  #flushScheduled = false;
  #congested = false;
  #owedFrames = 0;
  #nextId: number;
  #nextPing = 0;
  #pingSent: number | undefined;
  #cancelTimer: Cancel = () => {};
  #closed = false;
  #wentAway = false;
  #sentGoAway = false;

  constructor(stream: Stream, options: YamuxOptions) {
    this.#stream = stream;
    this.#options = options;
    this.#nextId = options.firstStreamId ?? (options.client ? 1 : 2);
    this.#parser = new YamuxParser(
      (header) => this.#header(header),
      (streamId, piece) => this.#streams.get(streamId)?.received(piece), // else: of a stream that was closed here
    );
    stream.onData = (chunk) => this.receive(chunk);
    stream.onEnd = () => this.#close(undefined);
    stream.onClose = (error) => this.#close(error);
    stream.onDrain = () => this.#drained();
    this.#keepAliveLater();
  }

  /** Whether new streams may be opened. Not for ever: after two thousand million streams there are no numbers left. */
  get usable(): boolean {
    return !this.#closed && !this.#wentAway && !this.#sentGoAway && this.#nextId <= STREAM_ID_MAX;
  }

  get streams(): number {
    return this.#streams.size + this.#unannounced.length;
  }

  /** A new stream. What is written is kept until the peer may hear of it. @throws Error when not `usable` */
  open(): YamuxStream {
    if (!this.usable) throw new Error("yamux session is closing");
    const id = this.#nextId;
    this.#nextId += 2;
    const stream = new YamuxStream(id, this.#stream, this.#link, false);
    this.#unannounced.push(stream);
    this.#announce();
    return stream;
  }

  /** No new streams; the peer is told. */
  goAway(): void {
    if (this.#closed || this.#sentGoAway) return;
    this.#sentGoAway = true;
    this.#send(encodeYamuxHeader(YAMUX_TYPE.goAway, 0, 0, YAMUX_GO_AWAY.normal));
  }

  /** Ends everything. What was written before still goes out, if the peer reads it soon. */
  close(): void {
    if (this.#closed) return;
    this.goAway();
    this.#close(undefined, LINGER_MS);
  }

  receive(chunk: Uint8Array): void {
    if (this.#closed) return;
    try {
      this.#parser.push(chunk);
    } catch (error) {
      if (!(error instanceof YamuxError)) throw error;
      this.#fail(error);
    }
  }

  // ---- what streams ask for ----

  readonly #link = {
    send: (header: Uint8Array, payload?: Uint8Array): void => {
      this.#send(header);
      if (payload !== undefined) this.#send(payload);
    },
    /** @returns whether there is room; if not, the stream's `pump` is called when there is. */
    mayPump: (stream: YamuxStream): boolean => {
      if (!this.#congested) return true;
      if (!stream.queued) {
        stream.queued = true;
        this.#blocked.push(stream);
      }
      return false;
    },
    owed: (header: Uint8Array): void => this.#owe(header),
    forget: (stream: YamuxStream): void => {
      this.#streams.delete(stream.id);
      if (this.#opening.delete(stream)) this.#announce();
    },
    after: (delayMs: number, run: () => void): Cancel => this.#options.timers.after(delayMs, run),
  };

  // ---- opening ----

  #announce(): void {
    while (this.#opening.size < OPENING_MAX) {
      const stream = this.#unannounced.shift();
      if (stream === undefined) return;
      if (stream.isClosed) continue;
      this.#streams.set(stream.id, stream);
      this.#opening.set(stream, this.#options.clock.nowMs());
      stream.announce();
    }
  }

  // ---- receiving ----

  #header(header: YamuxHeader): void {
    if (this.#closed) return; // by an earlier frame of the same chunk
    switch (header.type) {
      case YAMUX_TYPE.data:
      case YAMUX_TYPE.windowUpdate:
        return this.#streamHeader(header);
      case YAMUX_TYPE.ping:
        return this.#ping(header);
      default:
        return this.#goneAway(header.length);
    }
  }

  #streamHeader({ type, flags, streamId, length }: YamuxHeader): void {
    if ((flags & YAMUX_FLAG.syn) !== 0) this.#accept(streamId);
    const stream = this.#streams.get(streamId);
    const isData = type === YAMUX_TYPE.data;
    if (stream === undefined) return; // closed here; what the peer sent before it knew is passed over
    if ((flags & YAMUX_FLAG.ack) !== 0 && this.#opening.delete(stream)) this.#announce();
    if (isData) {
      if (!stream.admit(length)) throw new YamuxError(`stream ${streamId} was sent more than its window`);
    } else if (!stream.credit(length)) throw new YamuxError(`stream ${streamId} was given too much credit`);
    if ((flags & YAMUX_FLAG.rst) !== 0) stream.reset(new Error("stream reset"));
    else if ((flags & YAMUX_FLAG.fin) !== 0) stream.finish(isData ? length : 0);
  }

  #accept(streamId: number): void {
    const ours = streamId % 2 === (this.#options.client ? 1 : 0);
    if (streamId === 0 || ours || this.#streams.has(streamId)) throw new YamuxError(`stream ${streamId} opened twice`);
    if (this.#sentGoAway || this.#streams.size >= STREAMS_MAX) {
      this.#owe(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.rst, streamId, 0));
      return;
    }
    const stream = new YamuxStream(streamId, this.#stream, this.#link, true);
    this.#streams.set(streamId, stream);
    this.#owe(encodeYamuxHeader(YAMUX_TYPE.windowUpdate, YAMUX_FLAG.ack, streamId, 0));
    this.#options.onStream(stream);
  }

  #ping({ flags, length }: YamuxHeader): void {
    if ((flags & YAMUX_FLAG.syn) !== 0) return this.#owe(encodeYamuxHeader(YAMUX_TYPE.ping, YAMUX_FLAG.ack, 0, length));
    if (this.#pingSent !== length) return; // late, or never asked for
    this.#pingSent = undefined;
    this.#keepAliveLater();
  }

  #goneAway(code: number): void {
    if (code !== YAMUX_GO_AWAY.normal) return this.#close(new YamuxError(`the peer went away with code ${code}`));
    if (this.#wentAway) return;
    this.#wentAway = true;
    for (const stream of this.#unannounced.splice(0)) stream.reset(new Error("session going away"));
    this.#options.onGoAway?.();
  }

  // ---- keeping alive ----

  #keepAliveLater(): void {
    this.#cancelTimer();
    this.#cancelTimer = this.#options.timers.after(KEEP_ALIVE_MS, () => {
      const [oldestMs] = this.#opening.values();
      if (oldestMs !== undefined && this.#options.clock.nowMs() - oldestMs > OPEN_TIMEOUT_MS)
        return this.#fail(new Error("the peer does not take streams"));
      this.#pingSent = this.#nextPing;
      this.#nextPing = (this.#nextPing + 1) % 2 ** 32;
      this.#send(encodeYamuxHeader(YAMUX_TYPE.ping, YAMUX_FLAG.syn, 0, this.#pingSent));
      this.#cancelTimer = this.#options.timers.after(PING_TIMEOUT_MS, () => this.#fail(new Error("keepalive timeout")));
    });
  }

  // ---- sending ----

  /** An answer to something the peer sent. A peer that makes us owe without end and never reads is cut off. */
  #owe(header: Uint8Array): void {
    if (this.#congested && ++this.#owedFrames > OWED_FRAMES_MAX) this.#fail(new YamuxError("the peer does not read"));
    else this.#send(header);
  }

  #send(bytes: Uint8Array): void {
    if (this.#closed || bytes.length === 0) return;
    this.#out.push(bytes);
    this.#outBytes += bytes.length;
    if (this.#outBytes >= GATHERED_BYTES_MAX) return this.#flush();
    if (this.#flushScheduled) return;
    this.#flushScheduled = true;
    // Not sooner than the end of this turn of the loop: what its other events have to send goes into the same packet.
    this.#options.timers.soon(() => this.#flush());
  }

  #flush(): void {
    this.#flushScheduled = false;
    if (this.#out.length === 0 || this.#closed) return;
    const whole = this.#out.length === 1 ? this.#out[0]! : Buffer.concat(this.#out, this.#outBytes);
    this.#out = [];
    this.#outBytes = 0;
    if (!this.#stream.write(whole)) this.#congested = true;
  }

  #drained(): void {
    this.#congested = false;
    this.#owedFrames = 0;
    const blocked = this.#blocked;
    this.#blocked = [];
    for (const stream of blocked) {
      stream.queued = false;
      stream.pump();
    }
  }

  // ---- ending ----

  /** @param error what is wrong with the peer, or why it is given up. */
  #fail(error: Error): void {
    if (this.#closed) return;
    if (error instanceof YamuxError) {
      this.#send(encodeYamuxHeader(YAMUX_TYPE.goAway, 0, 0, YAMUX_GO_AWAY.protocolError));
      this.#flush();
    }
    this.#close(error);
  }

  #close(error: Error | undefined, lingerMs = 0): void {
    if (this.#closed) return;
    this.#flush();
    this.#closed = true;
    this.#cancelTimer();
    const streams = [...this.#streams.values(), ...this.#unannounced];
    this.#streams.clear();
    this.#unannounced.length = 0;
    this.#opening.clear();
    this.#blocked = [];
    for (const stream of streams) stream.reset(error ?? new Error("EOF"));
    if (lingerMs === 0) this.#stream.destroy();
    else {
      const cancel = this.#options.timers.after(lingerMs, () => this.#stream.destroy());
      this.#stream.onClose = cancel;
      this.#stream.end();
    }
    this.#options.onClose(error);
  }
}

/** What a session does for its streams. */
export type YamuxLink = {
  send(header: Uint8Array, payload?: Uint8Array): void;
  mayPump(stream: YamuxStream): boolean;
  owed(header: Uint8Array): void;
  forget(stream: YamuxStream): void;
  after(delayMs: number, run: () => void): Cancel;
};
